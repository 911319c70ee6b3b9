// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {ReplicaRecord, ReplicaStatus} from "../../src/interfaces/IHub.sol";
import {HubHandler} from "./HubHandler.sol";

/// @notice The seven invariants of the protocol over random histories. All are looked at after each call of one campaign, not
/// each in a campaign of its own: the histories would be the same ones, only fewer for the same time.
contract HubInvariantTest is Test {
    HubHandler private handler;

    function setUp() public {
        handler = new HubHandler();
        handler.start();
        bytes4[] memory selectors = new bytes4[](16);
        selectors[0] = HubHandler.mine.selector;
        selectors[1] = HubHandler.setLevel.selector;
        selectors[2] = HubHandler.setStatus.selector;
        selectors[3] = HubHandler.fill.selector;
        selectors[4] = HubHandler.activate.selector;
        selectors[5] = HubHandler.sync.selector;
        selectors[6] = HubHandler.sync.selector; // what matters most happens most often
        selectors[7] = HubHandler.halt.selector;
        selectors[8] = HubHandler.restoreLogic.selector;
        selectors[9] = HubHandler.read.selector;
        selectors[10] = HubHandler.prepare.selector;
        selectors[11] = HubHandler.prepare.selector;
        selectors[12] = HubHandler.commit.selector;
        selectors[13] = HubHandler.commit.selector;
        selectors[14] = HubHandler.garbage.selector;
        selectors[15] = HubHandler.mine.selector; // without new blocks there is nowhere to go
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_protocol() public view {
        address[] memory replicas = handler.replicas();
        for (uint256 i = 0; i < replicas.length; ++i) {
            _assertMirror(replicas[i]);
        }
        assertEq(handler.changedWithoutRight(), 0, "All or nothing / Read-only");
        assertEq(handler.wronglyAccepted(), 0, "Complete");
        assertEq(handler.wronglyAllowed(), 0, "No door");
        assertEq(handler.wronglyRefused(), 0, "Recoverable: an honest call was refused");
        assertEq(handler.refusedWithoutName(), 0, "Fail closed");
    }

    /// @dev One long history that is always the same: no kind of call may be one that never succeeds, but for `restoreLogic`,
    /// which has nothing to restore here (HubAttacks.t.sol has its tests).
    function test_handler_longHistory_everyOtherCallSucceedsAtTimes() public {
        for (uint256 step = 0; step < 1200; ++step) {
            uint256[5] memory dice;
            for (uint256 i = 0; i < 5; ++i) {
                dice[i] = uint256(keccak256(abi.encode(step, i)));
            }
            _step(step % 15, dice);
        }
        string[7] memory actions = ["fill", "activate", "sync", "prepare", "commit", "halt", "read"];
        for (uint256 i = 0; i < actions.length; ++i) {
            emit log_named_uint(actions[i], handler.succeeded(actions[i]));
            assertGt(handler.succeeded(actions[i]), 1, actions[i]);
        }
        invariant_protocol();
        afterInvariant();
    }

    function _step(uint256 action, uint256[5] memory dice) private {
        if (action == 0 || action == 14) handler.mine(dice[0]);
        else if (action == 1) handler.setLevel(dice[0], dice[1], dice[2]);
        else if (action == 2) handler.setStatus(dice[0], dice[1]);
        else if (action == 3) handler.fill(dice[0], dice[1], dice[2]);
        else if (action == 4) handler.activate(dice[0], dice[1], dice[2], dice[3]);
        else if (action == 5) handler.halt(dice[0], dice[1], dice[2], dice[3]);
        else if (action == 6) handler.restoreLogic(dice[0], dice[1]);
        else if (action == 7) handler.read(dice[0], dice[1], dice[2], dice[3], dice[4]);
        else if (action == 8 || action == 9) handler.prepare(dice[0], dice[1], dice[2], dice[3]);
        else if (action == 10 || action == 11) handler.commit(dice[0], dice[1], dice[2], dice[3]);
        else if (action == 12) handler.garbage(dice[0], dice[1], dice[2], dice[3], abi.encodePacked(dice[4]));
        else handler.sync(dice[0], dice[1], dice[2], dice[3]);
    }

    function afterInvariant() public {
        address[] memory replicas = handler.replicas();
        for (uint256 i = 0; i < replicas.length; ++i) {
            if (handler.recordOf(replicas[i]).status == ReplicaStatus.FILLING) continue;
            assertEq(handler.unreachable(replicas[i]), 0, "Recoverable");
        }
    }

    /// @dev The storage is what was last applied; and that is, while the replica is active, what the source was at the
    /// recorded block, and its root is the recorded one and the source's.
    function _assertMirror(address replica) private view {
        ReplicaRecord memory rec = handler.recordOf(replica);
        uint256[4] memory values = handler.valuesOf(replica);
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(uint256(vm.load(replica, bytes32(i))), i < 4 ? values[i] : 0, "Mirror: storage");
        }
        assertEq(rec.storageRoot, handler.rootOfValues(values), "Mirror: root of the storage");
        if (rec.status == ReplicaStatus.FILLING) return;
        // Also of one whose source has ended: the recorded block is the last one that was mirrored.
        (uint256[4] memory source, bytes32 root, HubHandler.Kind kind) = handler.sourceAt(rec.blockHash);
        assertEq(rec.storageRoot, root, "Mirror: root of the source");
        assertEq(abi.encode(values), abi.encode(source), "Mirror: values of the source");
        assertTrue(kind == HubHandler.Kind.LIVE, "Mirror: the source is there");
        assertEq(rec.haltHash != 0, rec.status != ReplicaStatus.ACTIVE, "Mirror: the end is recorded");
        if (rec.haltHash == 0) return;
        (,, kind) = handler.sourceAt(rec.haltHash);
        assertTrue(kind != HubHandler.Kind.LIVE, "Mirror: the source had ended");
    }
}
