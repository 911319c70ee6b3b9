// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "./interfaces/IAnchor.sol";
import {IHub} from "./interfaces/IHub.sol";
import {FreshReplica} from "./libraries/FreshReplica.sol";

/// @title ReaderGuard
/// @notice A replica's address for contracts that cannot be changed: it answers as the replica does, as long as that is recent and
/// final enough, and else reverts with the reason (`FreshReplica`). The policy is fixed for good, and nobody owns it.
/// @dev Any calldata is forwarded by STATICCALL; what the replica answers or reverts with comes back byte for byte.
///
/// Warning: the source's code sees the guard as `msg.sender`, not the caller.
// slither-disable-next-line locked-ether
contract ReaderGuard {
    /// @notice A view takes no value.
    error ValueRefused(uint256 value);
    /// @notice The policy would let through blocks that are only proposed, or none.
    error LevelOutOfRange(Level min);

    IHub private immutable HUB;
    address private immutable REPLICA;
    uint64 private immutable MAX_AGE;
    Level private immutable MIN;
    bool private immutable LOOKS_BEHIND; // whether what the replica answers by may be less final than its block

    /// @param hub The hub that made the replica.
    /// @param replica The replica.
    /// @param maxAge How many seconds its block's time may be behind this chain's clock.
    /// @param min SAFE or FINAL.
    // No replica is at address zero, and the hub says so.
    // slither-disable-next-line missing-zero-check
    constructor(IHub hub, address replica, uint64 maxAge, Level min) {
        if (min != Level.SAFE && min != Level.FINAL) revert LevelOutOfRange(min);
        // That it is a replica of this hub, and fresh: a guard that never worked would be found out too late.
        FreshReplica.requireFresh(hub, replica, maxAge, min);
        // What a replica is for, is in its key for ever.
        bool looksBehind = min == Level.FINAL && FreshReplica.resolves(hub, replica);
        if (looksBehind) FreshReplica.requireFinalBehind(hub, replica);
        LOOKS_BEHIND = looksBehind;
        (HUB, REPLICA, MAX_AGE, MIN) = (hub, replica, maxAge, min);
    }

    /// @dev Payable only to refuse value by name.
    fallback() external payable {
        if (msg.value != 0) revert ValueRefused(msg.value);
        FreshReplica.requireFresh(HUB, REPLICA, MAX_AGE, MIN);
        if (LOOKS_BEHIND) FreshReplica.requireFinalBehind(HUB, REPLICA);
        address replica = REPLICA;
        // Whatever was asked for, in whatever interface.
        assembly ("memory-safe") {
            // free ► | calldata |, then | answer |
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := staticcall(gas(), replica, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if success { return(free, returndatasize()) }
            revert(free, returndatasize())
        }
    }
}
