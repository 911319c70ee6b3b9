// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "./IAnchor.sol";

/// @notice Where a replica is in its life.
enum ReplicaStatus {
    NONE, // not created here
    FILLING, // its creator fills it; nobody can read it yet
    ACTIVE, // an exact mirror of the source at the recorded block
    SOURCE_DESTROYED, // at the halt block the source had no code any more
    SOURCE_CODE_CHANGED // at the halt block the source had other code
}

/// @notice What identifies a replica; its address follows from it.
struct ReplicaKey {
    uint256 sourceChainId; // EIP-155 chain id of the source chain
    address source; // the original contract
    address anchor; // the anchor on the target chain, for life
    address creator; // who may fill it before activation
    bytes32 codeHash; // keccak-256 of the source's runtime code
    bytes32 logicHash; // keccak-256 of the creation code of its logic: a copy of the source's code (`logicHashOf`), or a
    // resolver, where the source is a proxy (`IImplementations.resolverHashOf`)
}

/// @notice The hub's bookkeeping of one replica.
struct ReplicaRecord {
    bytes32 storageRoot; // the replica's storage root now
    bytes32 blockHash; // the recorded block, which the storage mirrors; zero before activation
    bytes32 haltHash; // the halt block, at which the source had ended; zero unless it had
    ReplicaStatus status;
    uint64 firstBlock; // no source block of a lower number is ever mirrored
    ReplicaKey key;
}

/// @notice What a reader wants to know before relying on a replica.
struct Head {
    ReplicaStatus status;
    uint64 number; // recorded block's number on the source chain
    bytes32 blockHash;
    uint64 haltNumber; // number of the block at which the source had ended; zero unless `status` says so. Whether that block has
    // been revoked since, the anchor tells of `record`'s haltHash
    uint64 timestamp; // recorded block's time, seconds on the source's clock
    Level level; // the anchor's level for that block now
    Status anchorStatus; // the anchor's status now
}

/// @title IHub
/// @notice Owns the bookkeeping of all replicas of a target chain: which exist, and at which source block each stands.
/// Nobody has a right here that others lack, except a creator to fill his own replica before it is active.
/// What replicas of proxies delegate to is kept by the hub's `IImplementations`: the one contract that a hub creates by CREATE,
/// at its own creation, and so at the address of its nonce 1: the last 20 bytes of keccak256(0xd694 ++ hub ++ 0x01).
/// @dev A function for that would cost every synchronisation some gas: it would stand in the way of the others.
interface IHub {
    /// @notice A replica was created, empty.
    event ReplicaCreated(
        address indexed replica,
        uint256 indexed sourceChainId,
        address indexed source,
        ReplicaKey key,
        uint64 firstBlock
    );
    /// @notice A chunk was filled into a replica that is not active yet.
    event ReplicaFilled(address indexed replica, bytes32 oldRoot, bytes32 newRoot);
    /// @notice A replica became readable: the image of the source at this block.
    event ReplicaActivated(address indexed replica, bytes32 indexed blockHash, uint64 number, bytes32 storageRoot);
    /// @notice A replica mirrors another block of the source; the root is the one before where nothing changed. Whether the
    /// source had ended later than that, and so still has, `head` tells.
    event ReplicaSynced(address indexed replica, bytes32 indexed blockHash, uint64 number, bytes32 storageRoot);
    /// @notice A part of a transition was proven; nothing was written. `blockHash` is what the caller says that it leads to.
    event TransitionPrepared(address indexed replica, bytes32 indexed blockHash, bytes32 part);
    /// @notice It is proven that the source had ended at this block: `status` says how.
    event ReplicaHalted(address indexed replica, bytes32 indexed blockHash, uint64 number, ReplicaStatus status);
    /// @notice The logic copy stands at its address again.
    event LogicRestored(address indexed replica, address logic);

