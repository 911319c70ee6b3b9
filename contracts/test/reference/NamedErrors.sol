// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @title NamedErrors
/// @notice For tests that only care that a refusal has a cause: an error of ours, no panic, no text, no bare revert.
abstract contract NamedErrors is Test {
    /// @notice The selector of a custom error; fails the test for anything else that a call can revert with.
    function assertNamed(bytes memory reason) internal pure returns (bytes4 selector) {
        assertGe(reason.length, 4, "an error without a name");
        // forge-lint: disable-next-line(unsafe-typecast)
        selector = bytes4(reason); // the selector is meant
        assertTrue(selector != bytes4(keccak256("Panic(uint256)")), "a panic");
        assertTrue(selector != bytes4(keccak256("Error(string)")), "a text");
    }
}
