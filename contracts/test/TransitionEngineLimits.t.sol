// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {TrieHost} from "./reference/TrieHost.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice As deep, as wide, as long and with as little gas as can be.
contract TransitionEngineLimitsTest is TransitionTest {
    /// @dev The trie key of slot 7.
    bytes32 private constant KEY_7 = keccak256(abi.encode(7));

    // --- deep and wide ---

    /// @dev A key's worth of branches, one below the other, each with one more leaf. Nobody can find slots for this, but a
    /// witness may name any leaves: the engine must come up from the last nibble.
    function test_transition_sixtyFourLevels_asReference() public {
        (bytes32 oldRoot, bytes32 newRoot) = _transitionOfSlot7(0x44, _comb(KEY_7, WitnessBuilder.write(7, 0x55)));
        assertEq(oldRoot, _combRoot(KEY_7, 64, 0x44), "old root");
        assertEq(newRoot, _combRoot(KEY_7, 64, 0x55), "new root");
    }

    function test_transition_sixtyFourLevelsLastLeafGone_collapses() public {
        bytes memory comb = _comb(KEY_7, WitnessBuilder.write(7, 0));
        (bytes32 oldRoot, bytes32 newRoot) = _transitionOfSlot7(type(uint256).max, comb);
        assertEq(oldRoot, _combRoot(KEY_7, 64, type(uint256).max), "old root");
        assertEq(newRoot, _combRoot(_tooth(KEY_7, 63), 63, _toothValue(63)), "new root");
    }

    /// @dev Of all keys the last: each leaf stands before the branches, so that 65 subtries are pending at once.
    function test_transition_sixtyFiveSubtriesPending_asReference() public {
        bytes32 last = bytes32(type(uint256).max);
        (bytes32 oldRoot, bytes32 newRoot) = transition(newHosts(), _comb(last, WitnessBuilder.leaf(last, 5)));
        assertEq(oldRoot, _combRoot(last, 64, 5), "old root");
        assertEq(newRoot, oldRoot, "new root");
    }

    /// @dev Of all keys the first: each branch stands as early as it may.
    function test_transition_twoSubtriesPending_asReference() public {
        (bytes32 oldRoot, bytes32 newRoot) = transition(newHosts(), _comb(0, WitnessBuilder.leaf(0, 5)));
        assertEq(oldRoot, _combRoot(0, 64, 5), "old root");
        assertEq(newRoot, oldRoot, "new root");
    }

    /// @dev Two leaves below 63 nibbles. A branch node of 32 bytes is referred to by its hash, as any other.
    function test_transition_branchNodeOf32Bytes_asReference() public {
        bytes32 tooth = _tooth(KEY_7, 63);
        for (uint256 size = 2; size <= 6; ++size) {
            // Their nodes have 4 bytes more than their values: 16 bytes together, and 16 more around them.
            uint256 oldValue = type(uint256).max >> (256 - 8 * size);
            uint256 stays = 1 << (8 * (8 - size) - 1);
            bytes memory whole = _pair(WitnessBuilder.write(7, oldValue - 1), tooth, stays);
            (bytes32 oldRoot, bytes32 newRoot) = _transitionOfSlot7(oldValue, whole);
            assertEq(oldRoot, _pairRoot(oldValue, tooth, stays), "old root");
            assertEq(newRoot, _pairRoot(oldValue - 1, tooth, stays), "new root");
        }
    }

    /// @dev Seven hashes and an embedded leaf: a payload around 255 bytes, where its length needs a second byte.
    function test_transition_branchNodeAround255Bytes_asReference() public {
        uint256 opaque = 0xfe << (ReferenceTrie.nibbleAt(KEY_7, 62) > 7 ? 0 : 8);
        bytes memory hashes;
        bytes[16] memory children;
        for (uint256 child = 0; child < 16; ++child) {
            if ((opaque >> child) & 1 == 0) continue;
            children[child] = RlpWriter.word(_hashOf(62, child));
            hashes = bytes.concat(_hashOf(62, child), hashes);
        }
        for (uint256 size = 9; size <= 14; ++size) {
            uint256 value = 1 << (8 * size - 1);
            bytes memory items = bytes.concat(WitnessBuilder.write(7, value), WitnessBuilder.branch(62, opaque, hashes));
            (, bytes32 newRoot) = _transitionOfSlot7(1, items);
            children[ReferenceTrie.nibbleAt(KEY_7, 62)] = ReferenceTrie.leafNode(KEY_7, 63, value);
            assertEq(newRoot, ReferenceTrie.rootAbove(KEY_7, 62, keccak256(ReferenceTrie.branchNode(children))));
        }
    }

    /// @dev Fifteen hashes in a row, and one write, at every place among them and at several depths.
    function test_transition_fifteenOpaqueChildren_asReference() public {
        for (uint256 depth = 0; depth < 63; depth += 7) {
            (bytes32 oldRoot, bytes32 newRoot) =
                _transitionOfSlot7(3, bytes.concat(WitnessBuilder.write(7, 4), _opaqueAround(KEY_7, depth)));
            assertEq(oldRoot, _opaqueRoot(KEY_7, depth, 3), "old root");
            assertEq(newRoot, _opaqueRoot(KEY_7, depth, 4), "new root");
        }
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            bytes32 key = bytes32(nibble << 252 | 0xabc);
            bytes memory whole = bytes.concat(WitnessBuilder.leaf(key, 3), _opaqueAround(key, 0));
            (bytes32 oldRoot,) = transition(newHosts(), whole);
            assertEq(oldRoot, _opaqueRoot(key, 0, 3), "root");
        }
    }

    // --- long, and little gas ---

    /// @dev About 100 kB: branches of fifteen opaque children down to four slots, all 64 levels of each.
    function test_transition_100kBOfHashes_asReference() public {
        Hosts memory hosts = newHosts();
        bytes memory whole;
        bytes32[4] memory oldNodes;
        bytes32[4] memory newNodes;
        uint256[4] memory written =
            [slotBelow(0x1, 1, 0), slotBelow(0x4, 1, 0), slotBelow(0x9, 1, 0), slotBelow(0xf, 1, 0)];
        for (uint256 i = 0; i < 4; ++i) {
            store(hosts, written[i], i);
            bytes32 key = ReferenceTrie.keyOf(written[i]);
            whole = bytes.concat(whole, _opaqueItems(key, WitnessBuilder.write(written[i], 9)));
            oldNodes[i] = _opaqueColumn(key, i);
            newNodes[i] = _opaqueColumn(key, 9);
        }
        whole = bytes.concat(whole, WitnessBuilder.branch(0));
        assertGt(whole.length, 100_000);
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (whole)));
        assertEq(outcome.data, abi.encode(_rootOfFour(oldNodes), _rootOfFour(newNodes)));
    }

    /// @dev Many writes, in all sizes of values.
    function test_transition_manyWrites_asReference() public {
        for (uint256 i = 0; i < 600; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(i)));
            change(i % 2 == 0 ? i : dice, i % 3 == 0 ? 0 : dice >> (i % 256), i % 3 == 1 ? 0 : i + 1);
        }
        bytes memory whole = witness(WitnessBuilder.OPEN);
        Hosts memory hosts = oldHosts();
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (whole)));
        assertEq(outcome.data, abi.encode(oldReference(), newReference()));
        assertNewStorage(hosts);
    }

    /// @dev Too little gas at any point: all or nothing.
    function test_transition_anyGasLimit_wholeOrNothing() public {
        changeEveryKind();
        bytes memory call_ = abi.encodeCall(ITransitionEngine.transition, (witness(WitnessBuilder.OPAQUE)));
        uint256 failures = 0;
        for (uint256 gas_ = 1_000;; gas_ += gas_ / 8) {
            TrieHost host = oldHosts().engine;
            (bool success, bytes memory data) = address(host).call{gas: gas_}(call_);
            _assertStorage(host, success ? newValues : oldValues);
            if (success) {
                assertEq(data, abi.encode(oldReference(), newReference()));
                break;
            }
            assertEq(data, "", "out of gas has no reason");
            ++failures;
        }
        assertGt(failures, 20);
    }

    function test_conclude_anyGasLimit_wholeOrNothing() public {
        changeEveryKind();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        (bytes memory pending,) = prove(oldHosts(), whole, 100);
        bytes memory call_ = abi.encodeCall(ITransitionEngine.conclude, (pending, WitnessParts.writes(whole)));
        bool success;
        for (uint256 gas_ = 1_000; !success; gas_ += gas_ / 8) {
            TrieHost host = oldHosts().engine;
            (success,) = address(host).call{gas: gas_}(call_);
            _assertStorage(host, success ? newValues : oldValues);
        }
    }

    /// @dev What stands behind the witness in calldata is not part of it.
    function test_transition_bytesBehindTheWitness_makeNoDifference() public {
        changeEveryKind();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        bytes memory padded = bytes.concat(whole, new bytes(64));
        for (uint256 i = whole.length; i < padded.length; ++i) {
            padded[i] = 0xa5;
        }
        bytes memory call_ = abi.encodePacked(ITransitionEngine.transition.selector, uint256(32), whole.length, padded);
        assertEq(run(oldHosts(), call_).data, abi.encode(oldReference(), newReference()));
    }

    // --- parts of tests ---

    function _transitionOfSlot7(uint256 oldValue, bytes memory whole) private returns (bytes32, bytes32) {
        Hosts memory hosts = newHosts();
        store(hosts, 7, oldValue);
        return transition(hosts, whole);
    }

    function _assertStorage(TrieHost host, uint256[] memory values) private view {
        for (uint256 i = 0; i < slots.length; ++i) {
            assertEq(vm.load(address(host), bytes32(slots[i])), bytes32(values[i]), "storage");
        }
    }

    /// @dev The key that leaves `key` at nibble `depth`.
    function _tooth(bytes32 key, uint256 depth) private pure returns (bytes32) {
        uint256 shift = 4 * (63 - depth);
        uint256 other = (ReferenceTrie.nibbleAt(key, depth) + 1) % 16;
        // Everything above the nibble as in `key`, zeros behind it.
        return bytes32(((uint256(key) >> (shift + 4)) << (shift + 4)) | (other << shift));
    }

    /// @dev The lowest is long enough that the branch above it is no embedded node.
    function _toothValue(uint256 depth) private pure returns (uint256) {
        return depth == 63 ? type(uint256).max : 1;
    }

    /// @dev A branch at every depth of `key`, where `last` is; each has one leaf besides.
    function _comb(bytes32 key, bytes memory last) private pure returns (bytes memory items) {
        items = last;
        for (uint256 below = 64; below > 0; --below) {
            uint256 depth = below - 1;
            bytes32 tooth = _tooth(key, depth);
            bytes memory other = WitnessBuilder.leaf(tooth, _toothValue(depth));
            items = tooth < key ? bytes.concat(other, items) : bytes.concat(items, other);
            items = bytes.concat(items, WitnessBuilder.branch(depth));
        }
    }

    /// @dev The root of the trie of all teeth above `depth` and this leaf, which hangs at `depth`.
    function _combRoot(bytes32 key, uint256 depth, uint256 value) private pure returns (bytes32) {
        bytes memory node = ReferenceTrie.leafNode(key, depth, value);
        for (; depth > 0; --depth) {
            uint256 above = depth - 1;
            bytes32 tooth = _tooth(key, above);
            node = ReferenceTrie.twoChildren(
                ReferenceTrie.nibbleAt(tooth, above),
                ReferenceTrie.referTo(ReferenceTrie.leafNode(tooth, depth, _toothValue(above))),
                ReferenceTrie.nibbleAt(key, above),
                ReferenceTrie.referTo(node)
            );
        }
        return keccak256(node);
    }

    /// @dev A branch at depth 63 of slot 7 and one more leaf.
    function _pair(bytes memory write, bytes32 tooth, uint256 stays) private pure returns (bytes memory items) {
        bytes memory leaf = WitnessBuilder.leaf(tooth, stays);
        items = tooth < KEY_7 ? bytes.concat(leaf, write) : bytes.concat(write, leaf);
        return bytes.concat(items, WitnessBuilder.branch(63));
    }

    function _pairRoot(uint256 value, bytes32 tooth, uint256 stays) private pure returns (bytes32) {
        ReferenceTrie.Entry[] memory entries = new ReferenceTrie.Entry[](2);
        entries[0] = ReferenceTrie.Entry(KEY_7, RlpWriter.scalar(value));
        entries[1] = ReferenceTrie.Entry(tooth, RlpWriter.scalar(stays));
        return ReferenceTrie.root(entries);
    }

    /// @dev A branch at `depth` that joins what is pending with fifteen opaque children.
    function _opaqueAround(bytes32 key, uint256 depth) private pure returns (bytes memory) {
        uint256 nibble = ReferenceTrie.nibbleAt(key, depth);
        bytes memory hashes;
        for (uint256 child = 0; child < 16; ++child) {
            if (child != nibble) hashes = bytes.concat(_hashOf(depth, child), hashes);
        }
        return WitnessBuilder.branch(depth, 0xffff ^ (1 << nibble), hashes);
    }

    /// @dev The node of that branch, where `childRef` is what refers to the sixteenth child.
    function _opaqueNode(bytes32 key, uint256 depth, bytes memory childRef) private pure returns (bytes memory) {
        bytes[16] memory children;
        for (uint256 child = 0; child < 16; ++child) {
            bool isOpaque = child != ReferenceTrie.nibbleAt(key, depth);
            children[child] = isOpaque ? RlpWriter.word(_hashOf(depth, child)) : childRef;
        }
        return ReferenceTrie.branchNode(children);
    }

    /// @dev The root of the trie whose only branch is that one.
    function _opaqueRoot(bytes32 key, uint256 depth, uint256 value) private pure returns (bytes32) {
        bytes memory leaf = ReferenceTrie.referTo(ReferenceTrie.leafNode(key, depth + 1, value));
        bytes32 hash = keccak256(_opaqueNode(key, depth, leaf));
        return ReferenceTrie.rootAbove(key, depth, hash);
    }

    /// @dev A write, and such branches from depth 63 up to depth 1.
    function _opaqueItems(bytes32 key, bytes memory write) private pure returns (bytes memory items) {
        items = write;
        for (uint256 depth = 63; depth > 0; --depth) {
            items = bytes.concat(items, _opaqueAround(key, depth));
        }
    }

    /// @dev The hash of the branch at depth 1 with such branches below it down to the leaf.
    function _opaqueColumn(bytes32 key, uint256 value) private pure returns (bytes32 hash) {
        bytes memory childRef =
            value == 0 ? bytes(hex"80") : ReferenceTrie.referTo(ReferenceTrie.leafNode(key, 64, value));
        for (uint256 depth = 63; depth > 0; --depth) {
            hash = keccak256(_opaqueNode(key, depth, childRef));
            childRef = RlpWriter.word(hash);
        }
    }

    /// @dev The root that has these hashes as children 1, 4, 9 and 15.
    function _rootOfFour(bytes32[4] memory hashes) private pure returns (bytes32) {
        bytes[16] memory children;
        (children[1], children[4]) = (RlpWriter.word(hashes[0]), RlpWriter.word(hashes[1]));
        (children[9], children[15]) = (RlpWriter.word(hashes[2]), RlpWriter.word(hashes[3]));
        return keccak256(ReferenceTrie.branchNode(children));
    }

    function _hashOf(uint256 depth, uint256 child) private pure returns (bytes32) {
        return keccak256(abi.encode(depth, child));
    }
}
