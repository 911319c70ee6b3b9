// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "../interfaces/IAnchor.sol";
import {Head, IHub, ReplicaKey, ReplicaStatus} from "../interfaces/IHub.sol";
import {IImplementations} from "../interfaces/IImplementations.sol";

/// @title FreshReplica
/// @notice For contracts that read a replica and want more than the mirror: that it is recent, and of a block that the anchor
/// still stands behind. A replica answers whatever it knows; how old that is, and whether the source chain has dropped it since,
/// only the hub can tell.
///
///     FreshReplica.requireFresh(HUB, REPLICA, 1 hours, Level.FINAL);
///     uint256 price = IOracle(REPLICA).price();
///
/// Warning: of a proxy's replica this is only half: its storage may be of a FINAL block, and the code that it answers by of a block
/// which is SAFE. Use `requireFreshProxy` there; `resolves` tells, once, which of them a replica needs.
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
    /// @notice The code that a proxy's replica answers by, or its beacon's replica, is of a block that is not as final as it has
    /// to be: supply it, or synchronise that, at one that is.
    error LevelBehindTooLow(address replica, Level level, Level min);
    /// @notice The block that it mirrors is of this time (seconds on the source's clock), and has to be of `oldest` or later.
    error Stale(address replica, uint64 timestamp, uint256 oldest);

    /// @notice Reverts unless the replica is active and mirrors a block that is recent and final enough.
    /// @dev Warning: not enough for a FINAL read of a proxy's replica; see `requireFreshProxy`. To look at every replica for
    /// what it is would cost all readers more than a read.
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

    /// @notice `requireFresh`, and the same level for the code that a proxy's replica answers by, and for its beacon. It
    /// may be called for any replica; the others need not pay for it.
    function requireFreshProxy(IHub hub, address replica, uint64 maxAge, Level min)
        internal
        view
        returns (Head memory head)
    {
        head = requireFresh(hub, replica, maxAge, min);
        // The replica itself refuses what is not SAFE at least.
        if (min == Level.FINAL) requireFinalBehind(hub, replica);
    }

    /// @notice Reverts unless what a proxy's replica answers by is of FINAL blocks; its own block is another matter.
    function requireFinalBehind(IHub hub, address replica) internal view {
        Level level = bookOf(hub).levelBehind(replica);
        if (level != Level.FINAL) revert LevelBehindTooLow(replica, level, Level.FINAL);
    }

    /// @notice Whether the replica has something else for its logic than a copy of its source's code: a proxy's has. That is in its
    /// key, so to ask once is enough.
    function resolves(IHub hub, address replica) internal view returns (bool) {
        ReplicaKey memory key = hub.record(replica).key;
        return hub.logicOf(key).codehash != key.codeHash;
    }

    /// @notice The hub's book of implementations, at the address of its nonce 1 (`IHub`).
    function bookOf(IHub hub) internal pure returns (IImplementations) {
        return IImplementations(address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", hub, hex"01"))))));
    }
}
