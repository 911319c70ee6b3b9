// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "./Rlp.sol";

/// @title BlockHeader
/// @notice Reads what an anchor needs out of an RLP block header, of any fork from Frontier on and of unknown later ones.
/// @dev Only a block hash is ever certified; whatever is read here is bound to it by `blockHash` being the keccak-256 of
/// all the bytes read. The 13 fields that every Ethereum-like chain has in common are checked for their form; seals
/// and later additions only have to be strings (chains of proof of authority keep other things than a mix hash and a nonce).
///
/// Warning: a BFT chain hashes its headers with parts of `extraData` left out. There `blockHash` is not the block's hash.
library BlockHeader {
    /// @notice The list ends at byte `end` of a header of `length` bytes.
    error HeaderNotConsumed(uint256 end, uint256 length);
    /// @notice The header has `fields` fields, fewer than the 15 that every fork has.
    error HeaderTooShort(uint256 fields);
    /// @notice A number or a timestamp (`field` is its index) does not fit into 64 bits.
    error HeaderScalarTooLarge(uint256 field, uint256 value);

    uint256 private constant MIN_FIELDS = 15;

    // Positions in the list (Yellow Paper, section 4.4).
    uint256 private constant BLOOM_END = 445; // bytes of the first seven fields
    uint256 private constant NUMBER = 8;
    uint256 private constant TIMESTAMP = 11;

    /// @notice What a header says; the first field starts at byte `first`, and what comes after the timestamp, field 12, at
    /// byte `rest`.
    struct Fields {
        bytes32 parentHash;
        bytes32 stateRoot;
        uint64 number;
        uint64 timestamp;
        uint256 first;
        uint256 rest;
    }

    /// @notice Reads a header. Gas is linear in its length: one pass, one hash.
    /// @param header The RLP of the header, nothing before and nothing after it.
    /// @return blockHash keccak-256 of `header`.
    /// @return stateRoot Root of the state trie after the block.
    /// @return number The block's number.
    /// @return timestamp The block's time, seconds on the source's clock.
    /// @return parentHash Hash of the block before.
    function read(bytes calldata header)
        internal
        pure
        returns (bytes32 blockHash, bytes32 stateRoot, uint64 number, uint64 timestamp, bytes32 parentHash)
    {
        Fields memory fields = readFields(header);
        requireStrings(header, fields.rest, TIMESTAMP + 1);
        return (keccak256(header), fields.stateRoot, fields.number, fields.timestamp, fields.parentHash);
    }

    /// @notice Reads the fields up to the timestamp.
    function readFields(bytes calldata header) internal pure returns (Fields memory fields) {
        (uint256 cursor, uint256 end) = Rlp.readList(header, 0);
        if (end != header.length) revert HeaderNotConsumed(end, header.length);
        fields.first = cursor;
        uint256 value;
        // The first seven have one size each. Only where they have not, each is read, to name the one that is wrong.
        if (header.length < cursor + BLOOM_END || !_isRegular(header, cursor)) _refuse(header, cursor);
        assembly ("memory-safe") {
            let start := add(header.offset, cursor)
            mstore(fields, calldataload(add(start, 1))) // parentHash
            mstore(add(fields, 32), calldataload(add(start, 88))) // stateRoot
        }
        cursor += BLOOM_END;
        (, cursor) = Rlp.readScalar(header, _present(header, cursor, 7)); // difficulty
        (value, cursor) = Rlp.readScalar(header, _present(header, cursor, NUMBER));
        fields.number = _uint64(NUMBER, value);
        (, cursor) = Rlp.readScalar(header, _present(header, cursor, 9)); // gas limit
        (, cursor) = Rlp.readScalar(header, _present(header, cursor, 10)); // gas used
        (value, cursor) = Rlp.readScalar(header, _present(header, cursor, TIMESTAMP));
        fields.timestamp = _uint64(TIMESTAMP, value);
        fields.rest = cursor;
    }

    /// @notice Holds all that comes from field number `field` on, which starts at `cursor`, to be strings, and enough of them.
    function requireStrings(bytes calldata header, uint256 cursor, uint256 field) internal pure {
        for (; cursor < header.length; ++field) {
            (, cursor) = Rlp.readString(header, cursor);
        }
        if (field < MIN_FIELDS) revert HeaderTooShort(field);
    }

    /// @dev Whether the headers of the first seven fields' items are where they have to be: parent and ommers (a0 and 32
    /// bytes each), beneficiary (94, 20), state root, transactions, receipts, logs bloom (b9 01 00, 256).
    function _isRegular(bytes calldata header, uint256 cursor) private pure returns (bool regular) {
        assembly ("memory-safe") {
            let start := add(header.offset, cursor)
            let tags := shl(48, byte(0, calldataload(start)))
            tags := or(tags, shl(40, byte(0, calldataload(add(start, 33)))))
            tags := or(tags, shl(32, byte(0, calldataload(add(start, 66)))))
            tags := or(tags, shl(24, byte(0, calldataload(add(start, 87)))))
            tags := or(tags, shl(16, byte(0, calldataload(add(start, 120)))))
            tags := or(tags, shl(8, byte(0, calldataload(add(start, 153)))))
            regular := and(eq(tags, 0xa0a094a0a0a000), eq(shr(232, calldataload(add(start, 186))), 0xb90100))
        }
    }

    /// @dev Reverts with the first thing that is wrong with one of the first seven fields.
    function _refuse(bytes calldata header, uint256 cursor) private pure {
        for (uint256 field = 0; field < 7; ++field) {
            uint256 size = field == 2 ? 20 : field == 6 ? 256 : 32;
            (, cursor) = Rlp.readFixed(header, _present(header, cursor, field), size);
        }
        assert(false);
    }

    /// @dev The list must not be over.
    function _present(bytes calldata header, uint256 cursor, uint256 field) private pure returns (uint256) {
        if (cursor == header.length) revert HeaderTooShort(field);
        return cursor;
    }

    function _uint64(uint256 field, uint256 value) private pure returns (uint64) {
        if (value > type(uint64).max) revert HeaderScalarTooLarge(field, value);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(value); // compared above
    }
}
