// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, Status} from "./IAnchor.sol";

/// @notice What a signer says of a block.
struct BlockAttestation {
    uint64 blockNumber;
    bytes32 blockHash;
    Level level; // SAFE, which a revocation may undo, or FINAL, which none does
    uint64 setEpoch; // of the anchor's signers
    uint64 canonicalEpoch; // of the anchor
}

/// @title IQuorumAnchor
/// @notice Trusts that fewer than `threshold` of the listed signers are dishonest: as many as that, together, can have
/// any block accepted; and with more than `signers().length - threshold` of them silent, none is accepted any more.
/// With n signers of which f may be dishonest take n >= 3f + 1 and a threshold of 2f + 1.
///
/// Signers attest to a block hash and nothing else; state root, number, time come out of the header with that hash. They are
/// expected to sign as FINAL only what is final on the source chain, as SAFE what is deep enough, and never two hashes
/// of one number in one canonical epoch:
/// - one who did, as two signatures of his show, is a signer no more; with fewer than `threshold` left the anchor freezes;
/// - two FINAL blocks of one number freeze it at once, and it keeps the one that it had;
/// - should the source drop SAFE blocks, a quorum signs where the chain has parted, and until when that may be sent; it
///   begins a new canonical epoch.
///
/// The signers change by their own quorum, after `delay`. Who relies on the anchor sees it coming and has that long to leave.
///
/// One who is removed takes the set that is on its way with him: it has to be scheduled anew. A set that comes into force makes
/// every signature of the one before worthless, that of a revocation too.
///
/// The guardian, if there is one, has no say while the anchor works. Of a frozen one he may name new signers, and the last
/// block that is to stand, which is FINAL then; it works again after `delay`. Without a guardian it stays frozen for good.
/// @dev What is signed is EIP-712 typed data, in the domain {name "SmartSync QuorumAnchor", version "2", chainId,
/// verifyingContract}, where `chainId` is the target chain's at the time of the call: after a fork of the target chain with
/// a new id, old signatures are worth nothing there. The types:
/// - `BlockAttestation(uint256 sourceChainId,bytes32 sourceGenesisHash,uint64 blockNumber,bytes32 blockHash,uint8 level,uint64 setEpoch,uint64 canonicalEpoch)`
/// - `Revocation(bytes32 head,uint64 setEpoch,uint64 canonicalEpoch,uint64 deadline)`, the epoch being the one that it begins
/// - `SetUpdate(address[] signers,uint256 threshold,uint64 setEpoch,uint64 nonce)`, the epoch being the one that it begins
///
/// Signatures: 65 bytes (r, s, v) each, sorted by the signers' addresses, strictly increasing. `v` is 27 or 28 and `s` in
/// the lower half of the group order. Every signature has to be a signer's, those beyond the threshold too.
///
/// The `proof` of `update` is | level (1 byte) | RLP of the header | signatures |. For a block that has that level,
/// `update` answers without looking at the signatures.
///
/// The `evidence` of `reportMisbehaviour` is | number (8) | hash (32) | level (1) | signature (65) | hash (32) | level (1) |
/// signature (65) |: what one signer said of one number in the epochs that the anchor is in.
///
/// `StatusChanged` carries `abi.encode(uint64 number, bytes32 acceptedHash, bytes32 contradictingHash)` when the anchor
/// freezes for a contradiction, that evidence when it freezes for want of signers. An `update` that freezes it succeeds
/// (reverting would undo the freeze), and returns the contradicting hash with level UNKNOWN.
///
/// Warning: `head`, `blockByHash` and `canonicalAt` go on answering after a freeze. Look at `status`.
/// Warning: of a chain whose block hash is not that of the whole header (QBFT and IBFT 2.0), the header is given as it is hashed,
/// without its seals.
interface IQuorumAnchor is IAnchor {
    /// @notice A new set of signers is on its way; who it is and from when on (seconds on the target's clock).
    event SetScheduled(address[] signers, uint256 threshold, uint64 setEpoch, uint64 nonce, uint64 effectiveAt);
    /// @notice It comes with a recovery, of which `newHead` is to be the last block that stands, and FINAL; zero where none is.
    event RecoveryScheduled(bytes32 indexed newHead, uint64 nonce);
    /// @notice It is in force.
    event SetChanged(address[] signers, uint256 threshold, uint64 setEpoch);
    /// @notice The signer has signed two hashes of one number and is none any more.
    event SignerRemoved(address indexed signer, bytes evidence);

