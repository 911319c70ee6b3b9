// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hub} from "../../src/Hub.sol";
import {Level} from "../../src/interfaces/IAnchor.sol";
import {IHub, ReplicaKey, ReplicaRecord, ReplicaStatus} from "../../src/interfaces/IHub.sol";
import {NamedErrors} from "./NamedErrors.sol";
import {ReferenceTrie} from "./ReferenceTrie.sol";
import {SampleSource} from "./SampleSource.sol";
import {StateTrie} from "./StateTrie.sol";
import {TestAnchor} from "./TestAnchor.sol";
import {WitnessBuilder} from "./WitnessBuilder.sol";
import {WitnessParts} from "./WitnessParts.sol";

/// @title HubTest
/// @notice A hub, an anchor, and a source chain with one source of four slots, of which tests say what they hold.
abstract contract HubTest is NamedErrors {
    /// @notice A block of the source chain and what proves the source's account in it.
    struct Block {
        bytes32 hash;
        bytes32 stateRoot;
        uint64 number;
        bytes proof; // of storage root and code hash, for all that moves a replica
        bytes nodes; // of whatever there is, for `halt`
    }

    /// @notice What a part of a transition has left.
    struct Part {
        bytes pending;
        bytes32 writesHash;
    }

    uint256 internal constant CHAIN = 11_155_111;
    address internal constant SOURCE = address(0x50);

    Hub internal hub = new Hub();
    TestAnchor internal anchor = new TestAnchor(CHAIN);
    address internal creator = makeAddr("creator");
    uint64 internal firstBlock; // of the replicas that `created` makes
    bytes internal code = type(SampleSource).runtimeCode;

    // --- the source chain ---

    /// @notice The block of this number in which the source has these values, accepted as FINAL.
    function acceptedBlock(uint64 number, uint256[4] memory values) internal returns (Block memory) {
        return acceptedBlock(number, values, Level.FINAL);
    }

    function acceptedBlock(uint64 number, uint256[4] memory values, Level level) internal returns (Block memory) {
        return presentBlock(number, values, keccak256(code), level);
    }

    function presentBlock(uint64 number, uint256[4] memory values, bytes32 codeHash, Level level)
        internal
        returns (Block memory)
    {
        return blockOfRoot(number, rootOf(values), codeHash, level);
    }

    function blockOfRoot(uint64 number, bytes32 storageRoot, bytes32 codeHash, Level level)
        internal
        returns (Block memory made)
    {
        (made.stateRoot, made.proof, made.nodes) = StateTrie.present(SOURCE, storageRoot, codeHash);
        _publish(made, number, level);
    }

    /// @notice A block in which there is no account at the source's address.
    function absentBlock(uint64 number) internal returns (Block memory made) {
        (made.stateRoot, made.proof, made.nodes) = StateTrie.absent(SOURCE);
        _publish(made, number, Level.FINAL);
    }

    function _publish(Block memory made, uint64 number, Level level) private {
        made.number = number;
        made.hash = keccak256(abi.encode(number, made.stateRoot));
        anchor.setBlock(made.hash, made.stateRoot, number, level);
    }

    /// @notice The state root at which the source would have this storage.
    function stateRootWith(bytes32 storageRoot) internal view returns (bytes32 stateRoot) {
        (stateRoot,,) = StateTrie.present(SOURCE, storageRoot, keccak256(code));
    }

    /// @notice The reason for which the hub refuses a block that this storage root does not lead to.
    function notTheStateOf(Block memory to, bytes32 storageRoot) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IHub.StateRootMismatch.selector, to.stateRoot, stateRootWith(storageRoot));
    }

    // --- the source's storage ---

    function rootOf(uint256[4] memory values) internal pure returns (bytes32) {
        return ReferenceTrie.storageRoot(slotIndices(), _list(values));
    }

    function witnessOf(uint256[4] memory oldValues, uint256[4] memory newValues) internal pure returns (bytes memory) {
        return witnessOf(oldValues, newValues, WitnessBuilder.OPAQUE);
    }

    function witnessOf(uint256[4] memory oldValues, uint256[4] memory newValues, uint256 choice)
        internal
        pure
        returns (bytes memory)
    {
        return WitnessBuilder.build(slotIndices(), _list(oldValues), _list(newValues), choice);
    }

    function slotIndices() internal pure returns (uint256[] memory slots) {
        slots = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) {
            slots[i] = i;
        }
    }

    function _list(uint256[4] memory values) private pure returns (uint256[] memory list) {
        list = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) {
            list[i] = values[i];
        }
    }

    function nothing() internal pure returns (uint256[4] memory values) {}

    // --- replicas ---

    function keyOfReplica() internal view returns (ReplicaKey memory) {
        return ReplicaKey(CHAIN, SOURCE, address(anchor), creator, keccak256(code), hub.logicHashOf(code));
    }

    function created() internal returns (address replica) {
        replica = createdFor(keccak256(code), hub.logicHashOf(code));
    }

    /// @notice A replica of a key that was made for other code, should the hashes say so.
    function createdFor(bytes32 codeHash, bytes32 logicHash) internal returns (address replica) {
        vm.prank(creator);
        replica = hub.create(CHAIN, SOURCE, address(anchor), codeHash, logicHash, firstBlock);
    }

    function fill(address replica, uint256[4] memory oldValues, uint256[4] memory newValues) internal {
        vm.prank(creator);
        hub.fill(replica, rootOf(oldValues), witnessOf(oldValues, newValues));
    }

    /// @notice A replica that is active at this block, which gets accepted.
    function activeAt(uint64 number, uint256[4] memory values) internal returns (address replica) {
        Block memory proven = acceptedBlock(number, values);
        replica = created();
        fill(replica, nothing(), values);
        hub.activate(replica, proven.hash, proven.proof, code);
    }

    function sync(address replica, Block memory to, uint256[4] memory oldValues, uint256[4] memory newValues) internal {
        hub.sync(replica, to.hash, to.proof, witnessOf(oldValues, newValues));
    }

    // --- transitions in parts ---

    function prepare(address replica, bytes32 blockHash, Part memory from, bytes memory items)
        internal
        returns (Part memory to)
    {
        (to.pending, to.writesHash) = hub.prepare(replica, blockHash, from.pending, from.writesHash, items);
    }

    /// @notice Prepares a whole witness, `count` items a part.
    function prepareAll(address replica, bytes32 blockHash, bytes memory witness, uint256 count)
        internal
        returns (Part memory part)
    {
        bytes[] memory items = WitnessParts.items(witness);
        for (uint256 i = 0; i < items.length; i += count) {
            part = prepare(replica, blockHash, part, WitnessParts.join(items, i, i + count));
        }
    }

    function commit(address replica, Block memory to, Part memory part, bytes memory witness) internal {
        hub.commit(replica, to.hash, to.proof, part.pending, WitnessParts.writes(witness));
    }

    /// @notice What the hub calls a part.
    function partOf(address replica, bytes memory pending, bytes32 writesHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(replica, keccak256(pending), writesHash));
    }

    // --- what must hold ---

    function assertMirrors(address replica, Block memory proven, uint256[4] memory values) internal view {
        ReplicaRecord memory rec = hub.record(replica);
        assertEq(uint256(rec.status), uint256(ReplicaStatus.ACTIVE), "status");
        assertEq(rec.blockHash, proven.hash, "block hash");
        assertEq(rec.haltHash, 0, "halt block");
        assertEq(rec.storageRoot, rootOf(values), "storage root");
        assertEq(hub.head(replica).number, proven.number, "number");
        assertStorage(replica, values);
    }

    function assertStorage(address replica, uint256[4] memory values) internal view {
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(uint256(vm.load(replica, bytes32(i))), values[i], "storage");
        }
    }

    /// @notice Runs a call that has to fail with this reason, and checks that storage and bookkeeping stay as they were.
    function assertRefused(address replica, bytes memory call, bytes memory reason) internal {
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory actual) = address(hub).call(call);
        assertFalse(success, "not refused");
        assertEq(actual, reason, "reason");
        assertEq(fingerprint(replica), before, "something has changed");
    }

    function fingerprint(address replica) internal view returns (bytes32 digest) {
        digest = keccak256(abi.encode(hub.record(replica), hubWords(replica), replica.code));
        for (uint256 i = 0; i < 4; ++i) {
            digest = keccak256(abi.encode(digest, vm.load(replica, bytes32(i))));
        }
    }

    /// @notice All that the hub has stored about a replica, word by word.
    function hubWords(address replica) internal view returns (bytes32[6] memory words) {
        bytes32[6] memory slots = hubSlots(replica);
        for (uint256 i = 0; i < 6; ++i) {
            words[i] = vm.load(address(hub), slots[i]);
        }
    }

    /// @notice Where that is: two words of where the replica stands, its first block, three words of its end.
    function hubSlots(address replica) internal pure returns (bytes32[6] memory) {
        uint256 standing = uint256(keccak256(abi.encode(replica, 0)));
        uint256 halt = uint256(keccak256(abi.encode(replica, 2)));
        bytes32 first = keccak256(abi.encode(replica, 1));
        return [bytes32(standing), bytes32(standing + 1), first, bytes32(halt), bytes32(halt + 1), bytes32(halt + 2)];
    }
}
