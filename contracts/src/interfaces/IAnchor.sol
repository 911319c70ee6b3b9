// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice How firmly an anchor stands behind a source block.
enum Level {
    UNKNOWN, // never heard of
    PENDING, // proposed, not to be used yet
    SAFE, // usable, may still be revoked
    FINAL, // usable, only a broken trust assumption can undo it
    REVOKED // was accepted once and is known not to be canonical
}

/// @notice Whether an anchor can be used at all.
enum Status {
    ACTIVE,
    PAUSED, // stopped by its own rule, may resume
    EXPIRED, // too long without a proof, its trust assumption no longer holds
    FROZEN // it has seen two contradicting truths, or has lost what it relies on
}

/// @notice What an anchor knows of one source block.
struct SrcBlock {
    bytes32 blockHash; // keccak-256 of the header, zero where UNKNOWN
    bytes32 stateRoot; // read out of that header
    uint64 number; // read out of that header
    uint64 timestamp; // read out of that header, seconds on the source's clock
    uint64 acceptedAt; // seconds on the target's clock
    Level level;
}

/// @title IAnchor
/// @notice Says which blocks of one source chain are accepted, how final they are, and their state root.
/// Only a block hash is ever certified; everything else is read out of the header whose keccak-256 is that hash.
/// @dev Implementations MUST store blocks by hash, MUST NOT overwrite one block by another, MUST NOT forget a block that was
/// accepted, REVOKED ones included (replicas that stand there could not go on), and MUST NOT call hubs or replicas. View
/// functions MUST NOT revert on an unknown block: they answer a `SrcBlock` of level UNKNOWN.
interface IAnchor {
    /// @notice A block was accepted.
    event BlockAccepted(
        bytes32 indexed blockHash, uint64 indexed number, bytes32 stateRoot, uint64 timestamp, Level level
    );

    /// @notice It is known that the source chain has dropped blocks: all accepted ones above `head` are REVOKED.
    /// @param head The highest accepted block that stands, zero where none does.
    /// @param number Its number.
    /// @param canonicalEpoch What `status` tells from now on.
    event BlocksRevoked(bytes32 indexed head, uint64 number, uint64 canonicalEpoch);

    /// @notice A SAFE block has turned out not to be canonical, because another one of its number is FINAL: it is REVOKED, and
    /// no other.
    event BlockDisplaced(bytes32 indexed blockHash, uint64 indexed number, bytes32 by, uint64 canonicalEpoch);

    /// @notice The anchor's status changed. `evidence` is whatever shows why, in an encoding that the anchor documents.
    event StatusChanged(Status status, bytes evidence);

    /// @notice The anchor is not ACTIVE, since that time (seconds on the target's clock): it accepts nothing.
    error AnchorStopped(Status status, uint64 since);
    /// @notice The source's chain id or its genesis hash is zero.
    error SourceMissing(uint256 chainId, bytes32 genesisHash);
    /// @notice The proof, of `length` bytes, is not in the encoding that the anchor documents, to the byte.
    error ProofNotCanonical(uint256 length);
    /// @notice The block's number has more than 48 bits, or its time more than 40.
    error BlockOutOfRange(uint64 number, uint64 timestamp);
    /// @notice A block of number 0 that is not the source's genesis block.
    error GenesisMismatch(bytes32 expected, bytes32 actual);
    /// @notice The block's time is more than the anchor allows ahead of the target's clock.
    error TimestampInFuture(uint64 timestamp, uint256 latest);
    /// @notice The block's time contradicts its number: it is newer than the head and has an earlier time, or older and a later.
    error TimestampNotMonotone(uint64 number, uint64 timestamp, uint64 headNumber, uint64 headTimestamp);
    /// @notice The block is not SAFE or FINAL, so nothing can be built on it.
    error BlockNotUsable(bytes32 blockHash, Level level);
    /// @notice Header `index` is not that of the block that the header before names as its parent; the first one not that of
    /// the block to start from, or, of evidence, of an accepted block.
    error NotThatBlock(uint256 index, bytes32 expected, bytes32 actual);
    /// @notice Another block of this number stands, and the offered one is not FINAL: so it is not known which of them is right.
    error Contradiction(uint64 number, bytes32 standing, bytes32 offered);
    /// @notice The evidence shows no misbehaviour.
    error NoMisbehaviour();

    /// @notice The trust model and its version, for instance "quorum/2", left-aligned.
    function kind() external view returns (bytes32);

    /// @notice The chain this anchor speaks of. The genesis hash tells apart chains that share a chain id.
    function source() external view returns (uint256 chainId, bytes32 genesisHash);

    /// @notice Whether the anchor can be used, and since when (seconds on the target's clock); and how often it has learnt that
    /// the source chain dropped blocks: who keeps something that he has read looks at it again when this has changed.
    function status() external view returns (Status current, uint64 since, uint64 canonicalEpoch);

    /// @notice The accepted, not revoked block of the highest number whose level is at least `min`.
    /// Level UNKNOWN in the answer where there is none.
    function head(Level min) external view returns (SrcBlock memory);

    /// @notice What is known of the block with this hash; revoked blocks included.
    function blockByHash(bytes32 blockHash) external view returns (SrcBlock memory);

    /// @notice All that somebody who stands at one block must know to go on to another, in one call: what `status` and
    /// `blockByHash` would tell. Reading a replica's next block takes a tenth of the gas of a synchronisation, so
    /// implementations SHOULD read no word of storage twice.
    /// @param from Where he stands.
    /// @param to Where he wants to go.
    /// @return current The anchor's status.
    /// @return fromNumber The number of block `from`; 0 where UNKNOWN.
    /// @return fromLevel What has become of block `from`.
    /// @return offered What is known of block `to`.
    function step(bytes32 from, bytes32 to)
        external
        view
        returns (Status current, uint64 fromNumber, Level fromLevel, SrcBlock memory offered);

    /// @notice The accepted, not revoked block at this height.
    function canonicalAt(uint64 number) external view returns (SrcBlock memory);

    /// @notice Offers a proof that a block is to be accepted. Anybody MAY call it; a block accepted before is no error.
    /// @param proof In the encoding that the anchor documents.
    /// @return blockHash The block that the proof is about.
    /// @return level Its level afterwards.
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level);

    /// @notice Accepts the ancestors of a block that is SAFE or FINAL, at the level that it has. Anybody MAY call it.
    /// Where another block of an ancestor's number stands, two FINAL ones freeze the anchor, a FINAL one displaces a SAFE one,
    /// and a SAFE one is refused.
    /// @param from The block.
    /// @param headers The RLP of its header, then of its parent's, and so on down without a gap.
    function extendAncestors(bytes32 from, bytes[] calldata headers) external;

    /// @notice Shows that what the anchor relies on has misbehaved: freezes it, or revokes what was accepted wrongly. Anybody
    /// MAY call it. Reverts where the evidence shows nothing.
    /// @param evidence In the encoding that the anchor documents.
    function reportMisbehaviour(bytes calldata evidence) external;
}
