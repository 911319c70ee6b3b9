// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RlpWriter
/// @notice Writes canonical RLP, plainly, as the counterpart of `Rlp` in tests.
library RlpWriter {
    /// @notice A string.
    function str(bytes memory payload) internal pure returns (bytes memory) {
        if (payload.length == 1 && uint8(payload[0]) < 0x80) return payload;
        return bytes.concat(_header(0x80, payload.length), payload);
    }

    /// @notice A string of 32 bytes.
    function word(bytes32 value) internal pure returns (bytes memory) {
        return str(abi.encodePacked(value));
    }

    /// @notice A scalar: big-endian, without leading zeros.
    function scalar(uint256 value) internal pure returns (bytes memory) {
        return str(minimal(value));
    }

    /// @notice A list of what `items` is the concatenation of.
    function list(bytes memory items) internal pure returns (bytes memory) {
        return bytes.concat(_header(0xc0, items.length), items);
    }

    /// @notice The bytes of a number without leading zeros.
    function minimal(uint256 value) internal pure returns (bytes memory out) {
        uint256 size = 0;
        while (size < 32 && value >> (8 * size) != 0) ++size;
        out = new bytes(size);
        for (uint256 i = size; i > 0; value >>= 8) {
            out[--i] = bytes1(uint8(value)); // forge-lint: disable-line(unsafe-typecast)
        }
    }

    /// @notice One byte, which is no RLP if it is above 0x7f.
    function raw(uint256 value) internal pure returns (bytes memory) {
        require(value < 256, "not a byte");
        // forge-lint: disable-next-line(unsafe-typecast)
        return abi.encodePacked(uint8(value));
    }

    function _header(uint256 base, uint256 length) private pure returns (bytes memory) {
        if (length < 56) return raw(base + length);
        bytes memory size = minimal(length);
        return bytes.concat(raw(base + 55 + size.length), size);
    }
}