    /// @notice No replica of this hub has this address.
    error UnknownReplica(address replica);
    /// @notice A replica of this key exists already, at this address.
    error ReplicaExists(address replica);
    /// @notice There is no contract at the anchor's address.
    error NotAnAnchor(address anchor);
    /// @notice The anchor speaks of another chain than the key.
    error WrongSourceChain(uint256 expected, uint256 actual);
    /// @notice Only the creator may fill.
    error NotCreator(address creator, address caller);
    /// @notice The replica is not in the state that this call needs.
    error WrongStatus(ReplicaStatus status);
    /// @notice The anchor is paused, expired or frozen.
    error AnchorNotActive(Status status);
    /// @notice The anchor does not accept this block (level UNKNOWN, PENDING or REVOKED).
    error BlockNotAccepted(bytes32 blockHash, Level level);
    /// @notice The block is older than the first one that the creator wants mirrored.
    error BlockTooOld(uint64 firstBlock, uint64 offered);
    /// @notice The block is not newer than the recorded one, which has not been revoked; or, where the source has ended,
    /// it has the number of the halt block, or an end earlier than that was to be recorded.
    error BlockNotNewer(uint64 recorded, uint64 offered);
    /// @notice The code given is not the source's.
    error CodeMismatch(bytes32 expected, bytes32 actual);
    /// @notice The replica's storage root is not the one that the caller of `fill` expects.
    error UnexpectedRoot(bytes32 actual, bytes32 expected);
    /// @notice The witness does not start from the replica's storage root.
    error OldRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The block's state is not one in which the source has the storage root that the witness ends at (or the
    /// replica has, where there is no witness), the code hash of the key, and the rest as the account proof says.
    error StateRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice No `prepare` has proven these pending subtries with these writes for this replica.
    error PartNotProven(bytes32 part);
    /// @notice Neither a copy of the code given nor a resolver for it is the logic whose hash the replica's address was made of.
    error LogicHashMismatch(bytes32 expected, bytes32 actual);
    /// @notice Code of this size cannot be deployed here (EIP-170), or starts with 0xEF (EIP-3541), or is empty.
    error CodeNotDeployable(uint256 size);
    /// @notice The chain did not create the replica or its logic copy: too little gas was given.
    error DeploymentFailed();
    /// @notice The logic copy is in place.
    error LogicPresent(address logic);
    /// @notice The source is neither destroyed nor has other code at this block: `sync` instead.
    error SourceUnchanged(bytes32 blockHash);

    /// @notice Creates an empty replica. Anybody may; the caller becomes its creator.
    /// @param sourceChainId The chain id of the source chain; MUST be the anchor's.
    /// @param source The original contract.
    /// @param anchor The anchor that decides over source blocks, for life.
    /// @param codeHash keccak-256 of the source's runtime code.
    /// @param logicHash `logicHashOf` the source's runtime code. For a proxy, whose own code would delegate to an address where
    /// anybody may have put anything on this chain: `IImplementations.resolverHashOf` that code, of the proxy's kind.
    /// @param firstBlock No block of a lower number will ever be mirrored. So nobody can end the filling with a block at
    /// which the source was still empty, nor throw the replica back to one after a fork of the source.
    /// @return replica Its address, which is `replicaOf` the key.
    function create(
        uint256 sourceChainId,
        address source,
        address anchor,
        bytes32 codeHash,
        bytes32 logicHash,
        uint64 firstBlock
    ) external returns (address replica);

    /// @notice Applies one verified transition to a replica that is not active yet. Creator only.
    /// @param expectedRoot The storage root that the caller believes the replica to have: a chunk that was sent twice
    /// stops here, before it costs anything.
    /// @param replica A replica of the caller's that is not active yet.
    /// @param witness See `ITransitionEngine.transition`.
    function fill(address replica, bytes32 expectedRoot, bytes calldata witness) external returns (bytes32 newRoot);

    /// @notice Proves a filled replica to be the source's exact image, deploys its logic (the copy of the code given, or for a
    /// proxy a resolver, as its key says) and opens it to readers.
    /// Anybody may.
    /// @dev Warning: that is also somebody else, as soon as the storage is that of an accepted block from `firstBlock` on.
    /// The replica is a true mirror of that block then and goes on by `sync`, but cannot be filled any more.
    /// @param replica A replica that is not active yet.
    /// @param blockHash An accepted block.
    /// @param accountProof As for `ITransitionEngine.stateRootOf`.
    /// @param code The source's runtime code, byte for byte.
    function activate(address replica, bytes32 blockHash, bytes calldata accountProof, bytes calldata code) external;

