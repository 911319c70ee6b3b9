// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "./Rlp.sol";
import {TrieProof} from "./TrieProof.sol";

/// @title AccountProof
/// @notice Proves what a state trie says of an account: its storage root and code hash, or that it does not exist.
/// @dev The encoding of a proof and the rules of the walk are those of `TrieProof`; the state trie's keys are keccak-256
/// of the address, its values the list [nonce, balance, storage root, code hash] (Yellow Paper, section 4.1).
library AccountProof {
    /// @notice The account's list ends at byte `consumed` of the proof, the leaf's value at byte `length`.
    error AccountNotConsumed(uint256 consumed, uint256 length);
    /// @notice The account's list has more than four items; the fifth is at `offset`.
    error AccountItemsLeft(uint256 offset);

    /// @notice Verifies a proof. Reverts, with an error of this library, `TrieProof` or `Rlp`, unless it proves something.
    /// @param stateRoot The root of the state trie.
    /// @param account Whose account it is about.
    /// @param proof The RLP of the nodes from the root to the account, one after the other, consumed to the last byte.
    /// @return exists Whether there is such an account. If not, this is proven, and the hashes are zero.
    /// @return storageRoot The root of its storage trie.
    /// @return codeHash keccak-256 of its code.
    function verify(bytes32 stateRoot, address account, bytes calldata proof)
        internal
        pure
        returns (bool exists, bytes32 storageRoot, bytes32 codeHash)
    {
        uint256 start;
        uint256 end;
        (exists, start, end) = TrieProof.lookup(stateRoot, keccak256(abi.encodePacked(account)), proof);
        if (exists) (storageRoot, codeHash) = _readAccount(proof[:end], start);
    }

    /// @dev Reads the account that lies between `offset` and the end of `data`.
    function _readAccount(bytes calldata data, uint256 offset)
        private
        pure
        returns (bytes32 storageRoot, bytes32 codeHash)
    {
        (uint256 cursor, uint256 end) = Rlp.readList(data, offset);
        if (end != data.length) revert AccountNotConsumed(end, data.length);
        (, cursor) = Rlp.readScalar(data, cursor); // nonce
        (, cursor) = Rlp.readScalar(data, cursor); // balance
        (storageRoot, cursor) = Rlp.readWord(data, cursor);
        (codeHash, cursor) = Rlp.readWord(data, cursor);
        if (cursor != end) revert AccountItemsLeft(cursor);
    }
}
