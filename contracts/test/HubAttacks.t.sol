// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hub} from "../src/Hub.sol";
import {Level, SrcBlock, Status} from "../src/interfaces/IAnchor.sol";
import {IHub, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {IReplica} from "../src/interfaces/IReplica.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "./reference/HubTest.sol";
import {SampleSource} from "./reference/SampleSource.sol";
import {TestAnchor} from "./reference/TestAnchor.sol";

/// @notice An anchor that answers honestly until it is told how to misbehave.
contract HostileAnchor {
    enum Mood {
        HONEST,
        REVERTS,
        OTHER_HASH,
        NO_LEVEL,
        TOO_SHORT,
        BURNS_GAS,
        REENTERS,
        WRITES
    }

    TestAnchor private immutable MODEL;
    Hub private immutable HUB;

    Mood private _mood;
    bytes private _reentry;

    constructor(TestAnchor model, Hub hub) {
        MODEL = model;
        HUB = hub;
    }

    function set(Mood mood, bytes calldata reentry) external {
        _mood = mood;
        _reentry = reentry;
    }

    function source() external view returns (uint256, bytes32) {
        return MODEL.source();
    }

    function status() external returns (Status, uint64) {
        if (_mood == Mood.REVERTS) revert("not today");
        if (_mood == Mood.WRITES) _mood = Mood.HONEST;
        if (_mood == Mood.REENTERS) {
            // The hub asks with STATICCALL: whatever this is, it must not succeed.
            (bool success,) = address(HUB).call(_reentry);
            if (success) revert("entered again");
        }
        while (_mood == Mood.BURNS_GAS) {}
        return MODEL.status();
    }

    function blockByHash(bytes32 blockHash) external view returns (SrcBlock memory found) {
        found = MODEL.blockByHash(blockHash);
        if (_mood == Mood.OTHER_HASH) found.blockHash = keccak256("other");
        bytes memory encoded = abi.encode(found);
        if (_mood == Mood.NO_LEVEL) encoded[encoded.length - 1] = 0x05;
        uint256 size = _mood == Mood.TOO_SHORT ? encoded.length - 32 : encoded.length;
        assembly ("memory-safe") {
            return(add(encoded, 32), size)
        }
    }
}

/// @notice What others try on the hub: anchors that lie, callers that disturb, sources that fight.
contract HubAttacksTest is HubTest {
    uint256[4] private first = [uint256(1), 0, 300, type(uint256).max];
    uint256[4] private second = [uint256(2), 5, 0, type(uint256).max];

    TestAnchor private model;
    HostileAnchor private hostile;
    address private replica;

    function setUp() public {
        model = anchor;
        hostile = new HostileAnchor(model, hub);
        anchor = TestAnchor(address(hostile));
        bytes32 logicHash = hub.logicHashOf(code);
        vm.prank(creator);
        replica = hub.create(CHAIN, SOURCE, address(hostile), logicHash, 0);
        fill(replica, nothing(), first);
        anchor = model;
        Block memory proven = acceptedBlock(10, first);
        hub.activate(replica, proven.hash, proven.proof, code);
    }

    // --- anchors that lie ---

    function test_sync_anchorReverts_revertsWithItsReason() public {
        _refusedIn(HostileAnchor.Mood.REVERTS, "", abi.encodeWithSignature("Error(string)", "not today"));
    }

    function test_sync_anchorSpeaksOfAnotherBlock_reverts() public {
        Block memory to = acceptedBlock(11, second);
        _refusedIn(
            HostileAnchor.Mood.OTHER_HASH,
            "",
            abi.encodeWithSelector(IHub.BlockNotAccepted.selector, to.hash, Level.UNKNOWN)
        );
    }

    function test_sync_anchorAnswersNoLevel_reverts() public {
        _refusedIn(HostileAnchor.Mood.NO_LEVEL, "", "");
    }

    function test_sync_anchorAnswersTooLittle_reverts() public {
        _refusedIn(HostileAnchor.Mood.TOO_SHORT, "", "");
    }

    function test_sync_anchorBurnsAllGas_reverts() public {
        _refusedIn(HostileAnchor.Mood.BURNS_GAS, "", "");
    }

    function test_sync_anchorWrites_reverts() public {
        _refusedIn(HostileAnchor.Mood.WRITES, "", "");
    }

    function test_sync_anchorReenters_eachEntryFails() public {
        Block memory to = acceptedBlock(11, second);
        Block memory gone = absentBlock(12);
        bytes memory whole = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second)));
        bytes[4] memory entries = [
            whole,
            abi.encodeCall(IHub.halt, (replica, gone.hash, gone.proof)),
            abi.encodeCall(IHub.create, (CHAIN, address(0x51), address(hostile), 0, 0)),
            abi.encodeCall(IHub.restoreLogic, (replica, code))
        ];
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            hostile.set(HostileAnchor.Mood.REENTERS, entries[i]);
            (bool success, bytes memory reason) = address(hub).call{gas: 20_000_000}(whole);
            assertTrue(keccak256(reason) != keccak256(abi.encodeWithSignature("Error(string)", "entered again")));
            // Where the entry burns its share of the gas the call runs dry, which is as good.
            hostile.set(HostileAnchor.Mood.HONEST, "");
            if (success) assertMirrors(replica, to, second);
            else assertStorage(replica, first);
            vm.revertToState(snapshot);
        }
    }

    /// @dev An anchor is the affair of those who chose it.
    function test_sync_anotherAnchorOfTheSameSource_undisturbed() public {
        address honest = activeAt(10, first);
        assertTrue(honest != replica);
        hostile.set(HostileAnchor.Mood.REVERTS, "");
        Block memory to = acceptedBlock(11, second);
        sync(honest, to, first, second);
        assertMirrors(honest, to, second);
        assertStorage(replica, first);
        assertEq(hub.record(replica).number, 10);
    }

    function test_sync_blockOnlyAnotherAnchorAccepts_reverts() public {
        anchor = new TestAnchor(CHAIN);
        address other = activeAt(10, first);
        Block memory lie = acceptedBlock(11, second); // this anchor accepts it, the replica's does not
        sync(other, lie, first, second);
        assertRefused(
            replica,
            abi.encodeCall(IHub.sync, (replica, lie.hash, lie.proof, witnessOf(first, second))),
            abi.encodeWithSelector(IHub.BlockNotAccepted.selector, lie.hash, Level.UNKNOWN)
        );
    }

    // --- callers that disturb ---

    /// @dev Of the engine's functions the replica has none for anybody but the hub.
    function testFuzz_transition_byStranger_changesNothing(address stranger) public {
        vm.assume(stranger != address(hub));
        bytes32 before = fingerprint(replica);
        vm.prank(stranger);
        SampleSource(payable(replica)).transition(witnessOf(first, second));
        assertEq(fingerprint(replica), before);
    }

    function testFuzz_hub_anyCalldata_changesNothing(bytes memory data, uint8 which) public {
        bytes4[7] memory selectors = [
            IHub.create.selector,
            IHub.fill.selector,
            IHub.activate.selector,
            IHub.sync.selector,
            IHub.halt.selector,
            IHub.restoreLogic.selector,
            bytes4(keccak256(data))
        ];
        bytes32 before = fingerprint(replica);
        (bool success,) =
            address(hub).call(abi.encodePacked(selectors[which % 7], bytes32(uint256(uint160(replica))), data));
        success;
        assertEq(fingerprint(replica), before);
    }

    /// @dev Anybody may activate, so a stranger could do it with a block at which the source was still empty, before the
    /// first chunk; and the storage of a large source does not fit one `sync`. No block before the creator's first one counts.
    function test_activate_byStrangerAtABlockBeforeTheFirst_reverts() public {
        creator = makeAddr("a creator with a first block");
        firstBlock = 10;
        address young = created();
        Block memory early = acceptedBlock(9, nothing());
        vm.prank(makeAddr("mallory"));
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockTooOld.selector, 10, 9));
        hub.activate(young, early.hash, early.proof, code);
    }

    /// @dev After a revocation any accepted block is the way back, but none from before the first: an attacker could throw
    /// the replica back to an empty storage from which the way forward is too long for one `sync`, or record as its end
    /// that the source was not there before its birth.
    function test_syncAndHalt_belowTheFirstBlock_revert() public {
        creator = makeAddr("a creator with a first block");
        firstBlock = 10;
        address young = activeAt(10, first);
        anchor.setLevel(hub.record(young).blockHash, Level.REVOKED);
        Block memory early = acceptedBlock(9, nothing());
        vm.startPrank(makeAddr("mallory"));
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockTooOld.selector, 10, 9));
        hub.sync(young, early.hash, early.proof, "");
        Block memory unborn = absentBlock(8);
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockTooOld.selector, 10, 8));
        hub.halt(young, unborn.hash, unborn.proof);
    }

    /// @dev Anybody may activate, so a stranger can do it as soon as the storage is that of any accepted block, also while
    /// the creator means to fill on. It is a true mirror of that block all the same, and goes on from there by `sync`.
    function test_activate_byStrangerBeforeTheCreatorIsDone_isAMirror() public {
        creator = makeAddr("another creator");
        address another = created();
        Block memory empty = acceptedBlock(5, nothing());
        hub.activate(another, empty.hash, empty.proof, code);
        assertMirrors(another, empty, nothing());

        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.ACTIVE));
        hub.fill(another, rootOf(nothing()), "");
        Block memory to = acceptedBlock(11, second);
        sync(another, to, nothing(), second);
        assertMirrors(another, to, second);
    }

    /// @dev The source's code runs as the replica. What it does to the hub then is undone with the rest.
    function test_read_codeThatSyncsItself_changesNothing() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory whole = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second)));
        bytes32 before = fingerprint(replica);
        (bool success,) = SampleSource(payable(replica)).forward(address(hub), whole);
        assertTrue(success, "it did sync");
        assertEq(fingerprint(replica), before);
    }

    function test_read_codeThatForgesAnEvent_changesNothing() public {
        bytes32 before = fingerprint(replica);
        bytes memory data = abi.encodeCall(ITransitionEngine.transition, (witnessOf(first, second)));
        (bool success,) = SampleSource(payable(replica)).forward(replica, data);
        assertTrue(success, "a read of the source's own function");
        assertEq(fingerprint(replica), before);
    }

    /// @dev The logic copy is an ordinary contract with a storage of its own.
    function test_logic_calledDirectly_isNotTheReplica() public {
        anchor = TestAnchor(address(hostile));
        SampleSource logic = SampleSource(payable(hub.logicOf(keyOfReplica())));
        logic.write(77);
        assertEq(logic.stored(), 77);
        assertEq(SampleSource(payable(replica)).stored(), 1);
        assertStorage(replica, first);
    }

    function _refusedIn(HostileAnchor.Mood mood, bytes memory reentry, bytes memory reason) private {
        Block memory to = acceptedBlock(11, second);
        bytes memory call = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second)));
        hostile.set(mood, reentry);
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory actual) = address(hub).call{gas: 10_000_000}(call);
        assertFalse(success);
        assertEq(actual, reason);
        assertEq(fingerprint(replica), before);
        hostile.set(HostileAnchor.Mood.HONEST, "");
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);
    }
}

