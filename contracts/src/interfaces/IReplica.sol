// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IReplica
/// @notice The errors of a replica. It has no functions of its own: whatever is called is the source's function.
interface IReplica {
    /// @notice Not activated yet (or its logic copy is gone, see `IHub.restoreLogic`): there is nothing to read.
    error NotActive();
    /// @notice A replica cannot keep what is sent to it.
    error ValueRefused(uint256 value);
    /// @notice The gas given did not suffice for the read.
    error OutOfGas();
}
