// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KofNAnchor} from "../../src/anchors/KofNAnchor.sol";
import {IAnchor, Level, Status} from "../../src/interfaces/IAnchor.sol";
import {ICompositeAnchor} from "../../src/interfaces/ICompositeAnchor.sol";
import {IKofNAnchor} from "../../src/interfaces/IKofNAnchor.sol";
import {BlockHeader} from "../../src/libraries/BlockHeader.sol";
import {CompositeScene} from "../reference/CompositeScene.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {TestAnchor} from "../reference/TestAnchor.sol";

contract KofNAnchorTest is CompositeScene {
    KofNAnchor private anchor;
    bytes private ten;
    bytes private other;

    function setUp() public override {
        super.setUp();
        anchor = new KofNAnchor(list(), 2);
        (ten, other) = (header(10), forged(10));
    }

    function accept(bytes memory raw, uint64 number, Level level) private {
        tell(0, raw, number, level);
        tell(1, raw, number, level);
        anchor.update(raw);
    }

    // --- what it is made of ---

    function test_constructor_wrongMembers_revert() public {
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NotAMember.selector, address(0)));
        new KofNAnchor(new IAnchor[](0), 0);
        IAnchor[] memory wrong = list();
        wrong[1] = IAnchor(address(0xdead));
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NotAMember.selector, address(0xdead)));
        new KofNAnchor(wrong, 2);
        wrong[1] = wrong[0];
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NotAMember.selector, address(members[0])));
        new KofNAnchor(wrong, 2);
        wrong[1] = new TestAnchor(CHAIN + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICompositeAnchor.MemberOfOtherSource.selector, address(wrong[1]), CHAIN + 1, keccak256("genesis")
            )
        );
        new KofNAnchor(wrong, 2);
        for (uint256 k = 0; k < 5; k += 4) {
            vm.expectRevert(abi.encodeWithSelector(IKofNAnchor.ThresholdOutOfRange.selector, k, 3));
            new KofNAnchor(list(), k);
        }
    }

    // --- blocks ---

    function test_update_twoOfThree_isAccepted() public {
        tell(0, ten, 10, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, keccak256(ten), 2, 1));
        anchor.update(ten);
        tell(2, ten, 10, Level.SAFE);
        (bytes32 hash, Level level) = anchor.update(ten);
        assertEq(hash, keccak256(ten));
        assertEq(uint8(level), uint8(Level.SAFE), "one of the two is not sure");
        assertEq(anchor.head(Level.SAFE).number, 10);
        tell(1, ten, 10, Level.FINAL);
        assertLevel(anchor, ten, Level.FINAL); // without a transaction
        anchor.update(ten);
        assertEq(anchor.head(Level.FINAL).number, 10);
    }

    /// @dev Whatever a member says that a block says: the header says it.
    function test_update_memberWithAForgedStateRoot_forgesNothing() public {
        accept(ten, 10, Level.FINAL);
        members[2].setBlockOf(keccak256(ten), keccak256("evil"), 77, 1, Level.FINAL);
        anchor.update(ten);
        assertEq(anchor.blockByHash(keccak256(ten)).stateRoot, keccak256("state"));
        assertEq(anchor.blockByHash(keccak256(ten)).number, 10);
    }

    function test_update_surplusByte_reverts() public {
        accept(ten, 10, Level.FINAL);
        vm.expectPartialRevert(BlockHeader.HeaderNotConsumed.selector);
        anchor.update(bytes.concat(ten, hex"00"));
    }

    function test_update_pendingRevokedOrStopped_doesNotCount() public {
        tell(0, ten, 10, Level.FINAL);
        tell(1, ten, 10, Level.PENDING);
        tell(2, ten, 10, Level.REVOKED);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, keccak256(ten), 2, 1));
        anchor.update(ten);
        tell(1, ten, 10, Level.FINAL);
        members[1].setStatus(Status.FROZEN);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, keccak256(ten), 2, 1));
        anchor.update(ten);
    }

    function test_levels_followTheMembers() public {
        accept(ten, 10, Level.SAFE);
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, ten, Level.PENDING); // one of those who said it is not sure any more
        assertEq(uint8(anchor.head(Level.SAFE).level), uint8(Level.UNKNOWN));
        members[1].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, ten, Level.REVOKED); // no two are left
        (,, Level fromLevel,) = anchor.step(keccak256(ten), 0);
        assertEq(uint8(fromLevel), uint8(Level.REVOKED));
        assertEq(anchor.canonicalAt(10).blockHash, 0);
        // The other one can take its place then.
        tell(0, other, 10, Level.SAFE);
        tell(2, other, 10, Level.SAFE);
        anchor.update(other);
        assertEq(anchor.canonicalAt(10).blockHash, keccak256(other));
        assertLevel(anchor, ten, Level.REVOKED);
    }

    /// @dev One member that says this and then that leaves one block of a number at a time.
    function test_levels_memberThatToggles_leavesOneBlockOfANumber() public {
        tell(0, ten, 10, Level.SAFE);
        tell(2, ten, 10, Level.SAFE);
        anchor.update(ten);
        members[2].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, ten, Level.PENDING); // nobody moves backwards for the sake of one
        tell(1, other, 10, Level.SAFE);
        tell(2, other, 10, Level.SAFE);
        anchor.update(other);
        members[2].setLevel(keccak256(ten), Level.SAFE);
        assertLevel(anchor, other, Level.SAFE);
        assertLevel(anchor, ten, Level.REVOKED);
    }

    function test_update_safeAgainstSafe_isRefused() public {
        IAnchor[] memory four = new IAnchor[](4);
        for (uint256 i = 0; i < 3; ++i) {
            four[i] = members[i];
        }
        TestAnchor fourth = new TestAnchor(CHAIN);
        four[3] = fourth;
        anchor = new KofNAnchor(four, 2);
        accept(ten, 10, Level.SAFE);
        tell(2, other, 10, Level.SAFE);
        fourth.setBlockOf(keccak256(other), 0, 10, timeOf(10), Level.SAFE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.Contradiction.selector, 10, keccak256(ten), keccak256(other)));
        anchor.update(other);
        // Once it is FINAL there, it is known which of them is right.
        members[2].setLevel(keccak256(other), Level.FINAL);
        fourth.setLevel(keccak256(other), Level.FINAL);
        vm.expectEmit(address(anchor));
        emit IAnchor.BlockDisplaced(keccak256(ten), 10, keccak256(other), 1);
        anchor.update(other);
        assertLevel(anchor, ten, Level.REVOKED);
        assertLevel(anchor, other, Level.FINAL);
        assertStatus(anchor, Status.ACTIVE);
    }

    function test_update_finalAgainstFinal_freezes() public {
        IAnchor[] memory both = new IAnchor[](2);
        (both[0], both[1]) = (members[0], members[1]);
        anchor = new KofNAnchor(both, 1);
        tell(0, ten, 10, Level.FINAL);
        anchor.update(ten);
        tell(1, other, 10, Level.FINAL);
        (, Level level) = anchor.update(other);
        assertEq(uint8(level), uint8(Level.UNKNOWN));
        assertStatus(anchor, Status.FROZEN);
        assertEq(anchor.canonicalAt(10).blockHash, keccak256(ten));
    }

    // --- head ---

    function test_head_blockThatHasRisen_isTheFinalOne() public {
        accept(ten, 10, Level.SAFE);
        accept(header(20), 20, Level.SAFE);
        members[0].setLevel(keccak256(ten), Level.FINAL);
        members[1].setLevel(keccak256(ten), Level.FINAL);
        anchor.update(ten);
        assertEq(anchor.head(Level.FINAL).number, 10);
        assertEq(anchor.head(Level.SAFE).number, 20);
    }

    function test_head_afterTheHighestIsRevoked_isOfferedAgain() public {
        accept(ten, 10, Level.SAFE);
        accept(header(20), 20, Level.SAFE);
        members[0].setLevel(keccak256(header(20)), Level.REVOKED);
        members[1].setLevel(keccak256(header(20)), Level.REVOKED);
        assertEq(anchor.head(Level.SAFE).number, 0);
        anchor.update(ten);
        assertEq(anchor.head(Level.SAFE).number, 10);
    }

    // --- status ---

    function test_status_silenceOfTooMany_pauses() public {
        vm.warp(NOW + 5);
        members[0].setStatus(Status.EXPIRED);
        assertStatus(anchor, Status.ACTIVE);
        vm.warp(NOW + 9);
        members[2].setStatus(Status.FROZEN);
        assertStatus(anchor, Status.PAUSED);
        vm.warp(NOW + 100);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.PAUSED, NOW + 9));
        anchor.update(ten);
        members[0].setStatus(Status.ACTIVE);
        assertStatus(anchor, Status.ACTIVE);
    }

    function test_reportMisbehaviour_finalDisagreement_freezes() public {
        tell(0, ten, 10, Level.FINAL);
        tell(1, other, 10, Level.SAFE);
        bytes memory evidence = abi.encode(uint64(10), 0, 1);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence);
        members[1].setLevel(keccak256(other), Level.FINAL);
        vm.expectEmit(address(anchor));
        emit IAnchor.StatusChanged(Status.FROZEN, abi.encode(uint64(10), keccak256(ten), keccak256(other)));
        anchor.reportMisbehaviour(evidence);
    }

    function test_reportMisbehaviour_silence_freezesNothing() public {
        tell(0, ten, 10, Level.FINAL);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(abi.encode(uint64(10), 0, 1));
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(abi.encode(uint64(10), 0, 0));
    }

    function test_reportMisbehaviour_otherEvidence_isNamed() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ProofNotCanonical.selector, 95));
        anchor.reportMisbehaviour(new bytes(95));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ProofNotCanonical.selector, 32));
        anchor.reportMisbehaviour(abi.encode(uint256(1) << 64, 0, 1));
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NoSuchMember.selector, 3));
        anchor.reportMisbehaviour(abi.encode(uint64(10), 0, 3));
    }

    // --- ancestors ---

    function test_extendAncestors_followTheirDescendant() public {
        bytes memory nine = header(9);
        ten = child(nine, 10);
        accept(ten, 10, Level.FINAL);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        assertLevel(anchor, nine, Level.FINAL);
        // Nobody stands behind it any more, and nobody says that it was dropped: it may be below the fork.
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        members[1].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, nine, Level.PENDING);
        tell(2, nine, 9, Level.FINAL);
        assertLevel(anchor, nine, Level.PENDING);
    }

    function test_extendAncestors_whereMembersHoldOthers_isRevokedWithTheDescendant() public {
        bytes memory nine = header(9);
        ten = child(nine, 10);
        accept(ten, 10, Level.SAFE);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        tell(0, forged(9), 9, Level.FINAL);
        tell(1, forged(9), 9, Level.FINAL);
        assertLevel(anchor, nine, Level.SAFE); // two members still stand behind its descendant
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, nine, Level.REVOKED); // as a third one would have to
        members[1].setLevel(keccak256(forged(9)), Level.SAFE); // which may be an orphan
        assertLevel(anchor, nine, Level.PENDING);
    }

    /// @dev Nobody but one member lies; a stranger has sent an honest one an orphan's attestation that was held back.
    function test_levels_aMemberThatHoldsAnOrphan_hasRevokedNothing() public {
        tell(0, ten, 10, Level.FINAL);
        tell(1, ten, 10, Level.FINAL);
        anchor.update(ten);
        tell(2, forged(10), 10, Level.SAFE);
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, ten, Level.PENDING);
    }

    function test_head_afterAMemberTookTheNewestBack_isTheOneBelowOnceItIsOffered() public {
        accept(header(9), 9, Level.SAFE);
        accept(ten, 10, Level.SAFE);
        members[0].setLevel(keccak256(ten), Level.PENDING);
        anchor.update(header(9));
        assertEq(anchor.head(Level.SAFE).number, 9);
    }

    /// @dev A member that has noticed by itself may be about to recover.
    function test_reportMisbehaviour_whilePaused_reverts() public {
        tell(0, ten, 10, Level.FINAL);
        tell(1, forged(10), 10, Level.FINAL);
        members[1].setStatus(Status.FROZEN);
        members[2].setStatus(Status.FROZEN);
        assertStatus(anchor, Status.PAUSED);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.PAUSED, NOW));
        anchor.reportMisbehaviour(abi.encode(10, 0, 1));
    }

    /// @dev A stranger cannot make a block depend on a weaker one.
    function test_extendAncestors_toABlockOfItsOwnWord_lowersNothing() public {
        bytes memory nine = header(9);
        ten = child(nine, 10);
        accept(nine, 9, Level.FINAL);
        accept(ten, 10, Level.SAFE);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        assertLevel(anchor, nine, Level.FINAL);
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        members[1].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, nine, Level.FINAL);
    }

    function test_extendAncestors_ofAnAncestor_dependOnTheOneThatWasAccepted() public {
        bytes memory eight = header(8);
        bytes memory nine = child(eight, 9);
        ten = child(nine, 10);
        accept(ten, 10, Level.FINAL);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        anchor.extendAncestors(keccak256(nine), HeaderWriter.pair(nine, eight));
        assertLevel(anchor, eight, Level.FINAL);
        members[0].setLevel(keccak256(ten), Level.SAFE);
        assertLevel(anchor, eight, Level.SAFE);
    }
}
