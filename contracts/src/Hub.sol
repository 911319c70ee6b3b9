// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Replica} from "./Replica.sol";
import {IAnchor, Level, SrcBlock, Status} from "./interfaces/IAnchor.sol";
import {Head, IHub, ReplicaKey, ReplicaRecord, ReplicaStatus} from "./interfaces/IHub.sol";
import {ITransitionEngine} from "./interfaces/ITransitionEngine.sol";
import {AccountProof} from "./libraries/AccountProof.sol";
import {LogicCopy} from "./libraries/LogicCopy.sol";
import {SubtrieLib} from "./libraries/Subtrie.sol";

/// @title Hub
/// @notice The bookkeeping of all replicas of a target chain. See `IHub`.
/// @dev Outside of its own replicas and the engine it calls nobody but anchors, and those with STATICCALL only, so there is
/// no moment at which it could be entered again half way.
contract Hub is IHub {
    /// @inheritdoc IHub
    address public immutable engine;

    mapping(address replica => ReplicaRecord) private _records;

    constructor(address engine_) {
        engine = engine_;
    }

    // --- creation ---

    /// @inheritdoc IHub
    function create(uint256 sourceChainId, address source, address anchor, bytes32 logicHash, uint64 firstBlock)
        external
        returns (address replica)
    {
        if (anchor.code.length == 0) revert NotAnAnchor(anchor);
        (uint256 anchorChainId,) = IAnchor(anchor).source();
        if (anchorChainId != sourceChainId) revert WrongSourceChain(sourceChainId, anchorChainId);

        ReplicaKey memory key = ReplicaKey(sourceChainId, source, anchor, msg.sender, logicHash);
        bytes32 id = _id(key);
        address logic = LogicCopy.addressOf(address(this), id, logicHash);
        replica = _replicaOf(id, logic);
        if (_records[replica].status != ReplicaStatus.NONE) revert ReplicaExists(replica);

        ReplicaRecord storage rec = _records[replica];
        rec.status = ReplicaStatus.FILLING;
        rec.storageRoot = SubtrieLib.EMPTY_ROOT;
        rec.firstBlock = firstBlock;
        rec.key = key;
        new Replica{salt: id}(engine, logic);
        emit ReplicaCreated(replica, sourceChainId, source, key);
    }

    /// @inheritdoc IHub
    function fill(address replica, bytes32 expectedRoot, bytes calldata witness) external returns (bytes32 newRoot) {
        ReplicaRecord storage rec = _existing(replica);
        if (msg.sender != rec.key.creator) revert NotCreator(rec.key.creator, msg.sender);
        if (rec.status != ReplicaStatus.FILLING) revert WrongStatus(rec.status);
        bytes32 oldRoot = rec.storageRoot;
        if (expectedRoot != oldRoot) revert UnexpectedRoot(oldRoot, expectedRoot);

        newRoot = _transition(replica, oldRoot, witness);
        rec.storageRoot = newRoot;
        emit ReplicaFilled(replica, oldRoot, newRoot, ++rec.version);
    }

    /// @inheritdoc IHub
    function activate(address replica, bytes32 blockHash, bytes calldata accountProof, bytes calldata code) external {
        ReplicaRecord storage rec = _existing(replica);
        if (rec.status != ReplicaStatus.FILLING) revert WrongStatus(rec.status);
        SrcBlock memory accepted = _acceptedBlock(rec, blockHash);
        (bytes32 storageRoot, bytes32 codeHash) = _liveAccount(rec, accepted, accountProof);
        if (storageRoot != rec.storageRoot) revert StorageRootMismatch(storageRoot, rec.storageRoot);
        if (keccak256(code) != codeHash) revert CodeMismatch(codeHash, keccak256(code));

        rec.codeHash = codeHash;
        _record(rec, accepted);
        _deployLogic(rec, code);
        emit ReplicaActivated(replica, blockHash, accepted.number, storageRoot, codeHash);
    }

    // --- life ---

    /// @inheritdoc IHub
    function sync(address replica, bytes32 blockHash, bytes calldata accountProof, bytes calldata witness) external {
        ReplicaRecord storage rec = _activated(replica);
        SrcBlock memory accepted = _nextBlock(rec, blockHash);
        (bytes32 newRoot, bytes32 codeHash) = _liveAccount(rec, accepted, accountProof);
        if (codeHash != rec.codeHash) revert CodeHashMismatch(rec.codeHash, codeHash);

        bytes32 oldRoot = rec.storageRoot;
        if (newRoot == oldRoot) {
            if (witness.length != 0) revert WitnessNotExpected();
        } else {
            bytes32 computed = _transition(replica, oldRoot, witness);
            if (computed != newRoot) revert NewRootMismatch(newRoot, computed);
            rec.storageRoot = newRoot;
        }
        _record(rec, accepted);
        emit ReplicaSynced(replica, blockHash, accepted.number, oldRoot, newRoot, rec.version);
    }

    /// @inheritdoc IHub
    function halt(address replica, bytes32 blockHash, bytes calldata accountProof) external {
        ReplicaRecord storage rec = _activated(replica);
        SrcBlock memory accepted = _nextBlock(rec, blockHash);
        (bool exists,, bytes32 codeHash) = AccountProof.verify(accepted.stateRoot, rec.key.source, accountProof);
        if (codeHash == rec.codeHash && exists) revert SourceUnchanged(blockHash);

        bool destroyed = !exists || codeHash == keccak256("");
        rec.status = destroyed ? ReplicaStatus.SOURCE_DESTROYED : ReplicaStatus.SOURCE_CODE_CHANGED;
        // Beside the recorded block, which stays the one that the storage mirrors.
        rec.haltHash = accepted.blockHash;
        rec.haltNumber = accepted.number;
        ++rec.version;
        emit ReplicaHalted(replica, blockHash, accepted.number, rec.status, rec.version);
    }

    /// @inheritdoc IHub
    function restoreLogic(address replica, bytes calldata code) external {
        ReplicaRecord storage rec = _activated(replica);
        address logic = LogicCopy.addressOf(address(this), _id(rec.key), rec.key.logicHash);
        if (logic.code.length != 0) revert LogicPresent(logic);
        _deployLogic(rec, code);
        emit LogicRestored(replica, logic);
    }

    // --- views ---

    /// @inheritdoc IHub
    function head(address replica) external view returns (Head memory) {
        ReplicaRecord storage rec = _existing(replica);
        IAnchor anchor = IAnchor(rec.key.anchor);
        SrcBlock memory recorded = anchor.blockByHash(rec.blockHash);
        (Status anchorStatus,) = anchor.status();
        return Head({
            status: rec.status,
            number: rec.number,
            blockHash: rec.blockHash,
            timestamp: recorded.timestamp,
            haltNumber: rec.haltNumber,
            version: rec.version,
            level: recorded.level,
            anchorStatus: anchorStatus
        });
    }

    /// @inheritdoc IHub
    function record(address replica) external view returns (ReplicaRecord memory) {
        return _existing(replica);
    }

    /// @inheritdoc IHub
    function replicaOf(ReplicaKey calldata key) external view returns (address) {
        bytes32 id = _id(key);
        return _replicaOf(id, LogicCopy.addressOf(address(this), id, key.logicHash));
    }

    /// @inheritdoc IHub
    function logicOf(ReplicaKey calldata key) external view returns (address) {
        return LogicCopy.addressOf(address(this), _id(key), key.logicHash);
    }

    /// @inheritdoc IHub
    function logicHashOf(bytes calldata code) external pure returns (bytes32) {
        return LogicCopy.creationHash(code);
    }

    // --- what both ways to a new state share ---

    /// @dev Lets the replica apply the witness and holds it to the root that the bookkeeping says it starts from.
    function _transition(address replica, bytes32 oldRoot, bytes calldata witness) private returns (bytes32 newRoot) {
        bytes32 computed;
        (computed, newRoot) = ITransitionEngine(replica).transition(witness);
        if (computed != oldRoot) revert OldRootMismatch(oldRoot, computed);
    }

    /// @dev From now on the storage mirrors this block.
    function _record(ReplicaRecord storage rec, SrcBlock memory accepted) private {
        rec.blockHash = accepted.blockHash;
        rec.number = accepted.number;
        if (rec.status != ReplicaStatus.ACTIVE) {
            rec.status = ReplicaStatus.ACTIVE;
            rec.haltHash = 0;
            rec.haltNumber = 0;
        }
        ++rec.version;
    }

    function _deployLogic(ReplicaRecord storage rec, bytes calldata code) private {
        if (!LogicCopy.isDeployable(code)) revert CodeNotDeployable(code.length);
        bytes32 logicHash = LogicCopy.creationHash(code);
        if (logicHash != rec.key.logicHash) revert LogicHashMismatch(rec.key.logicHash, logicHash);
        if (LogicCopy.deploy(_id(rec.key), code) == address(0)) revert DeploymentFailed();
    }

    /// @dev The source's account, which must be there and have code.
    function _liveAccount(ReplicaRecord storage rec, SrcBlock memory accepted, bytes calldata accountProof)
        private
        view
        returns (bytes32 storageRoot, bytes32 codeHash)
    {
        bool exists;
        (exists, storageRoot, codeHash) = AccountProof.verify(accepted.stateRoot, rec.key.source, accountProof);
        if (!exists || codeHash == keccak256("")) revert SourceDestroyed(accepted.blockHash);
    }

    /// @dev A block that the replica may move to: accepted, and newer than what it knows of the source, unless that is
    /// known to be orphaned.
    function _nextBlock(ReplicaRecord storage rec, bytes32 blockHash) private view returns (SrcBlock memory accepted) {
        accepted = _acceptedBlock(rec, blockHash);
        bool isHalted = rec.haltHash != 0;
        if (isHalted && accepted.number <= rec.haltNumber && !_isRevoked(rec, rec.haltHash)) {
            revert BlockNotNewer(rec.haltNumber, accepted.number);
        }
        // After an orphaned end the recorded block itself is the way back where there is no newer one.
        bool isNewer = accepted.number > rec.number || (isHalted && accepted.blockHash == rec.blockHash);
        if (!isNewer && !_isRevoked(rec, rec.blockHash)) revert BlockNotNewer(rec.number, accepted.number);
    }

    function _isRevoked(ReplicaRecord storage rec, bytes32 blockHash) private view returns (bool) {
        return IAnchor(rec.key.anchor).blockByHash(blockHash).level == Level.REVOKED;
    }

    function _acceptedBlock(ReplicaRecord storage rec, bytes32 blockHash) private view returns (SrcBlock memory found) {
        IAnchor anchor = IAnchor(rec.key.anchor);
        (Status current,) = anchor.status();
        if (current != Status.ACTIVE) revert AnchorNotActive(current);
        found = anchor.blockByHash(blockHash);
        if (found.level != Level.SAFE && found.level != Level.FINAL) revert BlockNotAccepted(blockHash, found.level);
        // The anchor's answer goes into the bookkeeping, so it has to be about the block that was asked for.
        if (found.blockHash != blockHash) revert BlockNotAccepted(blockHash, Level.UNKNOWN);
        if (found.number < rec.firstBlock) revert BlockTooOld(rec.firstBlock, found.number);
    }

    function _activated(address replica) private view returns (ReplicaRecord storage rec) {
        rec = _existing(replica);
        if (rec.status == ReplicaStatus.FILLING) revert WrongStatus(rec.status);
    }

    function _existing(address replica) private view returns (ReplicaRecord storage rec) {
        rec = _records[replica];
        if (rec.status == ReplicaStatus.NONE) revert UnknownReplica(replica);
    }

    // --- addresses ---

    function _id(ReplicaKey memory key) private pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }

    function _replicaOf(bytes32 id, address logic) private view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(type(Replica).creationCode, abi.encode(engine, logic)));
        return LogicCopy.addressOf(address(this), id, hash);
    }
}
