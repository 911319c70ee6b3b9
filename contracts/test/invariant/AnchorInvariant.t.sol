// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {QuorumAnchor} from "../../src/anchors/QuorumAnchor.sol";
import {Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {AnchorHandler} from "./AnchorHandler.sol";

/// @notice Whatever signers, strangers and a guardian do in whatever order, the anchor says of each block what a model says that
/// marks every one by hand.
contract AnchorInvariantTest is Test {
    AnchorHandler private handler;
    QuorumAnchor private anchor;

    function setUp() public {
        handler = new AnchorHandler();
        anchor = handler.ANCHOR();
        targetContract(address(handler));
    }

    /// @dev I7, I8 of the anchors: revocation takes what it says and nothing else, FINAL stays, a contradiction overwrites nothing.
    function invariant_levels_areTheModels() public view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            SrcBlock memory found = anchor.blockByHash(handler.hashOf(i));
            assertEq(uint8(found.level), uint8(handler.levelOf(i)), "level");
            if (found.level != Level.UNKNOWN) assertEq(found.number, handler.numberOf(i), "number");
            if (found.level != Level.SAFE && found.level != Level.FINAL) continue;
            assertEq(anchor.canonicalAt(found.number).blockHash, found.blockHash, "one block of a number");
        }
    }

    function invariant_head_isTheHighest() public view {
        assertEq(anchor.head(Level.SAFE).blockHash, handler.head(Level.SAFE), "SAFE");
        assertEq(anchor.head(Level.FINAL).blockHash, handler.head(Level.FINAL), "FINAL");
    }

    function invariant_status_isTheModels() public view {
        (Status current,, uint64 canonicalEpoch) = anchor.status();
        assertEq(current == Status.FROZEN, handler.frozen(), "frozen");
        assertEq(canonicalEpoch, handler.epoch(), "epoch");
    }

    /// @dev A story in which everything happens once, so that a model in which nothing does cannot pass.
    function test_handler_everyCall_succeedsAtTimes() public {
        handler.attest(0, true); // the genesis
        handler.mine(0); // 1, of 0
        handler.mine(0); // 2, of 1
        handler.mine(2); // 3, of 0: another one of 1's number
        handler.mine(0); // 4, of 3
        handler.attest(1, false);
        handler.attest(2, false);
        handler.revoke(1);
        handler.attest(4, true);
        handler.extend(4, 1); // 3 displaces 1
        assertEq(uint8(handler.levelOf(1)), uint8(Level.REVOKED));
        assertEq(uint8(handler.levelOf(3)), uint8(Level.FINAL));
        handler.revoke(0); // refused: above is what is FINAL
        string[5] memory all = ["attest", "extend", "displace", "revoke", "refused"];
        for (uint256 i = 0; i < all.length; ++i) {
            assertGt(handler.calls(all[i]), 0, all[i]);
        }
        assertEq(handler.surprise(), "");
        invariant_levels_areTheModels();
        invariant_head_isTheHighest();
        invariant_status_isTheModels();
    }

    function invariant_calls_goAsTheModelHasIt() public view {
        assertEq(handler.surprise(), "");
    }
}
