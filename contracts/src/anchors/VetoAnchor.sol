// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {IVetoAnchor} from "../interfaces/IVetoAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {CompositeAnchor} from "./CompositeAnchor.sol";

/// @title VetoAnchor
/// @notice Accepts what its primary anchor accepts, unless a watcher contradicts it in time. See `IVetoAnchor`.
// It implements all of them: the detector does not see `_told`, which `super._levelOf` calls.
// slither-disable-next-line unimplemented-functions
contract VetoAnchor is CompositeAnchor, IVetoAnchor {
    uint256 private constant EVIDENCE_SIZE = 96;

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "veto/1";

    /// @inheritdoc IVetoAnchor
    uint64 public immutable delay;

    /// @inheritdoc IVetoAnchor
    uint64 public immutable maxDrift;

    bytes32[] private _offers; // each block as often as it was taken by `update`
    /// @dev For ancestors: the block that was offered, and that they wait with. One that was offered itself and set aside may
    /// be the ancestor of a later one.
    mapping(bytes32 ancestor => bytes32 offered) private _offered;
    mapping(bytes32 blockHash => uint64 time) private _setAsideAt;

    /// @param members_ The primary, then one watcher or more; anchors of one source, none twice.
    /// @param delay_ Seconds that the watchers have; more than `maxDrift_`.
    /// @param maxDrift_ Seconds that a block's time may be ahead of this chain's clock.
    constructor(IAnchor[] memory members_, uint64 delay_, uint64 maxDrift_) CompositeAnchor(members_) {
        if (members_.length < 2 || delay_ <= maxDrift_) revert NothingToWatch(members_.length - 1, delay_, maxDrift_);
        (delay, maxDrift) = (delay_, maxDrift_);
    }

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        _requireActive();
        (SrcBlock memory offered,) = _read(proof);
        blockHash = offered.blockHash;
        level = _block(blockHash).level;
        if (_isUsable(level) || (level == Level.PENDING && _isWaiting(blockHash))) return (blockHash, level);
        offered.level = _told(blockHash, offered.number);
        if (!_isUsable(offered.level)) revert TooFewMembers(blockHash, 1, 0);
        uint256 latest = block.timestamp + maxDrift;
        if (offered.timestamp > latest) revert TimestampInFuture(offered.timestamp, latest);
        uint256 earliest = block.timestamp > delay ? block.timestamp - delay : 0;
        // What a watcher has contradicted once it can contradict again.
        if (offered.timestamp < earliest && _setAsideAt[blockHash] == 0) {
            revert TimestampTooOld(offered.timestamp, earliest);
        }

        if (_offered[blockHash] != 0) {
            // It waits by itself from now on, and has not waited yet.
            delete _offered[blockHash];
            _setAside(blockHash);
        }
        if (_accept(offered) == Level.UNKNOWN) return (blockHash, Level.UNKNOWN);
        _offers.push(blockHash);
        return (blockHash, Level.PENDING);
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireNotFrozen();
        if (evidence.length != EVIDENCE_SIZE) revert ProofNotCanonical(evidence.length);
        bytes32 blockHash = bytes32(evidence[:32]);
        uint256 watcher = uint256(bytes32(evidence[32:64]));
        if (watcher == 0) revert NoSuchMember(watcher); // the primary
        SrcBlock memory told = _memberIn(evidence[32:64]).canonicalAt(_numberIn(evidence[64:]));
        // Whatever the primary says of it just now: it may take back a block, and accept it again.
        Acceptance memory stored = _stored(blockHash);
        bool isWrong =
            _contradict(stored.number, stored.timestamp, blockHash, told.number, told.timestamp, told.blockHash);
        if (!_isWaiting(blockHash) || !_isUsable(told.level) || !isWrong) revert NoMisbehaviour();
        if (told.level == Level.FINAL && _word(blockHash, stored.number) == Level.FINAL) {
            _freeze(abi.encode(blockHash, watcher, told.blockHash));
            return;
        }
        _setAside(blockHash);
        _setAsideAt[blockHash] = uint64(block.timestamp);
        emit BlockVetoed(blockHash, stored.number, watcher, told.blockHash);
    }

    /// @inheritdoc IAnchor
    function status()
        public
        view
        override(Anchor, IAnchor)
        returns (Status current, uint64 since, uint64 canonicalEpoch)
    {
        (current, since, canonicalEpoch) = super.status();
        if (current != Status.ACTIVE) return (current, since, canonicalEpoch);
        (Status told, uint64 stopped,) = _members[0].status();
        if (told != Status.ACTIVE) (current, since) = (Status.PAUSED, stopped);
    }

    /// @inheritdoc IVetoAnchor
    function usableFrom(bytes32 blockHash) external view returns (uint256) {
        return _isWaiting(blockHash) ? uint256(_stored(_offeredWith(blockHash)).acceptedAt) + delay : 0;
    }

    /// @inheritdoc IAnchor
    /// @dev From the last offer back. It takes as long as there are offers of the last `delay`, or that came to nothing: ask off
    /// chain.
    function head(Level min) public view override(Anchor, IAnchor) returns (SrcBlock memory best) {
        for (uint256 i = _offers.length; i > 0; --i) {
            SrcBlock memory found = _block(_offers[i - 1]);
            // A higher one is no earlier, and was taken no earlier than `maxDrift` before its time.
            if (uint256(found.acceptedAt) + maxDrift < best.timestamp) return best;
            bool isEnough = found.level >= min && found.level != Level.REVOKED;
            if (isEnough && (best.blockHash == 0 || found.number > best.number)) best = found;
        }
    }

    /// @inheritdoc CompositeAnchor
    function _told(bytes32 blockHash, uint64 number) internal view override returns (Level told) {
        IAnchor primary = _members[0];
        told = primary.blockByHash(blockHash).level;
        if (told == Level.UNKNOWN && _holdsAnother(primary, blockHash, number)) told = Level.REVOKED;
    }

    /// @inheritdoc CompositeAnchor
    /// @dev Nothing is used before the watchers have had their time, nor what they have vetoed. What the primary itself has
    /// pending is pending here.
    function _levelOf(bytes32 blockHash, Acceptance memory stored) internal view override returns (Level level) {
        level = super._levelOf(blockHash, stored);
        if (stored.level == Level.UNKNOWN || level == Level.REVOKED) return level;
        bytes32 offered = _offeredWith(blockHash);
        Acceptance memory waiting = offered == blockHash ? stored : _stored(offered);
        bool isAside = !_isUsable(stored.level) || !_isUsable(waiting.level);
        bool isRipe = block.timestamp >= uint256(waiting.acceptedAt) + delay;
        if (!_isUsable(level) || isAside || !isRipe) return Level.PENDING;
    }

    /// @inheritdoc CompositeAnchor
    /// @dev What can be used has waited already, and what was offered itself waits for itself. But what was set aside comes in
    /// with a block that the watchers have had their time for since.
    function _inherit(SrcBlock memory ancestor, bytes32 from) internal override returns (bool isTaken) {
        bytes32 blockHash = ancestor.blockHash;
        if (_isUsable(_block(blockHash).level)) return super._inherit(ancestor, from);
        bytes32 offered = _offeredWith(from);
        if (_setAsideAt[blockHash] >= _stored(offered).acceptedAt) return false;
        Level stored = _stored(blockHash).level;
        bool waitsForItself = _isUsable(stored) && stored >= ancestor.level && _offered[blockHash] == 0;
        if (!waitsForItself) _offered[blockHash] = offered;
        return super._inherit(ancestor, from);
    }

    /// @dev The block that was offered last of those that this one waits with: itself, if it is no ancestor.
    function _offeredWith(bytes32 blockHash) private view returns (bytes32 offered) {
        // Further than a step only where one that was set aside came in with a later one: once in a `delay`.
        do {
            offered = blockHash;
            blockHash = _offered[offered];
        } while (blockHash != 0);
    }

    /// @dev Or has waited: whether the block is known, and neither it nor what it waits with was set aside.
    function _isWaiting(bytes32 blockHash) private view returns (bool) {
        return _isUsable(_stored(blockHash).level) && _isUsable(_stored(_offeredWith(blockHash)).level);
    }
}
