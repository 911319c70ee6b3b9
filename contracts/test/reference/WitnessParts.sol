// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {WitnessBuilder} from "./WitnessBuilder.sol";

/// @title WitnessParts
/// @notice Takes witnesses apart, as who prepares a transition in parts has to.
library WitnessParts {
    /// @notice The items of a witness, one by one.
    function items(bytes memory witness) internal pure returns (bytes[] memory list) {
        uint256 count = 0;
        for (uint256 start = 0; start < witness.length; start = WitnessBuilder.endOf(witness, start)) {
            ++count;
        }
        list = new bytes[](count);
        uint256 end = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 start = end;
            end = WitnessBuilder.endOf(witness, start);
            list[i] = slice(witness, start, end);
        }
    }

    /// @notice The write items of a witness, in their order.
    function writes(bytes memory witness) internal pure returns (bytes memory out) {
        bytes[] memory list = items(witness);
        for (uint256 i = 0; i < list.length; ++i) {
            if (WitnessBuilder.isWrite(list[i], 0)) out = bytes.concat(out, list[i]);
        }
    }

    /// @notice The items from `start` to `end`, the last one excluded, as one part.
    function join(bytes[] memory list, uint256 start, uint256 end) internal pure returns (bytes memory part) {
        for (uint256 i = start; i < end && i < list.length; ++i) {
            part = bytes.concat(part, list[i]);
        }
    }

    /// @notice The bytes from `start` to `end`, the last one excluded.
    function slice(bytes memory data, uint256 start, uint256 end) internal pure returns (bytes memory out) {
        out = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) {
            out[i - start] = data[i];
        }
    }
}
