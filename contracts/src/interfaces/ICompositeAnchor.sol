// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level} from "./IAnchor.sol";

/// @title ICompositeAnchor
/// @notice An anchor made of anchors: it has no word of its own, and what becomes of a block at its members becomes of it
/// here, at once and without a transaction.
/// @dev The `proof` of `update` is the block's hash, 32 bytes.
interface ICompositeAnchor is IAnchor {
    /// @notice There is no contract at a member's address, or it stands twice.
    error NotAMember(address member);
    /// @notice The member speaks of another chain than the first one.
    error MemberOfOtherSource(address member, uint256 chainId, bytes32 genesisHash);
    /// @notice Too few members accept the block: `found` of the `needed`.
    error TooFewMembers(bytes32 blockHash, uint256 needed, uint256 found);

    /// @notice The anchors that it is made of.
    function members() external view returns (address[] memory);
}