    /// @notice Brings an active replica to an accepted block: strictly newer than the recorded one, or any where the
    /// recorded one has been revoked. Where the source has ended: a block from after the halt block, or after that has been
    /// revoked, ends that state; one from before it is mirrored, and the end stays recorded.
    /// @param replica An activated replica.
    /// @param blockHash The block to mirror.
    /// @param accountProof As for `ITransitionEngine.stateRootOf`.
    /// @param witness The transition from the replica's storage root to the source's; empty where they are the same.
    function sync(address replica, bytes32 blockHash, bytes calldata accountProof, bytes calldata witness) external;

    /// @notice Proves the next part of a transition that is too large for one transaction. Writes nothing to the replica.
    /// Anybody may, any number at once: what is proven is a fact about the replica and belongs to nobody; nothing is
    /// lost when a session is given up.
    /// @dev Warning: if the replica moves on meanwhile, parts that describe what has changed lead to `OldRootMismatch`
    /// in the end; begin again then.
    /// @param replica An activated replica.
    /// @param blockHash The block that it is meant to lead to. For the event only, so that who resumes finds his way.
    /// @param pending What the part before left: the subtries that wait for a branch; empty for the first part.
    /// @param writesHash Likewise: what commits to the writes so far; zero for the first part.
    /// @param witness The next items of the witness, whole ones.
    /// @return pendingAfter For the next part, or for `commit` where it is one subtrie.
    /// @return writesHashAfter For the next part.
    function prepare(
        address replica,
        bytes32 blockHash,
        bytes calldata pending,
        bytes32 writesHash,
        bytes calldata witness
    ) external returns (bytes memory pendingAfter, bytes32 writesHashAfter);

    /// @notice `sync` with a transition that has been prepared: all its writes, at once.
    /// @param replica An activated replica.
    /// @param blockHash The block to mirror, as for `sync`.
    /// @param accountProof As for `sync`.
    /// @param pending The one subtrie that the last part left.
    /// @param writes All write items of the witness in their order.
    function commit(
        address replica,
        bytes32 blockHash,
        bytes calldata accountProof,
        bytes calldata pending,
        bytes calldata writes
    ) external;

    /// @notice Records that the source was destroyed or got other code, proven at an accepted block that `sync` would
    /// take. Storage and recorded block stay as they are, `head` tells. Blocks at which the code is the old one can still
    /// be synced to: older ones than this, and should the source come back, later ones.
    /// @param replica An activated replica.
    /// @param blockHash The halt block: accepted, newer than the recorded one, and than the halt block before.
    /// @param accountProof The nodes from the state root to the account, one after the other: that at this block the
    /// account is absent, or has other code or none.
    function halt(address replica, bytes32 blockHash, bytes calldata accountProof) external;

    /// @notice Deploys the logic copy (or resolver) of an activated replica again, at its address, should it be gone.
    /// @dev Code that contains SELFDESTRUCT can be destroyed in the very transaction of its deployment (EIP-6780).
    /// @param replica An activated replica.
    /// @param code The source's runtime code.
    function restoreLogic(address replica, bytes calldata code) external;

    /// @notice The replica's block, level and anchor status now.
    /// @dev Warning: a replica that is not FILLING can be read whatever this says; who relies on freshness must ask.
    /// Reverts with `UnknownReplica`, or as the anchor does.
    function head(address replica) external view returns (Head memory);

    /// @notice The whole bookkeeping of a replica. Reverts with `UnknownReplica` only.
    function record(address replica) external view returns (ReplicaRecord memory);

    /// @notice Whether a part that leaves these pending subtries and commits to these writes has been proven.
    function isProven(address replica, bytes calldata pending, bytes32 writesHash) external view returns (bool);

    /// @notice The address that the replica of this key has or would have.
    function replicaOf(ReplicaKey calldata key) external view returns (address);

    /// @notice The address that the logic copy (or resolver) of this key has or would have.
    function logicOf(ReplicaKey calldata key) external view returns (address);

    /// @notice keccak-256 of the creation code that deploys `code`.
    function logicHashOf(bytes calldata code) external pure returns (bytes32);
}
