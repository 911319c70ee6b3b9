// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Status} from "../interfaces/IAnchor.sol";
import {ICompositeAnchor} from "../interfaces/ICompositeAnchor.sol";
import {Anchor} from "./Anchor.sol";

/// @title CompositeAnchor
/// @notice What anchors that are made of anchors have in common. See `ICompositeAnchor`.
abstract contract CompositeAnchor is Anchor, ICompositeAnchor {
    IAnchor[] internal _members;
    /// @dev For ancestors, of which the members may know nothing: the block whose word is theirs.
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

    /// @inheritdoc Anchor
    function _inherit(bytes32 ancestor, bytes32 from) internal override {
        _heirs[ancestor] = _vouchedBy(from);
    }

    /// @dev The block of which the members have to be asked.
    function _vouchedBy(bytes32 blockHash) internal view returns (bytes32 asked) {
        asked = _heirs[blockHash];
        if (asked == 0) asked = blockHash;
    }

    function _hashIn(bytes calldata proof) internal pure returns (bytes32) {
        if (proof.length != 32) revert ProofNotCanonical(proof.length);
        return bytes32(proof);
    }

    function _numberIn(bytes calldata evidence) internal pure returns (uint64) {
        uint256 number = uint256(_hashIn(evidence));
        if (number > type(uint64).max) revert ProofNotCanonical(evidence.length);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(number); // compared above
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
