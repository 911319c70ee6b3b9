// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {CompositeAnchor} from "./CompositeAnchor.sol";

/// @title VetoAnchor
/// @notice Trusts its primary anchor as long as any one of the watchers is honest and awake: what the primary accepts is
/// PENDING until `delay` has passed, and a watcher whose blocks contradict it has a veto.
///
/// - Two blocks contradict each other that have the same number, or of which the one with the higher number is the earlier one.
/// - Where both anchors hold theirs for FINAL, this one freezes, for good: one of the two is broken.
/// - Else the block is set aside: it is PENDING again, until somebody offers it again, and then for the whole `delay`.
///
/// So each watcher can hold it up, by a lie too; none can have a block accepted. While the primary is not ACTIVE it is PAUSED.
///
/// Warning: watchers that are silent for `delay` protect nobody. It has to be longer than `maxDrift` and what the slowest of them
/// takes to accept a block, for a block that is far ahead is contradicted by the next one of theirs only.
/// @dev The first member is the primary. The `evidence` of `reportMisbehaviour` is
/// `abi.encode(bytes32 blockHash, uint256 watcher, uint64 number)`: the block, the watcher's place among the members, and the
/// number of its block. `StatusChanged` carries `abi.encode(bytes32 blockHash, uint256 watcher, bytes32 watchersHash)`.
// It implements all of them: the detector does not see `_told`, which `super._levelOf` calls.
// slither-disable-next-line unimplemented-functions
contract VetoAnchor is CompositeAnchor {
    /// @notice A watcher, number `watcher` of the members, contradicts the block: it is set aside.
    event BlockVetoed(bytes32 indexed blockHash, uint64 indexed number, uint256 watcher, bytes32 watchersHash);

    /// @notice There is no watcher, or not more time for one than a block may be ahead.
    error NothingToWatch(uint256 watchers, uint64 delay, uint64 maxDrift);

    uint256 private constant EVIDENCE_SIZE = 96;

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "veto/1";

    /// @notice Seconds from a block's acceptance here until it can be used.
    uint64 public immutable delay;

    /// @notice Seconds that a block's time may be ahead of this chain's clock.
    uint64 public immutable maxDrift;

    bytes32[] private _queue; // blocks in the order of their acceptance, each of a higher number than the one before

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
        bool isWaiting = level == Level.PENDING && _stored(blockHash).level != Level.REVOKED;
        if (_isUsable(level) || isWaiting) return (blockHash, level);
        offered.level = _told(blockHash);
        if (!_isUsable(offered.level)) revert TooFewMembers(blockHash, 1, 0);
        uint256 latest = block.timestamp + maxDrift;
        if (offered.timestamp > latest) revert TimestampInFuture(offered.timestamp, latest);

        if (_accept(offered) == Level.UNKNOWN) return (blockHash, Level.UNKNOWN);
        SrcBlock memory last = _block(bytes32(0));
        for (uint256 i = _queue.length; i > 0; --i) {
            last = _block(_queue[i - 1]);
            if (last.level != Level.REVOKED) break;
            // Each block is pushed once, and so popped once at most.
            // slither-disable-next-line costly-loop
            _queue.pop();
            delete last;
        }
        if (offered.number > last.number || _queue.length == 0) _queue.push(blockHash);
        return (blockHash, Level.PENDING);
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireActive();
        if (evidence.length != EVIDENCE_SIZE) revert ProofNotCanonical(evidence.length);
        bytes32 blockHash = bytes32(evidence[:32]);
        uint256 watcher = uint256(bytes32(evidence[32:64]));
        if (watcher == 0) revert NoSuchMember(watcher); // the primary
        SrcBlock memory told = _memberIn(evidence[32:64]).canonicalAt(_numberIn(evidence[64:]));
        // Whatever the primary says of it just now: it may take back a block, and accept it again.
        Acceptance memory stored = _stored(blockHash);
        bool isWrong =
            _contradict(stored.number, stored.timestamp, blockHash, told.number, told.timestamp, told.blockHash);
        if (!_isUsable(stored.level) || !_isUsable(told.level) || !isWrong) revert NoMisbehaviour();
        if (told.level == Level.FINAL && _told(blockHash) == Level.FINAL) {
            _freeze(abi.encode(blockHash, watcher, told.blockHash));
            return;
        }
        _setAside(blockHash);
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

    /// @inheritdoc IAnchor
    /// @dev From the newest one down. It takes as long as there are blocks that wait or were set aside: ask off chain.
    function head(Level min) public view override(Anchor, IAnchor) returns (SrcBlock memory best) {
        for (uint256 i = _queue.length; i > 0; --i) {
            best = _block(_queue[i - 1]);
            if (best.level >= min && best.level != Level.REVOKED) return best;
        }
        delete best;
    }

    /// @inheritdoc CompositeAnchor
    function _told(bytes32 blockHash) internal view override returns (Level) {
        return _members[0].blockByHash(blockHash).level;
    }

    /// @inheritdoc CompositeAnchor
    /// @dev Nothing is used before the watchers have had their time, nor what they have vetoed. What the primary itself has
    /// pending is pending here.
    function _levelOf(bytes32 blockHash, Acceptance memory stored) internal view override returns (Level level) {
        level = super._levelOf(blockHash, stored);
        if (stored.level == Level.UNKNOWN || level == Level.REVOKED) return level;
        bool isRipe = block.timestamp >= uint256(stored.acceptedAt) + delay;
        if (!_isUsable(level) || !isRipe || stored.level == Level.REVOKED) return Level.PENDING;
    }
}
