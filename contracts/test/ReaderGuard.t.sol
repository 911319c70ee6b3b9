// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReaderGuard} from "../src/ReaderGuard.sol";
import {Level, Status} from "../src/interfaces/IAnchor.sol";
import {IHub, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {FreshReplica} from "../src/libraries/FreshReplica.sol";
import {HubTest} from "./reference/HubTest.sol";
import {SampleSource} from "./reference/SampleSource.sol";

/// @notice The policy of `FreshReplica`, through the guard that has it fixed.
contract ReaderGuardTest is HubTest {
    uint64 private constant AGE = 1 hours;

    uint256[4] private first = [uint256(42), 0, 300, 0];
    uint256[4] private second = [uint256(43), 5, 0, 9];

    address private replica;
    Block private recorded;
    ReaderGuard private guard;
    SampleSource private read; // what an unmodified caller takes it for

    function setUp() public {
        recorded = acceptedBlock(10, first);
        replica = activeAt(10, first);
        vm.warp(10 * 12 + 60); // source time runs 12 seconds a block
        guard = new ReaderGuard(hub, replica, AGE, Level.FINAL);
        read = SampleSource(payable(address(guard)));
    }

    function refused(bytes memory reason) private {
        vm.expectRevert(reason);
        read.stored();
    }

    function test_fallback_freshReplica_answersAsItDoes() public {
        assertEq(read.stored(), SampleSource(payable(replica)).stored());
        bytes memory unknown = hex"12345678";
        (bool success, bytes memory answer) = address(guard).call(unknown);
        (bool itsSuccess, bytes memory itsAnswer) = replica.call(unknown);
        assertEq(success, itsSuccess);
        assertEq(answer, itsAnswer);
    }

    function test_fallback_staticCall_answers() public view {
        (bool success, bytes memory answer) = address(guard).staticcall(abi.encodeCall(SampleSource.stored, ()));
        assertTrue(success);
        assertEq(abi.decode(answer, (uint256)), 42);
    }

    function test_fallback_tooOld_reverts() public {
        vm.warp(120 + AGE);
        assertEq(read.stored(), 42);
        vm.warp(120 + AGE + 1);
        refused(abi.encodeWithSelector(FreshReplica.Stale.selector, replica, 120, 121));
        sync(replica, acceptedBlock(400, second), first, second);
        assertEq(read.stored(), 43);
    }

    function test_fallback_sourceClockAhead_isFresh() public {
        vm.warp(1);
        assertEq(read.stored(), 42);
    }

    function test_fallback_revoked_reverts() public {
        anchor.setLevel(recorded.hash, Level.REVOKED);
        refused(abi.encodeWithSelector(FreshReplica.Revoked.selector, replica, recorded.hash));
    }

    function test_fallback_notFinal_reverts() public {
        anchor.setLevel(recorded.hash, Level.SAFE);
        refused(abi.encodeWithSelector(FreshReplica.LevelTooLow.selector, replica, Level.SAFE, Level.FINAL));
        vm.warp(180);
        guard = new ReaderGuard(hub, replica, AGE, Level.SAFE);
        assertEq(SampleSource(payable(address(guard))).stored(), 42);
    }

    function test_fallback_anchorDown_reverts() public {
        for (uint8 status = 1; status <= uint8(Status.FROZEN); ++status) {
            anchor.setStatus(Status(status));
            refused(abi.encodeWithSelector(FreshReplica.AnchorDown.selector, replica, Status(status)));
        }
    }

    function test_fallback_sourceEnded_reverts() public {
        Block memory gone = absentBlock(11);
        hub.halt(replica, gone.hash, gone.nodes);
        refused(abi.encodeWithSelector(FreshReplica.ReplicaNotActive.selector, replica, ReplicaStatus.SOURCE_DESTROYED));
    }

    function test_fallback_value_isRefused() public {
        (bool success, bytes memory reason) = address(guard).call{value: 1}(abi.encodeCall(SampleSource.stored, ()));
        assertFalse(success);
        assertEq(reason, abi.encodeWithSelector(ReaderGuard.ValueRefused.selector, 1));
    }

    function test_constructor_notAReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(this)));
        new ReaderGuard(hub, address(this), AGE, Level.FINAL);
    }

    function test_constructor_filling_reverts() public {
        creator = makeAddr("another creator");
        address filling = created();
        vm.expectRevert(abi.encodeWithSelector(FreshReplica.ReplicaNotActive.selector, filling, ReplicaStatus.FILLING));
        new ReaderGuard(hub, filling, AGE, Level.FINAL);
    }

    function test_constructor_otherLevels_revert() public {
        Level[3] memory levels = [Level.UNKNOWN, Level.PENDING, Level.REVOKED];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ReaderGuard.LevelOutOfRange.selector, levels[i]));
            new ReaderGuard(hub, replica, AGE, levels[i]);
        }
    }
}
