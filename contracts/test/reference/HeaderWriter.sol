// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RlpWriter} from "./RlpWriter.sol";

/// @title HeaderWriter
/// @notice Writes block headers for tests, as a list of encoded fields that a test can spoil one by one.
library HeaderWriter {
    /// @notice The encoded fields of a header with the 15 fields of Frontier.
    function fields(bytes32 parentHash, bytes32 stateRoot, uint256 number, uint256 timestamp)
        internal
        pure
        returns (bytes[] memory out)
    {
        out = new bytes[](15);
        out[0] = RlpWriter.word(parentHash);
        out[1] = RlpWriter.word(keccak256("uncles"));
        out[2] = RlpWriter.str(abi.encodePacked(address(0xbe)));
        out[3] = RlpWriter.word(stateRoot);
        out[4] = RlpWriter.word(keccak256("transactions"));
        out[5] = RlpWriter.word(keccak256("receipts"));
        out[6] = RlpWriter.str(new bytes(256));
        out[7] = RlpWriter.scalar(0); // difficulty
        out[8] = RlpWriter.scalar(number);
        out[9] = RlpWriter.scalar(30_000_000); // gas limit
        out[10] = RlpWriter.scalar(21_000); // gas used
        out[11] = RlpWriter.scalar(timestamp);
        out[12] = RlpWriter.str("smartsync"); // extra data
        out[13] = RlpWriter.word(keccak256("randao"));
        out[14] = RlpWriter.str(new bytes(8));
    }

    /// @notice The header of these fields.
    function join(bytes[] memory encoded) internal pure returns (bytes memory) {
        bytes memory items;
        for (uint256 i = 0; i < encoded.length; ++i) {
            items = bytes.concat(items, encoded[i]);
        }
        return RlpWriter.list(items);
    }

    /// @notice A header of 15 fields.
    function header(bytes32 parentHash, bytes32 stateRoot, uint256 number, uint256 timestamp)
        internal
        pure
        returns (bytes memory)
    {
        return join(fields(parentHash, stateRoot, number, timestamp));
    }

    /// @notice Two headers as `extendAncestors` takes them.
    function pair(bytes memory one, bytes memory other) internal pure returns (bytes[] memory both) {
        both = new bytes[](2);
        (both[0], both[1]) = (one, other);
    }
}
