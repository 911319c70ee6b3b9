// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {BlockAttestation, IQuorumAnchor} from "../interfaces/IQuorumAnchor.sol";
import {Rlp} from "../libraries/Rlp.sol";
import {Anchor} from "./Anchor.sol";

/// @title QuorumAnchor
/// @notice Accepts the source blocks that m of n signers attest to. See `IQuorumAnchor` for what that trusts.
contract QuorumAnchor is Anchor, IQuorumAnchor {
    /// @dev Who counts. In one word, which every proof reads.
    struct Terms {
        uint64 setEpoch;
        uint64 nonce; // how often a set was scheduled
        uint16 threshold;
        uint16 count; // of signers
    }

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("SmartSync QuorumAnchor");
    bytes32 private constant VERSION_HASH = keccak256("2");
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "BlockAttestation(uint256 sourceChainId,bytes32 sourceGenesisHash,uint64 blockNumber,bytes32 blockHash,uint8 level,uint64 setEpoch,uint64 canonicalEpoch)"
    );
    bytes32 private constant REVOCATION_TYPEHASH =
        keccak256("Revocation(bytes32 head,uint64 setEpoch,uint64 canonicalEpoch,uint64 deadline)");
    bytes32 private constant SET_UPDATE_TYPEHASH =
        keccak256("SetUpdate(address[] signers,uint256 threshold,uint64 setEpoch,uint64 nonce)");

    /// @dev floor(n / 2) of secp256k1. Of the two `s` that are valid for one message only the lower is taken (EIP-2).
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant SIGNATURE_SIZE = 65;
    /// @dev A number, and twice a hash, a level and a signature.
    uint256 private constant EVIDENCE_SIZE = 8 + 2 * (32 + 1 + SIGNATURE_SIZE);
    uint256 private constant MAX_SIGNERS = 255;

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "quorum/2";

    /// @inheritdoc IQuorumAnchor
    uint64 public immutable maxDrift;
    /// @inheritdoc IQuorumAnchor
    uint64 public immutable delay;
    /// @inheritdoc IQuorumAnchor
    address public immutable guardian;

    Terms private _terms;
    address[] private _signers; // strictly increasing; those who were removed among them
    mapping(uint64 setEpoch => mapping(address account => bool)) private _isMember;
    bytes32 private _scheduled; // hash of what comes into force
    uint64 private _effectiveAt;

    /// @param sourceChainId EIP-155 chain id of the source chain.
    /// @param sourceGenesisHash Hash of its block 0.
    /// @param signers_ Strictly increasing, at least 1 and at most 255, the zero address not among them.
    /// @param threshold_ Signatures that a block needs: more than half, and no more than there are signers.
    /// @param maxDrift_ Seconds that a block's time may be ahead of this chain's clock.
    /// @param delay_ Seconds until a new set of signers is in force.
    /// @param guardian_ Who may name new signers while the anchor is frozen; zero for nobody.
    constructor(
        uint256 sourceChainId,
        bytes32 sourceGenesisHash,
        address[] memory signers_,
        uint256 threshold_,
        uint64 maxDrift_,
        uint64 delay_,
        address guardian_
    ) Anchor(sourceChainId, sourceGenesisHash) {
        maxDrift = maxDrift_;
        delay = delay_;
        // slither-disable-next-line missing-zero-check
        guardian = guardian_; // zero is nobody
        _changeSet(signers_, threshold_);
    }

    // --- blocks ---

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        _requireActive();
        // The header tells itself where it ends: so there is one encoding only, and no length to be wrong.
        (, uint256 end) = Rlp.readList(proof, 1);
        Level attested = _attestable(uint8(proof[0]));
        (SrcBlock memory offered,) = _read(proof[1:end]);
        blockHash = offered.blockHash;
        level = _block(blockHash).level;
        if (_isUsable(level) && level >= attested) return (blockHash, level);

        offered.level = attested;
        _requireQuorum(_digestOf(offered.number, blockHash, attested), proof[end:]);
        SrcBlock memory standing = canonicalAt(offered.number);
        // Two FINAL ones freeze the anchor whatever their times are.
        if (standing.level != Level.FINAL && standing.blockHash != blockHash) {
            (uint64 newest, uint64 timestamp) = _newestFinal();
            _requireTimestamp(offered, maxDrift, newest, timestamp);
            // A SAFE one, which the source may have dropped, says nothing about a FINAL one.
            if (attested == Level.SAFE) {
                (newest, timestamp) = _newest();
                _requireTimestamp(offered, maxDrift, newest, timestamp);
            }
        }
        return (blockHash, _accept(offered));
    }

    /// @inheritdoc IQuorumAnchor
    function revoke(bytes32 newHead, uint64 deadline, bytes calldata signatures) external {
        _requireActive();
        if (block.timestamp > deadline) revert RevocationExpired(deadline);
        _requireQuorum(revocationDigest(newHead, deadline), signatures);
        SrcBlock memory top = head(Level.FINAL);
        if (top.level == Level.FINAL && (newHead == 0 || top.number > _block(newHead).number)) {
            revert FinalBlockAbove(newHead, top.blockHash);
        }
        _revokeAbove(newHead);
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireActive();
        if (evidence.length != EVIDENCE_SIZE) revert ProofNotCanonical(evidence.length);
        bytes32 one = _attested(evidence[:8], evidence[8:41]);
        bytes32 other = _attested(evidence[:8], evidence[106:139]);
        if (bytes32(evidence[8:40]) == bytes32(evidence[106:138])) revert NoMisbehaviour();
        address signer = _recover(one, evidence[41:106], 0);
        if (!isSigner(signer)) revert NotSigner(0, signer);
        address signer_ = _recover(other, evidence[139:204], 1);
        if (signer_ != signer) revert NotSigner(1, signer_);

        delete _isMember[_terms.setEpoch][signer];
        // He may be in the set that is on its way.
        delete _scheduled;
        Terms memory terms = _terms;
        --terms.count;
        _terms = terms;
        emit SignerRemoved(signer, evidence);
        if (terms.count < terms.threshold) _freeze(evidence);
    }

    // --- signers ---

    /// @inheritdoc IQuorumAnchor
    function scheduleSet(address[] calldata newSigners, uint256 newThreshold, bytes calldata signatures) external {
        _requireActive();
        _requireQuorum(setUpdateDigest(newSigners, newThreshold), signatures);
        _schedule(newSigners, newThreshold, _setHash(newSigners, newThreshold));
    }

    /// @inheritdoc IQuorumAnchor
    function changeSet(address[] calldata newSigners, uint256 newThreshold) external {
        _requireActive();
        _takeScheduled(_setHash(newSigners, newThreshold));
        _changeSet(newSigners, newThreshold);
    }

    /// @inheritdoc IQuorumAnchor
    function scheduleRecovery(address[] calldata newSigners, uint256 newThreshold, bytes32 newHead) external {
        _requireFrozen();
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        _schedule(newSigners, newThreshold, _recoveryHash(newSigners, newThreshold, newHead));
        emit RecoveryScheduled(newHead, _terms.nonce);
    }

    /// @inheritdoc IQuorumAnchor
    function recover(address[] calldata newSigners, uint256 newThreshold, bytes32 newHead) external {
        _requireFrozen();
        _takeScheduled(_recoveryHash(newSigners, newThreshold, newHead));
        _changeSet(newSigners, newThreshold);
        _revokeAbove(newHead);
        _setStatus(Status.ACTIVE, "");
        if (newHead == 0) return;
        // So that what was FINAL below it stays what no revocation undoes.
        SrcBlock memory stands = _block(newHead);
        stands.level = Level.FINAL;
        _accept(stands);
    }

    // --- views ---

    /// @inheritdoc IQuorumAnchor
    function signers() external view returns (address[] memory members) {
        address[] memory named = _signers;
        members = new address[](_terms.count);
        uint256 count = 0;
        for (uint256 i = 0; i < named.length; ++i) {
            if (isSigner(named[i])) members[count++] = named[i];
        }
    }

    /// @inheritdoc IQuorumAnchor
    function threshold() external view returns (uint256) {
        return _terms.threshold;
    }

    /// @inheritdoc IQuorumAnchor
    function setEpoch() external view returns (uint64) {
        return _terms.setEpoch;
    }

    /// @inheritdoc IQuorumAnchor
    function setNonce() external view returns (uint64) {
        return _terms.nonce;
    }

    /// @inheritdoc IQuorumAnchor
    function isSigner(address account) public view returns (bool) {
        return _isMember[_terms.setEpoch][account];
    }

    /// @inheritdoc IQuorumAnchor
    function attestationDigest(BlockAttestation memory attestation) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(ATTESTATION_TYPEHASH, SOURCE_CHAIN_ID, SOURCE_GENESIS_HASH, attestation)));
    }

    /// @inheritdoc IQuorumAnchor
    function revocationDigest(bytes32 newHead, uint64 deadline) public view returns (bytes32) {
        (,, uint64 canonicalEpoch) = status();
        return
            _digest(keccak256(abi.encode(REVOCATION_TYPEHASH, newHead, _terms.setEpoch, canonicalEpoch + 1, deadline)));
    }

    /// @inheritdoc IQuorumAnchor
    function setUpdateDigest(address[] calldata newSigners, uint256 newThreshold) public view returns (bytes32) {
        // Packed, an array's elements have a word each all the same.
        bytes32 members = keccak256(abi.encodePacked(newSigners));
        Terms memory terms = _terms;
        return
            _digest(
                keccak256(abi.encode(SET_UPDATE_TYPEHASH, members, newThreshold, terms.setEpoch + 1, terms.nonce + 1))
            );
    }

    // --- private: signatures ---

    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev What an attestation of today has to be signed as.
    function _digestOf(uint64 number, bytes32 blockHash, Level level) private view returns (bytes32) {
        (,, uint64 canonicalEpoch) = status();
        return attestationDigest(BlockAttestation(number, blockHash, level, _terms.setEpoch, canonicalEpoch));
    }

    /// @dev Likewise, of a piece of evidence: `what` is hash and level.
    function _attested(bytes calldata number, bytes calldata what) private view returns (bytes32) {
        return _digestOf(uint64(bytes8(number)), bytes32(what[:32]), _attestable(uint8(what[32])));
    }

    function _attestable(uint8 level) private pure returns (Level) {
        if (level != uint8(Level.SAFE) && level != uint8(Level.FINAL)) revert LevelNotAttestable(level);
        return Level(level);
    }

    /// @dev Every signature must be a signer's, and the signers strictly increasing: so nobody counts twice.
    function _requireQuorum(bytes32 digest, bytes calldata signatures) private view {
        if (signatures.length % SIGNATURE_SIZE != 0) revert SignaturesMisaligned(signatures.length);
        uint256 count = signatures.length / SIGNATURE_SIZE;
        Terms memory terms = _terms;
        if (count < terms.threshold) revert TooFewSignatures(terms.threshold, count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address signer = _recover(digest, signatures[i * SIGNATURE_SIZE:(i + 1) * SIGNATURE_SIZE], i);
            if (!_isMember[terms.setEpoch][signer]) revert NotSigner(i, signer);
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

    // --- private: sets ---

    function _setHash(address[] memory newSigners, uint256 newThreshold) private pure returns (bytes32) {
        return keccak256(abi.encode(newSigners, newThreshold));
    }

    function _recoveryHash(address[] memory newSigners, uint256 newThreshold, bytes32 newHead)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(newSigners, newThreshold, newHead));
    }

    function _requireFrozen() private view {
        (Status current,,) = status();
        if (current != Status.FROZEN) revert NotFrozen(current);
    }

    function _schedule(address[] memory newSigners, uint256 newThreshold, bytes32 what) private {
        _requireSet(newSigners, newThreshold);
        Terms memory terms = _terms;
        ++terms.nonce;
        _terms = terms;
        _scheduled = what;
        _effectiveAt = uint64(block.timestamp) + delay;
        emit SetScheduled(newSigners, newThreshold, terms.setEpoch + 1, terms.nonce, _effectiveAt);
    }

    function _takeScheduled(bytes32 what) private {
        if (what != _scheduled) revert NotScheduled(_scheduled, what);
        if (block.timestamp < _effectiveAt) revert NotYet(_effectiveAt);
        delete _scheduled;
    }

    function _requireSet(address[] memory members, uint256 needed) private pure {
        uint256 count = members.length;
        if (count == 0 || count > MAX_SIGNERS) revert SignerCountOutOfRange(count);
        if (needed > count || 2 * needed <= count) revert ThresholdOutOfRange(needed, count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            if (members[i] <= previous) revert SignersNotIncreasing(previous, members[i]);
            previous = members[i];
        }
    }

    /// @dev A number of its own for each set: so signatures of the old one are worth nothing, nor is one who was removed.
    function _changeSet(address[] memory members, uint256 needed) private {
        _requireSet(members, needed);
        Terms memory terms = _terms;
        ++terms.setEpoch;
        // forge-lint: disable-next-line(unsafe-typecast)
        (terms.threshold, terms.count) = (uint16(needed), uint16(members.length)); // 255 at most
        _terms = terms;
        _signers = members;
        for (uint256 i = 0; i < members.length; ++i) {
            _isMember[terms.setEpoch][members[i]] = true;
        }
        emit SetChanged(members, needed, terms.setEpoch);
    }
}
