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
    FROZEN // it has seen two contradicting truths
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

    /// @notice The anchor's status changed. `evidence` is whatever shows why, in an encoding that the anchor documents.
    event StatusChanged(Status status, bytes evidence);

    /// @notice The trust model and its version, for instance "quorum/1", left-aligned.
    function kind() external view returns (bytes32);

    /// @notice The chain this anchor speaks of. The genesis hash tells apart chains that share a chain id.
    function source() external view returns (uint256 chainId, bytes32 genesisHash);

    /// @notice Whether the anchor can be used, and since when (seconds on the target's clock).
    function status() external view returns (Status current, uint64 since);

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
}
