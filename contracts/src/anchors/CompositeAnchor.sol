// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {ICompositeAnchor} from "../interfaces/ICompositeAnchor.sol";
import {Anchor} from "./Anchor.sol";

/// @title CompositeAnchor
/// @notice What anchors that are made of anchors have in common. See `ICompositeAnchor`.
abstract contract CompositeAnchor is Anchor, ICompositeAnchor {
    IAnchor[] internal _members;
    /// @dev For ancestors, of which the members may know nothing: the block whose word is theirs as well.
    mapping(bytes32 ancestor => bytes32 descendant) private _heirs;

    constructor(IAnchor[] memory members_) Anchor(_chainOf(members_), _genesisOf(members_)) {
        for (uint256 i = 0; i < members_.length; ++i) {
            IAnchor member = members_[i];
            if (address(member).code.length == 0) revert NotAMember(address(member));
            for (uint256 k = 0; k < i; ++k) {
                if (address(members_[k]) == address(member)) revert NotAMember(address(member));
            }
            (uint256 chainId, bytes32 genesisHash) = member.source();
            if (chainId != SOURCE_CHAIN_ID || genesisHash != SOURCE_GENESIS_HASH) {
                revert MemberOfOtherSource(address(member), chainId, genesisHash);
            }
            _members.push(member);
        }
    }

    /// @inheritdoc ICompositeAnchor
    function members() external view returns (address[] memory found) {
        found = new address[](_members.length);
        for (uint256 i = 0; i < found.length; ++i) {
            found[i] = address(_members[i]);
        }
    }

    /// @dev What the members say of a block now. It is REVOKED also where they hold another one of its number for FINAL.
    function _told(bytes32 blockHash, uint64 number) internal view virtual returns (Level);

    /// @dev What holds for a block that was accepted: what the members say of it now, or of the one that it was accepted for,
    /// whichever lets more be done. But a descendant that was revoked revokes nothing below it.
    function _word(bytes32 blockHash, uint64 number) internal view returns (Level) {
        Level own = _told(blockHash, number);
        bytes32 heir = _heirs[blockHash];
        if (heir == 0) return own;
        Level lent = _told(heir, _stored(heir).number);
        return _isUsable(lent) && (lent > own || !_isUsable(own)) ? lent : own;
    }

    /// @inheritdoc Anchor
    /// @dev A member may take back what it said, and say it again: one block of a number at a time, the one that was accepted
    /// last.
    function _levelOf(bytes32 blockHash, Acceptance memory stored) internal view virtual override returns (Level) {
        if (stored.level == Level.UNKNOWN) return Level.UNKNOWN;
        if (_standsAt(stored.number) != blockHash) return Level.REVOKED;
        return _word(blockHash, stored.number);
    }

    /// @inheritdoc Anchor
    /// @dev The members' word, also where this anchor holds it back.
    function _firmness(SrcBlock memory standing) internal view override returns (Level) {
        return standing.level == Level.UNKNOWN ? Level.UNKNOWN : _word(standing.blockHash, standing.number);
    }

    /// @inheritdoc Anchor
    /// @dev Never for the worse: whoever extends cannot choose a weaker word than there is.
    function _inherit(SrcBlock memory ancestor, bytes32 from) internal virtual override returns (bool isTaken) {
        Level known = _word(ancestor.blockHash, ancestor.number);
        if (_isUsable(known) && known >= ancestor.level) return true;
        bytes32 further = _heirs[from];
        // The word that makes `from` what it is: its own, or that of the one that it was accepted for.
        bool isOwn = further == 0 || _told(from, _stored(from).number) == ancestor.level;
        _heirs[ancestor.blockHash] = isOwn ? from : further;
        return true;
    }

    /// @dev Of a member that does not know the block. A SAFE one may be an orphan that anybody has sent it.
    function _holdsAnother(IAnchor member, bytes32 blockHash, uint64 number) internal view returns (bool) {
        SrcBlock memory other = member.canonicalAt(number);
        return other.level == Level.FINAL && other.blockHash != blockHash;
    }

    function _numberIn(bytes calldata word) internal pure returns (uint64) {
        uint256 number = uint256(bytes32(word));
        if (number > type(uint64).max) revert ProofNotCanonical(word.length);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(number); // compared above
    }

    /// @dev Member number `place` of a piece of evidence.
    function _memberIn(bytes calldata word) internal view returns (IAnchor) {
        uint256 place = uint256(bytes32(word));
        if (place >= _members.length) revert NoSuchMember(place);
        return _members[place];
    }

    /// @dev A member that is not ACTIVE says nothing new; what it said before it goes on saying.
    function _isActive(IAnchor member) internal view returns (bool) {
        (Status current,,) = member.status();
        return current == Status.ACTIVE;
    }

    function _chainOf(IAnchor[] memory members_) private view returns (uint256 chainId) {
        if (members_.length == 0) revert NotAMember(address(0));
        if (address(members_[0]).code.length == 0) revert NotAMember(address(members_[0]));
        (chainId,) = members_[0].source();
    }

    function _genesisOf(IAnchor[] memory members_) private view returns (bytes32 genesisHash) {
        (, genesisHash) = members_[0].source();
    }
}