/// @notice A source whose code destroys itself at every call with data, and the logic copy that was destroyed so in the very
/// transaction of its deployment (EIP-6780), which here is `setUp`.
contract HubSelfdestructTest is HubTest {
    uint256[4] private values = [uint256(7), 0, 0, 0];
    address private replica;
    address private logic;

    function setUp() public {
        // CALLDATASIZE PUSH1 0b JUMPI | PUSH0 SLOAD PUSH0 MSTORE MSIZE PUSH0 RETURN | JUMPDEST CALLER SELFDESTRUCT
        code = hex"36600b575f545f52595ff35b33ff";
        replica = activeAt(10, values);
        logic = hub.logicOf(keyOfReplica());
        (bool success,) = logic.call(hex"01");
        assertTrue(success);
        (success,) = replica.call(hex"01"); // this one undoes it
        assertTrue(success);
    }

    function test_read_logicDestroyed_revertsNotActive() public {
        assertEq(logic.code.length, 0, "the attack has worked");
        vm.expectRevert(IReplica.NotActive.selector);
        (bool success,) = replica.call("");
        success;
        assertGt(replica.code.length, 0, "the replica itself stands");
        assertStorage(replica, values);
    }

    function test_sync_logicDestroyed_goesOn() public {
        uint256[4] memory next = [uint256(8), 9, 0, 0];
        Block memory to = acceptedBlock(11, next);
        sync(replica, to, values, next);
        assertMirrors(replica, to, next);
    }

    function test_restoreLogic_logicDestroyed_readersAreBack() public {
        vm.expectEmit(address(hub));
        emit IHub.LogicRestored(replica, logic);
        vm.prank(makeAddr("anybody"));
        hub.restoreLogic(replica, code);
        assertEq(logic.code, code);
        (bool success, bytes memory answer) = replica.call("");
        assertTrue(success);
        assertEq(answer, abi.encode(7));
    }

    function test_restoreLogic_otherCode_reverts() public {
        bytes memory other = hex"00";
        assertRefused(
            replica,
            abi.encodeCall(IHub.restoreLogic, (replica, other)),
            abi.encodeWithSelector(IHub.LogicHashMismatch.selector, hub.logicHashOf(code), hub.logicHashOf(other))
        );
        assertRefused(
            replica,
            abi.encodeCall(IHub.restoreLogic, (replica, bytes(""))),
            abi.encodeWithSelector(IHub.CodeNotDeployable.selector, 0)
        );
    }
}
