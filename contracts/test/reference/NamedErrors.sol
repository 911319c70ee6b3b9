// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @title NamedErrors
/// @notice For tests that only care that a refusal has a cause: an error of ours, no panic, no text, no bare revert.
abstract contract NamedErrors is Test {
    /// @notice The selector of a custom error; fails the test for anything else that a call can revert with.
    function assertNamed(bytes memory reason) internal pure returns (bytes4 selector) {
        assertGe(reason.length, 4, "an error without a name");
        selector = selectorOf(reason);
        assertTrue(selector != bytes4(keccak256("Panic(uint256)")), "a panic");
        assertTrue(selector != bytes4(keccak256("Error(string)")), "a text");
    }

    /// @notice The first four bytes of what a call reverted with.
    function selectorOf(bytes memory reason) internal pure returns (bytes4) {
        return bytes4(reason); // forge-lint: disable-line(unsafe-typecast)
    }
}
