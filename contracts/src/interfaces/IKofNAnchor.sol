// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICompositeAnchor} from "./ICompositeAnchor.sol";

/// @title IKofNAnchor
/// @notice Trusts that no k of its n members are wrong about the same block at once: it accepts what k of them accept, FINAL
/// where k of them say so. What fewer than k accept any more is PENDING, and REVOKED once so many have revoked it, or hold
/// another block of its number for FINAL, that no k are left. With more than n - k of them not ACTIVE it is PAUSED.
///
/// Two members that hold different blocks of one number for FINAL freeze it, for good: one of them is broken, and it is not for
/// a contract to say which. Silence freezes nothing.
/// @dev The `evidence` of `reportMisbehaviour` is `abi.encode(uint64 number, uint256 one, uint256 other)`: the two members'
/// places. `StatusChanged` carries `abi.encode(uint64 number, bytes32 oneHash, bytes32 otherHash)`.
interface IKofNAnchor is ICompositeAnchor {
    /// @notice k is not from 1 to the number of members.
    error ThresholdOutOfRange(uint256 threshold, uint256 count);

    /// @notice How many members have to accept a block.
    function threshold() external view returns (uint256);
}
