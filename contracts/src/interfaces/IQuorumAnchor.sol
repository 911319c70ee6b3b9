// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "./IAnchor.sol";

/// @title IQuorumAnchor
/// @notice Trusts that fewer than `threshold` of the listed signers are dishonest: as many as that, together, can have
/// any block accepted; and with more than `signers().length - threshold` of them silent, none is accepted any more.
/// With n signers of which f may be dishonest take n >= 3f + 1 and a threshold of 2f + 1.
///
/// Signers attest to a block hash and nothing else; state root, number, time come out of the header with that hash. They are
/// expected to sign only what is final on the source chain, and never two hashes of one number. Every accepted block is
/// FINAL. Should a quorum contradict itself all the same, then the anchor freezes, for good, and keeps the block that
/// it had.
/// @dev What a signer signs is EIP-712 typed data of the type
/// `BlockAttestation(uint256 sourceChainId,bytes32 sourceGenesisHash,uint64 blockNumber,bytes32 blockHash,uint64 setEpoch)`
/// in the domain {name "SmartSync QuorumAnchor", version "1", chainId, verifyingContract}, where `chainId` is the target
/// chain's at the time of the call: after a fork of the target chain with a new id, old signatures are worth nothing there.
///
/// The `proof` of `update` is `abi.encode(bytes header, bytes signatures)`, exactly as the ABI coder writes it: the
/// RLP of the header, and 65 bytes (r, s, v) a signature, sorted by the signers' addresses, strictly increasing. `v` is 27
/// or 28 and `s` in the lower half of the group order. Every signature has to be a signer's, those beyond the threshold too.
/// For a block that was accepted before, `update` answers without looking at the signatures.
///
/// `StatusChanged` carries `abi.encode(uint64 number, bytes32 acceptedHash, bytes32 contradictingHash)` when the anchor
/// freezes. That `update` succeeds (reverting would undo the freeze), and returns the contradicting hash with level UNKNOWN.
///
/// Warning: `head`, `blockByHash` and `canonicalAt` go on answering after a freeze. Look at `status`.
/// Warning: it has no use for chains whose block hash is not the hash of the whole header (QBFT and IBFT, see `BlockHeader`).
interface IQuorumAnchor is IAnchor {
    /// @notice The source's chain id or its genesis hash is zero.
    error SourceMissing(uint256 chainId, bytes32 genesisHash);
    /// @notice There are no signers, or more than 255.
    error SignerCountOutOfRange(uint256 count);
    /// @notice The threshold is above the number of signers, or not above half of it.
    error ThresholdOutOfRange(uint256 threshold, uint256 count);
    /// @notice Signers, or the signers of a proof's signatures, are not strictly increasing (twice the same is one case
    /// of it, the zero address as a signer another).
    error SignersNotIncreasing(address previous, address next);

    /// @notice The anchor froze at this time (seconds on the target's clock) and accepts nothing any more.
    error AnchorFrozen(uint64 since);
    /// @notice A proof of `length` bytes is not `abi.encode(bytes header, bytes signatures)`, to the byte.
    error ProofNotCanonical(uint256 length);
    /// @notice A block of number 0 that is not the source's genesis block.
    error GenesisMismatch(bytes32 expected, bytes32 actual);
    /// @notice The signatures' length is no multiple of 65.
    error SignaturesMisaligned(uint256 length);
    /// @notice Fewer signatures than the threshold.
    error TooFewSignatures(uint256 threshold, uint256 count);
    /// @notice Signature `index` has an `s` in the upper half of the group order.
    error SignatureHighS(uint256 index, bytes32 s);
    /// @notice Signature `index` has a `v` other than 27 and 28.
    error SignatureRecoveryId(uint256 index, uint8 v);
    /// @notice Signature `index` is nobody's: no public key fits it.
    error SignatureInvalid(uint256 index);
    /// @notice Signature `index`, of this attestation, on this chain, for this anchor, is by `recovered`, who is no signer.
    error NotSigner(uint256 index, address recovered);
    /// @notice The block's time is more than `maxDrift` seconds ahead of the target's clock.
    error TimestampInFuture(uint64 timestamp, uint256 latest);
    /// @notice The block's time contradicts its number: it is newer than the head and has an earlier time, or older and a later.
    error TimestampNotMonotone(uint64 number, uint64 timestamp, uint64 headNumber, uint64 headTimestamp);

    /// @notice Everybody whose signature counts, strictly increasing.
    function signers() external view returns (address[] memory);

    /// @notice Whether `account` is one of `signers`.
    function isSigner(address account) external view returns (bool);

    /// @notice How many signatures a block needs.
    function threshold() external view returns (uint256);

    /// @notice How many seconds a block's time may be ahead of the target's clock.
    function maxDrift() external view returns (uint64);

    /// @notice Number of the signer set, part of what is signed: signatures of another set are worth nothing.
    /// It is 1, as sets do not change yet.
    function setEpoch() external view returns (uint64);

    /// @notice What signers sign for this block: the EIP-712 digest, on the chain and for the anchor that is asked.
    function attestationDigest(uint64 blockNumber, bytes32 blockHash) external view returns (bytes32);
}
