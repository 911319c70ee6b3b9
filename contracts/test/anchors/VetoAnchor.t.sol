// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VetoAnchor} from "../../src/anchors/VetoAnchor.sol";
import {IAnchor, Level, Status} from "../../src/interfaces/IAnchor.sol";
import {ICompositeAnchor} from "../../src/interfaces/ICompositeAnchor.sol";
import {IVetoAnchor} from "../../src/interfaces/IVetoAnchor.sol";
import {CompositeScene} from "../reference/CompositeScene.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";

contract VetoAnchorTest is CompositeScene {
    uint64 private constant DELAY = 1 hours;
    uint64 private constant DRIFT = 60;

    VetoAnchor private anchor;
    bytes private ten;
    bytes private evil;

    function setUp() public override {
        super.setUp();
        anchor = new VetoAnchor(list(), DELAY, DRIFT);
        (ten, evil) = (header(10), forged(10));
    }

    /// @dev Offered by the primary.
    function offer(bytes memory raw, uint64 number, Level level) private {
        tell(0, raw, number, level);
        anchor.update(raw);
    }

    function evidence(bytes memory raw, uint256 watcher, uint64 number) private pure returns (bytes memory) {
        return abi.encode(keccak256(raw), watcher, number);
    }

    function test_constructor_nothingToWatch_reverts() public {
        IAnchor[] memory alone = new IAnchor[](1);
        alone[0] = members[0];
        vm.expectRevert(abi.encodeWithSelector(IVetoAnchor.NothingToWatch.selector, 0, DELAY, DRIFT));
        new VetoAnchor(alone, DELAY, DRIFT);
        vm.expectRevert(abi.encodeWithSelector(IVetoAnchor.NothingToWatch.selector, 2, DRIFT, DRIFT));
        new VetoAnchor(list(), DRIFT, DRIFT);
    }

    // --- blocks ---

    function test_update_primarysBlock_isUsableAfterTheDelay() public {
        tell(0, ten, 10, Level.FINAL);
        (, Level level) = anchor.update(ten);
        assertEq(uint8(level), uint8(Level.PENDING));
        assertEq(uint8(anchor.head(Level.SAFE).level), uint8(Level.UNKNOWN));
        assertEq(anchor.head(Level.PENDING).number, 10);
        vm.warp(NOW + DELAY - 1);
        assertLevel(anchor, ten, Level.PENDING);
        anchor.update(ten); // once more begins nothing anew
        vm.warp(NOW + DELAY);
        assertLevel(anchor, ten, Level.FINAL);
        assertEq(anchor.head(Level.FINAL).number, 10);
        assertEq(anchor.blockByHash(keccak256(ten)).stateRoot, keccak256("state"));
    }

    function test_update_delayOfCenturies_isPending() public {
        anchor = new VetoAnchor(list(), type(uint64).max, DRIFT);
        offer(ten, 10, Level.FINAL);
        assertLevel(anchor, ten, Level.PENDING);
    }

    function test_update_watchersBlock_isNone() public {
        tell(1, ten, 10, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, keccak256(ten), 1, 0));
        anchor.update(ten);
    }

    function test_update_timeInFuture_reverts() public {
        uint64 ahead = 10 + DRIFT / 10 + 1;
        tell(0, header(ahead), ahead, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampInFuture.selector, timeOf(ahead), NOW + DRIFT));
        anchor.update(header(ahead));
        offer(header(ahead - 1), ahead - 1, Level.FINAL);
    }

    function test_update_whilePrimaryIsStopped_isPaused() public {
        offer(ten, 10, Level.SAFE);
        vm.warp(NOW + 5);
        members[0].setStatus(Status.FROZEN);
        vm.warp(NOW + DELAY);
        (Status current, uint64 since,) = anchor.status();
        assertEq(since, NOW + 5);
        assertEq(uint8(current), uint8(Status.PAUSED)); // nothing ripens for those who look at the status, as hub and guard do
        vm.expectPartialRevert(IAnchor.AnchorStopped.selector);
        anchor.update(ten);
    }

    function test_head_isTheNewestThatCanBeUsed() public {
        for (uint64 i = 0; i < 7; ++i) {
            vm.warp(NOW + i * 10 minutes);
            offer(header(10 + i), 10 + i, Level.SAFE);
        }
        for (uint64 i = 0; i < 7; ++i) {
            vm.warp(NOW + DELAY + i * 10 minutes);
            assertEq(anchor.head(Level.SAFE).number, 10 + i);
            assertEq(anchor.head(Level.PENDING).number, 16);
        }
        members[0].setLevel(keccak256(header(16)), Level.REVOKED);
        assertEq(anchor.head(Level.SAFE).number, 15);
    }

    function test_head_ofABlockThatComesBack_isTold() public {
        offer(ten, 10, Level.SAFE);
        offer(header(9), 9, Level.SAFE);
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        vm.warp(NOW + DELAY);
        assertEq(anchor.head(Level.SAFE).number, 9);
        members[0].setLevel(keccak256(ten), Level.SAFE);
        assertEq(anchor.head(Level.SAFE).number, 10);
    }

    function test_head_afterAHighBlockWasRevoked_isALowerOne() public {
        bytes memory far = header(16);
        offer(far, 16, Level.SAFE);
        members[0].setLevel(keccak256(far), Level.REVOKED);
        offer(ten, 10, Level.SAFE);
        vm.warp(NOW + DELAY);
        assertEq(anchor.head(Level.SAFE).number, 10);
    }

    function test_levels_primaryRevokes_isRevoked() public {
        offer(ten, 10, Level.SAFE);
        vm.warp(NOW + DELAY);
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, ten, Level.REVOKED);
        // And back again: the watchers had their time.
        members[0].setLevel(keccak256(ten), Level.SAFE);
        assertLevel(anchor, ten, Level.SAFE);
    }

    function test_levels_primaryDoesNotKnowIt_isNotRevoked() public {
        offer(ten, 10, Level.SAFE);
        vm.warp(NOW + DELAY);
        members[0].setLevel(keccak256(ten), Level.UNKNOWN);
        assertLevel(anchor, ten, Level.PENDING);
    }

    // --- vetoes ---

    function test_reportMisbehaviour_twoFinalBlocks_freezes() public {
        offer(ten, 10, Level.FINAL);
        tell(2, evil, 10, Level.FINAL);
        vm.expectEmit(address(anchor));
        emit IAnchor.StatusChanged(Status.FROZEN, abi.encode(keccak256(ten), 2, keccak256(evil)));
        anchor.reportMisbehaviour(evidence(ten, 2, 10));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.FROZEN, NOW));
        anchor.update(ten);
    }

    /// @dev An ordinary reorganisation of which one of the two has not heard yet.
    function test_reportMisbehaviour_notBothFinal_setsAsideUntilOfferedAgain() public {
        offer(ten, 10, Level.FINAL);
        tell(1, evil, 10, Level.SAFE);
        vm.expectEmit(address(anchor));
        emit IVetoAnchor.BlockVetoed(keccak256(ten), 10, 1, keccak256(evil));
        anchor.reportMisbehaviour(evidence(ten, 1, 10));
        vm.warp(NOW + DELAY);
        assertLevel(anchor, ten, Level.PENDING);
        assertStatus(anchor, Status.ACTIVE);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(ten, 1, 10));

        members[1].setLevel(keccak256(evil), Level.REVOKED);
        anchor.update(ten);
        vm.warp(NOW + 2 * DELAY - 1);
        assertLevel(anchor, ten, Level.PENDING);
        vm.warp(NOW + 2 * DELAY);
        assertLevel(anchor, ten, Level.FINAL);
    }

    function test_reportMisbehaviour_ofAUsableBlock_isNotRevoked() public {
        offer(ten, 10, Level.FINAL);
        vm.warp(NOW + DELAY);
        tell(1, evil, 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(ten, 1, 10));
        assertLevel(anchor, ten, Level.PENDING); // who stands there stays, and does not go backwards
    }

    function test_reportMisbehaviour_otherWatchersBroken_isOneWatchersMatter() public {
        offer(evil, 10, Level.FINAL);
        vm.etch(address(members[1]), hex"5f5ffd");
        tell(2, ten, 10, Level.FINAL);
        anchor.reportMisbehaviour(evidence(evil, 2, 10));
        assertStatus(anchor, Status.FROZEN);
    }

    function test_reportMisbehaviour_watchersAgree_reverts() public {
        offer(ten, 10, Level.FINAL);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(ten, 1, 10)); // it is silent
        tell(1, ten, 10, Level.FINAL);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(ten, 1, 10));
        tell(1, header(11), 11, Level.FINAL);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(ten, 1, 11));
        tell(1, header(9), 9, Level.FINAL);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(ten, 1, 9));
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(evil, 1, 10)); // was never accepted
    }

    function test_reportMisbehaviour_otherEvidence_isNamed() public {
        offer(ten, 10, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ProofNotCanonical.selector, 32));
        anchor.reportMisbehaviour(abi.encode(uint64(10)));
        for (uint256 place = 0; place < 4; place += 3) {
            vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NoSuchMember.selector, place));
            anchor.reportMisbehaviour(evidence(ten, place, 10));
        }
    }

    /// @dev The primary takes a false block back, offers a decoy, and accepts the false one again: it is vetoed all the same.
    function test_reportMisbehaviour_blockThatComesAndGoes_isVetoed() public {
        bytes memory decoy = child(ten, 10);
        offer(evil, 10, Level.SAFE);
        members[0].setLevel(keccak256(evil), Level.REVOKED);
        offer(decoy, 10, Level.SAFE);
        members[0].setLevel(keccak256(decoy), Level.REVOKED);
        members[0].setLevel(keccak256(evil), Level.SAFE);
        vm.warp(NOW + DELAY);
        assertLevel(anchor, evil, Level.REVOKED); // another was accepted after it
        anchor.update(evil);
        assertLevel(anchor, evil, Level.PENDING); // and it waits from the beginning
        members[0].setLevel(keccak256(evil), Level.REVOKED);
        tell(1, ten, 10, Level.FINAL);
        anchor.reportMisbehaviour(evidence(evil, 1, 10)); // also while the primary denies it
        members[0].setLevel(keccak256(evil), Level.SAFE);
        vm.warp(NOW + 2 * DELAY);
        assertLevel(anchor, evil, Level.PENDING);
    }

    /// @dev A number that no watcher will reach: the next block of theirs is later and has a lower number.
    function test_reportMisbehaviour_farNumber_isVetoedByOrder() public {
        bytes memory far = farHeader();
        members[0].setBlockOf(keccak256(far), 0, 1_000_000, NOW + DRIFT, Level.SAFE);
        anchor.update(far);
        tell(2, header(16), 16, Level.FINAL); // of NOW + 60: not later
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(far, 2, 16));
        tell(2, header(17), 17, Level.FINAL);
        anchor.reportMisbehaviour(evidence(far, 2, 17));
        vm.warp(NOW + DELAY);
        assertLevel(anchor, far, Level.PENDING);
    }

    function farHeader() private pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("parent"), keccak256("evil"), 1_000_000, NOW + DRIFT);
    }

    // --- ancestors ---

    function test_extendAncestors_ofAPendingBlock_reverts() public {
        offer(ten, 10, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, keccak256(ten), Level.PENDING));
        anchor.extendAncestors(keccak256(ten), new bytes[](0));
    }

    function test_extendAncestors_ofAUsableBlock_haveWaitedWithIt() public {
        bytes memory nine = header(9);
        ten = child(nine, 10);
        offer(ten, 10, Level.FINAL);
        vm.warp(NOW + DELAY);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        assertLevel(anchor, nine, Level.FINAL);
        // That the source has dropped ten says nothing about nine.
        members[0].setLevel(keccak256(ten), Level.REVOKED);
        assertLevel(anchor, nine, Level.PENDING);
        tell(0, nine, 9, Level.SAFE);
        assertLevel(anchor, nine, Level.SAFE); // it has waited
        members[0].setLevel(keccak256(nine), Level.UNKNOWN);
        tell(0, forged(9), 9, Level.SAFE); // perhaps an orphan
        assertLevel(anchor, nine, Level.PENDING);
        members[0].setLevel(keccak256(forged(9)), Level.FINAL);
        assertLevel(anchor, nine, Level.REVOKED);
    }

    /// @dev Nine, that only its descendant ten brought: both from an owner of the primary who lies.
    function bring(Level level) private returns (bytes memory nine) {
        nine = forged(9);
        evil = child(nine, 10);
        offer(evil, 10, level);
        vm.warp(NOW + DELAY);
        anchor.extendAncestors(keccak256(evil), HeaderWriter.pair(evil, nine));
        assertLevel(anchor, nine, level);
    }

    function test_reportMisbehaviour_ofADescendant_setsAsideItsAncestors() public {
        bytes memory nine = bring(Level.SAFE);
        tell(1, ten, 10, Level.FINAL);
        anchor.reportMisbehaviour(evidence(evil, 1, 10));
        assertLevel(anchor, nine, Level.PENDING);
        tell(0, nine, 9, Level.FINAL); // nor does the primary's own word help it
        assertLevel(anchor, nine, Level.PENDING);
    }

    function test_reportMisbehaviour_ofAnAncestor_setsItAsideAndNotItsDescendant() public {
        bytes memory nine = bring(Level.SAFE);
        tell(1, header(9), 9, Level.FINAL);
        vm.expectEmit(address(anchor));
        emit IVetoAnchor.BlockVetoed(keccak256(nine), 9, 1, keccak256(header(9)));
        anchor.reportMisbehaviour(evidence(nine, 1, 9));
        assertLevel(anchor, nine, Level.PENDING);
        assertLevel(anchor, evil, Level.SAFE); // an orphan that a stranger sent a watcher stops one number, not what is above
        assertEq(anchor.usableFrom(keccak256(nine)), 0);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence(nine, 1, 9)); // has been dealt with
        // It does not come back by what was offered before.
        anchor.extendAncestors(keccak256(evil), HeaderWriter.pair(evil, nine));
        vm.warp(block.timestamp + DELAY);
        anchor.extendAncestors(keccak256(evil), HeaderWriter.pair(evil, nine));
        assertLevel(anchor, nine, Level.PENDING);
    }

    /// @dev An orphan that a stranger has sent to a watcher closes one number, not the way to those below. And a block that was
    /// set aside may be offered however old it is: nobody else than watchers has to look for what contradicts it.
    function test_extendAncestors_pastABlockSetAside_takesThoseBelow() public {
        bytes memory eight = header(8);
        bytes memory nine = child(eight, 9);
        ten = child(nine, 10);
        offer(ten, 10, Level.FINAL);
        vm.warp(NOW + DELAY);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        tell(1, forged(9), 9, Level.SAFE);
        anchor.reportMisbehaviour(evidence(nine, 1, 9));
        bytes[] memory down = new bytes[](3);
        (down[0], down[1], down[2]) = (ten, nine, eight);
        anchor.extendAncestors(keccak256(ten), down);
        assertLevel(anchor, nine, Level.PENDING);
        assertLevel(anchor, eight, Level.FINAL);

        members[1].setLevel(keccak256(forged(9)), Level.REVOKED);
        tell(0, nine, 9, Level.FINAL);
        vm.warp(NOW + 2 * DELAY);
        anchor.update(nine);
        assertLevel(anchor, nine, Level.PENDING);
        vm.warp(NOW + 3 * DELAY);
        assertLevel(anchor, nine, Level.FINAL);
        assertEq(anchor.head(Level.SAFE).number, 10); // the newest one, although it was offered before
    }

    /// @dev What waited as SAFE and is FINAL as an ancestor has waited as an ancestor, and goes with what brought it.
    function test_extendAncestors_toAnOfferedBlock_ofAHigherLevel_goesWithItsDescendant() public {
        bytes memory nine = forged(9);
        evil = child(nine, 10);
        offer(evil, 10, Level.FINAL);
        vm.warp(NOW + DELAY - 10);
        offer(nine, 9, Level.SAFE);
        vm.warp(NOW + DELAY);
        anchor.extendAncestors(keccak256(evil), HeaderWriter.pair(evil, nine));
        assertLevel(anchor, nine, Level.FINAL);
        tell(1, ten, 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(evil, 1, 10));
        assertLevel(anchor, nine, Level.PENDING);
    }

    /// @dev However many offers came to nothing: no transaction has to clear them away.
    function test_update_afterManyVetoes_costsTheSame() public {
        offer(header(5), 5, Level.SAFE);
        uint256 before = gasleft();
        offer(header(6), 6, Level.SAFE);
        uint256 once = before - gasleft();
        // One false word of a watcher contradicts them all by order.
        for (uint64 i = 20; i < 50; ++i) {
            vm.warp(timeOf(i));
            offer(header(i), i, Level.SAFE);
        }
        members[1].setBlockOf(keccak256("false"), keccak256("whatever"), 7, timeOf(50), Level.SAFE);
        for (uint64 i = 20; i < 50; ++i) {
            anchor.reportMisbehaviour(evidence(header(i), 1, 7));
        }
        vm.warp(timeOf(50));
        before = gasleft();
        offer(header(50), 50, Level.SAFE);
        assertLt(before - gasleft(), once + 50_000);
    }

    /// @dev A disagreement that is over: what was set aside comes in with a block that the watchers have had their time for.
    function test_extendAncestors_toABlockSetAside_fromOneOfferedLater() public {
        bytes memory nine = bring(Level.SAFE);
        tell(1, header(9), 9, Level.SAFE);
        anchor.reportMisbehaviour(evidence(nine, 1, 9));
        tell(1, ten, 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(evil, 1, 10)); // offered itself
        uint64 late = 10 + DELAY / 10;
        bytes memory above = HeaderWriter.header(keccak256(evil), keccak256("state"), late, timeOf(late));
        offer(above, late, Level.SAFE);
        vm.warp(block.timestamp + DELAY);
        bytes[] memory down = new bytes[](3);
        (down[0], down[1], down[2]) = (above, evil, nine);
        anchor.extendAncestors(keccak256(above), down); // offered in the same second
        assertLevel(anchor, evil, Level.PENDING);

        late += 1;
        above = HeaderWriter.header(keccak256(evil), keccak256("state"), late + DELAY / 10, timeOf(late + DELAY / 10));
        offer(above, late + DELAY / 10, Level.SAFE);
        vm.warp(block.timestamp + DELAY);
        down[0] = above;
        anchor.extendAncestors(keccak256(above), down);
        assertLevel(anchor, evil, Level.SAFE);
        assertLevel(anchor, nine, Level.SAFE);
        // All of them wait with the last one now.
        tell(1, forged(late + DELAY / 10), late + DELAY / 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(above, 1, late + DELAY / 10));
        assertLevel(anchor, evil, Level.PENDING);
        assertLevel(anchor, nine, Level.PENDING);
    }

    /// @dev What was offered itself is not brought in before its time, or after a veto, by what the primary takes back and
    /// accepts again.
    function test_extendAncestors_toAnOfferedBlock_doesNotChangeWhatItWaitsFor() public {
        bytes memory nine = bring(Level.SAFE); // with ten, which was offered
        bytes memory eleven = child(evil, 11);
        offer(eleven, 11, Level.SAFE);
        vm.warp(block.timestamp + DELAY);
        members[0].setLevel(keccak256(evil), Level.UNKNOWN); // so that ten cannot be used just now
        anchor.extendAncestors(keccak256(eleven), HeaderWriter.pair(eleven, evil));
        tell(1, header(11), 11, Level.SAFE);
        anchor.reportMisbehaviour(evidence(eleven, 1, 11));
        members[0].setLevel(keccak256(evil), Level.SAFE);
        assertLevel(anchor, evil, Level.SAFE);
        tell(1, ten, 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(evil, 1, 10));
        assertLevel(anchor, evil, Level.PENDING);
        assertLevel(anchor, nine, Level.PENDING);
    }

    /// @dev A primary that freezes itself, so that nobody can veto, and comes back when the delay is over.
    function test_reportMisbehaviour_whilePaused_isAVetoAllTheSame() public {
        offer(evil, 10, Level.FINAL);
        members[0].setStatus(Status.FROZEN);
        assertStatus(anchor, Status.PAUSED);
        tell(1, ten, 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(evil, 1, 10));
        vm.warp(NOW + DELAY);
        members[0].setStatus(Status.ACTIVE);
        assertLevel(anchor, evil, Level.PENDING);
    }

    /// @dev What waits, or was vetoed, stands all the same against what is less firm: nobody lies but two orphans linger.
    function test_extendAncestors_ofASafeBlock_replaceNoFinalOneThatWaits() public {
        offer(ten, 10, Level.FINAL);
        bytes memory eleven = child(evil, 11);
        offer(eleven, 11, Level.SAFE);
        tell(1, evil, 10, Level.SAFE);
        vm.warp(NOW + DELAY);
        anchor.reportMisbehaviour(evidence(ten, 1, 10));
        assertLevel(anchor, ten, Level.PENDING);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.Contradiction.selector, 10, keccak256(ten), keccak256(evil)));
        anchor.extendAncestors(keccak256(eleven), HeaderWriter.pair(eleven, evil));
        assertLevel(anchor, ten, Level.PENDING);
    }

    /// @dev A SAFE orphan that a FINAL block has displaced, and that its descendant would bring back while that one waits.
    function test_extendAncestors_toADisplacedBlock_isRefusedWhileTheOtherOneWaits() public {
        bytes memory eleven = child(evil, 11);
        offer(eleven, 11, Level.SAFE);
        vm.warp(NOW + DELAY);
        anchor.extendAncestors(keccak256(eleven), HeaderWriter.pair(eleven, evil));
        offer(ten, 10, Level.FINAL); // just young enough
        assertLevel(anchor, evil, Level.REVOKED);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.Contradiction.selector, 10, keccak256(ten), keccak256(evil)));
        anchor.extendAncestors(keccak256(eleven), HeaderWriter.pair(eleven, evil));
        assertLevel(anchor, evil, Level.REVOKED);
    }

    /// @dev An ancestor that is offered itself waits for the whole delay, whatever it has waited before.
    function assertOfferedWaits(bytes memory nine) private {
        tell(0, nine, 9, Level.SAFE);
        anchor.update(nine);
        assertLevel(anchor, nine, Level.PENDING);
        vm.warp(NOW + 2 * DELAY - 11);
        assertLevel(anchor, nine, Level.PENDING);
        vm.warp(NOW + 2 * DELAY - 10);
        assertLevel(anchor, nine, Level.SAFE);
    }

    function test_update_ofAnAncestorSetAside_waitsFromTheBeginning() public {
        bytes memory nine = bring(Level.SAFE);
        vm.warp(NOW + DELAY - 10); // back, to when it is young enough to be offered
        tell(1, header(9), 9, Level.SAFE);
        anchor.reportMisbehaviour(evidence(nine, 1, 9));
        assertOfferedWaits(nine);
    }

    /// @dev It waited with a block that was vetoed since, and that says nothing for it.
    function test_update_ofAnAncestorWhoseDescendantWasSetAside_waitsFromTheBeginning() public {
        bytes memory nine = bring(Level.SAFE);
        vm.warp(NOW + DELAY - 10); // back, to when it is young enough to be offered
        tell(1, ten, 10, Level.SAFE);
        anchor.reportMisbehaviour(evidence(evil, 1, 10));
        assertOfferedWaits(nine);
    }

    function test_reportMisbehaviour_ofAnAncestor_bothFinal_freezes() public {
        bytes memory nine = bring(Level.FINAL);
        tell(1, header(9), 9, Level.FINAL);
        anchor.reportMisbehaviour(evidence(nine, 1, 9));
        assertStatus(anchor, Status.FROZEN);
    }

    function test_extendAncestors_toAPendingBlock_itWaitsForItself() public {
        bytes memory nine = header(9);
        ten = child(nine, 10);
        offer(ten, 10, Level.SAFE);
        vm.warp(NOW + DELAY - 10);
        assertEq(anchor.usableFrom(keccak256(nine)), 0);
        offer(nine, 9, Level.SAFE);
        vm.warp(NOW + DELAY);
        assertLevel(anchor, nine, Level.PENDING);
        assertEq(anchor.usableFrom(keccak256(nine)), NOW + 2 * DELAY - 10);
        anchor.extendAncestors(keccak256(ten), HeaderWriter.pair(ten, nine));
        assertLevel(anchor, nine, Level.PENDING);
        assertEq(anchor.usableFrom(keccak256(nine)), NOW + 2 * DELAY - 10);
    }

    /// @dev A number that the watchers have left behind, and that they will not come by again.
    function test_update_blockOlderThanTheDelay_reverts() public {
        vm.warp(NOW + DELAY);
        tell(0, header(9), 9, Level.SAFE);
        vm.expectRevert(abi.encodeWithSelector(IVetoAnchor.TimestampTooOld.selector, timeOf(9), NOW));
        anchor.update(header(9));
        offer(ten, 10, Level.SAFE); // just young enough
    }

    /// @dev What lies between two blocks of a watcher is contradicted by their ancestors.
    function test_reportMisbehaviour_betweenTwoOfTheWatchers_needsAnAncestor() public {
        tell(1, header(8), 8, Level.FINAL);
        tell(1, header(11), 11, Level.FINAL);
        offer(evil, 10, Level.SAFE);
        for (uint64 number = 8; number < 12; number += 3) {
            vm.expectRevert(IAnchor.NoMisbehaviour.selector);
            anchor.reportMisbehaviour(evidence(evil, 1, number));
        }
        tell(1, ten, 10, Level.FINAL);
        anchor.reportMisbehaviour(evidence(evil, 1, 10));
    }

    /// @dev One far ahead, that only time can show to be false.
    function test_head_afterAFarBlockWasVetoed_isTheNewest() public {
        bytes memory far = HeaderWriter.header(keccak256("p"), keccak256("evil"), 1_000_000, NOW + DRIFT);
        members[0].setBlockOf(keccak256(far), keccak256("whatever"), 1_000_000, NOW + DRIFT, Level.SAFE);
        anchor.update(far);
        offer(ten, 10, Level.SAFE); // meanwhile
        assertEq(anchor.head(Level.PENDING).number, 1_000_000);
        uint64 later = 10 + DRIFT / 10 + 1;
        vm.warp(timeOf(later));
        tell(1, header(later), later, Level.SAFE);
        anchor.reportMisbehaviour(evidence(far, 1, later));
        offer(header(later), later, Level.SAFE);
        vm.warp(NOW + DELAY);
        assertEq(anchor.head(Level.SAFE).number, 10);
        vm.warp(timeOf(later) + DELAY);
        assertEq(anchor.head(Level.SAFE).number, later);
        assertEq(anchor.head(Level.PENDING).number, later);
    }
}
