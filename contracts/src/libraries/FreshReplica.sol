// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "../interfaces/IAnchor.sol";
import {Head, IHub, ReplicaStatus} from "../interfaces/IHub.sol";

/// @title FreshReplica
/// @notice For contracts that read a replica and want more than the mirror: that it is recent, and of a block that the anchor
/// still stands behind. A replica answers whatever it knows; how old that is, and whether the source chain has dropped it since,
/// only the hub can tell.
///
///     FreshReplica.requireFresh(HUB, REPLICA, 1 hours, Level.FINAL);
///     uint256 price = IOracle(REPLICA).price();
///
/// Warning: the anchor's and the hub's word is as good as who chose them. Take both addresses from the replica's own key
/// (`IHub.record`), once, and fix them.
library FreshReplica {
    /// @notice It is not active yet, or its source has ended.
    error ReplicaNotActive(address replica, ReplicaStatus status);
    /// @notice Its anchor is paused, expired or frozen: nothing that it says can be relied on.
    error AnchorDown(address replica, Status status);
    /// @notice The block that it mirrors is not on the source chain any more.
    error Revoked(address replica, bytes32 blockHash);
    /// @notice The block that it mirrors is not as final as it has to be.
    error LevelTooLow(address replica, Level level, Level min);
    /// @notice The block that it mirrors is of this time (seconds on the source's clock), and has to be of `oldest` or later.
    error Stale(address replica, uint64 timestamp, uint256 oldest);

    /// @notice Reverts unless the replica is active and mirrors a block that is recent and final enough.
    /// @param hub The hub that made it.
    /// @param replica The replica.
    /// @param maxAge How many seconds the block's time may be behind this chain's clock.
    /// @param min The lowest level that will do: SAFE or FINAL.
    /// @return head What the hub tells of it.
    function requireFresh(IHub hub, address replica, uint64 maxAge, Level min)
        internal
        view
        returns (Head memory head)
    {
        head = hub.head(replica);
        if (head.status != ReplicaStatus.ACTIVE) revert ReplicaNotActive(replica, head.status);
        if (head.anchorStatus != Status.ACTIVE) revert AnchorDown(replica, head.anchorStatus);
        if (head.level == Level.REVOKED) revert Revoked(replica, head.blockHash);
        if (head.level < min) revert LevelTooLow(replica, head.level, min);
        uint256 oldest = block.timestamp < maxAge ? 0 : block.timestamp - maxAge;
        // A block's producer can shift the clock by seconds; who minds takes a shorter age.
        if (head.timestamp < oldest) revert Stale(replica, head.timestamp, oldest);
    }
}
