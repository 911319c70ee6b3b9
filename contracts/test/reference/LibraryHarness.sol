// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountProof} from "../../src/libraries/AccountProof.sol";
import {BlockHeader} from "../../src/libraries/BlockHeader.sol";
import {Rlp} from "../../src/libraries/Rlp.sol";
import {TrieProof} from "../../src/libraries/TrieProof.sol";

/// @title LibraryHarness
/// @notice Makes the internal functions of the proof libraries callable, so that they read real calldata and tests can
/// expect their errors. What follows an argument in calldata is whatever the ABI puts there.
contract LibraryHarness {
    function readItem(bytes calldata data, uint256 offset) external pure returns (bool, uint256, uint256) {
        return Rlp.readItem(data, offset);
    }

    function readList(bytes calldata data, uint256 offset) external pure returns (uint256, uint256) {
        return Rlp.readList(data, offset);
    }

    function readString(bytes calldata data, uint256 offset) external pure returns (uint256, uint256) {
        return Rlp.readString(data, offset);
    }

    function readFixed(bytes calldata data, uint256 offset, uint256 length) external pure returns (uint256, uint256) {
        return Rlp.readFixed(data, offset, length);
    }

    function readWord(bytes calldata data, uint256 offset) external pure returns (bytes32, uint256) {
        return Rlp.readWord(data, offset);
    }

    function readScalar(bytes calldata data, uint256 offset) external pure returns (uint256, uint256) {
        return Rlp.readScalar(data, offset);
    }

    /// @notice Reads at an offset of a part of `data` only: what lies behind `end` must make no difference.
    function readItemWithin(bytes calldata data, uint256 offset, uint256 end)
        external
        pure
        returns (bool, uint256, uint256)
    {
        return Rlp.readItem(data[:end], offset);
    }

    function readHeader(bytes calldata header) external pure returns (bytes32, bytes32, uint64, uint64, bytes32) {
        return BlockHeader.read(header);
    }

    function lookup(bytes32 root, bytes32 key, bytes calldata proof) external pure returns (bool, bytes memory) {
        (bool found, uint256 start, uint256 end) = TrieProof.lookup(root, key, proof);
        return (found, proof[start:end]);
    }

    function verifyAccount(bytes32 stateRoot, address account, bytes calldata proof)
        external
        pure
        returns (bool, bytes32, bytes32)
    {
        return AccountProof.verify(stateRoot, account, proof);
    }
}
