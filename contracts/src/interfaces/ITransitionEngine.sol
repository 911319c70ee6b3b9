// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ITransitionEngine
/// @notice Walks a witness once, recomputes the storage roots before and after the writes that it names, and performs
/// these writes in the storage of the contract that delegatecalls it.
interface ITransitionEngine {
    /// @notice Applies a witness to the storage of the caller's context.
    /// @dev Warning: the writes are done before the roots are known. The caller MUST compare both roots and revert
    /// where they are not the expected ones.
    /// @param witness The union of the old and the new trie, cut down to what the change touches, in the encoding
    /// of `docs/reference/witness.md`.
    /// @return oldRoot The storage root that the old values in storage and the witness determine.
    /// @return newRoot The storage root after the writes.
    function transition(bytes calldata witness) external returns (bytes32 oldRoot, bytes32 newRoot);

    /// @notice Called directly: its storage is nobody's replica.
    error OnlyDelegatecall();

    /// @notice The witness ends inside an item. `offset` is the byte at which more was needed.
    error WitnessTruncated(uint256 offset);

    /// @notice Bytes are left after the root item.
    error WitnessNotConsumed(uint256 consumed, uint256 length);

    /// @notice The path bytes at byte `offset` contradict the position that they stand at, or have padding that is not zero.
    error PathMismatch(uint256 offset);

    /// @notice The path at byte `offset` leads below the 64 nibbles of a trie key.
    error PathTooLong(uint256 offset);

    /// @notice A branch at byte `offset` describes fewer than two children: it exists in neither trie.
    error BranchTooNarrow(uint256 offset);

    /// @notice A branch at byte `offset` lists a child as opaque and as described at once.
    error ChildTwice(uint256 offset);

    /// @notice The key of this slot does not belong at the position (`depth` nibbles below the root) of its write.
    error SlotMisplaced(bytes32 slot, uint256 depth);

    /// @notice A write that changes nothing (writing zero to an empty slot is one).
    error NoOpWrite(bytes32 slot);

    /// @notice A slot or a value at byte `offset` is longer than 32 bytes, has leading zeros, or is an empty value of a leaf.
    error NonCanonicalWord(uint256 offset);
}
