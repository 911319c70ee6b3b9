// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Rlp
/// @notice Reads canonical RLP out of calldata, and nothing but canonical RLP (Yellow Paper, appendix B).
/// @dev A cursor is a byte offset into `data`; a function that reads an item returns where its payload starts and ends,
/// and the end is the offset of the next item. An item that does not lie within `data` as a whole is an error: to read
/// the items of a list, pass `data[:end]` of that list, and offsets keep their meaning.
/// Every byte that decides anything stands behind a comparison with `data.length`, so no zeros from beyond the end are ever
/// taken for data. No function recurses, and each takes constant gas: some 200, where Solidity's slices take four times that,
/// and a header has sixteen fields.
library Rlp {
    /// @notice The header of the item at `offset` is missing, or its length bytes are not all there.
    error RlpHeaderTruncated(uint256 offset);
    /// @notice The item at `offset` has a payload of `length` bytes, of which only `available` are there.
    error RlpPayloadTruncated(uint256 offset, uint256 length, uint256 available);
    /// @notice The item at `offset` is one byte below 0x80 behind a header: such a byte stands for itself.
    error RlpByteNotMinimal(uint256 offset);
    /// @notice The length of the item at `offset` starts with a zero byte.
    error RlpLengthLeadingZero(uint256 offset);
    /// @notice The item at `offset` uses the long form for a payload of `length` bytes, below 56.
    error RlpLengthNotMinimal(uint256 offset, uint256 length);
    /// @notice The item at `offset` is a string where a list is needed.
    error RlpNotList(uint256 offset);
    /// @notice The item at `offset` is a list where a string is needed.
    error RlpNotString(uint256 offset);
    /// @notice The string at `offset` has another length than the one that is needed.
    error RlpWrongLength(uint256 offset, uint256 expected, uint256 actual);
    /// @notice The scalar at `offset` is longer than 32 bytes.
    error RlpScalarTooLong(uint256 offset, uint256 length);
    /// @notice The scalar at `offset` starts with a zero byte.
    error RlpScalarLeadingZero(uint256 offset);

    // The first byte of an item: below 0x80 the item itself; then 64 values each for strings and for lists, of which 56 tell
    // a length of 0..55, and the other 8 that 1..8 bytes follow with the length, which is 56 or more.
    uint256 private constant SHORT_STRING = 0x80;
    uint256 private constant SHORT_LIST = 0xc0;
    uint256 private constant MAX_SHORT = 55;

    /// @notice Reads the header of any item.
    /// @param data What the item lies in.
    /// @param offset Where it starts.
    /// @return isList Whether it is a list.
    /// @return start The first byte of its payload.
    /// @return end The byte after its payload, which is where the next item starts.
    function readItem(bytes calldata data, uint256 offset)
        internal
        pure
        returns (bool isList, uint256 start, uint256 end)
    {
        if (offset >= data.length) revert RlpHeaderTruncated(offset);
        uint256 word = _wordAt(data, offset);
        uint256 length = word >> 248;
        // Nothing here can wrap: `offset` is below the length of calldata, a tag below 2^8, a length below 2^64.
        unchecked {
            if (length < SHORT_STRING) return (false, offset, offset + 1);

            bool isByte = length == SHORT_STRING + 1;
            isList = length >= SHORT_LIST;
            length -= isList ? SHORT_LIST : SHORT_STRING;
            start = offset + 1;
            if (length > MAX_SHORT) {
                // The length stands in the 1 to 8 bytes behind the tag.
                uint256 size = length - MAX_SHORT;
                start += size;
                if (start > data.length) revert RlpHeaderTruncated(offset);
                if ((word >> 240) & 0xff == 0) revert RlpLengthLeadingZero(offset);
                length = word << 8 >> (256 - 8 * size);
                if (length <= MAX_SHORT) revert RlpLengthNotMinimal(offset, length);
            }
            end = start + length;
            if (end > data.length) revert RlpPayloadTruncated(offset, length, data.length - start);
            if (isByte && (word >> 240) & 0xff < SHORT_STRING) revert RlpByteNotMinimal(offset);
        }
    }

    /// @notice Reads the header of a list; `start` and `end` as in `readItem`.
    function readList(bytes calldata data, uint256 offset) internal pure returns (uint256 start, uint256 end) {
        bool isList;
        (isList, start, end) = readItem(data, offset);
        if (!isList) revert RlpNotList(offset);
    }

    /// @notice Reads the header of a string; `start` and `end` as in `readItem`.
    function readString(bytes calldata data, uint256 offset) internal pure returns (uint256 start, uint256 end) {
        bool isList;
        (isList, start, end) = readItem(data, offset);
        if (isList) revert RlpNotString(offset);
    }

    /// @notice Reads the header of a string of exactly `length` bytes; `start` and `end` as in `readItem`.
    function readFixed(bytes calldata data, uint256 offset, uint256 length)
        internal
        pure
        returns (uint256 start, uint256 end)
    {
        // What nearly all are, at once; a single byte may stand for itself. Nothing wraps that is looked at.
        unchecked {
            if (length - 2 <= MAX_SHORT - 2 && data.length > offset + length) {
                if (_wordAt(data, offset) >> 248 == SHORT_STRING + length) return (offset + 1, offset + 1 + length);
            }
        }
        (start, end) = readString(data, offset);
        if (end - start != length) revert RlpWrongLength(offset, length, end - start);
    }

    /// @notice Reads a string of exactly 32 bytes.
    /// @return value The 32 bytes.
    /// @return end Where the next item starts.
    function readWord(bytes calldata data, uint256 offset) internal pure returns (bytes32 value, uint256 end) {
        (offset, end) = readFixed(data, offset, 32);
        value = bytes32(_wordAt(data, offset));
    }

    /// @notice Reads a scalar: big-endian, at most 32 bytes, no leading zeros, zero being the empty string.
    /// @return value The scalar.
    /// @return end Where the next item starts.
    function readScalar(bytes calldata data, uint256 offset) internal pure returns (uint256 value, uint256 end) {
        // What nearly all are, at once; nothing wraps that is looked at.
        unchecked {
            uint256 quick = offset < data.length ? _wordAt(data, offset) : 0;
            uint256 size = quick >> 248;
            // zero, or a byte that stands for itself
            if (size - 1 < SHORT_STRING) return (size & 0x7f, offset + 1);
            size -= SHORT_STRING;
            quick <<= 8;
            if (size < 32 && data.length - offset > size && quick >> 248 > (size == 1 ? 0x7f : 0)) {
                return (quick >> (256 - 8 * size), offset + 1 + size);
            }
        }
        // Anything else has 32 bytes, or is refused by the name of what is wrong with it.
        uint256 start;
        (start, end) = readString(data, offset);
        uint256 length = end - start;
        if (length > 32) revert RlpScalarTooLong(offset, length);
        uint256 word = _wordAt(data, start);
        if (length != 0 && word >> 248 == 0) revert RlpScalarLeadingZero(offset);
        // What comes after the string is shifted out; a shift by 256 gives zero.
        value = word >> (8 * (32 - length));
    }

    /// @dev The 32 bytes from `offset` on; those beyond `data` are whatever calldata has there, or zeros.
    function _wordAt(bytes calldata data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }
}
