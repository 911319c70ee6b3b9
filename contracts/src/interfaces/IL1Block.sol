// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IL1Block
/// @notice The predeploy of OP-stack chains that tells of the L1 block which the current L2 block was derived from.
/// Source: Optimism specs, "L1 Attributes Predeployed Contract", at 0x4200000000000000000000000000000000000015.
interface IL1Block {
    /// @notice Number of that L1 block.
    function number() external view returns (uint64);

    /// @notice Its hash.
    function hash() external view returns (bytes32);
}
