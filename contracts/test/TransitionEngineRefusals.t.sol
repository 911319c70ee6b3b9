// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice What the engine refuses by an error: witnesses that are malformed. Names with `corpus` and a number are faults found
/// in other provers.
contract TransitionEngineRefusalsTest is TransitionTest {
    bytes32 private constant HASH = keccak256("a subtrie");

    // The errors that say where.
    bytes4 private constant UNKNOWN = ITransitionEngine.UnknownItem.selector;
    bytes4 private constant NOTHING = ITransitionEngine.NothingToJoin.selector;
    bytes4 private constant NARROW = ITransitionEngine.BranchTooNarrow.selector;
    bytes4 private constant ORDER = ITransitionEngine.ChildOutOfOrder.selector;
    bytes4 private constant TWICE = ITransitionEngine.ChildTwice.selector;
    bytes4 private constant MISPLACED = ITransitionEngine.BranchMisplaced.selector;
    bytes4 private constant EMBEDDED = ITransitionEngine.EmbeddedBranch.selector;
    bytes4 private constant PATH = ITransitionEngine.PathNotCanonical.selector;
    bytes4 private constant WORD = ITransitionEngine.NonCanonicalWord.selector;

    /// @dev With the old values in storage: by `transition` with this error, and by `prove` too where the witness as a whole
    /// is not the matter.
    function expectRefusal(bytes memory bad, bytes memory reason) private {
        Hosts memory hosts = oldHosts();
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (bad)));
        assertFalse(outcome.success, "not refused");
        assertEq(outcome.data, reason);
        outcome = run(hosts, abi.encodeCall(ITransitionEngine.prove, ("", 0, bad)));
        bool isWhole = selectorOf(reason) == ITransitionEngine.WitnessIncomplete.selector;
        assertEq(outcome.success, isWhole, "prove");
        if (!isWhole) assertEq(outcome.data, reason, "prove");
    }

    function expectRefusal(bytes memory bad, bytes4 selector, uint256 argument) private {
        expectRefusal(bad, abi.encodeWithSelector(selector, argument));
    }

    /// @dev Refused for what stands at the end of `before`.
    function expectRefusalBehind(bytes memory before, bytes memory item, bytes4 selector) private {
        expectRefusal(bytes.concat(before, item), selector, before.length);
    }

    function expectTruncated(bytes memory bad) private {
        expectRefusal(bad, ITransitionEngine.WitnessTruncated.selector, bad.length);
    }

    function expectNotConcluded(bytes memory pending, bytes memory writes, bytes4 selector, uint256 argument) private {
        Outcome memory outcome = run(newHosts(), abi.encodeCall(ITransitionEngine.conclude, (pending, writes)));
        assertFalse(outcome.success, "not refused");
        assertEq(outcome.data, abi.encodeWithSelector(selector, argument));
    }

    // --- the witness as a whole ---

    function test_transition_empty_reverts() public {
        expectRefusal("", ITransitionEngine.WitnessIncomplete.selector, 0);
    }

    function test_transition_cutAnywhere_reverts() public {
        changeSome();
        for (uint256 choice = 0; choice < 3; ++choice) {
            bytes memory whole = witness(choice == 2 ? WitnessBuilder.OPAQUE : choice);
            uint256 end = 0;
            for (uint256 length = 1; length < whole.length; ++length) {
                bytes memory cut = WitnessParts.slice(whole, 0, length);
                if (end < length) end = WitnessBuilder.endOf(whole, end);
                if (end > length) expectTruncated(cut);
                else assertRefused(cut); // between two items
            }
        }
    }

    /// @dev The bytes behind the witness in calldata must not be taken for the rest of it.
    function test_transition_cutWithRestBehindIt_reverts() public {
        changeSome();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        uint256 end = 0;
        for (uint256 length = 1; length < whole.length; ++length) {
            if (end < length) end = WitnessBuilder.endOf(whole, end);
            if (end == length) continue;
            // A length that is too small, in front of all the bytes.
            bytes memory call_ =
                abi.encodePacked(ITransitionEngine.transition.selector, uint256(32), length, whole, new bytes(32));
            Outcome memory outcome = run(oldHosts(), call_);
            assertFalse(outcome.success);
            assertEq(outcome.data, abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, length));
        }
    }

    function test_transition_corpus3SurplusItem_reverts() public {
        bytes memory write = WitnessBuilder.write(7, 1);
        bytes4 selector = ITransitionEngine.WitnessIncomplete.selector;
        expectRefusal(bytes.concat(write, WitnessBuilder.leaf(HASH, 1)), selector, 2);
        expectRefusal(bytes.concat(write, WitnessBuilder.opaqueBranch(HASH, 3, HASH)), selector, 2);
        changeSome();
        expectRefusal(bytes.concat(witness(WitnessBuilder.OPAQUE), write), selector, 2);
        expectRefusalBehind(witness(WitnessBuilder.OPAQUE), WitnessBuilder.branch(0), MISPLACED);
    }

    function test_transition_corpus3SurplusBytes_reverts() public {
        bytes memory write = WitnessBuilder.write(7, 1);
        expectTruncated(bytes.concat(write, hex"00"));
        expectTruncated(bytes.concat(write, hex"80"));
        expectTruncated(bytes.concat(write, hex"c1"));
        expectRefusalBehind(write, hex"ff", UNKNOWN);
    }

    function test_transition_unknownItem_reverts() public {
        expectRefusal(hex"40", UNKNOWN, 0);
        expectRefusal(abi.encodePacked(hex"40", HASH), UNKNOWN, 0);
        for (uint256 tag = 0xe1; tag < 0x100; ++tag) {
            expectRefusal(bytes.concat(_byte(tag), new bytes(100)), UNKNOWN, 0);
            expectRefusalBehind(WitnessBuilder.write(7, 1), bytes.concat(_byte(tag)), UNKNOWN);
        }
    }

    /// @dev Ends inside an item that is wrong as well.
    function test_transition_truncatedAndWrong_reverts() public {
        bytes memory cutHash = WitnessParts.slice(abi.encode(HASH), 0, 31);
        expectTruncated(hex"00");
        expectTruncated(hex"00ffff");
        expectTruncated(hex"c121");
        expectTruncated(hex"c2");
        expectTruncated(hex"c200");
        expectTruncated(hex"c30001");
        expectTruncated(bytes.concat(hex"41a1", cutHash));
        expectTruncated(abi.encodePacked(hex"81", bytes32(0)));
        expectTruncated(bytes.concat(hex"80", cutHash));
        expectTruncated(abi.encodePacked(hex"a2", HASH, hex"00"));
    }

    // --- branches ---

    function test_transition_branchOfNothing_reverts() public {
        for (uint256 depth = 0; depth < 64; ++depth) {
            expectRefusal(WitnessBuilder.branch(depth), NOTHING, 0);
        }
        expectRefusal(WitnessBuilder.branch(0, 3, abi.encode(HASH, HASH)), NOTHING, 0);
    }

    function test_transition_branchOfOneChild_reverts() public {
        for (uint256 depth = 0; depth < 64; ++depth) {
            expectRefusalBehind(WitnessBuilder.write(7, 1), WitnessBuilder.branch(depth), NARROW);
        }
    }

    /// @dev The other subtrie does not lie below the branch.
    function test_transition_branchBesideNeighbour_reverts() public {
        bytes memory items = bytes.concat(
            WitnessBuilder.write(slotBelow(0xab, 2, 0), 1), WitnessBuilder.write(slotBelow(0xac, 2, 0), 1)
        );
        expectRefusalBehind(items, WitnessBuilder.branch(2), NARROW);
    }

    function test_transition_childOpaqueAndPending_reverts() public {
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            bytes memory item = WitnessBuilder.leaf(bytes32(nibble << 252), 1);
            expectRefusalBehind(item, WitnessBuilder.branch(0, 1 << nibble, abi.encode(HASH)), TWICE);
            bytes memory hashes = abi.encode(HASH, HASH, HASH, HASH, HASH, HASH, HASH, HASH);
            hashes = bytes.concat(hashes, hashes);
            expectRefusalBehind(item, WitnessBuilder.branch(0, 0xffff, hashes), TWICE);
        }
    }

    function test_transition_childrenInOtherOrder_reverts() public {
        bytes memory one = WitnessBuilder.leaf(bytes32(uint256(1) << 252), 1);
        bytes memory two = WitnessBuilder.leaf(bytes32(uint256(2) << 252), 1);
        expectRefusalBehind(bytes.concat(two, one), WitnessBuilder.branch(0), ORDER);
        expectRefusalBehind(bytes.concat(one, two, one), WitnessBuilder.branch(0), ORDER);
        expectRefusalBehind(bytes.concat(two, one, two), WitnessBuilder.branch(0), ORDER);
    }

    function test_transition_twoLeavesOfOneChild_reverts() public {
        bytes memory items = bytes.concat(
            WitnessBuilder.leaf(bytes32(uint256(0x11) << 248), 1), WitnessBuilder.leaf(bytes32(uint256(0x12) << 248), 1)
        );
        expectRefusalBehind(items, WitnessBuilder.branch(0), ORDER);
    }

    /// @dev A branch above one that is higher or at the same depth.
    function test_transition_branchBelowItsChild_reverts() public {
        bytes32 key = ReferenceTrie.keyOf(7);
        bytes32 other = key ^ bytes32(uint256(1) << 232); // leaves it at nibble 5
        (bytes32 low, bytes32 high) = other < key ? (other, key) : (key, other);
        bytes memory items =
            bytes.concat(WitnessBuilder.leaf(low, 1), WitnessBuilder.leaf(high, 1), WitnessBuilder.branch(5));
        for (uint256 depth = 5; depth < 64; ++depth) {
            expectRefusalBehind(items, _withOpaque(high, depth), MISPLACED);
        }
    }

    function test_transition_opaqueBranchAboveItsParent_reverts() public {
        for (uint256 depth = 1; depth < 64; ++depth) {
            bytes memory item = WitnessBuilder.opaqueBranch(HASH, depth, HASH);
            bytes memory branch = WitnessBuilder.branch(depth, 3, abi.encode(HASH, HASH)); // the path ends in 0
            expectRefusalBehind(item, WitnessBuilder.branch(depth, 2, abi.encode(HASH)), MISPLACED);
            expectRefusalBehind(item, branch, TWICE);
        }
    }

    /// @dev Both sides have handed up another leaf, which are both no branch; still no deeper branch can hold them. If it
    /// could, the new leaf would hang below the old one's nibbles, as the key of a slot that nobody wrote.
    function test_transition_twoKeysBelowDeeperBranch_reverts() public {
        (uint256 slot1, uint256 slot2) = (slotBelow(0xab1, 3, 0), slotBelow(0xab2, 3, 0));
        change(slot1, 5, 0);
        change(slot2, 0, 6);
        bytes memory items =
            bytes.concat(WitnessBuilder.write(slot1, 0), WitnessBuilder.write(slot2, 6), WitnessBuilder.branch(2));
        for (uint256 depth = 2; depth < 64; ++depth) {
            expectRefusalBehind(items, _withOpaque(ReferenceTrie.keyOf(slot1), depth), MISPLACED);
        }
        turnBack();
        items = bytes.concat(WitnessBuilder.write(slot1, 5), WitnessBuilder.write(slot2, 0), WitnessBuilder.branch(2));
        for (uint256 depth = 2; depth < 64; ++depth) {
            expectRefusalBehind(items, _withOpaque(ReferenceTrie.keyOf(slot2), depth), MISPLACED);
        }
    }

    /// @dev Two leaves below 63 nibbles, of 15 bytes together: with them the branch has 31.
    function test_transition_branchNodeOf31Bytes_reverts() public {
        bytes32 other = HASH ^ bytes32(uint256(1));
        for (uint256 size = 2; size < 6; ++size) {
            uint256 value = 1 << (8 * size - 1);
            uint256 otherValue = 1 << (8 * (7 - size) - 1);
            bytes memory items = bytes.concat(
                WitnessBuilder.leaf(HASH < other ? HASH : other, value),
                WitnessBuilder.leaf(HASH < other ? other : HASH, otherValue)
            );
            expectRefusalBehind(items, WitnessBuilder.branch(63), EMBEDDED);
        }
    }

    /// @dev On one side only: the written value is short there.
    function test_transition_branchNodeShortOnOneSide_reverts() public {
        bytes32 key = ReferenceTrie.keyOf(7);
        bytes32 other = key ^ bytes32(uint256(1));
        change(7, 1, type(uint256).max);
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory write = WitnessBuilder.write(7, newValues[0]);
            bytes memory leaf = WitnessBuilder.leaf(other, 1);
            bytes memory items = key < other ? bytes.concat(write, leaf) : bytes.concat(leaf, write);
            expectRefusalBehind(items, WitnessBuilder.branch(63), EMBEDDED);
            turnBack();
        }
    }

    // --- paths, slots and values: corpus 7, what is not canonical ---

    function test_transition_corpus7OpaquePathPadded_reverts() public {
        for (uint256 depth = 1; depth < 64; depth += 2) {
            bytes memory bad = WitnessBuilder.opaqueBranch(HASH, depth, HASH);
            bad[(depth + 1) / 2] |= 0x01;
            expectRefusal(bad, PATH, 0);
        }
    }

    function test_transition_corpus7SlotWithLeadingZero_reverts() public {
        expectRefusal(hex"c2000101", WORD, 0);
        expectRefusal(hex"c300070101", WORD, 0);
        for (uint256 size = 1; size < 32; ++size) {
            expectRefusal(bytes.concat(_byte(0xc1 + size), new bytes(size), hex"0101"), WORD, 0);
        }
    }

    function test_transition_corpus7ShortSlotInLongForm_reverts() public {
        expectRefusal(abi.encodePacked(hex"81", bytes32(0), hex"01"), WORD, 0);
        expectRefusal(abi.encodePacked(hex"81", bytes32(uint256(7)), hex"01"), WORD, 0);
        expectRefusal(abi.encodePacked(hex"81", HASH >> 8, hex"01"), WORD, 0);
        expectRefusal(abi.encodePacked(hex"80", HASH >> 8), WORD, 0);
    }

    function test_transition_corpus7ValueWithLeadingZero_reverts() public {
        expectRefusal(hex"c10100", WORD, 0);
        expectRefusal(hex"c1020001", WORD, 0);
        expectRefusal(hex"c207020001", WORD, 0);
        for (uint256 size = 1; size <= 32; ++size) {
            expectRefusal(bytes.concat(hex"c1", _byte(size), new bytes(size)), WORD, 0);
            expectRefusal(bytes.concat(_byte(0x80 + size), HASH, new bytes(size)), WORD, 0);
            expectRefusal(bytes.concat(_byte(0xa0 + size), HASH, new bytes(size)), WORD, 0);
        }
    }

    function test_transition_corpus7ValueTooLong_reverts() public {
        for (uint256 size = 33; size < 256; ++size) {
            bytes memory value = bytes.concat(HASH, new bytes(size - 32));
            expectRefusal(bytes.concat(hex"c1", _byte(size), value), WORD, 0);
            expectRefusal(bytes.concat(hex"c207", _byte(size), value), WORD, 0);
        }
    }

    function test_transition_hashOfZero_reverts() public {
        expectRefusal(abi.encodePacked(hex"41a0", bytes32(0)), WORD, 0);
        // An opaque child that is handed up.
        bytes memory items = WitnessBuilder.write(slotBelow(0x1, 1, 0), 1);
        expectRefusalBehind(items, WitnessBuilder.branch(0, 4, new bytes(32)), WORD);
    }

    // --- writes ---

    /// @dev A slot's key is made of the slot; it cannot be put elsewhere, only below a branch where it is not.
    function test_transition_corpus8SlotAtAnothersPlace_reverts() public {
        uint256 slot = slotBelow(0x1, 1, 0);
        bytes memory leaf = WitnessBuilder.leaf(bytes32(uint256(2) << 252), 1);
        expectRefusalBehind(bytes.concat(leaf, WitnessBuilder.write(slot, 1)), WitnessBuilder.branch(0), ORDER);
        expectRefusalBehind(bytes.concat(leaf, WitnessBuilder.write(slot, 1)), WitnessBuilder.branch(1), NARROW);
    }

    function test_transition_corpus8SlotWithOneNibbleOff_reverts() public {
        // 63 nibbles of the branch's path are the slot's own, but for one.
        for (uint256 wrong = 0; wrong < 63; wrong += 9) {
            bytes32 key = ReferenceTrie.keyOf(7) ^ bytes32(1 << (4 * (63 - wrong)));
            bytes memory items = bytes.concat(WitnessBuilder.leaf(key, 1), WitnessBuilder.write(7, 1));
            expectRefusalBehind(items, WitnessBuilder.branch(63), NARROW);
        }
    }

    function test_transition_corpus9SameSlotTwice_reverts() public {
        uint256 slot = slotBelow(0x1, 1, 0);
        bytes memory twice = bytes.concat(WitnessBuilder.write(slot, 1), WitnessBuilder.write(slot, 2));
        for (uint256 depth = 0; depth < 64; ++depth) {
            expectRefusalBehind(twice, WitnessBuilder.branch(depth), ORDER);
        }
        expectRefusal(twice, ITransitionEngine.WitnessIncomplete.selector, 2);
    }

    /// @dev Apart from each other: the first below another branch, where a sibling hides it.
    function test_transition_corpus9SameSlotTwiceApart_reverts() public {
        (uint256 slot, uint256 other) = (slotBelow(0xab1, 3, 0), slotBelow(0xab2, 3, 0));
        change(slot, 5, 7);
        change(other, 6, 0);
        bytes memory between = WitnessBuilder.leaf(bytes32(uint256(0xac) << 248), 1);
        bytes memory hidden =
            bytes.concat(WitnessBuilder.write(slot, 7), WitnessBuilder.write(other, 0), WitnessBuilder.branch(2));
        bytes memory again = WitnessBuilder.write(slot, 8);
        expectRefusalBehind(bytes.concat(hidden, again), WitnessBuilder.branch(1), ORDER);
        expectRefusalBehind(bytes.concat(hidden, between, again), WitnessBuilder.branch(1), ORDER);
        expectRefusalBehind(bytes.concat(again, between, hidden), WitnessBuilder.branch(1), ORDER);
        // Here the hidden one's own branch meets both.
        expectRefusal(bytes.concat(again, hidden), ORDER, again.length + hidden.length - 3);
    }

    function test_transition_corpus11NoOpWrite_reverts() public {
        keep(7, 5);
        keep(1 << 255, 5);
        expectRefusal(WitnessBuilder.write(7, 5), ITransitionEngine.NoOpWrite.selector, 7);
        expectRefusal(WitnessBuilder.write(1 << 255, 5), ITransitionEngine.NoOpWrite.selector, 1 << 255);
    }

    function test_transition_corpus12ZeroToAbsentSlot_reverts() public {
        expectRefusal(WitnessBuilder.write(0, 0), ITransitionEngine.NoOpWrite.selector, 0);
        expectRefusal(WitnessBuilder.write(7, 0), ITransitionEngine.NoOpWrite.selector, 7);
        expectRefusal(WitnessBuilder.write(~uint256(0), 0), ITransitionEngine.NoOpWrite.selector, ~uint256(0));
    }

    // --- conclude ---

    function test_conclude_otherThanOnePending_reverts() public {
        bytes4 selector = ITransitionEngine.WitnessIncomplete.selector;
        bytes memory write = WitnessBuilder.write(7, 1);
        for (uint256 count = 0; count < 5; ++count) {
            if (count == 1) continue;
            expectNotConcluded(new bytes(160 * count), "", selector, count);
            expectNotConcluded(new bytes(160 * count), write, selector, count);
        }
        expectNotConcluded(new bytes(159), write, selector, 0);
        expectNotConcluded(new bytes(161), write, selector, 1);
    }

    function test_conclude_otherItemThanWrite_reverts() public {
        bytes memory write = WitnessBuilder.write(7, 1);
        bytes memory pending = new bytes(160);
        for (uint256 tag = 0; tag < 256; ++tag) {
            if (WitnessBuilder.isWrite(bytes.concat(_byte(tag)), 0)) continue;
            expectNotConcluded(pending, bytes.concat(_byte(tag), new bytes(600)), UNKNOWN, 0);
            expectNotConcluded(pending, bytes.concat(write, _byte(tag)), UNKNOWN, write.length);
        }
    }

    function test_conclude_malformedWrite_reverts() public {
        bytes memory pending = new bytes(160);
        bytes memory write = WitnessBuilder.write(7, 1);
        expectNotConcluded(pending, bytes.concat(write, hex"c2000101"), WORD, write.length);
        expectNotConcluded(pending, bytes.concat(write, hex"c10100"), WORD, write.length);
        expectNotConcluded(pending, abi.encodePacked(hex"80", HASH >> 8), WORD, 0);
        bytes memory whole = bytes.concat(write, WitnessBuilder.write(1 << 255, uint256(HASH)));
        for (uint256 length = write.length + 1; length < whole.length; ++length) {
            bytes memory cut = WitnessParts.slice(whole, 0, length);
            expectNotConcluded(pending, cut, ITransitionEngine.WitnessTruncated.selector, length);
        }
    }

    // --- parts of tests ---

    /// @dev A branch at `depth` above `key`, with an opaque child beside it.
    function _withOpaque(bytes32 key, uint256 depth) private pure returns (bytes memory) {
        uint256 nibble = (ReferenceTrie.nibbleAt(key, depth) + 1) % 16;
        return WitnessBuilder.branch(depth, 1 << nibble, abi.encode(HASH));
    }

    function _byte(uint256 value) private pure returns (bytes1) {
        return bytes1(uint8(value)); // forge-lint: disable-line(unsafe-typecast)
    }
}
