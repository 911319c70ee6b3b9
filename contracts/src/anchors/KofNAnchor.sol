// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {CompositeAnchor} from "./CompositeAnchor.sol";

/// @title KofNAnchor
/// @notice Trusts that no k of its n members are wrong about the same block at once: it accepts what k of them accept, same
/// number and same hash, FINAL where k of them say so. With more than n - k of them not ACTIVE it is PAUSED.
///
/// Two members that hold different blocks of one number for FINAL freeze it, for good: one of them is broken, and it is not for
/// a contract to say which. Silence freezes nothing.
/// @dev The `evidence` of `reportMisbehaviour` is `abi.encode(uint64 number)`. `StatusChanged` carries
/// `abi.encode(uint64 number, bytes32 oneHash, bytes32 otherHash)`.
contract KofNAnchor is CompositeAnchor {
    /// @notice k is not from 1 to the number of members.
    error ThresholdOutOfRange(uint256 threshold, uint256 count);

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "k-of-n/1";

    /// @notice How many members have to accept a block.
    uint256 public immutable threshold;

    /// @param members_ Anchors of one source, none twice.
    /// @param threshold_ How many have to accept a block.
    constructor(IAnchor[] memory members_, uint256 threshold_) CompositeAnchor(members_) {
        if (threshold_ == 0 || threshold_ > members_.length) revert ThresholdOutOfRange(threshold_, members_.length);
        threshold = threshold_;
    }

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        _requireActive();
        blockHash = _hashIn(proof);
        level = _block(blockHash).level;
        SrcBlock memory offered = SrcBlock(0, 0, 0, 0, 0, Level.UNKNOWN);
        uint256 found = 0;
        uint256 finals = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            SrcBlock memory told = asked[i].blockByHash(blockHash);
            if (!_isUsable(told.level) || !_isActive(asked[i])) continue;
            ++found;
            if (told.level == Level.FINAL) ++finals;
            offered = told;
        }
        if (found < threshold) {
            if (_isUsable(level)) return (blockHash, level);
            revert TooFewMembers(blockHash, threshold, found);
        }
        offered.level = finals < threshold ? Level.SAFE : Level.FINAL;
        // forge-lint: disable-next-line(unsafe-typecast)
        offered.acceptedAt = uint64(block.timestamp);
        return (blockHash, _accept(offered));
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireActive();
        uint64 number = _numberIn(evidence);
        bytes32 one = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            SrcBlock memory told = asked[i].canonicalAt(number);
            if (told.level != Level.FINAL) continue;
            if (one == 0) one = told.blockHash;
            if (one == told.blockHash) continue;
            _freeze(abi.encode(number, one, told.blockHash));
            return;
        }
        revert NoMisbehaviour();
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
        uint256 active = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            if (_isActive(asked[i])) ++active;
        }
        if (active < threshold) current = Status.PAUSED;
    }

    /// @inheritdoc Anchor
    /// @dev Of a block that was accepted once: what the members say of it now.
    function _levelOf(bytes32 blockHash, StoredBlock memory stored) internal view override returns (Level) {
        if (stored.level == Level.UNKNOWN) return Level.UNKNOWN;
        blockHash = _vouchedBy(blockHash);
        uint256 finals = 0;
        uint256 found = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            Level told = asked[i].blockByHash(blockHash).level;
            if (told == Level.FINAL) ++finals;
            if (_isUsable(told)) ++found;
        }
        if (found < threshold) return Level.REVOKED;
        return finals < threshold ? Level.SAFE : Level.FINAL;
    }
}
