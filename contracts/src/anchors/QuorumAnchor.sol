// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {IQuorumAnchor} from "../interfaces/IQuorumAnchor.sol";
import {BlockHeader} from "../libraries/BlockHeader.sol";

/// @title QuorumAnchor
/// @notice Accepts the source blocks that m of n fixed signers attest to. See `IQuorumAnchor` for what that trusts.
contract QuorumAnchor is IQuorumAnchor {
    /// @dev A `SrcBlock` in two words: its hash is the key.
    struct StoredBlock {
        bytes32 stateRoot;
        uint64 number;
        uint64 timestamp;
        uint64 acceptedAt;
        Level level;
    }

    /* ------------------------------------------------ constants ------------------------------------------------- */

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("SmartSync QuorumAnchor");
    bytes32 private constant VERSION_HASH = keccak256("1");
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "BlockAttestation(uint256 sourceChainId,bytes32 sourceGenesisHash,uint64 blockNumber,bytes32 blockHash,uint64 setEpoch)"
    );

    /// @dev floor(n / 2) of secp256k1. Of the two `s` that are valid for one message only the lower is taken (EIP-2).
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant SIGNATURE_SIZE = 65;
    uint256 private constant MAX_SIGNERS = 255;

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "quorum/1";
    /// @inheritdoc IQuorumAnchor
    uint64 public constant setEpoch = 1;

    /* ------------------------------------------------ immutables ------------------------------------------------ */

    uint256 private immutable SOURCE_CHAIN_ID;
    bytes32 private immutable SOURCE_GENESIS_HASH;
    /// @inheritdoc IQuorumAnchor
    uint256 public immutable threshold;
    /// @inheritdoc IQuorumAnchor
    uint64 public immutable maxDrift;

    /* -------------------------------------------------- storage ------------------------------------------------- */

    address[] private _signers; // strictly increasing
    /// @inheritdoc IQuorumAnchor
    mapping(address account => bool) public isSigner;

    mapping(bytes32 blockHash => StoredBlock) private _blocks;
    mapping(uint64 number => bytes32 blockHash) private _canonical;
    bytes32 private _head; // hash of the accepted block of the highest number
    Status private _status;
    uint64 private _statusSince;

    /* ------------------------------------------------ constructor ----------------------------------------------- */

    /// @param sourceChainId EIP-155 chain id of the source chain.
    /// @param sourceGenesisHash Hash of its block 0.
    /// @param signers_ Strictly increasing, at least 1 and at most 255, the zero address not among them.
    /// @param threshold_ Signatures that a block needs: more than half, and no more than there are signers.
    /// @param maxDrift_ Seconds that a block's time may be ahead of this chain's clock.
    constructor(
        uint256 sourceChainId,
        bytes32 sourceGenesisHash,
        address[] memory signers_,
        uint256 threshold_,
        uint64 maxDrift_
    ) {
        if (sourceChainId == 0 || sourceGenesisHash == 0) {
            revert SourceMissing(sourceChainId, sourceGenesisHash);
        }
        uint256 count = signers_.length;
        if (count == 0 || count > MAX_SIGNERS) revert SignerCountOutOfRange(count);
        if (threshold_ > count || 2 * threshold_ <= count) revert ThresholdOutOfRange(threshold_, count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            if (signers_[i] <= previous) revert SignersNotIncreasing(previous, signers_[i]);
            previous = signers_[i];
            isSigner[previous] = true;
        }

        SOURCE_CHAIN_ID = sourceChainId;
        SOURCE_GENESIS_HASH = sourceGenesisHash;
        threshold = threshold_;
        maxDrift = maxDrift_;
        _signers = signers_;
        _setStatus(Status.ACTIVE, "");
    }

    // `acceptedAt` makes every comparison with a block look like one with the clock; the one that is allows for `maxDrift`.
    // slither-disable-start timestamp

    /* ------------------------------------------------- external ------------------------------------------------- */

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        if (_status != Status.ACTIVE) revert AnchorFrozen(_statusSince);
        (bytes calldata header, bytes calldata signatures) = _split(proof);
        SrcBlock memory offered = _read(header);
        blockHash = offered.blockHash;
        level = _blocks[blockHash].level;
        if (level != Level.UNKNOWN) return (blockHash, level);

        // Equality is meant: block 0 is the genesis.
        // slither-disable-next-line incorrect-equality
        if (offered.number == 0 && blockHash != SOURCE_GENESIS_HASH) {
            revert GenesisMismatch(SOURCE_GENESIS_HASH, blockHash);
        }
        _requireQuorum(attestationDigest(offered.number, blockHash), signatures);

        bytes32 accepted = _canonical[offered.number];
        if (accepted != 0) {
            _setStatus(Status.FROZEN, abi.encode(offered.number, accepted, blockHash));
            return (blockHash, Level.UNKNOWN);
        }
        _requireTimestamp(offered);
        _accept(offered);
        return (blockHash, Level.FINAL);
    }

    /// @inheritdoc IAnchor
    function source() external view returns (uint256 chainId, bytes32 genesisHash) {
        return (SOURCE_CHAIN_ID, SOURCE_GENESIS_HASH);
    }

    /// @inheritdoc IAnchor
    function status() external view returns (Status current, uint64 since) {
        return (_status, _statusSince);
    }

    /// @inheritdoc IAnchor
    function head(Level min) external view returns (SrcBlock memory block_) {
        // What is above FINAL in the enumeration is REVOKED, and no block here is.
        if (min <= Level.FINAL) block_ = _block(_head);
    }

    /// @inheritdoc IAnchor
    function blockByHash(bytes32 blockHash) external view returns (SrcBlock memory) {
        return _block(blockHash);
    }

    /// @inheritdoc IAnchor
    function step(bytes32 from, bytes32 to)
        external
        view
        returns (Status current, uint64 fromNumber, Level fromLevel, SrcBlock memory offered)
    {
        StoredBlock storage left = _blocks[from];
        return (_status, left.number, left.level, _block(to));
    }

    /// @inheritdoc IAnchor
    function canonicalAt(uint64 number) external view returns (SrcBlock memory) {
        return _block(_canonical[number]);
    }

    /// @inheritdoc IQuorumAnchor
    function signers() external view returns (address[] memory) {
        return _signers;
    }

    /* -------------------------------------------------- public -------------------------------------------------- */

    /// @inheritdoc IQuorumAnchor
    function attestationDigest(uint64 blockNumber, bytes32 blockHash) public view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
        bytes32 attestation = keccak256(
            abi.encode(ATTESTATION_TYPEHASH, SOURCE_CHAIN_ID, SOURCE_GENESIS_HASH, blockNumber, blockHash, setEpoch)
        );
        return keccak256(abi.encodePacked(hex"1901", domain, attestation));
    }

    /* -------------------------------------------------- private ------------------------------------------------- */

    /// @dev Takes `abi.encode(bytes, bytes)` apart without copying, and refuses any other bytes that would decode to
    /// the same: they are compared with the encoding of what was found.
    function _split(bytes calldata proof) private pure returns (bytes calldata header, bytes calldata signatures) {
        // word 0: offset of the header (0x40); word 1: offset of the signatures; then each with its length, padded
        uint256 length = proof.length;
        if (length < 0x80) revert ProofNotCanonical(length);
        uint256 headerSize = uint256(bytes32(proof[0x40:0x60]));
        if (headerSize > length - 0x80) revert ProofNotCanonical(length);
        header = proof[0x60:0x60 + headerSize];

        uint256 offset = 0x60 + ((headerSize + 31) & ~uint256(31));
        if (offset > length - 0x20) revert ProofNotCanonical(length);
        uint256 signaturesSize = uint256(bytes32(proof[offset:offset + 0x20]));
        if (signaturesSize > length - offset - 0x20) revert ProofNotCanonical(length);
        signatures = proof[offset + 0x20:offset + 0x20 + signaturesSize];

        if (keccak256(abi.encode(header, signatures)) != keccak256(proof)) revert ProofNotCanonical(length);
    }

    function _block(bytes32 blockHash) private view returns (SrcBlock memory found) {
        StoredBlock memory stored = _blocks[blockHash];
        if (stored.level != Level.UNKNOWN) found.blockHash = blockHash;
        found.stateRoot = stored.stateRoot;
        found.number = stored.number;
        found.timestamp = stored.timestamp;
        found.acceptedAt = stored.acceptedAt;
        found.level = stored.level;
    }

    function _read(bytes calldata header) private view returns (SrcBlock memory block_) {
        (block_.blockHash, block_.stateRoot, block_.number, block_.timestamp,) = BlockHeader.read(header);
        block_.acceptedAt = uint64(block.timestamp);
        block_.level = Level.FINAL;
    }

    /// @dev Every signature must be a signer's, and the signers strictly increasing: so nobody counts twice.
    function _requireQuorum(bytes32 digest, bytes calldata signatures) private view {
        if (signatures.length % SIGNATURE_SIZE != 0) revert SignaturesMisaligned(signatures.length);
        uint256 count = signatures.length / SIGNATURE_SIZE;
        if (count < threshold) revert TooFewSignatures(threshold, count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address signer = _recover(digest, signatures[i * SIGNATURE_SIZE:(i + 1) * SIGNATURE_SIZE], i);
            if (!isSigner[signer]) revert NotSigner(i, signer);
            if (signer <= previous) revert SignersNotIncreasing(previous, signer);
            previous = signer;
        }
    }

    function _recover(bytes32 digest, bytes calldata signature, uint256 index) private pure returns (address signer) {
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (uint256(s) > MAX_S) revert SignatureHighS(index, s);
        if (v != 27 && v != 28) revert SignatureRecoveryId(index, v);
        signer = ecrecover(digest, v, r, s);
        if (signer == address(0)) revert SignatureInvalid(index);
    }

    function _requireTimestamp(SrcBlock memory offered) private view {
        uint256 latest = block.timestamp + maxDrift;
        if (offered.timestamp > latest) revert TimestampInFuture(offered.timestamp, latest);
        StoredBlock storage top = _blocks[_head];
        if (top.level == Level.UNKNOWN) return;
        bool isNewer = offered.number > top.number;
        if (isNewer ? offered.timestamp < top.timestamp : offered.timestamp > top.timestamp) {
            revert TimestampNotMonotone(offered.number, offered.timestamp, top.number, top.timestamp);
        }
    }

    function _accept(SrcBlock memory accepted) private {
        StoredBlock storage top = _blocks[_head];
        bool isHead = top.level == Level.UNKNOWN || accepted.number > top.number;
        _blocks[accepted.blockHash] = StoredBlock({
            stateRoot: accepted.stateRoot,
            number: accepted.number,
            timestamp: accepted.timestamp,
            acceptedAt: accepted.acceptedAt,
            level: accepted.level
        });
        _canonical[accepted.number] = accepted.blockHash;
        if (isHead) _head = accepted.blockHash;
        emit BlockAccepted(accepted.blockHash, accepted.number, accepted.stateRoot, accepted.timestamp, accepted.level);
    }

    function _setStatus(Status changed, bytes memory evidence) private {
        _status = changed;
        _statusSince = uint64(block.timestamp);
        emit StatusChanged(changed, evidence);
    }
    // slither-disable-end timestamp
}
