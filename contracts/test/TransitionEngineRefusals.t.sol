// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {TrieHost} from "./reference/TrieHost.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";

/// @notice What the engine refuses: malformed witnesses by an error, forged ones by other roots than the real ones. Names
/// with `corpus` and a number are faults found in other provers.
contract TransitionEngineRefusalsTest is TransitionTest {
    bytes32 private constant HASH = keccak256("a subtrie");

    TrieHost private host;

    function setUp() public {
        host = new TrieHost(address(engine));
    }

    function expectRefusal(bytes memory bad, bytes memory reason) private {
        vm.expectRevert(reason);
        host.transition(bad);
    }

    function expectRefusal(bytes memory bad, bytes4 selector, uint256 offset) private {
        expectRefusal(bad, abi.encodeWithSelector(selector, offset));
    }

    // --- the witness as a whole ---

    function test_transition_empty_reverts() public {
        expectRefusal("", ITransitionEngine.WitnessTruncated.selector, 0);
    }

    function test_transition_cutAnywhere_reverts() public {
        _mixedTransition();
        for (uint256 choice = 0; choice < 3; ++choice) {
            bytes memory whole = witness(choice == 2 ? WitnessBuilder.OPAQUE : choice);
            for (uint256 length = 0; length < whole.length; ++length) {
                TrieHost fresh = oldHost();
                vm.expectRevert(abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, length));
                fresh.transition(_slice(whole, 0, length));
            }
        }
    }

    /// @dev The bytes behind the witness in calldata must not be taken for the rest of it.
    function test_transition_cutWithRestBehindIt_reverts() public {
        _mixedTransition();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        for (uint256 length = 1; length < whole.length; length += 7) {
            TrieHost fresh = oldHost();
            // A length that is too small, in front of all the bytes.
            bytes memory data =
                abi.encodePacked(ITransitionEngine.transition.selector, uint256(32), length, whole, new bytes(32));
            (bool success, bytes memory reason) = address(fresh).call(data);
            assertFalse(success);
            assertEq(reason, abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, length));
        }
    }

    function test_transition_surplusBytes_reverts() public {
        bytes memory write = WitnessBuilder.write(7, 1);
        bytes memory reason =
            abi.encodeWithSelector(ITransitionEngine.WitnessNotConsumed.selector, write.length, write.length + 1);
        expectRefusal(bytes.concat(write, hex"00"), reason);
        reason = abi.encodeWithSelector(ITransitionEngine.WitnessNotConsumed.selector, write.length, 2 * write.length);
        expectRefusal(bytes.concat(write, write), reason);
    }

    // --- paths ---

    function test_transition_branchPathPadded_reverts() public {
        // One nibble below the root: its byte's second half is not used and must be 0.
        expectRefusal(hex"01a10000000300", ITransitionEngine.PathMismatch.selector, 1);
        expectRefusal(hex"03abc10000000300", ITransitionEngine.PathMismatch.selector, 1);
    }

    function test_transition_opaquePathPadded_reverts() public {
        expectRefusal(abi.encodePacked(hex"41a1", HASH), ITransitionEngine.PathMismatch.selector, 1);
    }

    function test_transition_knownNibbleRepeatedWrongly_reverts() public {
        // A branch at the root; child 1 is a branch two nibbles below, whose first byte has to start with 1 again.
        bytes memory root = hex"0000000006";
        expectRefusal(bytes.concat(root, hex"02223000000003"), ITransitionEngine.PathMismatch.selector, 6);
        expectRefusal(bytes.concat(root, hex"422230", HASH), ITransitionEngine.PathMismatch.selector, 6);
        expectRefusal(bytes.concat(root, hex"c1", HASH, hex"01"), ITransitionEngine.PathMismatch.selector, 6);
    }

    function test_transition_branchBelowLastNibble_reverts() public {
        bytes memory deep = WitnessBuilder.branch(HASH, 0, 63, 0, 3); // its children are leaves
        uint256 child = deep.length;
        expectRefusal(bytes.concat(deep, hex"0000000003"), ITransitionEngine.PathTooLong.selector, child);
        expectRefusal(bytes.concat(deep, hex"40", HASH), ITransitionEngine.PathTooLong.selector, child);
        bytes memory shallow = hex"0000000003";
        expectRefusal(bytes.concat(shallow, hex"3f", HASH), ITransitionEngine.PathTooLong.selector, 5);
        expectRefusal(bytes.concat(shallow, hex"7f", HASH), ITransitionEngine.PathTooLong.selector, 5);
    }

    // --- branches ---

    function test_transition_branchOfNoChild_reverts() public {
        expectRefusal(hex"0000000000", ITransitionEngine.BranchTooNarrow.selector, 1);
    }

    function test_transition_branchOfOneChild_reverts() public {
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            bytes memory described = WitnessBuilder.branch(HASH, 0, 0, 0, 1 << nibble);
            bytes memory opaque = WitnessBuilder.branch(HASH, 0, 0, 1 << nibble, 0);
            expectRefusal(described, ITransitionEngine.BranchTooNarrow.selector, 1);
            expectRefusal(bytes.concat(opaque, HASH), ITransitionEngine.BranchTooNarrow.selector, 1);
        }
    }

    function test_transition_childOpaqueAndDescribed_reverts() public {
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            bytes memory bad = WitnessBuilder.branch(HASH, 0, 0, 1 << nibble, 0xffff);
            expectRefusal(bad, ITransitionEngine.ChildTwice.selector, 1);
        }
    }

    // --- slots and values: corpus 7, what is not canonical ---

    function test_transition_corpus7SlotWithLeadingZero_reverts() public {
        expectRefusal(hex"81000101", ITransitionEngine.NonCanonicalWord.selector, 1);
        expectRefusal(hex"8200070101", ITransitionEngine.NonCanonicalWord.selector, 1);
    }

    function test_transition_corpus7SlotTooLong_reverts() public {
        for (uint256 size = 33; size < 64; ++size) {
            bytes memory bad = bytes.concat(_byte(0x80 + size), HASH, HASH, HASH);
            expectRefusal(bad, ITransitionEngine.NonCanonicalWord.selector, 1);
        }
    }

    function test_transition_corpus7ValueWithLeadingZero_reverts() public {
        expectRefusal(hex"80010001", ITransitionEngine.NonCanonicalWord.selector, 2);
        expectRefusal(hex"8107020001", ITransitionEngine.NonCanonicalWord.selector, 3);
    }

    function test_transition_corpus7ValueTooLong_reverts() public {
        expectRefusal(abi.encodePacked(hex"8021", HASH, HASH), ITransitionEngine.NonCanonicalWord.selector, 2);
        expectRefusal(abi.encodePacked(hex"80ff", HASH, HASH), ITransitionEngine.NonCanonicalWord.selector, 2);
    }

    function test_transition_corpus7LeafWithoutValue_reverts() public {
        expectRefusal(abi.encodePacked(hex"c0", HASH), ITransitionEngine.NonCanonicalWord.selector, 0);
    }

    function test_transition_corpus7LeafWithLeadingZero_reverts() public {
        expectRefusal(abi.encodePacked(hex"c1", HASH, hex"00"), ITransitionEngine.NonCanonicalWord.selector, 33);
        expectRefusal(abi.encodePacked(hex"c2", HASH, hex"0001"), ITransitionEngine.NonCanonicalWord.selector, 33);
    }

    function test_transition_corpus7LeafValueTooLong_reverts() public {
        for (uint256 size = 33; size < 64; ++size) {
            bytes memory bad = bytes.concat(_byte(0xc0 + size), HASH, HASH, HASH);
            expectRefusal(bad, ITransitionEngine.NonCanonicalWord.selector, 33);
        }
    }

    // --- writes ---

    function test_transition_corpus8SlotAtAnothersPlace_reverts() public {
        uint256 slot = slotBelow(0x1, 1, 0);
        bytes memory bad = bytes.concat(hex"0000000005", WitnessBuilder.write(slot, 1));
        expectRefusal(bad, abi.encodeWithSelector(ITransitionEngine.SlotMisplaced.selector, slot, 1));
    }

    function test_transition_corpus8SlotWithOneNibbleOff_reverts() public {
        // 63 nibbles of the branch's path are the slot's own, but for one.
        for (uint256 wrong = 0; wrong < 63; wrong += 9) {
            bytes32 key = ReferenceTrie.keyOf(7) ^ bytes32(1 << (4 * (63 - wrong)));
            bytes memory bad = bytes.concat(WitnessBuilder.branch(key, 0, 63, 0, 3), WitnessBuilder.write(7, 1));
            expectRefusal(bad, abi.encodeWithSelector(ITransitionEngine.SlotMisplaced.selector, 7, 64));
        }
    }

    function test_transition_corpus9SameSlotTwice_reverts() public {
        uint256 slot = slotBelow(0x1, 1, 0);
        bytes memory write = WitnessBuilder.write(slot, 1);
        bytes memory again = WitnessBuilder.write(slot, 2);
        bytes memory bad = bytes.concat(hex"0000000006", write, again); // children 1 and 2
        expectRefusal(bad, abi.encodeWithSelector(ITransitionEngine.SlotMisplaced.selector, slot, 1));
    }

    function test_transition_corpus11NoOpWrite_reverts() public {
        vm.store(address(host), bytes32(uint256(7)), bytes32(uint256(5)));
        bytes memory bad = WitnessBuilder.write(7, 5);
        expectRefusal(bad, abi.encodeWithSelector(ITransitionEngine.NoOpWrite.selector, 7));
    }

    function test_transition_corpus12ZeroToAbsentSlot_reverts() public {
        bytes memory bad = WitnessBuilder.write(7, 0);
        expectRefusal(bad, abi.encodeWithSelector(ITransitionEngine.NoOpWrite.selector, 7));
    }

    // --- forged descriptions: one of the roots is another ---

    function test_transition_corpus4EmbeddedNodeAsHash_otherRoot() public {
        _embeddedLeaf();
        bytes32 key = ReferenceTrie.keyOf(slots[0]);
        bytes memory node = ReferenceTrie.node(_entries(slots[0], 1), 0, 1, 11);
        assertLt(node.length, 32);
        assertRefused(_deepBranch(abi.encodePacked(keccak256(node)), true));

        // The same with the leaf in the open is right: it is only the hash that is wrong.
        (bytes32 oldRoot, bytes32 newRoot) = oldHost().transition(_deepBranch(WitnessBuilder.leaf(key, 11, 1), false));
        assertEq(oldRoot, oldReference());
        assertEq(newRoot, newReference());
    }

    function test_transition_corpus6ExtensionChildAsLeaf_otherRoot() public {
        // The real trie has an extension with a branch below 0xa. A leaf whose value is that branch's hash has a path
        // and 32 bytes too.
        uint256 first = slotBelow(0xab1, 3, 0);
        keep(first, 1);
        keep(slotBelow(0xab2, 3, 0), 2);
        change(slotBelow(0x5, 1, 0), 0, 3);
        ReferenceTrie.Entry[] memory below = _belowA();
        bytes32 hash = keccak256(ReferenceTrie.branch(below, 0, 2, 2));
        bytes memory write = WitnessBuilder.write(slots[2], 3);
        bytes memory head = WitnessBuilder.branch(0, 0, 0, 0, (1 << 5) | (1 << 10));
        bytes32 key = ReferenceTrie.keyOf(first);
        assertRefused(bytes.concat(head, write, WitnessBuilder.leaf(key, 1, uint256(hash))));
        (bytes32 oldRoot, bytes32 newRoot) =
            oldHost().transition(bytes.concat(head, write, WitnessBuilder.opaque(key, 1, 1, hash)));
        assertEq(oldRoot, oldReference(), "the honest way");
        assertEq(newRoot, newReference(), "the honest way");
    }

    function test_transition_corpus6LeafAsBranch_otherRoot() public {
        // The only other child is a leaf. Given by its hash below the nibble, it is taken for a branch.
        _twoLeaves();
        bytes32 key = ReferenceTrie.keyOf(slots[0]);
        bytes32 hash = keccak256(ReferenceTrie.node(_entries(slots[0], oldValues[0]), 0, 1, 1));
        bytes memory forged = abi.encodePacked(
            WitnessBuilder.branch(0, 0, 0, 0, 6),
            WitnessBuilder.opaque(key, 1, 0, hash),
            WitnessBuilder.write(slots[1], 6)
        );
        assertRefused(forged);
    }

    /// @dev The branch exists on the new side only; there the leaf's hash is in its place, and the new root is right. On the
    /// old side the hash has to be the root itself.
    function test_transition_corpus10OpaqueUnderBranchOfNewSide_otherOldRoot() public {
        _twoLeaves();
        (bytes32 oldRoot, bytes32 newRoot) = oldHost().transition(_opaqueSibling());
        assertEq(newRoot, newReference(), "new root");
        assertTrue(oldRoot != oldReference(), "old root");
        assertRefused(_opaqueSibling());
    }

    function test_transition_corpus10OpaqueUnderBranchOfOldSide_otherNewRoot() public {
        _twoLeaves();
        turnBack();
        (bytes32 oldRoot, bytes32 newRoot) = oldHost().transition(_opaqueSibling());
        assertEq(oldRoot, oldReference(), "old root");
        assertTrue(newRoot != newReference(), "new root");
    }

    /// @dev As before, with an extension's hash: it would have to be merged with what comes above it.
    function test_transition_corpus10OpaqueExtensionHandedUp_otherNewRoot() public {
        keep(slotBelow(0xab1, 3, 0), 1);
        keep(slotBelow(0xab2, 3, 0), 2);
        change(slotBelow(0x5, 1, 0), 3, 0);
        bytes32 hash = keccak256(ReferenceTrie.node(_belowA(), 0, 2, 1));
        bytes memory head = WitnessBuilder.branch(0, 0, 0, 1 << 10, 1 << 5);
        (bytes32 oldRoot, bytes32 newRoot) =
            oldHost().transition(abi.encodePacked(head, WitnessBuilder.write(slots[2], 0), hash));
        assertEq(oldRoot, oldReference(), "old root");
        assertTrue(newRoot != newReference(), "new root");
    }

    function test_transition_corpus13OldValueIsNotTheReplicas_otherOldRoot() public {
        _mixedTransition();
        TrieHost fresh = oldHost();
        vm.store(address(fresh), bytes32(slots[0]), bytes32(oldValues[0] + 1));
        (bytes32 oldRoot,) = fresh.transition(witness(WitnessBuilder.OPAQUE));
        assertTrue(oldRoot != oldReference());
    }

    function test_transition_unchangedLeafForged_otherRoots() public {
        keep(slotBelow(0x1, 1, 0), 5);
        change(slotBelow(0x2, 1, 0), 5, 6);
        bytes memory head = WitnessBuilder.branch(0, 0, 0, 0, 6);
        bytes memory write = WitnessBuilder.write(slots[1], 6);
        (bytes32 oldRoot, bytes32 newRoot) =
            oldHost().transition(bytes.concat(head, WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[0]), 1, 4), write));
        assertTrue(oldRoot != oldReference());
        assertTrue(newRoot != newReference());
    }

    /// @dev Every item dropped in turn, as if its slot had not changed or were not there.
    function test_transition_changeLeftOut_otherRoots() public {
        _mixedTransition();
        for (uint256 i = 0; i < slots.length; ++i) {
            uint256[] memory values = newValues;
            if (values[i] == oldValues[i]) continue;
            values[i] = oldValues[i];
            bytes memory forged = WitnessBuilder.build(slots, oldValues, values, WitnessBuilder.OPAQUE);
            assertRefused(forged);
        }
    }

    // --- parts of tests ---

    function _mixedTransition() private {
        change(slotBelow(0x1, 1, 0), 0xabcdef, 0);
        change(slotBelow(0x23, 2, 0), 0, type(uint256).max);
        keep(slotBelow(0x24, 2, 0), 0x80);
        keep(slotBelow(0x31, 2, 0), 1);
        keep(slotBelow(0x32, 2, 0), 2);
        change(slotBelow(0x4, 1, 0), 300, 70000);
        keep(slotBelow(0x5, 1, 0), 1 << 255);
    }

    /// @dev A leaf below 1 that stays, a leaf below 2 that comes: with it, the branch above both.
    function _twoLeaves() private {
        keep(slotBelow(0x1, 1, 0), type(uint256).max);
        change(slotBelow(0x2, 1, 0), 0, 6);
    }

    /// @dev The leaf that stays is given by its hash at the one nibble that the branch gives it.
    function _opaqueSibling() private view returns (bytes memory) {
        bytes32 hash = keccak256(ReferenceTrie.node(_entries(slots[0], oldValues[0]), 0, 1, 1));
        return abi.encodePacked(
            WitnessBuilder.branch(0, 0, 0, 1 << 1, 1 << 2), hash, WitnessBuilder.write(slots[1], newValues[1])
        );
    }

    function _belowA() private view returns (ReferenceTrie.Entry[] memory) {
        ReferenceTrie.Entry[] memory entries = new ReferenceTrie.Entry[](2);
        entries[0] = _entries(slots[0], 1)[0];
        entries[1] = _entries(slots[1], 2)[0];
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

    /// @dev The witness of `_embeddedLeaf` with this description of the leaf that stays.
    function _deepBranch(bytes memory stays, bool asOpaque) private view returns (bytes memory deep) {
        bytes32 key = ReferenceTrie.keyOf(slots[0]);
        uint256 nibble = ReferenceTrie.nibbleAt(key, 10);
        uint256 changed = ReferenceTrie.nibbleAt(ReferenceTrie.keyOf(slots[1]), 10);
        bytes memory write = WitnessBuilder.write(slots[1], 3);
        deep = bytes.concat(
            WitnessBuilder.branch(key, 1, 9, asOpaque ? 1 << nibble : 0, (1 << changed) | (asOpaque ? 0 : 1 << nibble)),
            nibble < changed ? stays : write,
            nibble < changed ? write : stays
        );
        nibble = ReferenceTrie.nibbleAt(key, 0);
        bytes memory one = WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[2]), 1, 9);
        bytes memory two = WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[3]), 1, 9);
        bytes memory head = WitnessBuilder.branch(0, 0, 0, 0, 6 | (1 << nibble));
        assertTrue(nibble != 1 && nibble != 2, "choose another group");
        return nibble == 0 ? bytes.concat(head, deep, one, two) : bytes.concat(head, one, two, deep);
    }

    function _byte(uint256 value) private pure returns (bytes1) {
        return bytes1(uint8(value)); // forge-lint: disable-line(unsafe-typecast)
    }

    function _slice(bytes memory data, uint256 start, uint256 end) private pure returns (bytes memory out) {
        out = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) {
            out[i - start] = data[i];
        }
    }
}