    /// @notice There are no signers, or more than 255.
    error SignerCountOutOfRange(uint256 count);
    /// @notice The threshold is above the number of signers, or not above half of it.
    error ThresholdOutOfRange(uint256 threshold, uint256 count);
    /// @notice Signers, or the signers of a proof's signatures, are not strictly increasing (twice the same is one case
    /// of it, the zero address as a signer another).
    error SignersNotIncreasing(address previous, address next);

    /// @notice A block is attested as SAFE or as FINAL, not as this.
    error LevelNotAttestable(uint8 level);
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
    /// @notice Signature `index`, of this very message, on this chain, for this anchor, is by `recovered`, who is no signer; or,
    /// in evidence, not the one of the first signature.
    error NotSigner(uint256 index, address recovered);

    /// @notice The revocation was good until `deadline` (seconds on the target's clock): it has to be signed anew.
    error RevocationExpired(uint64 deadline);
    /// @notice A block above the new head is FINAL, which no revocation undoes.
    error FinalBlockAbove(bytes32 head, bytes32 finalHash);
    /// @notice The new set is not the one that was scheduled, or none was.
    error NotScheduled(bytes32 scheduled, bytes32 actual);
    /// @notice The new set is in force from then on (seconds on the target's clock), not yet.
    error NotYet(uint64 effectiveAt);
    /// @notice Only the guardian may.
    error NotGuardian(address caller);
    /// @notice The anchor is not frozen: its signers decide, not the guardian.
    error NotFrozen(Status status);

    /// @notice Everybody whose signature counts, strictly increasing.
    function signers() external view returns (address[] memory);

    /// @notice Whether `account` is one of `signers`.
    function isSigner(address account) external view returns (bool);

    /// @notice How many signatures a block needs.
    function threshold() external view returns (uint256);

    /// @notice Number of the signer set, part of what is signed: signatures of another set are worth nothing.
    function setEpoch() external view returns (uint64);

    /// @notice How often a new set has been scheduled, part of what is signed: so none can be scheduled twice.
    function setNonce() external view returns (uint64);

    /// @notice How many seconds a block's time may be ahead of the target's clock.
    function maxDrift() external view returns (uint64);

    /// @notice How many seconds pass until a new set is in force.
    function delay() external view returns (uint64);

    /// @notice Who may name new signers while the anchor is frozen; zero where nobody may.
    function guardian() external view returns (address);

    /// @notice What signers sign: the EIP-712 digests, on the chain and for the anchor that is asked.
    function attestationDigest(BlockAttestation calldata attestation) external view returns (bytes32);
    /// @notice Likewise, to revoke everything above `newHead`, no later than `deadline`.
    function revocationDigest(bytes32 newHead, uint64 deadline) external view returns (bytes32);
    /// @notice Likewise, to schedule a new set.
    function setUpdateDigest(address[] calldata newSigners, uint256 newThreshold) external view returns (bytes32);

    /// @notice The source has dropped SAFE blocks: revokes all above `newHead`. Anybody may call it.
    /// @param newHead The highest accepted block that stands; zero where none does.
    /// @param deadline Until when they meant it, seconds on the target's clock: a source may come back to what it dropped, and
    /// signatures that nobody sent must not be kept against all that is accepted since.
    /// @param signatures Of a quorum.
    function revoke(bytes32 newHead, uint64 deadline, bytes calldata signatures) external;

    /// @notice Schedules a new set of signers, in force after `delay`; in place of another one that is on its way.
    /// Anybody may call it.
    /// @param newSigners Strictly increasing.
    /// @param newThreshold More than half of them.
    /// @param signatures Of a quorum of the set in force.
    function scheduleSet(address[] calldata newSigners, uint256 newThreshold, bytes calldata signatures) external;

    /// @notice Puts the scheduled set in force. Anybody may call it.
    function changeSet(address[] calldata newSigners, uint256 newThreshold) external;

    /// @notice Of a frozen anchor: schedules new signers and what is to stand. By the guardian.
    /// @param newSigners Strictly increasing.
    /// @param newThreshold More than half of them.
    /// @param newHead The last block that is to stand, which is FINAL then; FINAL ones above are revoked too. Zero where none is.
    function scheduleRecovery(address[] calldata newSigners, uint256 newThreshold, bytes32 newHead) external;

    /// @notice Puts the scheduled recovery in force; the anchor is ACTIVE again. Anybody may call it.
    function recover(address[] calldata newSigners, uint256 newThreshold, bytes32 newHead) external;
}
