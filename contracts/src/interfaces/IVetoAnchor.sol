// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICompositeAnchor} from "./ICompositeAnchor.sol";

/// @title IVetoAnchor
/// @notice Trusts its primary anchor, the first member, as long as any one of the others, the watchers, is honest and awake:
/// what the primary accepts is PENDING until `delay` has passed, and a watcher whose blocks contradict it has a veto. It takes
/// no block that is older than `delay`; older ones come in as ancestors of a younger one, with which they have waited.
///
/// - Two blocks contradict each other that have the same number, or of which the one with the higher number is the earlier one.
/// - Where both anchors hold theirs for FINAL, this one freezes, for good: one of the two is broken.
/// - Else the block is set aside: it is PENDING again, until somebody offers it again, and then for the whole `delay`. With it
///   go the ancestors that came in with it. One that is set aside itself comes in again with a block that was offered later, or
///   is offered itself, of whatever age.
///
/// So each watcher can hold it up, by a lie too; none can have a block accepted. While the primary is not ACTIVE it is PAUSED;
/// the delay goes on, and so do vetoes. The primary alone can take back a block: replicas that stand there may then be brought
/// to an older one, which is true as well.
///
/// Warning: watchers that are silent for `delay` protect nobody. It has to be longer than `maxDrift`, than what the slowest of
/// them takes to accept a block, and than the source's longest pause: a block that is far ahead is contradicted by the next one
/// of theirs only. One that fits between two blocks of a watcher is contradicted once that has its ancestors
/// (`extendAncestors`): as many as the source makes in `delay` at most.
/// @dev The `evidence` of `reportMisbehaviour` is `abi.encode(bytes32 blockHash, uint256 watcher, uint64 number)`: the block,
/// the watcher's place among the members, and the number of its block. `StatusChanged` carries
/// `abi.encode(bytes32 blockHash, uint256 watcher, bytes32 watchersHash)`.
interface IVetoAnchor is ICompositeAnchor {
    /// @notice A watcher, number `watcher` of the members, contradicts the block: it is set aside.
    event BlockVetoed(bytes32 indexed blockHash, uint64 indexed number, uint256 watcher, bytes32 watchersHash);

    /// @notice There is no watcher, or not more time for one than a block may be ahead.
    error NothingToWatch(uint256 watchers, uint64 delay, uint64 maxDrift);
    /// @notice The block's time is before `earliest`, and nobody has contradicted it yet: watchers would have too much to look through. Offer a younger one, and
    /// extend that to its ancestors.
    error TimestampTooOld(uint64 timestamp, uint256 earliest);

    /// @notice Seconds from a block's acceptance here until it can be used; and how old it may be then, by its own time.
    function delay() external view returns (uint64);

    /// @notice Seconds that a block's time may be ahead of this chain's clock.
    function maxDrift() external view returns (uint64);

    /// @notice From when on (seconds on this chain's clock) a block has waited long enough; zero where it does not wait, since
    /// nobody has offered it or it was set aside.
    function usableFrom(bytes32 blockHash) external view returns (uint256);
}
