// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReplicaKey} from "./IHub.sol";

/// @title IReplica
/// @notice The errors of a replica; that of a proxy has those of `IImplementations` too. It has no functions of its own:
/// whatever is called is the source's function.
/// @dev Warning: a function that writes answers as if it had. `transfer` of a replicated token returns true, and nothing
/// has moved. Only read.
/// Warning: `block.*`, `address(this)`, balances and calls to other contracts are this chain's, not the source's. A function
/// that calls itself by `this.f()` to write and then reads does not see its own write.
interface IReplica {
    /// @notice Not activated yet (or its logic copy is gone, see `IHub.restoreLogic`): there is nothing to read.
    error NotActive();
    /// @notice A replica cannot keep what is sent to it.
    error ValueRefused(uint256 value);
    /// @notice The gas given did not suffice for the read, or for the hub's transition.
    error OutOfGas();
}

/// @title IHubsReplica
/// @notice What a replica is to its hub, and to nobody else: for any other caller these are the source's functions.
/// @dev Besides it does whatever the hub, as `ITransitionEngine`, is told to do with a replica's storage.
interface IHubsReplica {
    /// @notice What identifies the replica. It is in its code, and so cannot change.
    function key() external view returns (ReplicaKey memory);
}
