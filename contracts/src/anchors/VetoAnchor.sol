// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock} from "../interfaces/IAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {CompositeAnchor} from "./CompositeAnchor.sol";

/// @title VetoAnchor
/// @notice Trusts its primary anchor as long as any one of the watchers is honest and awake: what the primary accepts is
/// PENDING until `delay` has passed, and a watcher that accepts another block of the same number freezes the anchor, for good.
/// So each watcher can stop it, by a lie too; none can have a block accepted.
///
/// Warning: a watcher that is silent for longer than `delay` protects nobody.
/// @dev The first member is the primary. The `evidence` of `reportMisbehaviour` is `abi.encode(uint64 number)`.
/// `StatusChanged` carries `abi.encode(uint64 number, bytes32 primarysHash, bytes32 watchersHash)`.
contract VetoAnchor is CompositeAnchor {
    /// @notice There is no watcher, or no time for one.
    error NothingToWatch(uint256 watchers, uint64 delay);

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "veto/1";

    /// @notice Seconds from a block's acceptance here until it can be used.
    uint64 public immutable delay;

    bytes32[] private _queue; // blocks in the order of their acceptance, each of a higher number than the one before

    /// @param members_ The primary, then one watcher or more; anchors of one source, none twice.
    /// @param delay_ Seconds that the watchers have.
    constructor(IAnchor[] memory members_, uint64 delay_) CompositeAnchor(members_) {
        if (members_.length < 2 || delay_ == 0) revert NothingToWatch(members_.length - 1, delay_);
        delay = delay_;
    }

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        _requireActive();
        blockHash = _hashIn(proof);
        level = _block(blockHash).level;
        if (level != Level.UNKNOWN && level != Level.REVOKED) return (blockHash, level);
        SrcBlock memory offered = _members[0].blockByHash(blockHash);
        if (!_isUsable(offered.level) || !_isActive(_members[0])) revert TooFewMembers(blockHash, 1, 0);

        // forge-lint: disable-next-line(unsafe-typecast)
        offered.acceptedAt = uint64(block.timestamp);
        bytes32 last = _queue.length == 0 ? bytes32(0) : _queue[_queue.length - 1];
        level = _accept(offered);
        if (level == Level.UNKNOWN) return (blockHash, level);
        if (last == 0 || offered.number > _block(last).number) _queue.push(blockHash);
        return (blockHash, _block(blockHash).level);
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireActive();
        uint64 number = _numberIn(evidence);
        bytes32 primarys = canonicalAt(number).blockHash;
        if (primarys == 0) revert NoMisbehaviour();
        IAnchor[] memory asked = _members;
        for (uint256 i = 1; i < asked.length; ++i) {
            SrcBlock memory told = asked[i].canonicalAt(number);
            if (!_isUsable(told.level) || told.blockHash == primarys) continue;
            _freeze(abi.encode(number, primarys, told.blockHash));
            return;
        }
        revert NoMisbehaviour();
    }

    /// @inheritdoc IAnchor
    /// @dev Of those that can be used, by halving: they became usable in their order.
    function head(Level min) public view override(Anchor, IAnchor) returns (SrcBlock memory best) {
        uint256 low = 0;
        uint256 high = _queue.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (min > Level.PENDING && _block(_queue[middle]).level == Level.PENDING) high = middle;
            else low = middle + 1;
        }
        // Below there can be revoked ones.
        for (; low > 0; --low) {
            best = _block(_queue[low - 1]);
            if (best.level >= min && best.level != Level.REVOKED) return best;
        }
        delete best;
    }

    /// @inheritdoc Anchor
    /// @dev Of a block that was accepted once: what the primary says of it now, once the watchers have had their time.
    function _levelOf(bytes32 blockHash, StoredBlock memory stored) internal view override returns (Level level) {
        if (stored.level == Level.UNKNOWN) return Level.UNKNOWN;
        level = _members[0].blockByHash(_vouchedBy(blockHash)).level;
        if (!_isUsable(level)) return Level.REVOKED;
        if (block.timestamp < stored.acceptedAt + delay) return Level.PENDING;
    }
}
