// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PriceReader} from "../../../examples/solidity/PriceReader.sol";
import {Level, Status} from "../../src/interfaces/IAnchor.sol";
import {FreshReplica} from "../../src/libraries/FreshReplica.sol";
import {HubTest} from "../reference/HubTest.sol";

contract SampleFeed {
    uint256 public price;
}

/// @notice The example of the documentation does what it says.
contract PriceReaderTest is HubTest {
    uint256[4] private first = [uint256(42), 0, 0, 0];

    address private replica;
    Block private recorded;
    PriceReader private reader;

    function setUp() public {
        code = type(SampleFeed).runtimeCode;
        recorded = acceptedBlock(10, first);
        replica = activeAt(10, first);
        vm.warp(10 * 12 + 60); // source time runs 12 seconds a block
        reader = readerOf(keyOfReplica().sourceChainId, keyOfReplica().source, address(anchor));
    }

    function readerOf(uint256 chainId, address feed, address anchor_) private returns (PriceReader) {
        return new PriceReader(hub, replica, chainId, feed, anchor_);
    }

    function test_worth_freshFinalPrice_isUsed() public view {
        assertEq(reader.worth(3), 126);
    }

    function test_worth_olderThanAnHour_reverts() public {
        vm.warp(120 + 1 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(FreshReplica.Stale.selector, replica, 120, 121));
        reader.worth(3);
    }

    function test_worth_notFinal_reverts() public {
        anchor.setLevel(recorded.hash, Level.SAFE);
        vm.expectRevert(abi.encodeWithSelector(FreshReplica.LevelTooLow.selector, replica, Level.SAFE, Level.FINAL));
        reader.worth(3);
    }

    function test_worth_droppedBySource_reverts() public {
        anchor.setLevel(recorded.hash, Level.REVOKED);
        vm.expectRevert(abi.encodeWithSelector(FreshReplica.Revoked.selector, replica, recorded.hash));
        reader.worth(3);
    }

    function test_worth_frozenAnchor_reverts() public {
        anchor.setStatus(Status.FROZEN);
        vm.expectRevert(abi.encodeWithSelector(FreshReplica.AnchorDown.selector, replica, Status.FROZEN));
        reader.worth(3);
    }

    function test_constructor_otherReplica_reverts() public {
        uint256 chainId = keyOfReplica().sourceChainId;
        address feed = keyOfReplica().source;
        bytes memory wrong = abi.encodeWithSelector(PriceReader.NotThatReplica.selector, chainId, feed, address(anchor));
        vm.expectRevert(wrong);
        readerOf(chainId + 1, feed, address(anchor));
        vm.expectRevert(wrong);
        readerOf(chainId, address(1), address(anchor));
        vm.expectRevert(wrong);
        readerOf(chainId, feed, address(1));
    }
}
