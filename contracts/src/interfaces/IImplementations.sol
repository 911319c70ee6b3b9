// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "./IAnchor.sol";

/// @notice Where a proxy has the address of what it delegates to.
enum ProxyKind {
    NONE, // in no place known here
    CLONE, // its own code: EIP-1167, as that or another of four fixed forms without arguments
    EIP1967, // the slot keccak256("eip1967.proxy.implementation") - 1
    EIP1967_BEACON, // a beacon's answer to `implementation()`; the beacon in the slot keccak256("eip1967.proxy.beacon") - 1
    EIP1822, // the slot keccak256("PROXIABLE")
    ZEPPELINOS // the slot keccak256("org.zeppelinos.proxy.implementation"), of OpenZeppelin before EIP-1967
}

/// @title IImplementations
/// @notice What the replicas of proxies delegate to: copies of the source's implementations, each proven by the account
/// proof of its code hash; and which replica answers for a beacon. One for each hub, which made it.
///
/// A proxy's own code would delegate to the implementation's address on this chain, where anybody may have put anything. So
/// the logic of its replica is a resolver: it finds the implementation where the proxy would, in the replica's mirrored
/// storage, and delegates to the copy that was proven to be the code at that address on the source chain. Where there is none
/// it refuses: after an upgrade of the source the replica cannot be read until anybody has supplied the new code.
/// @dev Permissionless, without an owner. Everything here is a fact about the source chain, as an anchor states it: it is
/// kept for each anchor apart, so a bad one harms nobody but those who chose it. Reverts, besides the errors listed here,
/// with those of `IHub` of the same meaning, and of `AccountProof`.
/// Warning: that a source is a proxy, and of which kind, is the word of its replica's creator, who chose it; it is in the
/// replica's key (`logicHash`), so it cannot change and anybody can look at it with `kindOf`.
/// Warning: what a proxy's own code answers by itself (a transparent proxy to its admin, a getter of the implementation) is
/// not replicated: the resolver delegates every call.
/// Warning: the code is that of the newest block at which it was proven. Only on source chains without EIP-6780 can the code
/// at an address change; there it may be of another block than the replica's storage.
interface IImplementations {
    /// @notice It is proven what code the implementation has at this block. No copy (zero) where it has none any more, or
    /// where its code has not been given yet.
    event ImplementationSupplied(
        address indexed anchor,
        address indexed implementation,
        bytes32 indexed blockHash,
        bytes32 codeHash,
        address copy
    );
    /// @notice From now on this replica answers for the beacon.
    event BeaconNamed(address indexed anchor, address indexed beacon, address replica);

    /// @notice What the replica delegates to on the source chain has no proven copy here: `supply` it. Zero where the
    /// replica's storage names none.
    error ImplementationNotReplicated(address implementation);
    /// @notice No replica answers for the beacon, or its source has ended: replicate the beacon and `nameBeacon`.
    error BeaconNotReplicated(address beacon);
    /// @notice The beacon's replica stands at an older block than the one that is read, or at one that has been revoked: so
    /// the beacon may have been upgraded since. `IHub.sync` it.
    error BeaconBehind(address beacon, address replica);
    /// @notice The beacon's replica does not answer `implementation()` with an address.
    error BeaconWithoutAnswer(address beacon, address replica);
    /// @notice A replica answers for this beacon already.
    error BeaconAnswered(address beacon, address replica);
    /// @notice The replica's logic is not its source's code, byte for byte: it resolves something itself, or the copy is gone
    /// (`IHub.restoreLogic`).
    error ReplicaNotPlain(address replica);
    /// @notice The code is a clone's, of whatever form, which delegates to this address of the source chain: a copy of it would
    /// delegate to what anybody has put there on this chain. The replica of a proxy of a proxy cannot be read.
    error ImplementationIsClone(address target);
    /// @notice The beacon's code is a clone's; the same.
    error BeaconIsClone(address replica, address target);
    /// @notice No resolver of this kind is made for code like this: it is none of the clones, or the kind is NONE.
    error NotOfThatKind(ProxyKind kind);

    /// @notice Records what code an implementation has at an accepted block of the source chain, and deploys a copy of it where
    /// there is none yet. Anybody may. The block is newer than that of the record before, or the same, or any where that has
    /// been revoked. So every replica at this anchor whose storage names the implementation can be read.
    /// A record of a FINAL block stays as it is where a newer block that is SAFE only says the same; other code at a newer SAFE
    /// block replaces it, as the newest that is known. And a FINAL block replaces a SAFE one that says the same, also a newer
    /// one: else one transaction at each SAFE block would keep all who read FINAL out.
    /// @dev Warning: without `code`, where the proven code is new here, the implementation has no copy afterwards and reads
    /// are refused: the copy before is not of the code any more.
    /// Reverts with `NotAnAnchor`, `AnchorNotActive`, `BlockNotAccepted`, `BlockNotNewer`, `CodeMismatch`,
    /// `CodeNotDeployable` or `DeploymentFailed` of `IHub`, or with `ImplementationIsClone`.
    /// Warning: an implementation that is a proxy of any other kind cannot be told from one that is none. Its copy delegates
    /// by what the replica's storage has in its slot, to what stands there on this chain. The client refuses what it knows.
    /// @param anchor The anchor of the replicas that it is for.
    /// @param blockHash A block that this anchor accepts.
    /// @param implementation The implementation's address on the source chain.
    /// @param accountProof The RLP of the nodes from the block's state root to the account, one after the other, as for
    /// `IHub.halt`.
    /// @param code Its runtime code at this block, byte for byte. Empty where it has none, or where a copy of the same code
    /// is here already.
    /// @return copy The copy's address; zero where there is none.
    function supply(
        address anchor,
        bytes32 blockHash,
        address implementation,
        bytes calldata accountProof,
        bytes calldata code
    ) external returns (address copy);

