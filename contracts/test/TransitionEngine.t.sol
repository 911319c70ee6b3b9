// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {TrieHost} from "./reference/TrieHost.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";

/// @notice Every shape that a transition can have. What is refused is in `TransitionEngineRefusals.t.sol`.
contract TransitionEngineTest is TransitionTest {
    function test_transition_calledDirectly_reverts() public {
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        engine.transition(hex"800101");
    }

    // --- from and to the empty trie ---

    function test_transition_oneValueFromEmpty_bothWays() public {
        change(7, 0, 1);
        checkBothWays();
    }

    function test_transition_slotZero_bothWays() public {
        change(0, 0, 1);
        checkBothWays();
    }

    function test_transition_largestSlotAndValue_bothWays() public {
        change(type(uint256).max, 0, type(uint256).max);
        checkBothWays();
    }

    function test_transition_manyFromEmpty_bothWays() public {
        for (uint256 i = 0; i < 40; ++i) {
            change(i * i, 0, i + 1);
        }
        checkBothWays();
    }

    function test_transition_extensionFromEmpty_bothWays() public {
        change(slotBelow(0xab, 2, 0), 0, 1);
        change(slotBelow(0xab, 2, 1000), 0, 2);
        checkBothWays();
    }

    // --- the root is a leaf ---

    function test_transition_rootLeafUpdated_newLeaf() public {
        change(7, 5, 6);
        check();
    }

    function test_transition_rootLeafReplaced_newLeaf() public {
        change(7, 5, 0);
        change(8, 0, 6);
        check();
    }

    function test_transition_rootLeafReplacedByNeighbour_newLeaf() public {
        change(slotBelow(0xabc, 3, 0), 5, 0);
        change(slotBelow(0xabd, 3, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_rootLeafSplitAtRoot_bothWays() public {
        keep(slotBelow(0x1, 1, 0), 5);
        change(slotBelow(0x2, 1, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_rootLeafSplitBelow_bothWays() public {
        keep(slotBelow(0xab1, 3, 0), 5);
        change(slotBelow(0xab2, 3, 0), 0, 6);
        checkBothWays();
    }

    // --- the root is an extension ---

    function test_transition_rootExtensionChildUpdated_sameShape() public {
        keep(slotBelow(0xab1, 3, 0), 5);
        change(slotBelow(0xab2, 3, 0), 7, 6);
        check();
    }

    function test_transition_rootExtensionGrowsChild_bothWays() public {
        _threeBelowAbc();
        change(slotBelow(0xabcf, 4, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_rootExtensionSplitAtFront_bothWays() public {
        _threeBelowAbc();
        change(slotBelow(0x5, 1, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_rootExtensionSplitInMiddle_bothWays() public {
        _threeBelowAbc();
        change(slotBelow(0xa5, 2, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_rootExtensionSplitAtEnd_bothWays() public {
        _threeBelowAbc();
        change(slotBelow(0xab5, 3, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_rootExtensionSplitTwice_bothWays() public {
        _threeBelowAbc();
        change(slotBelow(0xab5, 3, 0), 0, 6);
        change(slotBelow(0x3, 1, 0), 0, 7);
        checkBothWays();
    }

    function test_transition_rootExtensionMovesAway_otherExtension() public {
        change(slotBelow(0xab1, 3, 0), 1, 0);
        change(slotBelow(0xab2, 3, 0), 2, 0);
        change(slotBelow(0xcd1, 3, 0), 0, 3);
        change(slotBelow(0xcd2, 3, 0), 0, 4);
        checkBothWays();
    }

    // --- inside of a trie ---

    function test_transition_innerLeafSplit_bothWays() public {
        _surroundings();
        keep(slotBelow(0x411, 3, 0), 5);
        change(slotBelow(0x422, 3, 0), 0, 6);
        checkBothWays(); // the way back collapses the branch below 4 into a leaf
    }

    function test_transition_innerLeafSplitBelowExtension_bothWays() public {
        _surroundings();
        keep(slotBelow(0x411, 3, 0), 5);
        change(slotBelow(0x412, 3, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_innerExtensionSplit_bothWays() public {
        _surroundings();
        keep(slotBelow(0x4111, 4, 0), 5);
        keep(slotBelow(0x4112, 4, 0), 6);
        change(slotBelow(0x42, 2, 0), 0, 7);
        checkBothWays(); // the way back collapses the branch below 4 into an extension
    }

    function test_transition_innerBranchAbove_bothWays() public {
        _surroundings();
        keep(slotBelow(0x411, 3, 0), 5);
        keep(slotBelow(0x412, 3, 0), 6);
        change(slotBelow(0x42, 2, 0), 0, 7);
        checkBothWays(); // the way back collapses the branch below 4 into a branch, which gets an extension
    }

    function test_transition_collapseToRootBranch_bothWays() public {
        keep(slotBelow(0xa1, 2, 0), 5);
        keep(slotBelow(0xa2, 2, 0), 6);
        change(slotBelow(0x42, 2, 0), 0, 7);
        checkBothWays();
    }

    function test_transition_collapseOverTwoLevels_bothWays() public {
        keep(slotBelow(0xab1, 3, 0), 5);
        change(slotBelow(0xab2, 3, 0), 0, 6);
        change(slotBelow(0xa5, 2, 0), 0, 7);
        change(slotBelow(0x3, 1, 0), 0, 8);
        checkBothWays(); // the way back hands one leaf upwards over three branches
    }

    function test_transition_collapseOfWrittenLeaf_otherPath() public {
        _surroundings();
        change(slotBelow(0x411, 3, 0), 5, 9);
        change(slotBelow(0x42, 2, 0), 6, 0);
        checkBothWays();
    }

    function test_transition_collapseToHandedUpBranch_bothWays() public {
        _surroundings();
        // Below 4 only 41 stays, below that only 411, below that a branch that nobody touches.
        keep(slotBelow(0x4111, 4, 0), 5);
        keep(slotBelow(0x4112, 4, 0), 6);
        change(slotBelow(0x412, 3, 0), 7, 0);
        change(slotBelow(0x42, 2, 0), 8, 0);
        checkBothWays();
    }

    function test_transition_allOfABranchDeleted_bothWays() public {
        _surroundings();
        change(slotBelow(0x41, 2, 0), 5, 0);
        change(slotBelow(0x42, 2, 0), 6, 0);
        change(slotBelow(0x43, 2, 0), 7, 0);
        checkBothWays();
    }

    function test_transition_everyKindAtOnce_bothWays() public {
        _surroundings();
        change(slotBelow(0x41, 2, 0), 5, 0); // 4 collapses into a leaf
        keep(slotBelow(0x42, 2, 0), 6);
        keep(slotBelow(0x511, 3, 0), 7); // 5 is split above its branch
        keep(slotBelow(0x512, 3, 0), 8);
        change(slotBelow(0x52, 2, 0), 0, 9);
        change(slotBelow(0x61, 2, 0), 1, 0); // 6 goes
        change(slotBelow(0x62, 2, 0), 2, 0);
        change(slotBelow(0x7, 1, 0), 0, 3); // 7 comes
        change(slotBelow(0x8, 1, 0), 3, 4); // 8 is updated
        checkBothWays();
    }

    function test_transition_branchOfSixteenHashes_bothWays() public {
        for (uint256 i = 0; i < 16; ++i) {
            // The longest branch node: 16 hashes. Values of 32 bytes make every leaf one.
            if (i % 3 == 0) change(slotBelow(i, 1, 0), ~i, ~i - 1);
            else keep(slotBelow(i, 1, 0), ~i);
        }
        checkBothWays();
    }

    // --- values ---

    function test_transition_valuesOfEverySize_asReference() public {
        for (uint256 size = 1; size <= 32; ++size) {
            uint256 largest = type(uint256).max >> (256 - 8 * size);
            uint256 smallest = 1 << (8 * size - 8);
            change(3 * size, smallest, largest);
            change(3 * size + 1, 0, smallest);
            keep(3 * size + 2, largest);
        }
        checkBothWays();
    }

    function test_transition_valuesAroundOneByte_asReference() public {
        uint256[6] memory values = [uint256(1), 0x7f, 0x80, 0x81, 0xff, 0x100];
        for (uint256 i = 0; i < 6; ++i) {
            for (uint256 k = 0; k < 6; ++k) {
                if (i != k) change(6 * i + k, values[i], values[k]);
            }
        }
        check();
    }

    /// @dev A root of fewer than 32 bytes would need a path that no leaf at the root has; a short leaf is as near as it gets.
    function test_transition_valuesOfARootLeaf_asReference() public {
        for (uint256 size = 1; size <= 32; ++size) {
            delete slots;
            delete oldValues;
            delete newValues;
            change(size, 1 << (8 * size - 8), type(uint256).max >> (256 - 8 * size));
            check();
        }
    }

    // --- deep tries, embedded nodes ---

    function test_transition_minedSlots_bothWays() public {
        for (uint256 nibbles = 6; nibbles <= 10; ++nibbles) {
            uint256[] memory mined = minedSlots(nibbles, 0);
            keep(mined[0], 1); // small values: leaves of under 32 bytes, embedded in their branch
            change(mined[1], 0, 2);
            for (uint256 i = 2; i < mined.length; ++i) {
                change(mined[i], i, type(uint256).max / i);
            }
            mined = minedSlots(nibbles, 1);
            change(mined[0], 1, 0);
            keep(mined[1], 0xffff);
        }
        checkBothWays();
    }

    function test_transition_minedSlotsAlone_bothWays() public {
        uint256[] memory mined = minedSlots(10, 2);
        keep(mined[0], 0x7f); // the root is an extension of ten nibbles to a branch with two embedded leaves
        change(mined[1], 0, 0x7f);
        checkBothWays();
    }

    /// @dev 31 and 32 bytes of leaf node are either side of the line between embedded and hashed.
    function test_transition_leavesAroundThirtyTwoBytes_bothWays() public {
        for (uint256 nibbles = 6; nibbles <= 10; ++nibbles) {
            for (uint256 size = 1; size <= 8; ++size) {
                delete slots;
                delete oldValues;
                delete newValues;
                uint256[] memory mined = minedSlots(nibbles, 3);
                keep(mined[0], type(uint256).max >> (256 - 8 * size));
                change(mined[1], 0, 1 << (8 * size - 2));
                keep(1, 1);
                checkBothWays();
            }
        }
    }

    /// @dev A key's worth of branches, one below the other, each with one more leaf. Nobody can find slots for this, but a
    /// witness may name any leaves: the engine must come down to the last nibble without running out of stack.
    function test_transition_sixtyFourLevels_asReference() public {
        bytes32 key = ReferenceTrie.keyOf(7);
        bytes memory comb = _comb(key, WitnessBuilder.write(7, 0x55));
        TrieHost host = new TrieHost(address(engine));
        vm.store(address(host), bytes32(uint256(7)), bytes32(uint256(0x44)));
        (bytes32 oldRoot, bytes32 newRoot) = host.transition(comb);
        assertEq(oldRoot, _combRoot(key, _leafNode(key, 64, 0x44), 64), "old root");
        assertEq(newRoot, _combRoot(key, _leafNode(key, 64, 0x55), 64), "new root");
    }

    function test_transition_sixtyFourLevelsLastLeafGone_collapses() public {
        bytes32 key = ReferenceTrie.keyOf(7);
        bytes memory comb = _comb(key, WitnessBuilder.write(7, 0));
        TrieHost host = new TrieHost(address(engine));
        vm.store(address(host), bytes32(uint256(7)), bytes32(type(uint256).max));
        (bytes32 oldRoot, bytes32 newRoot) = host.transition(comb);
        assertEq(oldRoot, _combRoot(key, _leafNode(key, 64, type(uint256).max), 64), "old root");
        assertEq(newRoot, _combRoot(key, _leafNode(_tooth(key, 63), 63, 1), 63), "new root");
    }

    /// @dev The memory of a deep subtrie is used again by its siblings: nothing of it may show.
    function test_transition_deepSubtrieBeforeAndBetweenSmallOnes_asReference() public {
        uint256[] memory deep = minedSlots(6, 0);
        for (uint256 i = 0; i < deep.length; ++i) {
            change(deep[i], type(uint256).max - i, i % 2 == 0 ? 0 : type(uint256).max / 3);
        }
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            change(slotBelow(nibble * 16 + 1, 2, 0), nibble % 2, (nibble + 1) % 2);
            keep(slotBelow(nibble * 16 + 2, 2, 0), 1);
        }
        checkBothWays();
    }

    function test_transition_opaqueRoot_sameRootsNoWrites() public {
        TrieHost host = new TrieHost(address(engine));
        bytes32 hash = keccak256("any");
        (bytes32 oldRoot, bytes32 newRoot) = host.transition(abi.encodePacked(hex"40", hash));
        assertEq(oldRoot, hash);
        assertEq(newRoot, hash);
    }

    // --- parts of tests ---

    /// @dev The root is an extension abc, a branch below it.
    function _threeBelowAbc() private {
        keep(slotBelow(0xabc1, 4, 0), 1);
        keep(slotBelow(0xabc2, 4, 0), 2);
        keep(slotBelow(0xabc3, 4, 0), 3);
    }

    /// @dev A branch at the root with all kinds of children, none of them below 4 to 8.
    function _surroundings() private {
        keep(slotBelow(0x0, 1, 0), 1);
        keep(slotBelow(0x11, 2, 0), 2);
        keep(slotBelow(0x12, 2, 0), 3);
        keep(slotBelow(0x221, 3, 0), 4);
        keep(slotBelow(0x222, 3, 0), type(uint256).max);
    }

    /// @dev The key that leaves `key` at nibble `depth`.
    function _tooth(bytes32 key, uint256 depth) private pure returns (bytes32) {
        uint256 shift = 4 * (63 - depth);
        uint256 other = (ReferenceTrie.nibbleAt(key, depth) + 1) % 16;
        // Everything above the nibble as in `key`, zeros behind it.
        return bytes32(((uint256(key) >> (shift + 4)) << (shift + 4)) | (other << shift));
    }

    function _comb(bytes32 key, bytes memory last) private pure returns (bytes memory item) {
        item = last;
        for (uint256 below = 64; below > 0; --below) {
            uint256 depth = below - 1;
            bytes32 tooth = _tooth(key, depth);
            bytes memory other = WitnessBuilder.leaf(tooth, depth + 1, 1);
            uint256 nibble = ReferenceTrie.nibbleAt(key, depth);
            uint256 otherNibble = ReferenceTrie.nibbleAt(tooth, depth);
            bytes memory head = WitnessBuilder.branch(key, depth, 0, 0, (1 << nibble) | (1 << otherNibble));
            item = otherNibble < nibble ? bytes.concat(head, other, item) : bytes.concat(head, item, other);
        }
    }

    /// @dev The root of the trie of all teeth above `depth` and this node, which hangs at `depth`.
    function _combRoot(bytes32 key, bytes memory node, uint256 depth) private pure returns (bytes32) {
        for (; depth > 0; --depth) {
            uint256 above = depth - 1;
            bytes32 tooth = _tooth(key, above);
            bytes memory items;
            for (uint256 nibble = 0; nibble < 16; ++nibble) {
                bytes memory child = hex"80";
                if (nibble == ReferenceTrie.nibbleAt(tooth, above)) {
                    child = ReferenceTrie.referTo(_leafNode(tooth, depth, 1));
                }
                if (nibble == ReferenceTrie.nibbleAt(key, above)) child = ReferenceTrie.referTo(node);
                items = bytes.concat(items, child);
            }
            node = RlpWriter.list(bytes.concat(items, hex"80"));
        }
        return keccak256(node);
    }

    function _leafNode(bytes32 key, uint256 depth, uint256 value) private pure returns (bytes memory) {
        ReferenceTrie.Entry[] memory one = new ReferenceTrie.Entry[](1);
        one[0] = ReferenceTrie.Entry(key, RlpWriter.scalar(value));
        return ReferenceTrie.node(one, 0, 1, depth);
    }
}
