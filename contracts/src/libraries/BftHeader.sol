// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "./BlockHeader.sol";
import {Rlp} from "./Rlp.sol";

/// @title BftHeader
/// @notice Reads the headers of Besu's consortium chains, QBFT and IBFT 2.0, whose validators seal each block in its own header.
///
///   extraData = list | vanity (32) | list of validators | vote | round | list of seals |
///
/// A seal cannot be in what it seals, and who sealed is no part of what the block is. So the two hashes are those of the header
/// with another `extraData`; how it is written there is what the two protocols differ in:
///
///              | block hash                              | what is sealed
///     QBFT     | round empty, list of seals empty        | list of seals empty
///     IBFT 2.0 | without round and list of seals         | without list of seals
///
/// Source: Besu, `QbftExtraDataCodec`, `IbftExtraDataCodec`, `BftBlockHashing`.
library BftHeader {
    /// @notice The header's mix hash is not that of a BFT chain.
    error NotBft(bytes32 mixHash);
    /// @notice The header as it is hashed has a payload of `length` bytes, and 65,535 are the most that are taken.
    error HeaderTooLong(uint256 length);
    /// @notice Seal `index` has an `s` in the upper half of the group order.
    error SealHighS(uint256 index, bytes32 s);
    /// @notice Seal `index` has a `v` other than 0, 1, 27 and 28; 27 was added to what is below.
    error SealRecoveryId(uint256 index, uint256 v);
    /// @notice `extraData` is not the list of five items; the error is at byte `offset`.
    error ExtraDataMalformed(uint256 offset);

    /// @notice What a header says, and where. Offsets are in the header.
    struct Parts {
        BlockHeader.Fields fields; // the item extraData is where these end
        uint256 afterExtra;
        uint256 vanity;
        uint256 validators; // the item
        uint256 firstValidator;
        uint256 vote;
        uint256 round;
        uint256 seals; // the item
        uint256 firstSeal;
        uint256 sealCount;
    }

    /// @dev keccak-256 of "Istanbul practical byzantine fault tolerance", in words.
    bytes32 private constant MIX_HASH = 0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365;

    /// @dev floor(n / 2) of secp256k1: see QuorumAnchor.
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    uint256 private constant ADDRESS_ITEM = 21;
    uint256 private constant SEAL_ITEM = 67; // b8 41 and 65 bytes

    /// @notice Takes a header apart.
    /// @param header Its RLP, nothing before and nothing after it.
    function read(bytes calldata header) internal pure returns (Parts memory parts) {
        parts.fields = BlockHeader.readFields(header);
        uint256 cursor = parts.fields.rest;
        if (cursor == header.length) revert BlockHeader.HeaderTooShort(12);
        _readExtra(header, cursor, parts);
        if (parts.afterExtra == header.length) revert BlockHeader.HeaderTooShort(13);
        bytes32 mixHash;
        (mixHash, cursor) = Rlp.readWord(header, parts.afterExtra);
        if (mixHash != MIX_HASH) revert NotBft(mixHash);
        BlockHeader.requireStrings(header, cursor, 14);
    }

    /// @notice The hash of the header with another `extraData`: its items up to `keptTo`, and `tail`, of 0 to 2 bytes.
    function hashWith(bytes calldata header, Parts memory parts, uint256 keptTo, bytes2 tail, uint256 tailSize)
        internal
        pure
        returns (bytes32 hash)
    {
        // free ► | list header | fields before | string header | list header | kept items | tail | fields after |
        uint256 list = keptTo - parts.vanity + tailSize;
        uint256 cursor;
        assembly ("memory-safe") {
            cursor := mload(0x40)
        }
        cursor = _put(cursor, 0xc0, _sizeWith(header, parts, list));
        cursor = _copy(cursor, header, parts.fields.first, parts.fields.rest);
        cursor = _put(cursor, 0x80, _prefixed(list));
        cursor = _put(cursor, 0xc0, list);
        cursor = _copy(cursor, header, parts.vanity, keptTo);
        assembly ("memory-safe") {
            mstore(cursor, tail) // what it writes behind the tail is written again
        }
        cursor = _copy(cursor + tailSize, header, parts.afterExtra, header.length);
        assembly ("memory-safe") {
            let start := mload(0x40)
            hash := keccak256(start, sub(cursor, start))
        }
    }

    /// @notice A header's validators: 21 bytes each, an address behind 0x94.
    function validatorsOf(bytes calldata header, Parts memory parts) internal pure returns (bytes calldata validators) {
        return _validators(header, parts.firstValidator, parts.vote);
    }

    /// @notice The validators in an RLP list, likewise, and what comes behind it.
    function validatorsIn(bytes calldata data)
        internal
        pure
        returns (bytes calldata validators, bytes calldata behind)
    {
        (uint256 first, uint256 end) = Rlp.readList(data, 0);
        return (_validators(data, first, end), data[end:]);
    }

    /// @notice How many they are.
    function countOf(bytes calldata validators) internal pure returns (uint256) {
        return validators.length / ADDRESS_ITEM;
    }

    /// @notice Validator number `index` of them, which must be there.
    function validatorAt(bytes calldata validators, uint256 index) internal pure returns (address) {
        uint256 item = index * ADDRESS_ITEM;
        uint256 word = _wordAt(validators, item) >> 88;
        if (word >> 160 != 0x94) revert ExtraDataMalformed(item);
        // forge-lint: disable-next-line(unsafe-typecast)
        return address(uint160(word));
    }

    /// @notice Who made seal number `index`, which must be there, over this digest; zero where it is nobody's.
    /// @dev By hand, for a chain of 21 validators has 14 of them: the precompile takes 3,000 gas, and this 200, where Solidity
    /// takes 1,200.
    function sealerOf(bytes calldata header, Parts memory parts, uint256 index, bytes32 digest)
        internal
        view
        returns (address sealer)
    {
        uint256 tag;
        uint256 s;
        uint256 v;
        assembly ("memory-safe") {
            // | b8 41 | r (32) | s (32) | v |
            // `parts.firstSeal` is the ninth word of `Parts`; `fields` is one, a pointer.
            let item := add(header.offset, add(mload(add(parts, 0x100)), mul(index, 67)))
            tag := shr(240, calldataload(item))
            s := calldataload(add(item, 34))
            v := byte(0, calldataload(add(item, 66)))
            v := add(v, mul(27, lt(v, 27)))
            // free ► | digest | v | r | s |
            let free := mload(0x40)
            mstore(free, digest)
            mstore(add(free, 32), v)
            calldatacopy(add(free, 64), add(item, 2), 64)
            // Where it is nobody's, nothing is answered.
            mstore(0, 0)
            pop(staticcall(gas(), 1, free, 128, 0, 32))
            sealer := mload(0)
        }
        if (tag != 0xb841) revert ExtraDataMalformed(parts.firstSeal + index * SEAL_ITEM);
        if (s > MAX_S) revert SealHighS(index, bytes32(s));
        if (v != 27 && v != 28) revert SealRecoveryId(index, v);
    }

    function _validators(bytes calldata data, uint256 first, uint256 end) private pure returns (bytes calldata) {
        if ((end - first) % ADDRESS_ITEM != 0) revert ExtraDataMalformed(first);
        return data[first:end];
    }

    function _readExtra(bytes calldata header, uint256 offset, Parts memory parts) private pure {
        uint256 cursor;
        uint256 end;
        (cursor, end) = Rlp.readString(header, offset);
        parts.afterExtra = end;
        uint256 listEnd;
        (parts.vanity, listEnd) = Rlp.readList(header, cursor);
        if (listEnd != end) revert ExtraDataMalformed(cursor);
        (, parts.validators) = Rlp.readFixed(header, parts.vanity, 32);
        (parts.firstValidator, parts.vote) = Rlp.readList(header, parts.validators);
        (,, parts.round) = Rlp.readItem(header, parts.vote);
        (, parts.seals) = Rlp.readString(header, parts.round);
        (parts.firstSeal, listEnd) = Rlp.readList(header, parts.seals);
        parts.sealCount = (listEnd - parts.firstSeal) / SEAL_ITEM;
        if (listEnd != end || parts.firstSeal + parts.sealCount * SEAL_ITEM != end) {
            revert ExtraDataMalformed(parts.seals);
        }
    }

    /// @dev The size of the header's fields with an `extraData` whose list has a payload of `list` bytes.
    function _sizeWith(bytes calldata header, Parts memory parts, uint256 list) private pure returns (uint256 size) {
        // All are offsets in the header, in this order.
        unchecked {
            uint256 others = header.length - parts.fields.first - (parts.afterExtra - parts.fields.rest);
            size = others + _prefixed(_prefixed(list));
        }
        if (size > type(uint16).max) revert HeaderTooLong(size);
    }

    /// @dev The size of an item with a payload of `size` bytes, two or more, and its header.
    function _prefixed(uint256 size) private pure returns (uint256) {
        unchecked {
            return size + (size < 56 ? 1 : size < 256 ? 2 : 3); // of a header
        }
    }

    /// @dev Writes the header of a list (0xc0) or string (0x80) of `size` bytes to memory; returns where it ends.
    function _put(uint256 cursor, uint256 tag, uint256 size) private pure returns (uint256 end) {
        assembly ("memory-safe") {
            switch lt(size, 56)
            case 1 {
                mstore8(cursor, add(tag, size))
                end := add(cursor, 1)
            }
            default {
                let isLong := gt(size, 255)
                mstore8(cursor, add(tag, add(56, isLong)))
                mstore8(add(cursor, 1), shr(8, size))
                mstore8(add(cursor, add(1, isLong)), size)
                end := add(cursor, add(2, isLong))
            }
        }
    }

    /// @dev Copies bytes `from` to `to` of `data` to memory; returns where they end.
    function _copy(uint256 cursor, bytes calldata data, uint256 from, uint256 to) private pure returns (uint256 end) {
        assembly ("memory-safe") {
            calldatacopy(cursor, add(data.offset, from), sub(to, from))
            end := add(cursor, sub(to, from))
        }
    }

    /// @dev The 32 bytes from `offset` on. Whoever asks knows that those that he looks at are there.
    function _wordAt(bytes calldata data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }
}