    /// @notice Lets a beacon's replica answer for the beacon, for all replicas at the same anchor whose storage names that.
    /// Anybody may, where none answers yet, or the source of the one that does has ended, or its block has been revoked. Any
    /// active plain replica is as good as another, for anybody can synchronise it.
    /// @dev Warning: a beacon that asks other contracts gets the answers of this chain's, and so does not answer here as it
    /// does on its own. Reverts with `UnknownReplica` or `WrongStatus` or `BlockNotAccepted` of `IHub`, with
    /// `ReplicaNotPlain`, `BeaconIsClone` or `BeaconAnswered`.
    /// Warning: a beacon that is itself a proxy by a slot cannot be told from one that is none, and delegates to what stands
    /// on this chain. And a beacon that answers by who asks is asked by this contract here, not by the proxy.
    /// @param replica An active replica of the beacon, whose logic is a copy of the beacon's own code.
    function nameBeacon(address replica) external;

    /// @notice The copy of an implementation, ready to be delegated to; zero where there is none, where it is not at its
    /// address, or where the block at which it was proven has been revoked.
    function copyOf(address anchor, address implementation) external view returns (address);

    /// @notice The record of an implementation: where its copy is, or zero, and the block at which it was proven, zero where
    /// it never was. `copyOf` says whether it may be used.
    function supplied(address anchor, address implementation) external view returns (address copy, bytes32 blockHash);

    /// @notice The replica that answers for a beacon; zero where there is none. `implementationBehind` says whether it may.
    function beaconReplicaOf(address anchor, address beacon) external view returns (address);

    /// @notice `copyOf`, or reverts with `ImplementationNotReplicated`.
    function requireCopy(address anchor, address implementation) external view returns (address);

    /// @notice `requireCopy` of the implementation that a beacon names to this replica; see `implementationBehind`.
    function requireCopyBehind(address anchor, address beacon, address replica) external view returns (address);

    /// @notice The implementation that a beacon names, as its own replica answers. That has to stand at the same block as the
    /// replica that is read, or a newer one: an upgrade of a beacon does not show in the storage of its proxies.
    /// @dev Reverts with `BeaconNotReplicated`, `BeaconBehind` or `BeaconWithoutAnswer`, or `UnknownReplica` of `IHub`.
    /// @param anchor The anchor of both replicas.
    /// @param beacon The beacon's address on the source chain.
    /// @param replica The replica whose storage names the beacon.
    function implementationBehind(address anchor, address beacon, address replica) external view returns (address);

    /// @notice How firmly the anchor stands, now, behind what a replica answers by, besides its own block (`IHub.head`): the
    /// lowest level of the block at which its implementation was proven and of its beacon's replica. FINAL for a replica that
    /// has a copy of its source's code and so answers by nothing else. For who relies on FINAL blocks: `FreshReplica`.
    /// @dev Reverts with `UnknownReplica`, or as a read of the replica would: there is nothing behind it then. REVOKED
    /// where replica and beacon stand at one and the same block which is.
    function levelBehind(address replica) external view returns (Level);

    /// @notice What to give `IHub.create` as the `logicHash` of a replica that resolves: keccak-256 of its resolver's creation
    /// code.
    /// @dev Reverts with `NotOfThatKind`.
    /// @param anchor The replica's anchor.
    /// @param code The proxy's runtime code.
    /// @param kind Where the proxy has its implementation.
    function resolverHashOf(address anchor, bytes calldata code, ProxyKind kind) external view returns (bytes32);

    /// @notice Which kind of resolver a replica with this `logicHash` has; NONE where it has a copy of its source's code.
    /// @param code The proxy's runtime code; only a CLONE is not recognised without it.
    function kindOf(address anchor, bytes calldata code, bytes32 logicHash) external view returns (ProxyKind);

    /// @notice The creation code of a resolver for this code that has this hash; empty where there is none. For the hub.
    function resolverCreation(address anchor, bytes calldata code, bytes32 logicHash)
        external
        view
        returns (bytes memory);
}

/// @title IBeacon
/// @notice What a beacon has to answer (EIP-1967).
interface IBeacon {
    function implementation() external view returns (address);
}
