// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {BlockHeader} from "../libraries/BlockHeader.sol";

/// @title Anchor
/// @notice What all anchors have in common: the book of accepted blocks. How a block gets into it is the subclass's.
///
/// A revocation marks no block. It begins a new canonical epoch and writes down from which number on it revokes what was
/// accepted before; a block knows the epoch of its acceptance. So it costs the same however many blocks are above, and
/// who reads a block of the current epoch, as nearly everybody does, pays nothing for it.
abstract contract Anchor is IAnchor {
    /// @dev A `SrcBlock` in two words: its hash is the key. Of a block that a replica stands at only the second one is read.
    struct StoredBlock {
        bytes32 stateRoot;
        Acceptance acceptance;
    }

    /// @dev One word.
    struct Acceptance {
        uint64 number;
        uint64 timestamp;
        uint64 acceptedAt;
        Level level; // when it was accepted, or REVOKED since (`_setAside`): see `_levelOf`
        uint32 canonicalEpoch; // when it was accepted
    }

    /// @dev One word, which everybody reads. Numbers have 48 bits, times 40: enough for any chain, and for 34,000 years.
    struct State {
        Status status;
        uint40 since;
        uint32 canonicalEpoch;
        uint48 safeNumber; // of the highest block that was accepted as SAFE
        uint48 finalNumber; // likewise, as FINAL
        uint40 timestamp; // of the higher of the two
    }

    uint256 internal immutable SOURCE_CHAIN_ID;
    bytes32 internal immutable SOURCE_GENESIS_HASH;

    mapping(bytes32 blockHash => StoredBlock) private _blocks;
    mapping(uint64 number => bytes32 blockHash) private _canonical; // a revoked one until there is another
    mapping(uint256 canonicalEpoch => uint64 number) private _revokedFrom; // what its beginning revoked, and all above
    State private _state;

    /// @param sourceChainId EIP-155 chain id of the source chain.
    /// @param sourceGenesisHash Hash of its block 0.
    constructor(uint256 sourceChainId, bytes32 sourceGenesisHash) {
        if (sourceChainId == 0 || sourceGenesisHash == 0) revert SourceMissing(sourceChainId, sourceGenesisHash);
        SOURCE_CHAIN_ID = sourceChainId;
        SOURCE_GENESIS_HASH = sourceGenesisHash;
        _setStatus(Status.ACTIVE, "");
    }

    // --- external ---

    /// @inheritdoc IAnchor
    function source() external view returns (uint256 chainId, bytes32 genesisHash) {
        return (SOURCE_CHAIN_ID, SOURCE_GENESIS_HASH);
    }

    /// @inheritdoc IAnchor
    function status() public view virtual returns (Status current, uint64 since, uint64 canonicalEpoch) {
        State storage state = _state;
        return (state.status, state.since, state.canonicalEpoch);
    }

    /// @inheritdoc IAnchor
    function head(Level min) public view virtual returns (SrcBlock memory best) {
        // The higher one of the two may have been accepted as SAFE and be FINAL by now.
        (uint64 number,) = _newest();
        best = canonicalAt(number);
        if (best.level != Level.UNKNOWN && best.level >= min) return best;
        best = canonicalAt(_state.finalNumber);
        if (best.level < min) delete best;
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
        (current,,) = status();
        Acceptance memory left = _blocks[from].acceptance;
        fromNumber = left.number;
        fromLevel = _levelOf(from, left);
        offered = _block(to);
    }

    /// @inheritdoc IAnchor
    function canonicalAt(uint64 number) public view returns (SrcBlock memory found) {
        found = _block(_canonical[number]);
        if (found.level == Level.REVOKED) delete found;
    }

    /// @inheritdoc IAnchor
    function extendAncestors(bytes32 from, bytes[] calldata headers) external {
        _requireActive();
        SrcBlock memory descendant = _block(from);
        Level level = descendant.level;
        if (!_isUsable(level)) revert BlockNotUsable(from, level);
        bytes32 expected = from;
        for (uint256 i = 0; i < headers.length; ++i) {
            (SrcBlock memory ancestor, bytes32 parentHash) = _read(headers[i]);
            if (ancestor.blockHash != expected) revert NotThatBlock(i, expected, ancestor.blockHash);
            expected = parentHash;
            if (i == 0) continue;
            // Whatever waits for time to pass has waited with the descendant.
            ancestor.acceptedAt = descendant.acceptedAt;
            ancestor.level = level;
            if (_inherit(ancestor, from) && _accept(ancestor) == Level.UNKNOWN) return;
        }
    }

    // --- internal: what a subclass decides ---

    /// @dev Reads a header and what it says. A chain whose block hash is not the hash of the whole header overrides it.
    function _read(bytes calldata header) internal view virtual returns (SrcBlock memory offered, bytes32 parentHash) {
        (offered.blockHash, offered.stateRoot, offered.number, offered.timestamp, parentHash) = BlockHeader.read(header);
        offered.acceptedAt = uint64(block.timestamp);
    }

    /// @dev An ancestor is to be accepted for the sake of a descendant, at its level. Whether it is; those below are all the same.
    function _inherit(SrcBlock memory, bytes32) internal virtual returns (bool isTaken) {
        return true;
    }

    /// @dev As what a block stands against another one of its number, whether it can be used or has to wait.
    function _firmness(SrcBlock memory standing) internal view virtual returns (Level) {
        return standing.level;
    }

    /// @dev What has become of a block.
    function _levelOf(bytes32, Acceptance memory stored) internal view virtual returns (Level) {
        if (stored.level == Level.UNKNOWN) return Level.UNKNOWN;
        uint256 current = _state.canonicalEpoch;
        for (uint256 epoch = stored.canonicalEpoch; epoch < current;) {
            if (stored.number >= _revokedFrom[++epoch]) return Level.REVOKED;
        }
        return stored.level;
    }

    // --- internal: the book ---

    function _requireActive() internal view {
        (Status current, uint64 since,) = status();
        if (current != Status.ACTIVE) revert AnchorStopped(current, since);
    }

    /// @dev By itself: an anchor made of anchors may be stopped by its members, too.
    function _requireNotFrozen() internal view {
        if (_state.status != Status.ACTIVE) revert AnchorStopped(_state.status, _state.since);
    }

    function _isUsable(Level level) internal pure returns (bool) {
        return level == Level.SAFE || level == Level.FINAL;
    }

    function _block(bytes32 blockHash) internal view returns (SrcBlock memory found) {
        if (blockHash == 0) return found;
        StoredBlock storage known = _blocks[blockHash];
        Acceptance memory stored = known.acceptance;
        found.level = _levelOf(blockHash, stored);
        if (found.level == Level.UNKNOWN) return found;
        found.blockHash = blockHash;
        found.stateRoot = known.stateRoot;
        found.number = stored.number;
        found.timestamp = stored.timestamp;
        found.acceptedAt = stored.acceptedAt;
    }

    /// @dev Which block stands at a number, or stood last.
    function _standsAt(uint64 number) internal view returns (bytes32) {
        return _canonical[number];
    }

    /// @dev What was written down of a block.
    function _stored(bytes32 blockHash) internal view returns (Acceptance memory) {
        return _blocks[blockHash].acceptance;
    }

    /// @dev A block that was accepted is not to be used any more, by itself and not by an epoch. What that makes of it is for
    /// `_levelOf` to say.
    function _setAside(bytes32 blockHash) internal {
        _blocks[blockHash].acceptance.level = Level.REVOKED;
    }

    /// @dev Writes a block down, at its level or the higher one that it has. Where another one of its number can be used, two
    /// FINAL ones are a contradiction: the anchor freezes, keeps the one that it had, and the answer is UNKNOWN. A FINAL one
    /// displaces a SAFE one. A SAFE one is refused.
    function _accept(SrcBlock memory offered) internal returns (Level) {
        if (offered.number == 0 && offered.blockHash != SOURCE_GENESIS_HASH) {
            revert GenesisMismatch(SOURCE_GENESIS_HASH, offered.blockHash);
        }
        if (_canonical[offered.number] != 0) {
            SrcBlock memory standing = canonicalAt(offered.number);
            if (standing.blockHash == offered.blockHash) {
                Level known = _acceptAgain(standing, offered.level);
                if (known != Level.UNKNOWN) return known;
            } else if (_resolveContradiction(standing, offered)) {
                return Level.UNKNOWN;
            }
        }
        State memory state = _state;
        StoredBlock storage stored = _blocks[offered.blockHash];
        stored.stateRoot = offered.stateRoot;
        stored.acceptance = Acceptance({
            number: offered.number,
            timestamp: offered.timestamp,
            acceptedAt: offered.acceptedAt,
            level: offered.level,
            canonicalEpoch: state.canonicalEpoch
        });
        _canonical[offered.number] = offered.blockHash;
        _raise(state, offered);
        emit BlockAccepted(offered.blockHash, offered.number, offered.stateRoot, offered.timestamp, offered.level);
        return offered.level;
    }

    /// @dev The level at which a block stands, where that is as high as the offered one: then nothing is written down of it.
    function _acceptAgain(SrcBlock memory standing, Level offered) private returns (Level known) {
        known = _blocks[standing.blockHash].acceptance.level;
        if (!_isUsable(known) || known < offered) return Level.UNKNOWN;
        // A composite's head may have gone, and this one be the highest that is left.
        standing.level = known;
        _raise(_state, standing);
    }

    /// @dev Two blocks of one number: two FINAL ones freeze the anchor, which is the answer; a FINAL one displaces a SAFE one; a
    /// SAFE one is refused. Where the standing one cannot be used, there is nothing to resolve.
    function _resolveContradiction(SrcBlock memory standing, SrcBlock memory offered) private returns (bool isFrozen) {
        Level firmness = _firmness(standing);
        if (!_isUsable(firmness)) return false;
        if (offered.level != Level.FINAL) {
            revert Contradiction(offered.number, standing.blockHash, offered.blockHash);
        }
        if (firmness == Level.FINAL) {
            _freeze(abi.encode(offered.number, standing.blockHash, offered.blockHash));
            return true;
        }
        _displace(standing, offered.blockHash);
    }

    /// @dev Number and time of the newest block; both 0 before there is one.
    function _newest() internal view returns (uint64 number, uint64 timestamp) {
        State storage state = _state;
        (uint64 safeNumber, uint64 finalNumber) = (state.safeNumber, state.finalNumber);
        return (safeNumber > finalNumber ? safeNumber : finalNumber, state.timestamp);
    }

    /// @dev Likewise of the newest FINAL one.
    function _newestFinal() internal view returns (uint64 number, uint64 timestamp) {
        State storage state = _state;
        number = state.finalNumber;
        if (number == 0) return (0, 0);
        timestamp = number < state.safeNumber ? _blocks[_canonical[number]].acceptance.timestamp : state.timestamp;
    }

    /// @dev Whether two blocks cannot both be of one chain: of one number, or in another order by number than by time.
    function _contradict(uint64 number, uint64 time, bytes32 hash, uint64 number_, uint64 time_, bytes32 hash_)
        internal
        pure
        returns (bool)
    {
        if (number == number_) return hash != hash_;
        return number < number_ ? time > time_ : time < time_;
    }

    /// @dev The block's time must fit the target's clock, and its number's place before or after the newest one. In the place
    /// of the newest one any time will do: that one is not to be there any more.
    function _requireTimestamp(SrcBlock memory offered, uint64 maxDrift, uint64 newest, uint64 timestamp)
        internal
        view
    {
        uint256 latest = block.timestamp + maxDrift;
        if (offered.timestamp > latest) revert TimestampInFuture(offered.timestamp, latest);
        if (timestamp == 0) return;
        bool isBehind = offered.number < newest && offered.timestamp > timestamp;
        bool isAhead = offered.number > newest && offered.timestamp < timestamp;
        if (isBehind || isAhead) {
            revert TimestampNotMonotone(offered.number, offered.timestamp, newest, timestamp);
        }
    }

    /// @dev Everything above a block that stands is revoked; everything, where the hash is zero.
    function _revokeAbove(bytes32 newHead) internal {
        SrcBlock memory stands = _block(newHead);
        if (newHead != 0 && !_isUsable(stands.level)) revert BlockNotUsable(newHead, stands.level);
        State memory state = _state;
        uint32 epoch = ++state.canonicalEpoch;
        _revokedFrom[epoch] = newHead == 0 ? 0 : stands.number + 1;
        (state.safeNumber, state.timestamp) = (0, 0);
        if (newHead == 0 || state.finalNumber > stands.number) state.finalNumber = 0;
        _state = state;
        if (newHead != 0) _raise(state, stands);
        emit BlocksRevoked(newHead, stands.number, epoch);
    }

    /// @dev The epoch that this begins revokes nothing else.
    function _displace(SrcBlock memory standing, bytes32 by) private {
        _setAside(standing.blockHash);
        uint32 epoch = ++_state.canonicalEpoch;
        _revokedFrom[epoch] = type(uint64).max;
        emit BlockDisplaced(standing.blockHash, standing.number, by, epoch);
    }

    function _freeze(bytes memory evidence) internal {
        _setStatus(Status.FROZEN, evidence);
    }

    function _setStatus(Status changed, bytes memory evidence) internal {
        _state.status = changed;
        _state.since = uint40(block.timestamp);
        emit StatusChanged(changed, evidence);
    }

    /// @dev Makes the block the head of its level, if it is the highest or that one stands no more.
    function _raise(State memory state, SrcBlock memory top) private {
        if (top.number > type(uint48).max || top.timestamp > type(uint40).max) {
            revert BlockOutOfRange(top.number, top.timestamp);
        }
        uint48 number = uint48(top.number);
        bool isFinal = top.level == Level.FINAL;
        uint48 before = isFinal ? state.finalNumber : state.safeNumber;
        if (number < before && _isUsable(canonicalAt(before).level)) return;
        if (isFinal) state.finalNumber = number;
        else state.safeNumber = number;
        bool isHighest = number >= (isFinal ? state.safeNumber : state.finalNumber);
        if (isHighest) state.timestamp = uint40(top.timestamp);
        // Of ancestors in a row, it is the first at most that rises.
        // slither-disable-next-line costly-loop
        _state = state;
    }
}
