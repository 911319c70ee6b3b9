// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ITransitionEngine
/// @notice Walks a witness once and recomputes the storage roots before and after the writes that it names, in the storage
/// of the contract that delegatecalls it. `docs/reference/witness.md` has the encoding of all that is taken and given here.
/// @dev A transition is done at once by `transition`, or, where it does not fit a transaction, by any number of `prove`, which
/// write nothing, and one `conclude`, which writes everything.
interface ITransitionEngine {
    /// @notice Applies a witness to the storage of the caller's context.
    /// @dev Warning: the writes are done before the roots are known. The caller MUST compare both roots and revert
    /// where they are not the expected ones.
    /// @param witness The union of the old and the new trie, cut down to what the change touches.
    /// @return oldRoot The storage root that the old values in storage and the witness determine.
    /// @return newRoot The storage root after the writes.
    function transition(bytes calldata witness) external returns (bytes32 oldRoot, bytes32 newRoot);

    /// @notice Walks the next part of a witness without writing: a STATICCALL will do.
    /// @dev Warning: `pending` is taken as it is. The caller MUST have it from here, together with `writesHash`.
    /// @param pending The subtries that the parts before left, 160 bytes each; empty for the first part.
    /// @param writesHash What `prove` gave for the parts before; zero for the first part.
    /// @param witness Any number of whole items.
    /// @return pendingAfter The subtries that wait for a branch above them.
    /// @return writesHashAfter Commits to all writes so far and their order.
    function prove(bytes calldata pending, bytes32 writesHash, bytes calldata witness)
        external
        returns (bytes memory pendingAfter, bytes32 writesHashAfter);

    /// @notice Performs the writes of a witness that has been walked to its end.
    /// @dev Warning: as for `transition`; and the caller MUST check that `prove` gave `pending` with this `writesHash`.
    /// @param pending The one subtrie that is left, 160 bytes.
    /// @param writes The witness's write items in their order, and nothing else.
    /// @return oldRoot The storage root that the old values, as they were proven, determine.
    /// @return newRoot The storage root after the writes.
    /// @return writesHash Commits to the writes.
    function conclude(bytes calldata pending, bytes calldata writes)
        external
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32 writesHash);

    /// @notice The state root of a chain on which an account is as told. Needs no storage: anybody may call it, directly.
    /// @param account Whose account it is.
    /// @param storageRoot Its storage root.
    /// @param codeHash keccak-256 of its code.
    /// @param accountProof The rest: nonce and balance, and the branches above the account. So it is shorter than the
    /// nodes, and cheaper to check. Nothing but the right one leads to the chain's state root.
    function stateRootOf(address account, bytes32 storageRoot, bytes32 codeHash, bytes calldata accountProof)
        external
        returns (bytes32 stateRoot);

    /// @notice Called directly: its storage is nobody's replica.
    error OnlyDelegatecall();

    /// @notice The last item ends behind the witness, which has `length` bytes.
    error WitnessTruncated(uint256 length);

    /// @notice At the end there is not one subtrie, the root's, but `pending` of them.
    error WitnessIncomplete(uint256 pending);

    /// @notice No item starts with the byte at `offset`; in a list of writes none but a write may.
    error UnknownItem(uint256 offset);

    /// @notice The branch at byte `offset` has nothing to join.
    error NothingToJoin(uint256 offset);

    /// @notice The branch at byte `offset` has fewer than two children: it exists in neither trie.
    error BranchTooNarrow(uint256 offset);

    /// @notice The subtries that the branch at byte `offset` joins are not in the order of their keys, or two are one child.
    error ChildOutOfOrder(uint256 offset);

    /// @notice The branch at byte `offset` has a child that is both opaque and a pending subtrie.
    error ChildTwice(uint256 offset);

    /// @notice The branch at byte `offset` joins a branch that does not lie below it.
    error BranchMisplaced(uint256 offset);

    /// @notice The branch node at byte `offset` would have fewer than 32 bytes, which no trie of known keys has.
    error EmbeddedBranch(uint256 offset);

    /// @notice The path at byte `offset` has an unused nibble that is not zero.
    error PathNotCanonical(uint256 offset);

    /// @notice The slot or value of the item at byte `offset` has a leading zero byte or more than 32 bytes, or the slot stands
    /// in the long form although it has a short one.
    error NonCanonicalWord(uint256 offset);

    /// @notice A write that changes nothing (writing zero to an empty slot is one).
    error NoOpWrite(bytes32 slot);
}

/// @title ITransitionProver
/// @notice Those functions of `ITransitionEngine` that write nothing, declared as views: a call of them is a STATICCALL, and
/// that they write nothing need not be believed.
interface ITransitionProver {
    /// @notice `ITransitionEngine.prove`.
    function prove(bytes calldata pending, bytes32 writesHash, bytes calldata witness)
        external
        view
        returns (bytes memory pendingAfter, bytes32 writesHashAfter);

    /// @notice `ITransitionEngine.stateRootOf`.
    function stateRootOf(address account, bytes32 storageRoot, bytes32 codeHash, bytes calldata accountProof)
        external
        view
        returns (bytes32 stateRoot);
}
