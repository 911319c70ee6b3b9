// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {IKofNAnchor} from "../interfaces/IKofNAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {CompositeAnchor} from "./CompositeAnchor.sol";

/// @title KofNAnchor
/// @notice Accepts what k of its n members accept. See `IKofNAnchor`.
contract KofNAnchor is CompositeAnchor, IKofNAnchor {
    uint256 private constant EVIDENCE_SIZE = 96;

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "k-of-n/1";

    /// @inheritdoc IKofNAnchor
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
        (SrcBlock memory offered,) = _read(proof);
        blockHash = offered.blockHash;
        uint256 found = 0;
        uint256 finals = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            Level told = asked[i].blockByHash(blockHash).level;
            if (!_isUsable(told) || !_isActive(asked[i])) continue;
            ++found;
            if (told == Level.FINAL) ++finals;
        }
        if (found < threshold) {
            level = _block(blockHash).level;
            if (_isUsable(level)) return (blockHash, level);
            revert TooFewMembers(blockHash, threshold, found);
        }
        offered.level = finals < threshold ? Level.SAFE : Level.FINAL;
        return (blockHash, _accept(offered));
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireActive();
        if (evidence.length != EVIDENCE_SIZE) revert ProofNotCanonical(evidence.length);
        uint64 number = _numberIn(evidence[:32]);
        SrcBlock memory one = _memberIn(evidence[32:64]).canonicalAt(number);
        SrcBlock memory other = _memberIn(evidence[64:]).canonicalAt(number);
        bool areFinal = one.level == Level.FINAL && other.level == Level.FINAL;
        if (!areFinal || one.blockHash == other.blockHash) revert NoMisbehaviour();
        _freeze(abi.encode(number, one.blockHash, other.blockHash));
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
        uint64 stopped = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            (Status told, uint64 from,) = asked[i].status();
            if (told == Status.ACTIVE) ++active;
            else if (from > stopped) stopped = from;
        }
        if (active < threshold) (current, since) = (Status.PAUSED, stopped);
    }

    /// @inheritdoc CompositeAnchor
    function _told(bytes32 blockHash, uint64 number) internal view override returns (Level) {
        uint256 finals = 0;
        uint256 found = 0;
        uint256 lost = 0;
        IAnchor[] memory asked = _members;
        for (uint256 i = 0; i < asked.length; ++i) {
            Level told = asked[i].blockByHash(blockHash).level;
            if (told == Level.FINAL) ++finals;
            if (_isUsable(told)) ++found;
            if (told == Level.REVOKED || (told == Level.UNKNOWN && _holdsAnother(asked[i], blockHash, number))) ++lost;
        }
        if (found >= threshold) return finals < threshold ? Level.SAFE : Level.FINAL;
        return lost > asked.length - threshold ? Level.REVOKED : Level.PENDING;
    }
}
