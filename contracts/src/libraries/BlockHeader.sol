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
    uint256 private constant PARENT_HASH = 0; // 0 to 5 are 32-byte words, but for the beneficiary
    uint256 private constant BENEFICIARY = 2;
    uint256 private constant STATE_ROOT = 3;
    uint256 private constant LOGS_BLOOM = 6;
    uint256 private constant NUMBER = 8;
    uint256 private constant TIMESTAMP = 11; // 7 to 11 are scalars; 12 and on are any strings

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
        (uint256 cursor, uint256 end) = Rlp.readList(header, 0);
        if (end != header.length) revert HeaderNotConsumed(end, header.length);

        uint256 field = 0;
        for (; cursor < end; ++field) {
            uint256 value;
            (value, cursor) = _readField(header, cursor, field);
            if (field == PARENT_HASH) parentHash = bytes32(value);
            else if (field == STATE_ROOT) stateRoot = bytes32(value);
            else if (field == NUMBER) number = _uint64(field, value);
            else if (field == TIMESTAMP) timestamp = _uint64(field, value);
        }
        if (field < MIN_FIELDS) revert HeaderTooShort(field);

        blockHash = keccak256(header);
    }

    /// @dev Checks the form of a field; `value` is set for words and scalars.
    function _readField(bytes calldata header, uint256 offset, uint256 field)
        private
        pure
        returns (uint256 value, uint256 end)
    {
        if (field > TIMESTAMP) {
            (, end) = Rlp.readString(header, offset);
        } else if (field > LOGS_BLOOM) {
            (value, end) = Rlp.readScalar(header, offset);
        } else if (field == LOGS_BLOOM) {
            (, end) = Rlp.readFixed(header, offset, 256);
        } else if (field == BENEFICIARY) {
            (, end) = Rlp.readFixed(header, offset, 20);
        } else {
            bytes32 word;
            (word, end) = Rlp.readWord(header, offset);
            value = uint256(word);
        }
    }

    function _uint64(uint256 field, uint256 value) private pure returns (uint64) {
        if (value > type(uint64).max) revert HeaderScalarTooLarge(field, value);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(value); // compared above
    }
}
