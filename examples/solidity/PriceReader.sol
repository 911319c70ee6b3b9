// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Level} from "../../contracts/src/interfaces/IAnchor.sol";
import {IHub, ReplicaKey} from "../../contracts/src/interfaces/IHub.sol";
import {FreshReplica} from "../../contracts/src/libraries/FreshReplica.sol";

/// @dev The part of the source that is read: a price feed of another chain.
interface IFeed {
    function price() external view returns (uint256);
}

/// @title PriceReader
/// @notice An example of a contract that relies on a replica: it values an amount by a price feed of another chain, and refuses to
/// where the price is older than an hour, or not final.
contract PriceReader {
    /// @notice This replica mirrors another contract, or answers to another anchor, than the deployer wants.
    error NotThatReplica(uint256 chainId, address source, address anchor);

    IHub public immutable HUB;
    address public immutable REPLICA;
    uint64 private constant MAX_AGE = 1 hours;

    /// @param hub The hub on this chain, whose code you have compared.
    /// @param replica The replica of the feed.
    /// @param chainId The chain of the feed.
    /// @param feed The feed itself, on its own chain.
    /// @param anchor Who says which blocks of that chain are true. Read its page before you write its address here.
    constructor(IHub hub, address replica, uint256 chainId, address feed, address anchor) {
        // Which contract a replica mirrors and whom it believes is fixed for life: once is enough.
        ReplicaKey memory key = hub.record(replica).key;
        if (key.sourceChainId != chainId || key.source != feed || key.anchor != anchor) {
            revert NotThatReplica(key.sourceChainId, key.source, key.anchor);
        }
        (HUB, REPLICA) = (hub, replica);
    }

    /// @notice What an amount is worth, in the feed's units.
    /// @dev Reverts with one of `FreshReplica`'s errors where the replica is not to be relied on now.
    function worth(uint256 amount) external view returns (uint256) {
        FreshReplica.requireFresh(HUB, REPLICA, MAX_AGE, Level.FINAL);
        return amount * IFeed(REPLICA).price();
    }
}
