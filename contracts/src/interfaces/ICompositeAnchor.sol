// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "./IAnchor.sol";

/// @title ICompositeAnchor
/// @notice An anchor made of anchors: it has no word of its own, and what becomes of a block at its members becomes of it
/// here, at once and without a transaction. From the members it takes hashes only; what a block says it reads out of the header.
/// @dev The `proof` of `update` is the RLP of the header as it is hashed, nothing before and nothing after it. (Of QBFT and
/// IBFT 2.0 that is the header without its seals.)
///
/// `status` tells PAUSED since the last of the members stopped that it needs, and ACTIVE since its own deployment.
///
/// Warning: `canonicalEpoch` counts what happens here only. A member's revocation changes levels and not this number; who keeps
/// something that he has read looks at the block's level again, or at the members' epochs.
/// Warning: levels change without a transaction, so `head` may tell of none, or of a lower one, where the highest block has gone or
/// come back, until it is offered again. No hub asks for it.
/// Warning: a member that reverts where `IAnchor` says it must not, or that uses up all gas, stops it.
interface ICompositeAnchor is IAnchor {
    /// @notice There is no contract at a member's address, or it stands twice; of address zero: there are no members.
    error NotAMember(address member);
    /// @notice The member speaks of another chain than the first one.
    error MemberOfOtherSource(address member, uint256 chainId, bytes32 genesisHash);
    /// @notice Too few members accept the block: `found` of the `needed`.
    error TooFewMembers(bytes32 blockHash, uint256 needed, uint256 found);
    /// @notice The evidence names a member that there is not, or one that cannot be meant.
    error NoSuchMember(uint256 place);

    /// @notice The anchors that it is made of.
    function members() external view returns (address[] memory);
}
