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

    function invariant_calls_goAsTheModelHasIt() public view {
        assertEq(handler.surprise(), "");
    }
}
