// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice Every shape that a transition can have. Beside this: `TransitionEngineParts`, `…Limits`,
/// `…Refusals` and `…Forgeries`.
contract TransitionEngineTest is TransitionTest {
    function test_transition_calledDirectly_reverts() public {
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        ITransitionEngine(ENGINE).transition(hex"c10101");
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        ITransitionEngine(TWIN).transition(hex"c10101");
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
        keepSurroundings();
        keep(slotBelow(0x411, 3, 0), 5);
        change(slotBelow(0x422, 3, 0), 0, 6);
        checkBothWays(); // the way back collapses the branch below 4 into a leaf
    }

    function test_transition_innerLeafSplitBelowExtension_bothWays() public {
        keepSurroundings();
        keep(slotBelow(0x411, 3, 0), 5);
        change(slotBelow(0x412, 3, 0), 0, 6);
        checkBothWays();
    }

    function test_transition_innerExtensionSplit_bothWays() public {
        keepSurroundings();
        keep(slotBelow(0x4111, 4, 0), 5);
        keep(slotBelow(0x4112, 4, 0), 6);
        change(slotBelow(0x42, 2, 0), 0, 7);
        checkBothWays(); // the way back collapses the branch below 4 into an extension
    }

    function test_transition_innerBranchAbove_bothWays() public {
        keepSurroundings();
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
        keepSurroundings();
        change(slotBelow(0x411, 3, 0), 5, 9);
        change(slotBelow(0x42, 2, 0), 6, 0);
        checkBothWays();
    }

    function test_transition_collapseToHandedUpBranch_bothWays() public {
        keepSurroundings();
        // Below 4 only 41 stays, below that only 411, below that a branch that nobody touches.
        keep(slotBelow(0x4111, 4, 0), 5);
        keep(slotBelow(0x4112, 4, 0), 6);
        change(slotBelow(0x412, 3, 0), 7, 0);
        change(slotBelow(0x42, 2, 0), 8, 0);
        checkBothWays();
    }

    function test_transition_allOfABranchDeleted_bothWays() public {
        keepSurroundings();
        change(slotBelow(0x41, 2, 0), 5, 0);
        change(slotBelow(0x42, 2, 0), 6, 0);
        change(slotBelow(0x43, 2, 0), 7, 0);
        checkBothWays();
    }

    function test_transition_everyKindAtOnce_bothWays() public {
        changeEveryKind();
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
            forget();
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
                forget();
                uint256[] memory mined = minedSlots(nibbles, 3);
                keep(mined[0], type(uint256).max >> (256 - 8 * size));
                change(mined[1], 0, 1 << (8 * size - 2));
                keep(1, 1);
                checkBothWays();
            }
        }
    }

    /// @dev Both sides hand up another child of one branch, so that the subtrie has two keys, and again above it.
    function test_transition_otherChildHandedUpOnEachSide_bothWays() public {
        keepSurroundings();
        change(slotBelow(0x4111, 4, 0), 5, 0);
        change(slotBelow(0x4112, 4, 0), 0, 6);
        checkBothWays();
        keep(slotBelow(0x42, 2, 0), 7);
        checkBothWays();
        change(slotBelow(0x4113, 4, 0), 8, 0);
        checkBothWays();
    }

    /// @dev As before, and one of them is a branch, under an extension on its side.
    function test_transition_leafAndBranchHandedUp_bothWays() public {
        keepSurroundings();
        change(slotBelow(0x411, 3, 0), 5, 0);
        change(slotBelow(0x4121, 4, 0), 0, 6);
        change(slotBelow(0x4122, 4, 0), 0, 7);
        checkBothWays();
    }

    /// @dev The same with nothing around it: the root has two keys.
    function test_transition_rootHandedUpOnEachSide_bothWays() public {
        change(slotBelow(0x411, 3, 0), 5, 0);
        change(slotBelow(0x4121, 4, 0), 0, 6);
        change(slotBelow(0x4122, 4, 0), 0, 7);
        checkBothWays();
    }

    /// @dev A branch right below a branch that one side lacks: by its hash alone, and as an opaque branch that tells its place.
    function test_transition_handedUpBranchBothForms_sameRoots() public {
        uint256 slot = slotBelow(0x42, 2, 0);
        change(slot, 5, 0);
        keep(slotBelow(0xa1, 2, 0), 6);
        keep(slotBelow(0xa2, 2, 0), 7);
        bytes memory short = witness(WitnessBuilder.OPAQUE);
        bytes memory write = WitnessBuilder.write(slot, 0);
        bytes32 hash = bytes32(WitnessParts.slice(short, short.length - 32, short.length));
        assertEq(short, bytes.concat(write, WitnessBuilder.branch(0, 1 << 10, abi.encode(hash))));
        bytes32 path = bytes32(uint256(0xa) << 252);
        bytes memory long = bytes.concat(write, WitnessBuilder.opaqueBranch(path, 1, hash), WitnessBuilder.branch(0));
        (bytes32 oldRoot, bytes32 newRoot) = transition(oldHosts(), long);
        assertEq(oldRoot, oldReference());
        assertEq(newRoot, newReference());
    }

    /// @dev All nodes are made in the same memory: nothing of a large one may show in a small one after it.
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

    function test_transition_opaqueRootBehindExtension_sameRootsNoWrites() public {
        bytes32 hash = keccak256("any");
        (bytes32 oldRoot, bytes32 newRoot) =
            transition(newHosts(), WitnessBuilder.opaqueBranch(ReferenceTrie.keyOf(7), 9, hash));
        assertEq(newRoot, oldRoot);
        assertEq(oldRoot, keccak256(ReferenceTrie.extensionNode(ReferenceTrie.keyOf(7), 0, 9, hash)));
    }

    // --- parts of tests ---

    /// @dev The root is an extension abc, a branch below it.
    function _threeBelowAbc() private {
        keep(slotBelow(0xabc1, 4, 0), 1);
        keep(slotBelow(0xabc2, 4, 0), 2);
        keep(slotBelow(0xabc3, 4, 0), 3);
    }
}
