// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "../reference/ReferenceTrie.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";
import {TransitionTest} from "../reference/TransitionTest.sol";
import {WitnessBuilder} from "../reference/WitnessBuilder.sol";
import {WitnessMutation} from "../reference/WitnessMutation.sol";

/// @notice Nodes of all shapes, at depths that no known slots reach: the keys of unchanged leaves are free to choose. One
/// write, of slot 7, stands among them.
/// forge-config: default.fuzz.runs = 100
contract NodesFuzzTest is TransitionTest {
    uint256 private constant SLOT = 7;
    bytes32 private constant KEY = keccak256(abi.encode(SLOT));

    /// @dev Leaves of both tries, in the order of their keys; one of them is the write, with 0 where it is not there.
    struct Leaves {
        bytes32[] keys;
        uint256[] oldValues;
        uint256[] newValues;
    }

    function testFuzz_transition_leavesOfAnyKeys_asReference(uint256 seed, uint256 count) public {
        Leaves memory leaves = _random(seed, bound(count, 0, 9));
        bytes memory items = _items(leaves, 0, leaves.keys.length);
        ReferenceTrie.Entry[] memory oldEntries = _entries(leaves.keys, leaves.oldValues);
        ReferenceTrie.Entry[] memory newEntries = _entries(leaves.keys, leaves.newValues);

        if (_embedsBranch(oldEntries) || _embedsBranch(newEntries)) {
            Outcome memory outcome = run(_hosts(leaves), abi.encodeCall(ITransitionEngine.transition, (items)));
            assertFalse(outcome.success);
            assertEq(bytes32(selectorOf(outcome.data)), bytes32(ITransitionEngine.EmbeddedBranch.selector));
            return;
        }
        (bytes32 oldRoot, bytes32 newRoot) = transition(_hosts(leaves), items);
        assertEq(oldRoot, ReferenceTrie.root(oldEntries), "old root");
        assertEq(newRoot, ReferenceTrie.root(newEntries), "new root");
    }

    function testFuzz_transition_damagedLeaves_bothEnginesSame(uint256 seed, uint256 count, uint256 times, uint256 dice)
        public
    {
        Leaves memory leaves = _random(seed, bound(count, 0, 9));
        bytes memory items = _items(leaves, 0, leaves.keys.length);
        bytes memory damaged = WitnessMutation.damage(items, bound(times, 1, 4), dice);
        Hosts memory hosts = _hosts(leaves);
        run(hosts, abi.encodeCall(ITransitionEngine.prove, ("", 0, damaged)));
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (damaged)));
        if (!outcome.success) assertNamed(outcome.data);
    }

    /// @dev The write below one branch, at any depth, with any opaque children beside it.
    function testFuzz_transition_opaqueChildren_asReference(
        uint256 depth,
        uint16 opaque,
        uint256 oldValue,
        uint256 newValue,
        uint256 sizes
    ) public {
        depth = bound(depth, 0, 62);
        opaque &= ~uint16(1 << ReferenceTrie.nibbleAt(KEY, depth));
        (oldValue, newValue) = (_ofSize(oldValue, sizes), _ofSize(newValue, sizes >> 128));
        if (opaque == 0 || oldValue == newValue) return;
        bytes memory hashes;
        for (uint256 child = 0; child < 16; ++child) {
            if ((opaque >> child) & 1 == 1) hashes = bytes.concat(_hashOf(child), hashes);
        }
        bytes memory branch = WitnessBuilder.branch(depth, opaque, hashes);
        Hosts memory hosts = newHosts();
        store(hosts, SLOT, oldValue);
        (bytes32 oldRoot, bytes32 newRoot) =
            transition(hosts, bytes.concat(WitnessBuilder.write(SLOT, newValue), branch));
        assertEq(oldRoot, _rootBeside(depth, opaque, oldValue), "old root");
        assertEq(newRoot, _rootBeside(depth, opaque, newValue), "new root");
    }

    /// @dev An opaque branch at any depth below a branch at any depth, and the write on the way.
    function testFuzz_transition_opaqueBranch_asReference(uint256 fork, uint256 depth, bytes32 hash, uint256 value)
        public
    {
        fork = bound(fork, 0, 62);
        depth = bound(depth, fork + 1, 63);
        if (value == 0 || hash == 0) return;
        bytes32 path = _leaving(KEY, fork, 1);
        bytes memory opaque = WitnessBuilder.opaqueBranch(path, depth, hash);
        bytes memory write = WitnessBuilder.write(SLOT, value);
        bytes memory items = path < KEY ? bytes.concat(opaque, write) : bytes.concat(write, opaque);
        (bytes32 oldRoot, bytes32 newRoot) = transition(newHosts(), bytes.concat(items, WitnessBuilder.branch(fork)));
        assertEq(oldRoot, ReferenceTrie.rootAbove(path, depth, hash), "old root");
        bytes[16] memory children;
        bytes memory below =
            depth == fork + 1 ? RlpWriter.word(hash) : ReferenceTrie.extensionNode(path, fork + 1, depth, hash);
        children[ReferenceTrie.nibbleAt(path, fork)] = ReferenceTrie.referTo(below);
        if (depth == fork + 1) children[ReferenceTrie.nibbleAt(path, fork)] = below;
        children[ReferenceTrie.nibbleAt(KEY, fork)] =
            ReferenceTrie.referTo(ReferenceTrie.leafNode(KEY, fork + 1, value));
        assertEq(newRoot, ReferenceTrie.rootAbove(KEY, fork, keccak256(ReferenceTrie.branchNode(children))), "new root");
    }

    // --- leaves ---

    /// @dev The write, and leaves that part from it or from each other at any depth.
    function _random(uint256 seed, uint256 count) private pure returns (Leaves memory leaves) {
        bytes32[] memory keys = new bytes32[](count + 1);
        keys[0] = KEY;
        for (uint256 i = 1; i <= count; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            uint256 depth = dice & 1 == 0 ? 63 - (dice >> 8) % 12 : (dice >> 8) % 64;
            keys[i] = _leaving(keys[(dice >> 16) % i], depth, 1 + (dice >> 32) % 15);
            for (uint256 k = 0; k < i; ++k) {
                if (keys[k] == keys[i]) return _random(seed + 1, count);
            }
        }
        return _withValues(keys, seed);
    }

    function _withValues(bytes32[] memory keys, uint256 seed) private pure returns (Leaves memory leaves) {
        uint256[] memory order = ReferenceTrie.order(keys);
        leaves.keys = new bytes32[](keys.length);
        leaves.oldValues = new uint256[](keys.length);
        leaves.newValues = new uint256[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, "value", i)));
            leaves.keys[i] = keys[order[i]];
            leaves.oldValues[i] = _ofSize(dice, dice % 3 == 0 ? 31 : dice >> 8);
            if (leaves.oldValues[i] == 0) leaves.oldValues[i] = 1;
            leaves.newValues[i] = leaves.oldValues[i];
            if (leaves.keys[i] == KEY) _setWrite(leaves, i, dice);
        }
    }

    /// @dev An insertion, a deletion, or another value, of the same size or not.
    function _setWrite(Leaves memory leaves, uint256 i, uint256 dice) private pure {
        uint256 kind = (dice >> 16) % 4;
        uint256 other = _ofSize(uint256(keccak256(abi.encode(dice))), dice >> 24);
        if (kind == 0) leaves.oldValues[i] = 0;
        if (kind == 1) leaves.newValues[i] = 0;
        if (kind == 2) leaves.newValues[i] = other;
        if (leaves.oldValues[i] == leaves.newValues[i]) leaves.newValues[i] ^= 1 << 7;
    }

    function _items(Leaves memory leaves, uint256 low, uint256 high) private pure returns (bytes memory items) {
        if (high - low == 1) {
            if (leaves.keys[low] == KEY) return WitnessBuilder.write(SLOT, leaves.newValues[low]);
            return WitnessBuilder.leaf(leaves.keys[low], leaves.newValues[low]);
        }
        uint256 fork = ReferenceTrie.commonNibbles(leaves.keys[low], leaves.keys[high - 1]);
        while (low < high) {
            uint256 end = low + 1;
            while (end < high && ReferenceTrie.commonNibbles(leaves.keys[low], leaves.keys[end]) > fork) ++end;
            items = bytes.concat(items, _items(leaves, low, end));
            low = end;
        }
        return bytes.concat(items, WitnessBuilder.branch(fork));
    }

    function _entries(bytes32[] memory keys, uint256[] memory values)
        private
        pure
        returns (ReferenceTrie.Entry[] memory entries)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < keys.length; ++i) {
            if (values[i] != 0) ++count;
        }
        entries = new ReferenceTrie.Entry[](count);
        for (uint256 i = keys.length; i > 0; --i) {
            if (values[i - 1] != 0) {
                entries[--count] = ReferenceTrie.Entry(keys[i - 1], RlpWriter.scalar(values[i - 1]));
            }
        }
    }

    /// @dev Whether the trie of these sorted entries has a branch node of fewer than 32 bytes: two neighbours with all that
    /// is below the same nibbles.
    function _embedsBranch(ReferenceTrie.Entry[] memory entries) private pure returns (bool) {
        for (uint256 i = 1; i < entries.length; ++i) {
            uint256 fork = ReferenceTrie.commonNibbles(entries[i - 1].key, entries[i].key);
            (uint256 low, uint256 high) = (i, i);
            while (low > 0 && ReferenceTrie.commonNibbles(entries[low - 1].key, entries[i].key) >= fork) --low;
            while (high < entries.length && ReferenceTrie.commonNibbles(entries[high].key, entries[i].key) >= fork) {
                ++high;
            }
            if (ReferenceTrie.branch(entries, low, high, fork).length < 32) return true;
        }
        return false;
    }

    function _hosts(Leaves memory leaves) private returns (Hosts memory hosts) {
        hosts = newHosts();
        for (uint256 i = 0; i < leaves.keys.length; ++i) {
            if (leaves.keys[i] == KEY) store(hosts, SLOT, leaves.oldValues[i]);
        }
    }

    // --- nodes ---

    /// @dev The root of the trie whose only branch has these opaque children and the slot.
    function _rootBeside(uint256 depth, uint16 opaque, uint256 value) private pure returns (bytes32) {
        bytes[16] memory children;
        uint256 count = 0;
        uint256 last = 0;
        for (uint256 child = 0; child < 16; ++child) {
            if ((opaque >> child) & 1 == 0) continue;
            children[child] = RlpWriter.word(_hashOf(child));
            last = child;
            ++count;
        }
        if (value == 0 && count == 1) {
            uint256 difference = last ^ ReferenceTrie.nibbleAt(KEY, depth);
            return ReferenceTrie.rootAbove(_leaving(KEY, depth, difference), depth + 1, _hashOf(last));
        }
        if (value != 0) {
            children[ReferenceTrie.nibbleAt(KEY, depth)] =
                ReferenceTrie.referTo(ReferenceTrie.leafNode(KEY, depth + 1, value));
        }
        return ReferenceTrie.rootAbove(KEY, depth, keccak256(ReferenceTrie.branchNode(children)));
    }

    function _hashOf(uint256 child) private pure returns (bytes32) {
        return keccak256(abi.encode("child", child));
    }

    /// @dev A key that has `depth` nibbles in common with `key`, another one there by `difference` (1 to 15), and any behind.
    function _leaving(bytes32 key, uint256 depth, uint256 difference) private pure returns (bytes32) {
        uint256 behind = uint256(keccak256(abi.encode(key, depth, difference))) >> (4 * depth + 4);
        uint256 front = uint256(key) & ~(type(uint256).max >> (4 * depth + 4));
        return bytes32((front | behind) ^ (difference << (252 - 4 * depth)));
    }

    /// @dev A value of 0 to 32 bytes.
    function _ofSize(uint256 value, uint256 size) private pure returns (uint256) {
        return value >> (8 * (size % 33));
    }
}
