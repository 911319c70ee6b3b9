// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Vm, VmSafe} from "forge-std/Vm.sol";
import {Replica} from "../src/Replica.sol";
import {TransitionEngine} from "../src/TransitionEngine.sol";
import {ReplicaKey} from "../src/interfaces/IHub.sol";
import {IHubsReplica, IReplica} from "../src/interfaces/IReplica.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {Bystander, SampleSource} from "./reference/SampleSource.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";

/// @notice What a replica takes its deployer for. Anybody may have it call a replica.
contract DeployingHub is TransitionEngine {
    function deploy(ReplicaKey calldata key, address logic) external returns (Replica) {
        return new Replica(key, logic);
    }

    function advance(address replica, bytes calldata witness) external returns (bytes32, bytes32) {
        return ITransitionEngine(replica).transition(witness);
    }

    function tell(address replica, bytes calldata data) external returns (bool success, bytes memory result) {
        (success, result) = replica.call(data);
    }
}

contract ReplicaTest is Test {
    bytes32 private constant INNER = keccak256("smartsync.replica.inner");

    /// @dev CALLER SELFDESTRUCT.
    bytes private constant DESTROY = hex"33ff";

    DeployingHub private hub = new DeployingHub();
    ReplicaKey private key = ReplicaKey(5, address(6), address(7), address(8), keccak256("code"), keccak256("logic"));
    SampleSource private logic = new SampleSource(999); // its own storage is of no matter
    Bystander private bystander = new Bystander();
    Replica private replica;
    SampleSource private sample; // the replica, as its readers see it
    address private destroying; // a replica that was told to destroy itself in the transaction that created it

    function setUp() public {
        replica = hub.deploy(key, address(logic));
        sample = SampleSource(payable(address(replica)));
        hub.advance(address(replica), WitnessBuilder.write(0, 7));

        address destroyer = makeAddr("destroyer");
        vm.etch(destroyer, DESTROY);
        destroying = address(hub.deploy(key, destroyer));
        hub.advance(destroying, WitnessBuilder.write(0, 7));
        vm.deal(destroying, 1 ether);
        (bool success,) = destroying.call("");
        assertTrue(success, "SELFDESTRUCT is a return");
    }

    // --- reads ---

    function test_read_byCall_returnsAnswer() public {
        (bool success, bytes memory data) = address(replica).call(abi.encodeCall(SampleSource.stored, ()));
        assertTrue(success);
        assertEq(data, abi.encode(7));
    }

    function test_read_byStaticcall_returnsAnswer() public view {
        (bool success, bytes memory data) = address(replica).staticcall(abi.encodeCall(SampleSource.stored, ()));
        assertTrue(success);
        assertEq(data, abi.encode(7));
    }

    function test_read_bySender_seesSender() public {
        address reader = makeAddr("reader");
        bytes32 slot = keccak256(abi.encode(reader, 1));
        vm.store(address(replica), slot, bytes32(uint256(55)));
        vm.prank(reader);
        (address seen, uint256 balance) = sample.myBalance();
        assertEq(seen, reader);
        assertEq(balance, 55);
        (seen, balance) = sample.myBalance();
        assertEq(seen, address(this));
        assertEq(balance, 0);
    }

    function test_read_text_revertsWithIt() public {
        vm.expectRevert("a text");
        sample.failText();
    }

    function test_read_customError_revertsWithIt() public {
        vm.expectRevert(abi.encodeWithSelector(SampleSource.Refused.selector, 3, address(this)));
        sample.failCustom(3);
    }

    function test_read_panic_revertsWithIt() public {
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x12));
        sample.failPanic(0);
    }

    function test_read_bareRevert_revertsWithNothing() public {
        assertAnswer(abi.encodeCall(SampleSource.answer, ("", false)), false, "");
    }

    function test_read_unknownFunction_revertsWithNothing() public {
        assertAnswer(hex"deadbeef", false, "");
    }

    function test_read_noBytes_returnsNone() public {
        assertAnswer(abi.encodeCall(SampleSource.nothing, ()), true, "");
    }

    function test_read_emptyCalldata_reachesReceive() public {
        assertAnswer("", true, "");
    }

    function test_read_anySize_returnsAllBytes() public {
        uint256[7] memory sizes = [uint256(1), 31, 32, 33, 64, 10_000, 24_577];
        for (uint256 i = 0; i < sizes.length; ++i) {
            bytes memory data = abi.encodeCall(SampleSource.raw, (sizes[i]));
            (bool direct, bytes memory expected) = address(logic).call(data);
            assertTrue(direct);
            assertEq(expected.length, sizes[i]);
            assertAnswer(data, true, expected);
        }
    }

    /// @dev A source's code that ends its answer as the inner frame would end it.
    function testFuzz_read_answerThatLooksLikeAFlag_isLeftAlone(bytes memory data, uint8 flag, bool success) public {
        data = bytes.concat(data, abi.encodePacked(flag % 2));
        assertAnswer(abi.encodeCall(SampleSource.answer, (data, success)), success, data);
    }

    function test_read_errorsOfTheReplica_passThrough() public {
        bytes memory forged = abi.encodePacked(IReplica.NotActive.selector, uint8(1));
        assertAnswer(abi.encodeCall(SampleSource.answer, (forged, false)), false, forged);
        forged = abi.encodePacked(IReplica.NotActive.selector);
        assertAnswer(abi.encodeCall(SampleSource.answer, (forged, true)), true, forged);
    }

    function test_read_throughItself_readsTheReplica() public view {
        (uint256 value, address seen) = sample.throughItself();
        assertEq(value, 8);
        assertEq(seen, address(replica));
        assertEq(sample.recurse(10), 17);
    }

    function test_read_throughAnother_readsTheReplica() public view {
        assertEq(sample.throughAnother(bystander), 7);
    }

    function test_read_ownFunctionOfTheEnginesName_isTheSources() public {
        bytes memory witness = WitnessBuilder.write(0, 8);
        (bytes32 first, bytes32 second) = sample.transition(witness);
        assertEq(first, keccak256(witness));
        assertEq(second, bytes32(uint256(7)));
        assertUntouched();
    }

    // --- before activation ---

    function test_read_beforeActivation_revertsNotActive() public {
        address inactive = address(hub.deploy(key, makeAddr("no code yet")));
        bytes[3] memory calls = [bytes(""), hex"deadbeef", abi.encodeCall(SampleSource.stored, ())];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory reason) = inactive.call(calls[i]);
            assertFalse(success);
            assertEq(reason, abi.encodeWithSelector(IReplica.NotActive.selector));
            (success, reason) = inactive.staticcall(calls[i]);
            assertFalse(success);
            assertEq(reason, abi.encodeWithSelector(IReplica.NotActive.selector));
        }
    }

    // --- value ---

    function test_read_withValue_revertsByName() public {
        bytes[3] memory calls =
            [bytes(""), abi.encodeCall(SampleSource.stored, ()), abi.encodeCall(SampleSource.write, (1))];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReplica.ValueRefused.selector, 3));
            (bool success,) = address(replica).call{value: 3}(calls[i]);
            success;
        }
        assertEq(address(replica).balance, 0);
    }

    // --- attempts to write: a CALL answers as if it had happened, and nothing has ---

    function test_read_thatWrites_answersAndLeavesNoTrace() public {
        (uint256 before, uint256 afterwards) = sample.write(8);
        assertEq(before, 7);
        assertEq(afterwards, 8);
        assertUntouched();
    }

    function testFuzz_read_thatWritesAnySlot_leavesNoTrace(uint256 slot, uint256 value) public {
        bytes32 before = vm.load(address(replica), bytes32(slot));
        sample.writeSlot(slot, value);
        assertEq(vm.load(address(replica), bytes32(slot)), before);
        assertEq(sample.transientSlot(slot), 0, "transient storage");
    }

    function test_read_thatWritesInStaticcall_reverts() public view {
        (bool success, bytes memory data) = address(replica).staticcall(abi.encodeCall(SampleSource.write, (8)));
        assertFalse(success);
        assertEq(data.length, 0);
    }

    function test_read_thatLogs_leavesNoLog() public {
        vm.startStateDiffRecording();
        sample.log();
        Vm.AccountAccess[] memory frames = vm.stopAndReturnStateDiff();
        // The outer frame stands; all below it, in which the log was written, has been reverted.
        uint256 below = 0;
        for (uint256 i = 0; i < frames.length; ++i) {
            bool isFrame = frames[i].kind != VmSafe.AccountAccessKind.Extcodesize; // else a look at the logic copy's code
            if (frames[i].depth < 2 || !isFrame) continue;
            assertTrue(frames[i].reverted);
            ++below;
        }
        assertGe(below, 2, "the inner frame and the logic's");
    }

    function test_read_thatCreates_leavesNoContract() public {
        uint64 nonce = vm.getNonce(address(replica));
        address created = address(sample.create());
        assertEq(created, vm.computeCreateAddress(address(replica), nonce));
        assertEq(created.code.length, 0);
        assertEq(vm.getNonce(address(replica)), nonce);
    }

    function test_read_thatCallsAnother_leavesItAlone() public {
        assertEq(sample.touch(bystander), 1, "it did call");
        assertEq(bystander.count(), 0);
    }

    function test_read_thatPays_keepsTheMoney() public {
        vm.deal(address(replica), 1 ether); // forced upon it
        address payable thief = payable(makeAddr("thief"));
        assertTrue(sample.pay(thief, 1 ether), "it did pay");
        assertEq(thief.balance, 0);
        assertEq(address(replica).balance, 1 ether);
    }

    function test_read_thatDestroys_keepsCodeStorageAndMoney() public view {
        assertGt(destroying.code.length, 0, "code");
        assertEq(vm.load(destroying, 0), bytes32(uint256(7)), "storage");
        assertEq(destroying.balance, 1 ether, "money");
    }

    function test_read_thatCallsItsHub_leavesItAlone() public {
        bytes memory data = abi.encodeCall(DeployingHub.advance, (address(replica), WitnessBuilder.write(0, 8)));
        (bool success,) = sample.forward(address(hub), data);
        assertTrue(success, "this hub serves anybody");
        assertUntouched();
    }

    // --- the inner frame's marker, sent from outside ---

    function test_read_markerFromOutside_revertsWithOutcomeAndFlag() public {
        bytes memory stored = abi.encodeCall(SampleSource.stored, ());
        assertAnswer(abi.encodePacked(INNER, stored), false, abi.encodePacked(uint256(7), uint8(1)));
        bytes memory fails = abi.encodeCall(SampleSource.answer, (hex"abcd", false));
        assertAnswer(abi.encodePacked(INNER, fails), false, hex"abcd00");
    }

    function test_read_markerFromOutsideAndWrite_leavesNoTrace() public {
        (bool success,) =
            address(replica).call{value: 1}(abi.encodePacked(INNER, abi.encodeCall(SampleSource.write, (8))));
        assertFalse(success);
        assertUntouched();
        assertEq(address(replica).balance, 0);
    }

    function test_read_markerTwice_leavesNoTrace() public {
        (bool success,) = address(replica).call(abi.encodePacked(INNER, INNER, abi.encodeCall(SampleSource.write, (8))));
        assertFalse(success);
        assertUntouched();
    }

    function test_read_markerFromTheSourcesCode_leavesNoTrace() public {
        bytes memory inner = abi.encodePacked(INNER, abi.encodeCall(SampleSource.write, (8)));
        (bool success, bytes memory result) = sample.forward(address(replica), inner);
        assertFalse(success);
        assertEq(result, abi.encodePacked(uint256(7), uint256(8), uint8(1)));
        assertUntouched();
    }

    function test_read_partOfMarker_isOrdinaryCalldata() public {
        assertAnswer(abi.encodePacked(uint248(uint256(INNER) >> 8)), false, ""); // all but its last byte
    }

    // --- little gas: the right answer or a revert, never another answer ---

    function test_read_anyGas_rightAnswerOrRevert() public {
        bytes memory expected = abi.encode(logic.work(20));
        assertGasRobust(abi.encodeCall(SampleSource.work, (20)), true, expected, 60_000);
    }

    function test_read_anyGasNoBytes_rightAnswerOrRevert() public {
        assertGasRobust(abi.encodeCall(SampleSource.nothing, ()), true, "", 12_000);
    }

    function test_read_anyGasManyBytes_rightAnswerOrRevert() public {
        bytes memory data = abi.encodeCall(SampleSource.raw, (10_000));
        (bool direct, bytes memory expected) = address(logic).call(data);
        assertTrue(direct);
        assertGasRobust(data, true, expected, 120_000);
    }

    function test_read_anyGasRevert_rightReasonOrNone() public {
        bytes memory reason = abi.encodeWithSelector(SampleSource.Refused.selector, 3, address(this));
        assertGasRobust(abi.encodeCall(SampleSource.failCustom, (3)), false, reason, 12_000);
    }

    function test_read_anyGasNotActive_neverAnAnswer() public {
        replica = hub.deploy(key, makeAddr("no code yet"));
        bytes memory reason = abi.encodeWithSelector(IReplica.NotActive.selector);
        assertGasRobust(abi.encodeCall(SampleSource.nothing, ()), false, reason, 12_000);
    }

    function test_read_innerFrameRunsDry_revertsOutOfGas() public {
        bytes memory data = abi.encodeCall(SampleSource.raw, (100_000));
        bool seen = false;
        for (uint256 gas_ = 100_000; gas_ < 1_000_000 && !seen; gas_ += 2_000) {
            (bool success, bytes memory reason) = address(replica).call{gas: gas_}(data);
            seen = !success && keccak256(reason) == keccak256(abi.encodeWithSelector(IReplica.OutOfGas.selector));
        }
        assertTrue(seen);
    }

    // --- transition ---

    function test_transition_byHub_writesAndReturnsRoots() public {
        (bytes32 oldRoot, bytes32 newRoot) = hub.advance(address(replica), WitnessBuilder.write(0, 8));
        uint256[] memory slots = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        values[0] = 7;
        assertEq(oldRoot, ReferenceTrie.storageRoot(slots, values));
        values[0] = 8;
        assertEq(newRoot, ReferenceTrie.storageRoot(slots, values));
        assertEq(sample.stored(), 8);
    }

    function test_transition_byHubEngineRunsDry_revertsOutOfGas() public {
        bytes memory data = abi.encodeCall(DeployingHub.advance, (address(replica), WitnessBuilder.write(0, 8)));
        bool seen = false;
        for (uint256 gas_ = 10_000; gas_ < 30_000 && !seen; gas_ += 500) {
            (bool success, bytes memory reason) = address(hub).call{gas: gas_}(data);
            seen = !success && keccak256(reason) == keccak256(abi.encodeWithSelector(IReplica.OutOfGas.selector));
        }
        assertTrue(seen);
    }

    function test_transition_byHubMalformed_revertsWithEnginesError() public {
        vm.expectRevert(abi.encodeWithSelector(ITransitionEngine.NoOpWrite.selector, 0));
        hub.advance(address(replica), WitnessBuilder.write(0, 7));
    }

    function testFuzz_transition_byStranger_isOnlyARead(address stranger) public {
        vm.assume(stranger != address(hub));
        address plain = makeAddr("logic without such a function");
        vm.etch(plain, type(Bystander).runtimeCode);
        replica = hub.deploy(key, plain);
        hub.advance(address(replica), WitnessBuilder.write(0, 7));
        vm.prank(stranger);
        (bool success, bytes memory data) =
            address(replica).call(abi.encodeCall(ITransitionEngine.transition, (WitnessBuilder.write(0, 8))));
        assertFalse(success);
        assertEq(data.length, 0);
        assertUntouched();
    }

    function test_proveAndConclude_byHub_onlyTheLatterWrites() public {
        bytes memory witness = WitnessBuilder.write(0, 8);
        bytes memory call = abi.encodeCall(ITransitionEngine.prove, ("", 0, witness));
        vm.prank(address(hub));
        (bool success, bytes memory data) = address(replica).staticcall(call);
        assertTrue(success, "nothing is written, so a STATICCALL will do");
        (bytes memory pending, bytes32 writesHash) = abi.decode(data, (bytes, bytes32));
        assertUntouched();

        (success, data) = hub.tell(address(replica), abi.encodeCall(ITransitionEngine.conclude, (pending, witness)));
        assertTrue(success);
        (,, bytes32 computed) = abi.decode(data, (bytes32, bytes32, bytes32));
        assertEq(computed, writesHash);
        assertEq(sample.stored(), 8);
    }

    function test_transition_ofTheHubItself_reverts() public {
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        hub.transition(WitnessBuilder.write(0, 8));
    }

    // --- the key ---

    function test_key_byHub_returnsIt() public {
        (bool success, bytes memory data) = hub.tell(address(replica), abi.encodeCall(IHubsReplica.key, ()));
        assertTrue(success);
        assertEq(data, abi.encode(key));
        vm.prank(address(hub));
        (success, data) = address(replica).staticcall(abi.encodeCall(IHubsReplica.key, ()));
        assertTrue(success);
        assertEq(data, abi.encode(key));
    }

    function test_key_beforeActivation_returnsIt() public {
        address inactive = address(hub.deploy(key, makeAddr("no code yet")));
        (, bytes memory data) = hub.tell(inactive, abi.encodeCall(IHubsReplica.key, ()));
        assertEq(data, abi.encode(key));
    }

    function testFuzz_key_byStranger_isTheSources(address stranger) public {
        vm.assume(stranger != address(hub));
        vm.prank(stranger);
        (bool success, bytes memory data) = address(replica).call(abi.encodeCall(IHubsReplica.key, ()));
        assertFalse(success, "this source has no such function");
        assertEq(data, "");
    }

    // --- parts of tests ---

    function assertAnswer(bytes memory data, bool success, bytes memory expected) private {
        (bool actual, bytes memory answer) = address(replica).call(data);
        assertEq(actual, success, "success");
        assertEq(answer, expected, "answer");
        assertUntouched();
    }

    function assertUntouched() private view {
        assertEq(vm.load(address(replica), 0), bytes32(uint256(7)));
        assertEq(vm.load(address(replica), keccak256(abi.encode(address(this), 1))), 0);
    }

    /// @dev From far too little gas to enough: where the call has the expected outcome it is the whole of it, where it has
    /// another one it is a failure that says nothing or `OutOfGas`.
    function assertGasRobust(bytes memory data, bool success, bytes memory expected, uint256 enough) private {
        bool ended = false;
        for (uint256 gas_ = 100; gas_ <= enough; gas_ += 1 + gas_ / 128) {
            (bool actual, bytes memory answer) = address(replica).call{gas: gas_}(data);
            ended = actual == success && keccak256(answer) == keccak256(expected);
            if (ended) continue;
            assertFalse(actual, "another answer");
            if (answer.length != 0) assertEq(answer, abi.encodeWithSelector(IReplica.OutOfGas.selector));
        }
        assertTrue(ended, "never enough gas");
    }
}
