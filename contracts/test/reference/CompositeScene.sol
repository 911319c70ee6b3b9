// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, Status} from "../../src/interfaces/IAnchor.sol";
import {HeaderWriter} from "./HeaderWriter.sol";
import {NamedErrors} from "./NamedErrors.sol";
import {TestAnchor} from "./TestAnchor.sol";

/// @title CompositeScene
/// @notice Three anchors that believe whatever the test tells them, of a source with a block every 10 seconds: number 10 is of
/// now.
abstract contract CompositeScene is NamedErrors {
    uint256 internal constant CHAIN = 4242;
    uint64 internal constant NOW = 1_800_000_000;

    TestAnchor[3] internal members;

    function setUp() public virtual {
        vm.warp(NOW);
        for (uint256 i = 0; i < 3; ++i) {
            members[i] = new TestAnchor(CHAIN);
        }
    }

    function list() internal view returns (IAnchor[] memory found) {
        found = new IAnchor[](3);
        for (uint256 i = 0; i < 3; ++i) {
            found[i] = members[i];
        }
    }

    function timeOf(uint64 number) internal pure returns (uint64) {
        return NOW + number * 10 - 100;
    }

    /// @notice A header of the source.
    function header(uint64 number) internal pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("parent"), keccak256("state"), number, timeOf(number));
    }

    /// @notice Another one of that number and time.
    function forged(uint64 number) internal pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("parent"), keccak256("evil"), number, timeOf(number));
    }

    /// @notice One whose parent is this.
    function child(bytes memory parent, uint64 number) internal pure returns (bytes memory) {
        return HeaderWriter.header(keccak256(parent), keccak256("state"), number, timeOf(number));
    }

    /// @notice The member has this block.
    function tell(uint256 member, bytes memory raw, uint64 number, Level level) internal {
        members[member].setBlockOf(keccak256(raw), keccak256("whatever"), number, timeOf(number), level);
    }

    function assertLevel(IAnchor anchor, bytes memory raw, Level expected) internal view {
        assertEq(uint8(anchor.blockByHash(keccak256(raw)).level), uint8(expected));
    }

    function assertStatus(IAnchor anchor, Status expected) internal view {
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(expected));
    }
}
