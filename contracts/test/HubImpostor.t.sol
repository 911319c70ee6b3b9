// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub, ReplicaKey, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "./reference/HubTest.sol";

/// @notice A source whose functions have the names that a replica's hub and engine use, and answer otherwise. It has the
/// engine do what it can as well: its code runs as the replica, and the engine obeys whoever delegatecalls it.
contract ImpostorSource {
    uint256 private _stored;

    function stored() external view returns (uint256) {
        return _stored;
    }

    function key() external view returns (ReplicaKey memory) {
        return ReplicaKey(1, msg.sender, msg.sender, msg.sender, 0, 0);
    }

    function transition(bytes calldata) external returns (bytes32, bytes32) {
        _stored = 77;
        return ("old", "new");
    }

    function prove(bytes calldata, bytes32, bytes calldata) external returns (bytes memory, bytes32) {
        _stored = 78;
        return ("pending", "hash");
    }

    function conclude(bytes calldata, bytes calldata) external returns (bytes32, bytes32, bytes32) {
        _stored = 79;
        return ("old", "new", "hash");
    }

    function obey(address to, bytes calldata data) external returns (bool success, bytes memory result, uint256 value) {
        (success, result) = to.delegatecall(data);
        value = _stored;
    }
}

/// @notice A source of which each function has the name of something that the hub asks a replica for.
contract HubImpostorTest is HubTest {
    uint256[4] private first = [uint256(7), 0, 5, 0];
    uint256[4] private second = [uint256(8), 9, 0, 0];

    address private replica;
    ImpostorSource private sample; // the replica, as its readers see it

    function setUp() public {
        code = type(ImpostorSource).runtimeCode;
        replica = activeAt(10, first);
        sample = ImpostorSource(replica);
    }

    function test_hub_sourceAnswersInItsPlace_asksTheReplica() public {
        ReplicaKey memory key = keyOfReplica();
        assertEq(abi.encode(hub.record(replica).key), abi.encode(key));
        Block memory to = acceptedBlock(11, second);
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);

        bytes memory witness = witnessOf(second, first);
        Block memory back = acceptedBlock(12, first);
        commit(replica, back, prepareAll(replica, back.hash, witness, 1), witness);
        assertMirrors(replica, back, first);
        Block memory gone = absentBlock(13);
        hub.halt(replica, gone.hash, gone.nodes);
        assertEq(uint256(hub.record(replica).status), uint256(ReplicaStatus.SOURCE_DESTROYED));
    }

    function testFuzz_stranger_callsTheEnginesFunctions_runsTheSourcesCode(address stranger) public {
        vm.assume(stranger != address(hub));
        bytes32 before = fingerprint(replica);
        bytes memory witness = witnessOf(first, second);
        vm.startPrank(stranger);
        assertEq(sample.key().creator, stranger);
        (bytes32 oldRoot, bytes32 newRoot) = sample.transition(witness);
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(abi.encode(oldRoot, newRoot), abi.encode(bytes32("old"), bytes32("new")));
        (bytes memory pending, bytes32 writesHash) = sample.prove("", 0, witness);
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(abi.encode(pending, writesHash), abi.encode(bytes("pending"), bytes32("hash")));
        (oldRoot, newRoot, writesHash) = sample.conclude("", witness);
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(abi.encode(oldRoot, newRoot, writesHash), abi.encode(bytes32("old"), bytes32("new"), bytes32("hash")));
        vm.stopPrank();
        assertEq(fingerprint(replica), before);
        assertEq(sample.stored(), 7);
    }

    /// @dev The engine obeys the source's code, which runs as the replica; and is undone with it.
    function test_read_codeDelegatecallsTheEngine_changesNothing() public {
        bytes32 before = fingerprint(replica);
        bytes memory call = abi.encodeCall(ITransitionEngine.transition, (witnessOf(first, second)));
        (bool success, bytes memory result, uint256 value) = sample.obey(address(hub), call);
        assertTrue(success, "it did write");
        assertEq(value, 8, "it did write");
        assertEq(result, abi.encode(rootOf(first), rootOf(second)));
        assertEq(fingerprint(replica), before);
        assertEq(sample.stored(), 7);
    }

    /// @dev So do the hub's own entries: in the replica's storage they find no replica.
    function test_read_codeDelegatecallsTheHub_changesNothing() public {
        bytes32 before = fingerprint(replica);
        Block memory to = acceptedBlock(11, second);
        bytes memory call = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second)));
        (bool success, bytes memory result,) = sample.obey(address(hub), call);
        assertFalse(success);
        assertEq(result, abi.encodeWithSelector(IHub.UnknownReplica.selector, replica));
        call = abi.encodeCall(IHub.create, (CHAIN, SOURCE, address(anchor), 0, 0, 0));
        (success,,) = sample.obey(address(hub), call);
        assertTrue(success, "a hub's work in the replica's storage");
        assertEq(fingerprint(replica), before);
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);
    }

    /// @dev A contract that delegatecalls the hub is a hub of its own, with nothing in it.
    function test_stranger_delegatecallsTheHub_isAnotherHub() public {
        ImpostorSource puppet = new ImpostorSource();
        bytes32 before = fingerprint(replica);
        Block memory to = acceptedBlock(11, second);
        bytes memory witness = witnessOf(first, second);
        (bool success,,) = puppet.obey(address(hub), abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witness)));
        assertFalse(success);
        (success,,) = puppet.obey(address(hub), abi.encodeCall(ITransitionEngine.transition, (hex"c10101")));
        assertTrue(success, "in its own storage");
        assertEq(puppet.stored(), 1);
        assertEq(fingerprint(replica), before);
        (, bytes memory data,) =
            puppet.obey(address(hub), abi.encodeCall(IHub.create, (CHAIN, SOURCE, address(anchor), 0, 0, 0)));
        assertTrue(abi.decode(data, (address)) != replica);
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, abi.decode(data, (address))));
        hub.record(abi.decode(data, (address)));
    }
}
