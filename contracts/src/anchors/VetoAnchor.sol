// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {CompositeAnchor} from "./CompositeAnchor.sol";

/// @title VetoAnchor
/// @notice Trusts its primary anchor as long as any one of the watchers is honest and awake: what the primary accepts is
/// PENDING until `delay` has passed, and a watcher whose blocks contradict it has a veto. It takes no block that is older than
/// `delay`; older ones come in as ancestors of a younger one, with which they have waited.
///
/// - Two blocks contradict each other that have the same number, or of which the one with the higher number is the earlier one.
/// - Where both anchors hold theirs for FINAL, this one freezes, for good: one of the two is broken.
/// - Else the block is set aside: it is PENDING again, until somebody offers it again, and then for the whole `delay`. So are
///   the ancestors that came in with it, and a veto against one of them is one against the block itself.
///
/// So each watcher can hold it up, by a lie too; none can have a block accepted. While the primary is not ACTIVE it is PAUSED.
/// The primary alone can take back a block: replicas that stand there may then be brought to an older one, which is true as well.
///
/// Warning: watchers that are silent for `delay` protect nobody. It has to be longer than `maxDrift` and what the slowest of them
/// takes to accept a block, for a block that is far ahead is contradicted by the next one of theirs only. One that fits between
/// two blocks of a watcher is contradicted once that has its ancestors (`extendAncestors`): as many as the source makes in
/// `delay` at most.
/// @dev The first member is the primary. The `evidence` of `reportMisbehaviour` is
/// `abi.encode(bytes32 blockHash, uint256 watcher, uint64 number)`: the block, the watcher's place among the members, and the
/// number of its block. `StatusChanged` carries `abi.encode(bytes32 blockHash, uint256 watcher, bytes32 watchersHash)`.
// It implements all of them: the detector does not see `_told`, which `super._levelOf` calls.
// slither-disable-next-line unimplemented-functions
contract VetoAnchor is CompositeAnchor {
    /// @notice A watcher, number `watcher` of the members, contradicts the block or one of its ancestors: it is set aside.
    event BlockVetoed(bytes32 indexed blockHash, uint64 indexed number, uint256 watcher, bytes32 watchersHash);

    /// @notice There is no watcher, or not more time for one than a block may be ahead.
    error NothingToWatch(uint256 watchers, uint64 delay, uint64 maxDrift);
    /// @notice The block's time is before `earliest`: watchers would have too much to look through. Offer a younger one, and
    /// extend that to its ancestors.
    error BlockTooOld(uint64 timestamp, uint256 earliest);

    uint256 private constant EVIDENCE_SIZE = 96;

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "veto/1";

    /// @notice Seconds from a block's acceptance here until it can be used.
    uint64 public immutable delay;

    /// @notice Seconds that a block's time may be ahead of this chain's clock.
    uint64 public immutable maxDrift;

    bytes32[] private _queue; // blocks that were offered, in the order of their numbers
    /// @dev For ancestors: the block that was offered, and that they wait with.
    mapping(bytes32 ancestor => bytes32 offered) private _offered;

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
        bool isWaiting = level == Level.PENDING && _isUsable(_waiting(blockHash).level);
        if (_isUsable(level) || isWaiting) return (blockHash, level);
        offered.level = _told(blockHash, offered.number);
        if (!_isUsable(offered.level)) revert TooFewMembers(blockHash, 1, 0);
        uint256 latest = block.timestamp + maxDrift;
        if (offered.timestamp > latest) revert TimestampInFuture(offered.timestamp, latest);
        uint256 earliest = block.timestamp > delay ? block.timestamp - delay : 0;
        if (offered.timestamp < earliest) revert BlockTooOld(offered.timestamp, earliest);

        if (_offered[blockHash] != 0) {
            // It waits by itself from now on, and has not waited yet.
            delete _offered[blockHash];
            _setAside(blockHash);
        }
        if (_accept(offered) == Level.UNKNOWN) return (blockHash, Level.UNKNOWN);
        _enqueue(blockHash, offered.number);
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
        Acceptance memory waiting = _waiting(blockHash);
        bool isWrong =
            _contradict(stored.number, stored.timestamp, blockHash, told.number, told.timestamp, told.blockHash);
        if (!_isUsable(waiting.level) || !_isUsable(told.level) || !isWrong) revert NoMisbehaviour();
        if (told.level == Level.FINAL && _word(blockHash, stored.number) == Level.FINAL) {
            _freeze(abi.encode(blockHash, watcher, told.blockHash));
            return;
        }
        bytes32 offered = _offeredWith(blockHash);
        _setAside(offered);
        emit BlockVetoed(offered, waiting.number, watcher, told.blockHash);
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

    /// @notice From when on (seconds on this chain's clock) a block has waited long enough; zero where it does not wait, since
    /// nobody has offered it or it was set aside.
    function usableFrom(bytes32 blockHash) external view returns (uint256) {
        Acceptance memory waiting = _waiting(blockHash);
        return _isUsable(waiting.level) ? uint256(waiting.acceptedAt) + delay : 0;
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
        bytes32 offered = _offered[blockHash];
        Acceptance memory waiting = offered == 0 ? stored : _stored(offered);
        bool isRipe = block.timestamp >= uint256(waiting.acceptedAt) + delay;
        if (!_isUsable(level) || !isRipe || !_isUsable(waiting.level)) return Level.PENDING;
    }

    /// @inheritdoc CompositeAnchor
    /// @dev What can be used already has waited; what waits itself waits no longer than with this descendant.
    function _inherit(SrcBlock memory ancestor, bytes32 from) internal override {
        bool isUsed = _isUsable(_block(ancestor.blockHash).level);
        super._inherit(ancestor, from);
        if (!isUsed) _offered[ancestor.blockHash] = _offeredWith(from);
    }

    /// @dev The block that was offered and that this one waits with: itself, if it is no ancestor.
    function _offeredWith(bytes32 blockHash) private view returns (bytes32 offered) {
        offered = _offered[blockHash];
        if (offered == 0) offered = blockHash;
    }

    /// @dev Of that block; its level is REVOKED where it was set aside.
    function _waiting(bytes32 blockHash) private view returns (Acceptance memory) {
        return _stored(_offeredWith(blockHash));
    }

    /// @dev Puts the block in its place. What is on top and can be used no more goes.
    function _enqueue(bytes32 blockHash, uint64 number) private {
        uint256 top = _queue.length;
        for (; top > 0; --top) {
            bytes32 last = _queue[top - 1];
            if (_isUsable(_stored(last).level) && _block(last).level != Level.REVOKED) break;
            _queue.pop();
        }
        uint256 place = top;
        for (; place > 0 && _stored(_queue[place - 1]).number > number; --place) {}
        if (place > 0 && _queue[place - 1] == blockHash) return;
        _queue.push(blockHash);
        for (; top > place; --top) {
            _queue[top] = _queue[top - 1];
        }
        _queue[place] = blockHash;
    }
}
