// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Implementations} from "./Implementations.sol";
import {Replica} from "./Replica.sol";
import {TransitionEngine} from "./TransitionEngine.sol";
import {IAnchor, Level, SrcBlock, Status} from "./interfaces/IAnchor.sol";
import {Head, IHub, ReplicaKey, ReplicaRecord, ReplicaStatus} from "./interfaces/IHub.sol";
import {ITransitionEngine, ITransitionProver} from "./interfaces/ITransitionEngine.sol";
import {IHubsReplica} from "./interfaces/IReplica.sol";
import {AccountProof} from "./libraries/AccountProof.sol";
import {LogicCopy} from "./libraries/LogicCopy.sol";

/// @title Hub
/// @notice The bookkeeping of all replicas of a target chain. See `IHub`.
///
/// It is the engine of its replicas as well: they delegatecall it, which costs nothing for a contract that the transaction is
/// addressed to. Of the rest, too, the price of a synchronisation decides where things are: what moves with it are two words
/// here; what never changes is in the replica's code; numbers, times and levels of blocks are the anchor's to tell.
/// @dev Outside of its own replicas it calls nobody but anchors and the `Implementations` that it made, and those with
/// STATICCALL only, so there is no moment at which it could be entered again half way.
contract Hub is IHub, TransitionEngine {
    /// @dev Where a replica stands. No root is zero, so one that is tells that there is no replica.
    struct Standing {
        bytes32 storageRoot;
        bytes32 blockHash; // the recorded block; zero while it is filled, HALTED while the source has ended
    }

    /// @dev What is known of a source that has ended.
    struct Halt {
        ReplicaStatus status;
        bytes32 recordedHash; // the recorded block
        bytes32 haltHash; // the block at which the source had ended
    }

    /// @dev A replica on its way to another block.
    struct Move {
        address replica;
        ReplicaKey key;
        bytes32 recordedHash; // as in its Standing
        bytes32 oldRoot;
        SrcBlock accepted; // where it goes
        uint64 haltNumber; // the source has ended at this block, after the accepted one; 0 where it has not
    }

    /// @dev No hash, so that a replica whose source lives costs no word more.
    bytes32 private constant HALTED = bytes32(uint256(1));

    bytes32 private constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    /// @dev At the address of the hub's nonce 1, which is how others find it (`IHub`).
    Implementations private immutable IMPLEMENTATIONS = new Implementations();

    mapping(address replica => Standing) private _standings;
    mapping(address replica => uint64) private _firstBlocks;
    mapping(address replica => Halt) private _halts;
    mapping(bytes32 part => bool) private _proven;

    // --- creation ---

    /// @inheritdoc IHub
    function create(
        uint256 sourceChainId,
        address source,
        address anchor,
        bytes32 codeHash,
        bytes32 logicHash,
        uint64 firstBlock
    ) external returns (address replica) {
        if (anchor.code.length == 0) revert NotAnAnchor(anchor);
        (uint256 anchorChainId,) = IAnchor(anchor).source();
        if (anchorChainId != sourceChainId) revert WrongSourceChain(sourceChainId, anchorChainId);

        ReplicaKey memory key = ReplicaKey(sourceChainId, source, anchor, msg.sender, codeHash, logicHash);
        replica = replicaOf(key);
        if (_standings[replica].storageRoot != 0) revert ReplicaExists(replica);
        _standings[replica].storageRoot = EMPTY_ROOT;
        _firstBlocks[replica] = firstBlock;
        // The same bytes as in `replicaOf`, rather than `new`, which would have the replica's code here twice.
        if (LogicCopy.create2(_id(key), _replicaCode(key)) != replica) revert DeploymentFailed();
        emit ReplicaCreated(replica, sourceChainId, source, key, firstBlock);
    }

    /// @inheritdoc IHub
    function fill(address replica, bytes32 expectedRoot, bytes calldata witness) external returns (bytes32 newRoot) {
        Standing storage standing = _filling(replica);
        address creator = IHubsReplica(replica).key().creator;
        if (msg.sender != creator) revert NotCreator(creator, msg.sender);
        bytes32 oldRoot = standing.storageRoot;
        if (expectedRoot != oldRoot) revert UnexpectedRoot(oldRoot, expectedRoot);

        bytes32 computed;
        // The replica runs the engine, which is this code, and nothing else: nobody comes in between.
        // slither-disable-next-line reentrancy-events
        (computed, newRoot) = ITransitionEngine(replica).transition(witness);
        if (computed != oldRoot) revert OldRootMismatch(oldRoot, computed);
        standing.storageRoot = newRoot;
        emit ReplicaFilled(replica, oldRoot, newRoot);
    }

    /// @inheritdoc IHub
    function activate(address replica, bytes32 blockHash, bytes calldata accountProof, bytes calldata code) external {
        Standing storage standing = _filling(replica);
        ReplicaKey memory key = IHubsReplica(replica).key();
        (,, SrcBlock memory accepted) = _step(key.anchor, 0, blockHash);
        _requireNotTooOld(replica, accepted.number);
        _requireStateRoot(key, accepted.stateRoot, standing.storageRoot, accountProof);
        if (keccak256(code) != key.codeHash) revert CodeMismatch(key.codeHash, keccak256(code));

        standing.blockHash = blockHash;
        _deployLogic(key, code);
        emit ReplicaActivated(replica, blockHash, accepted.number, standing.storageRoot);
    }

    // --- life ---

    /// @inheritdoc IHub
    function sync(address replica, bytes32 blockHash, bytes calldata accountProof, bytes calldata witness) external {
        Move memory move = _next(replica, blockHash);
        bytes32 oldRoot = move.oldRoot;
        bytes32 newRoot = oldRoot;
        // The replica runs the engine, which is this code, and nothing else: nobody comes in between.
        // slither-disable-next-line reentrancy-no-eth,reentrancy-events
        if (witness.length != 0) (oldRoot, newRoot) = ITransitionEngine(replica).transition(witness);
        _arrive(move, oldRoot, newRoot, accountProof);
    }

    /// @inheritdoc IHub
    function prepare(
        address replica,
        bytes32 blockHash,
        bytes calldata pending,
        bytes32 writesHash,
        bytes calldata witness
    ) external returns (bytes memory pendingAfter, bytes32 writesHashAfter) {
        _activated(replica);
        if (pending.length != 0 || writesHash != 0) _requireProven(replica, pending, writesHash);
        (pendingAfter, writesHashAfter) = ITransitionProver(replica).prove(pending, writesHash, witness);
        bytes32 part = _partOf(replica, keccak256(pendingAfter), writesHashAfter);
        _proven[part] = true;
        emit TransitionPrepared(replica, blockHash, part);
    }

    /// @inheritdoc IHub
    function commit(
        address replica,
        bytes32 blockHash,
        bytes calldata accountProof,
        bytes calldata pending,
        bytes calldata writes
    ) external {
        Move memory move = _next(replica, blockHash);
        // The replica runs the engine, which is this code, and nothing else: nobody comes in between.
        // slither-disable-next-line reentrancy-no-eth,reentrancy-events
        (bytes32 oldRoot, bytes32 newRoot, bytes32 writesHash) = ITransitionEngine(replica).conclude(pending, writes);
        _requireProven(replica, pending, writesHash);
        _arrive(move, oldRoot, newRoot, accountProof);
    }

    /// @inheritdoc IHub
    function halt(address replica, bytes32 blockHash, bytes calldata accountProof) external {
        Standing storage standing = _activated(replica);
        ReplicaKey memory key = IHubsReplica(replica).key();
        (SrcBlock memory accepted, uint64 haltNumber) = _nextBlock(replica, standing.blockHash, key.anchor, blockHash);
        if (haltNumber != 0) revert BlockNotNewer(haltNumber, accepted.number);
        (bool exists,, bytes32 codeHash) = AccountProof.verify(accepted.stateRoot, key.source, accountProof);
        if (codeHash == key.codeHash && exists) revert SourceUnchanged(blockHash);

        bool destroyed = !exists || codeHash == keccak256("");
        ReplicaStatus status = destroyed ? ReplicaStatus.SOURCE_DESTROYED : ReplicaStatus.SOURCE_CODE_CHANGED;
        // The recorded block stays the one that the storage mirrors.
        if (standing.blockHash != HALTED) _halts[replica].recordedHash = standing.blockHash;
        standing.blockHash = HALTED;
        _halts[replica].haltHash = blockHash;
        _halts[replica].status = status;
        emit ReplicaHalted(replica, blockHash, accepted.number, status);
    }

    /// @inheritdoc IHub
    function restoreLogic(address replica, bytes calldata code) external {
        _activated(replica);
        ReplicaKey memory key = IHubsReplica(replica).key();
        address logic = logicOf(key);
        if (logic.code.length != 0) revert LogicPresent(logic);
        _deployLogic(key, code);
        emit LogicRestored(replica, logic);
    }

    // --- views ---

    /// @inheritdoc IHub
    function head(address replica) external view returns (Head memory found) {
        ReplicaRecord memory rec = record(replica);
        IAnchor anchor = IAnchor(rec.key.anchor);
        SrcBlock memory recorded = anchor.blockByHash(rec.blockHash);
        found.status = rec.status;
        found.blockHash = rec.blockHash;
        found.number = recorded.number;
        found.timestamp = recorded.timestamp;
        found.level = recorded.level;
        if (rec.haltHash != 0) found.haltNumber = anchor.blockByHash(rec.haltHash).number;
        (found.anchorStatus,,) = anchor.status();
    }

    /// @inheritdoc IHub
    function record(address replica) public view returns (ReplicaRecord memory rec) {
        Standing storage standing = _existing(replica);
        rec.storageRoot = standing.storageRoot;
        rec.blockHash = standing.blockHash;
        rec.status = rec.blockHash == 0 ? ReplicaStatus.FILLING : ReplicaStatus.ACTIVE;
        if (rec.blockHash == HALTED) {
            Halt storage ended = _halts[replica];
            (rec.status, rec.blockHash, rec.haltHash) = (ended.status, ended.recordedHash, ended.haltHash);
        }
        rec.firstBlock = _firstBlocks[replica];
        rec.key = IHubsReplica(replica).key();
    }

    /// @inheritdoc IHub
    function isProven(address replica, bytes calldata pending, bytes32 writesHash) external view returns (bool) {
        return _proven[_partOf(replica, keccak256(pending), writesHash)];
    }

    /// @inheritdoc IHub
    function replicaOf(ReplicaKey memory key) public view returns (address) {
        return LogicCopy.addressOf(address(this), _id(key), keccak256(_replicaCode(key)));
    }

    /// @inheritdoc IHub
    function logicOf(ReplicaKey memory key) public view returns (address) {
        return LogicCopy.addressOf(address(this), _id(key), key.logicHash);
    }

    /// @inheritdoc IHub
    function logicHashOf(bytes calldata code) external pure returns (bytes32) {
        return LogicCopy.creationHash(code);
    }

    // --- to another block ---

    /// @dev All that must hold before a replica goes on to a block.
    function _next(address replica, bytes32 blockHash) private view returns (Move memory move) {
        Standing storage standing = _activated(replica);
        move.replica = replica;
        move.key = IHubsReplica(replica).key();
        move.recordedHash = standing.blockHash;
        move.oldRoot = standing.storageRoot;
        (move.accepted, move.haltNumber) = _nextBlock(replica, move.recordedHash, move.key.anchor, blockHash);
    }

    /// @dev Holds what the engine computed to the roots that it had to be between. From now on the storage mirrors the block.
    function _arrive(Move memory move, bytes32 oldRoot, bytes32 newRoot, bytes calldata accountProof) private {
        if (oldRoot != move.oldRoot) revert OldRootMismatch(move.oldRoot, oldRoot);
        _requireStateRoot(move.key, move.accepted.stateRoot, newRoot, accountProof);

        Standing storage standing = _standings[move.replica];
        if (newRoot != oldRoot) standing.storageRoot = newRoot;
        if (move.haltNumber != 0) {
            _halts[move.replica].recordedHash = move.accepted.blockHash;
        } else {
            standing.blockHash = move.accepted.blockHash;
            if (move.recordedHash == HALTED) delete _halts[move.replica];
        }
        emit ReplicaSynced(move.replica, move.accepted.blockHash, move.accepted.number, newRoot);
    }

    /// @dev A block that the replica may move to: accepted, and newer than the recorded one, unless that is known to be
    /// orphaned. Where the source has ended later than that, `haltNumber` tells when: what it was before can still be
    /// mirrored, and it has ended all the same.
    function _nextBlock(address replica, bytes32 recordedHash, address anchor, bytes32 blockHash)
        private
        view
        returns (SrcBlock memory accepted, uint64 haltNumber)
    {
        bool isEndOver = false;
        if (recordedHash == HALTED) {
            Halt storage ended = _halts[replica];
            Level haltLevel;
            (haltNumber, haltLevel, accepted) = _step(anchor, ended.haltHash, blockHash);
            if (accepted.number == haltNumber && haltLevel != Level.REVOKED) {
                revert BlockNotNewer(haltNumber, accepted.number);
            }
            isEndOver = haltLevel == Level.REVOKED || accepted.number > haltNumber;
            if (isEndOver) haltNumber = 0;
            recordedHash = ended.recordedHash;
        }
        uint64 recordedNumber;
        Level recordedLevel;
        (recordedNumber, recordedLevel, accepted) = _step(anchor, recordedHash, blockHash);
        if (accepted.number > recordedNumber) return (accepted, haltNumber);
        // After an end that was orphaned, or lies before the recorded block, that itself is the way back where there is no
        // newer one.
        bool isWayBack = recordedLevel == Level.REVOKED || (isEndOver && blockHash == recordedHash);
        if (!isWayBack) revert BlockNotNewer(recordedNumber, accepted.number);
        _requireNotTooOld(replica, accepted.number);
    }

    /// @dev Asks the anchor for an accepted block, and what it says now of the one before.
    function _step(address anchor, bytes32 from, bytes32 to)
        private
        view
        returns (uint64 fromNumber, Level fromLevel, SrcBlock memory accepted)
    {
        Status current;
        (current, fromNumber, fromLevel, accepted) = IAnchor(anchor).step(from, to);
        if (current != Status.ACTIVE) revert AnchorNotActive(current);
        if (accepted.level != Level.SAFE && accepted.level != Level.FINAL) {
            revert BlockNotAccepted(to, accepted.level);
        }
        // The anchor's answer goes into the bookkeeping: so it has to be about the block that was asked for, whose hash is
        // none of the two words that mean something else there. And an anchor that has forgotten the recorded block cannot
        // tell which one is newer.
        if (accepted.blockHash != to || uint256(to) <= uint256(HALTED)) revert BlockNotAccepted(to, Level.UNKNOWN);
        if (from != 0 && fromLevel == Level.UNKNOWN) revert BlockNotAccepted(from, Level.UNKNOWN);
    }

    function _requireNotTooOld(address replica, uint64 number) private view {
        uint64 firstBlock = _firstBlocks[replica];
        if (number < firstBlock) revert BlockTooOld(firstBlock, number);
    }

    /// @dev In the state of an accepted block the source must have this storage root, and the code that it had.
    function _requireStateRoot(
        ReplicaKey memory key,
        bytes32 stateRoot,
        bytes32 storageRoot,
        bytes calldata accountProof
    ) private view {
        // A call, since the engine takes all memory for its own.
        bytes32 computed =
            ITransitionProver(address(this)).stateRootOf(key.source, storageRoot, key.codeHash, accountProof);
        if (computed != stateRoot) revert StateRootMismatch(stateRoot, computed);
    }

    // --- transitions in parts ---

    function _requireProven(address replica, bytes calldata pending, bytes32 writesHash) private view {
        bytes32 part = _partOf(replica, keccak256(pending), writesHash);
        if (!_proven[part]) revert PartNotProven(part);
    }

    /// @dev A part is what it proves and nobody's: so no session can disturb another, and none has to be ended.
    function _partOf(address replica, bytes32 pendingHash, bytes32 writesHash) private pure returns (bytes32) {
        return keccak256(abi.encode(replica, pendingHash, writesHash));
    }

    // --- replicas and their logic copies ---

    function _deployLogic(ReplicaKey memory key, bytes calldata code) private {
        if (!LogicCopy.isDeployable(code)) revert CodeNotDeployable(code.length);
        bytes memory creation = LogicCopy.creation(code);
        bytes32 logicHash = keccak256(creation);
        if (logicHash != key.logicHash) {
            creation = IMPLEMENTATIONS.resolverCreation(key.anchor, code, key.logicHash);
            if (creation.length == 0) revert LogicHashMismatch(key.logicHash, logicHash);
        }
        if (LogicCopy.create2(_id(key), creation) == address(0)) revert DeploymentFailed();
    }

    function _existing(address replica) private view returns (Standing storage standing) {
        standing = _standings[replica];
        if (standing.storageRoot == 0) revert UnknownReplica(replica);
    }

    function _filling(address replica) private view returns (Standing storage standing) {
        standing = _existing(replica);
        if (standing.blockHash != 0) revert WrongStatus(record(replica).status);
    }

    function _activated(address replica) private view returns (Standing storage standing) {
        standing = _existing(replica);
        if (standing.blockHash == 0) revert WrongStatus(ReplicaStatus.FILLING);
    }

    function _replicaCode(ReplicaKey memory key) private view returns (bytes memory) {
        // The creation code is no literal.
        // slither-disable-next-line too-many-digits
        return abi.encodePacked(type(Replica).creationCode, abi.encode(key, logicOf(key)));
    }

    function _id(ReplicaKey memory key) private pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }
}
