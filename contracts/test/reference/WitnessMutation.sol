// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {WitnessBuilder} from "./WitnessBuilder.sol";
import {WitnessParts} from "./WitnessParts.sol";

/// @title WitnessMutation
/// @notice Damages witnesses item by item: what comes out is mostly well-formed and nearly right, which random bytes never
/// are. Every choice comes from `dice`.
library WitnessMutation {
    /// @notice The witness after `count` mutations.
    function damage(bytes memory witness, uint256 count, uint256 dice) internal pure returns (bytes memory) {
        for (uint256 i = 0; i < count && witness.length > 0; ++i) {
            dice = uint256(keccak256(abi.encode(dice)));
            witness = _mutate(witness, dice);
        }
        return witness;
    }

    function _mutate(bytes memory witness, uint256 dice) private pure returns (bytes memory) {
        (uint256 start, uint256 end) = _itemAt(witness, dice >> 8);
        bytes memory front = WitnessParts.slice(witness, 0, start);
        bytes memory item = WitnessParts.slice(witness, start, end);
        bytes memory rest = WitnessParts.slice(witness, end, witness.length);
        uint256 kind = dice % 8;
        dice >>= 64;
        if (kind == 0) return bytes.concat(front, rest); // dropped
        if (kind == 1) return bytes.concat(front, item, item, rest); // repeated
        if (kind == 2) return bytes.concat(front, _branch(dice), item, rest);
        if (kind == 3) return bytes.concat(front, item, _sibling(item, dice), rest);
        if (kind == 4) return _moved(bytes.concat(front, rest), item, dice);
        return bytes.concat(front, kind == 5 ? _otherDepth(item, dice) : _otherByte(item, dice), rest);
    }

    /// @dev Some item; what does not end within the witness ends with it.
    function _itemAt(bytes memory witness, uint256 dice) private pure returns (uint256 start, uint256 end) {
        uint256 place = dice % witness.length;
        for (; end <= place; end = _min(WitnessBuilder.endOf(witness, end), witness.length)) {
            start = end;
        }
    }

    function _moved(bytes memory others, bytes memory item, uint256 dice) private pure returns (bytes memory) {
        if (others.length == 0) return item;
        (uint256 start,) = _itemAt(others, dice);
        return
            bytes.concat(WitnessParts.slice(others, 0, start), item, WitnessParts.slice(others, start, others.length));
    }

    /// @dev A branch at some depth, more often a small one, with up to two opaque children.
    function _branch(uint256 dice) private pure returns (bytes memory) {
        uint256 depth = dice & 1 == 0 ? (dice >> 1) % 4 : (dice >> 1) % 64;
        dice >>= 32;
        bytes memory hash = abi.encode(keccak256(abi.encode(dice)));
        if (dice % 3 == 0) return WitnessBuilder.branch(depth);
        if (dice % 3 == 1) return WitnessBuilder.branch(depth, 1 << ((dice >> 8) % 16), hash);
        return WitnessBuilder.branch(depth, 3 << ((dice >> 8) % 15), bytes.concat(hash, hash));
    }

    /// @dev A leaf or an opaque branch whose key has some nibbles in common with that of a leaf; of another item, a branch.
    function _sibling(bytes memory item, uint256 dice) private pure returns (bytes memory) {
        uint256 tag = uint8(item[0]);
        if (tag <= 0xa0 || tag > 0xc0 || item.length < 33) return _branch(dice);
        uint256 depth = 1 + (dice >> 8) % 63;
        bytes32 key;
        assembly ("memory-safe") {
            key := mload(add(item, 33)) // item ► | length (32) | tag (1) | key |
        }
        bytes32 other = bytes32(uint256(key) ^ ((1 + (dice >> 16) % 15) << (4 * (64 - depth))));
        if (dice & 1 == 0) return WitnessBuilder.leaf(other, 1 + (dice >> 24) % 300);
        return WitnessBuilder.opaqueBranch(other, depth, keccak256(abi.encode(dice)));
    }

    /// @dev A branch or an opaque branch at another depth, which for the latter also changes where it ends.
    function _otherDepth(bytes memory item, uint256 dice) private pure returns (bytes memory) {
        if (uint8(item[0]) < 0x80) item[0] = (item[0] & 0x40) | bytes1(uint8(dice % 64)); // forge-lint: disable-line(unsafe-typecast)
        return item;
    }

    function _otherByte(bytes memory item, uint256 dice) private pure returns (bytes memory) {
        uint256 place = dice & 1 == 0 ? 0 : (dice >> 1) % item.length;
        item[place] = bytes1(uint8(dice >> 64)); // forge-lint: disable-line(unsafe-typecast)
        return item;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
