// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice What no check refuses, because it is well-formed: forged descriptions of a transition. At least one of the roots is
/// another than the real one, and the hub knows the real ones. Names with `corpus` and a number are faults found in other
/// provers.
contract TransitionEngineForgeriesTest is TransitionTest {
    bytes32 private constant HASH = keccak256("a subtrie");

    /// @dev A child that both tries have is in no item: taken for absent, as a proof that stops at its parent.
    function test_transition_corpus1PresentChildLeftOut_otherRoots() public {
        changeSome();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), _withoutLastHash(whole));
        assertTrue(oldRoot != oldReference());
        assertTrue(newRoot != newReference());
        // The same with a subtrie in the open.
        keep(slotBelow(0x6, 1, 0), 3);
        whole = witness(WitnessBuilder.OPEN);
        bytes memory leaf = WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[slots.length - 1]), 3);
        (oldRoot, newRoot) = transition(oldHosts(), _without(whole, leaf));
        assertTrue(oldRoot != oldReference());
        assertTrue(newRoot != newReference());
    }

    function test_transition_corpus2UnchangedLeafForged_otherRoots() public {
        keep(slotBelow(0x1, 1, 0), 5);
        change(slotBelow(0x2, 1, 0), 5, 6);
        bytes memory leaf = WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[0]), 4);
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), _beside(leaf, WitnessBuilder.write(slots[1], 6)));
        assertTrue(oldRoot != oldReference());
        assertTrue(newRoot != newReference());
    }

    function test_transition_corpus2HashForged_otherRoots() public {
        changeSome();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        whole[whole.length - 1] ^= 0x01;
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), whole);
        assertTrue(oldRoot != oldReference());
        assertTrue(newRoot != newReference());
    }

    function test_transition_corpus4EmbeddedNodeAsHash_otherRoot() public {
        _embeddedLeaf();
        bytes32 key = ReferenceTrie.keyOf(slots[0]);
        bytes memory node = ReferenceTrie.node(_entries(slots[0], 1), 0, 1, 11);
        assertLt(node.length, 32);
        bytes memory write = WitnessBuilder.write(slots[1], 3);
        bytes memory opaque =
            WitnessBuilder.branch(10, 1 << ReferenceTrie.nibbleAt(key, 10), abi.encode(keccak256(node)));
        assertRefused(_aboveEmbeddedLeaf(bytes.concat(write, opaque)));

        // The same with the leaf in the open is right: it is only the hash that is wrong.
        bytes memory leaf = WitnessBuilder.leaf(key, 1);
        bool isFirst = key < ReferenceTrie.keyOf(slots[1]);
        bytes memory inTheOpen = isFirst ? bytes.concat(leaf, write) : bytes.concat(write, leaf);
        _assertHonest(_aboveEmbeddedLeaf(bytes.concat(inTheOpen, WitnessBuilder.branch(10))));
    }

    /// @dev The reverse: a node by hash, given as if its parent held it. There is no item for it: a leaf in the open is
    /// embedded or not by its size alone, so that nobody can choose.
    function test_transition_corpus4LongLeafInTheOpen_asByHash() public {
        keep(slotBelow(0x1, 1, 0), type(uint256).max);
        keep(slotBelow(0x3, 1, 0), 1);
        change(slotBelow(0x2, 1, 0), 5, 6);
        _assertHonest(witness(WitnessBuilder.OPEN));
        _assertHonest(witness(WitnessBuilder.OPAQUE));
    }

    /// @dev No depth is too deep to be described, and none is taken for the end: a branch at each but the last changes
    /// the roots. There is no item for one below depth 63.
    function test_transition_corpus5DeepestBranch_isNoAbsence() public {
        bytes32 key = ReferenceTrie.keyOf(7);
        change(7, 5, type(uint256).max);
        bytes32 alone = newReference();
        for (uint256 depth = 0; depth < 64; ++depth) {
            bytes memory items = bytes.concat(WitnessBuilder.write(7, type(uint256).max), _withOpaque(key, depth));
            (, bytes32 newRoot) = transition(oldHosts(), items);
            assertTrue(newRoot != alone);
        }
    }

    function test_transition_corpus6ExtensionChildAsLeaf_otherRoot() public {
        // The real trie has an extension with a branch below 0xa. A leaf whose value is that branch's hash has a path
        // and 32 bytes too.
        change(slotBelow(0x5, 1, 0), 0, 3);
        keep(slotBelow(0xab1, 3, 0), 1);
        keep(slotBelow(0xab2, 3, 0), 2);
        bytes32 hash = keccak256(ReferenceTrie.branch(_belowA(), 0, 2, 2));
        bytes memory write = WitnessBuilder.write(slots[0], 3);
        bytes32 key = ReferenceTrie.keyOf(slots[1]);
        assertRefused(_beside(write, WitnessBuilder.leaf(key, uint256(hash))));
        _assertHonest(_beside(write, WitnessBuilder.opaqueBranch(key, 2, hash)));
        assertRefused(_beside(write, WitnessBuilder.opaqueBranch(key, 1, hash)));
        assertRefused(_beside(write, WitnessBuilder.opaqueBranch(key, 3, hash)));
    }

    function test_transition_corpus6LeafAsBranch_otherRoot() public {
        // The only other child is a leaf. Given by its hash as a branch below the nibble, it is taken for one.
        _twoLeaves();
        bytes32 hash = keccak256(ReferenceTrie.node(_entries(slots[0], oldValues[0]), 0, 1, 1));
        bytes memory opaque = WitnessBuilder.opaqueBranch(ReferenceTrie.keyOf(slots[0]), 1, hash);
        assertRefused(_beside(opaque, WitnessBuilder.write(slots[1], 6)));
    }

    /// @dev The branch exists on the new side only; there the leaf's hash is in its place, and the new root is right. On the
    /// old side the hash has to be the root itself.
    function test_transition_corpus10OpaqueUnderBranchOfNewSide_otherOldRoot() public {
        _twoLeaves();
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), _opaqueSibling());
        assertEq(newRoot, newReference(), "new root");
        assertTrue(oldRoot != oldReference(), "old root");
        assertRefused(_opaqueSibling());
    }

    function test_transition_corpus10OpaqueUnderBranchOfOldSide_otherNewRoot() public {
        _twoLeaves();
        turnBack();
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), _opaqueSibling());
        assertEq(oldRoot, oldReference(), "old root");
        assertTrue(newRoot != newReference(), "new root");
    }

    /// @dev As before, with an extension's hash: it would have to be merged with what comes above it.
    function test_transition_corpus10OpaqueExtensionHandedUp_otherNewRoot() public {
        change(slotBelow(0x5, 1, 0), 3, 0);
        keep(slotBelow(0xab1, 3, 0), 1);
        keep(slotBelow(0xab2, 3, 0), 2);
        bytes32 hash = keccak256(ReferenceTrie.node(_belowA(), 0, 2, 1));
        bytes memory branch = WitnessBuilder.branch(0, 1 << 10, abi.encode(hash));
        (bytes32 oldRoot, bytes32 newRoot) =
            transition(oldHosts(), bytes.concat(WitnessBuilder.write(slots[0], 0), branch));
        assertEq(oldRoot, oldReference(), "old root");
        assertTrue(newRoot != newReference(), "new root");
    }

    function test_transition_corpus13OldValueIsNotTheReplicas_otherOldRoot() public {
        changeSome();
        Hosts memory hosts = oldHosts();
        store(hosts, slots[0], oldValues[0] + 1);
        (bytes32 oldRoot,) = transition(hosts, witness(WitnessBuilder.OPAQUE));
        assertTrue(oldRoot != oldReference());
    }

    /// @dev Every item dropped in turn, as if its slot had not changed or were not there.
    function test_transition_changeLeftOut_otherRoots() public {
        changeSome();
        for (uint256 i = 0; i < slots.length; ++i) {
            uint256[] memory values = newValues;
            if (values[i] == oldValues[i]) continue;
            values[i] = oldValues[i];
            bytes memory forged = WitnessBuilder.build(slots, oldValues, values, WitnessBuilder.OPAQUE);
            assertRefused(forged);
        }
    }

    // --- parts of tests ---

    /// @dev A branch at `depth` above `key`, with an opaque child beside it.
    function _withOpaque(bytes32 key, uint256 depth) private pure returns (bytes memory) {
        uint256 nibble = (ReferenceTrie.nibbleAt(key, depth) + 1) % 16;
        return WitnessBuilder.branch(depth, 1 << nibble, abi.encode(HASH));
    }

    function _assertHonest(bytes memory whole) private {
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), whole);
        assertEq(oldRoot, oldReference(), "the honest way");
        assertEq(newRoot, newReference(), "the honest way");
    }

    /// @dev A leaf below 1 that stays, a leaf below 2 that comes: with it, the branch above both.
    function _twoLeaves() private {
        keep(slotBelow(0x1, 1, 0), type(uint256).max);
        change(slotBelow(0x2, 1, 0), 0, 6);
    }

    /// @dev The leaf that stays is given by its hash at the one nibble that the branch gives it.
    function _opaqueSibling() private view returns (bytes memory) {
        bytes32 hash = keccak256(ReferenceTrie.node(_entries(slots[0], oldValues[0]), 0, 1, 1));
        bytes memory write = WitnessBuilder.write(slots[1], newValues[1]);
        return bytes.concat(write, WitnessBuilder.branch(0, 1 << 1, abi.encode(hash)));
    }

    /// @dev Two items below a branch at the root.
    function _beside(bytes memory one, bytes memory two) private pure returns (bytes memory) {
        return bytes.concat(one, two, WitnessBuilder.branch(0));
    }

    /// @dev The last item is a branch with opaque children: the lowest of them left out.
    function _withoutLastHash(bytes memory whole) private pure returns (bytes memory out) {
        out = WitnessParts.slice(whole, 0, whole.length - 32);
        uint256 start = _lastItem(whole);
        // It is the highest bit of the mask.
        uint256 mask = uint8(out[start + 1]) * 256 + uint8(out[start + 2]);
        uint256 bit = 0x8000;
        while (mask & bit == 0) bit >>= 1;
        (out[start + 1], out[start + 2]) = (_byte((mask ^ bit) >> 8), _byte((mask ^ bit) & 0xff));
    }

    function _lastItem(bytes memory whole) private pure returns (uint256 start) {
        for (uint256 end = 0; end < whole.length; end = WitnessBuilder.endOf(whole, end)) {
            start = end;
        }
    }

    function _without(bytes memory whole, bytes memory item) private pure returns (bytes memory) {
        for (uint256 start = 0; start < whole.length; start = WitnessBuilder.endOf(whole, start)) {
            uint256 end = WitnessBuilder.endOf(whole, start);
            if (keccak256(WitnessParts.slice(whole, start, end)) != keccak256(item)) continue;
            return bytes.concat(WitnessParts.slice(whole, 0, start), WitnessParts.slice(whole, end, whole.length));
        }
        revert("no such item");
    }

    /// @dev The two leaves of `slots[1]` and `slots[2]`, in the order of their keys.
    function _belowA() private view returns (ReferenceTrie.Entry[] memory) {
        ReferenceTrie.Entry[] memory entries = new ReferenceTrie.Entry[](2);
        entries[0] = _entries(slots[1], 1)[0];
        entries[1] = _entries(slots[2], 2)[0];
        return ReferenceTrie.sorted(entries);
    }

    function _entries(uint256 slot, uint256 value) private pure returns (ReferenceTrie.Entry[] memory entries) {
        entries = new ReferenceTrie.Entry[](1);
        entries[0] = ReferenceTrie.Entry(ReferenceTrie.keyOf(slot), RlpWriter.scalar(value));
    }

    /// @dev Two leaves below ten common nibbles, of which the first is embedded and stays, and two more at the root.
    function _embeddedLeaf() private {
        uint256[] memory mined = minedSlots(10, 0);
        keep(mined[0], 1);
        change(mined[1], 2, 3);
        keep(slotBelow(0x1, 1, 0), 9);
        keep(slotBelow(0x2, 1, 0), 9);
    }

    /// @dev The witness of `_embeddedLeaf` with these items for the deep part.
    function _aboveEmbeddedLeaf(bytes memory deep) private view returns (bytes memory) {
        uint256 nibble = ReferenceTrie.nibbleAt(ReferenceTrie.keyOf(slots[0]), 0);
        assertTrue(nibble != 1 && nibble != 2, "choose another group");
        bytes memory others = bytes.concat(
            WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[2]), 9), WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[3]), 9)
        );
        return nibble == 0 ? _beside(deep, others) : _beside(others, deep);
    }

    function _byte(uint256 value) private pure returns (bytes1) {
        return bytes1(uint8(value)); // forge-lint: disable-line(unsafe-typecast)
    }
}
