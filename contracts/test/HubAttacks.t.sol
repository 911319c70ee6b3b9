// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hub} from "../src/Hub.sol";
import {IAnchor, Level, SrcBlock, Status} from "../src/interfaces/IAnchor.sol";
import {IHub, ReplicaRecord, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {IHubsReplica, IReplica} from "../src/interfaces/IReplica.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "./reference/HubTest.sol";
import {SampleSource} from "./reference/SampleSource.sol";
import {TestAnchor} from "./reference/TestAnchor.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice An anchor that answers honestly until it is told how to misbehave when the hub asks it where to go.
contract HostileAnchor {
    enum Mood {
        HONEST,
        LIES,
        REVERTS,
        ANSWERS_NOTHING,
        TOO_SHORT,
        BURNS_GAS,
        FLOODS,
        REENTERS,
        WRITES
    }

    TestAnchor private immutable MODEL;
    Hub private immutable HUB;

    Mood private _mood;
    bytes private _reentry;
    uint256 private _lieAt; // of the answer's nine words: status, from's number and level, the block's six
    bytes32 private _lie;

    constructor(TestAnchor model, Hub hub) {
        MODEL = model;
        HUB = hub;
    }

    function set(Mood mood) external {
        _mood = mood;
    }

    function reenter(bytes calldata reentry) external {
        (_mood, _reentry) = (Mood.REENTERS, reentry);
    }

    function lie(uint256 word, bytes32 value) external {
        (_mood, _lieAt, _lie) = (Mood.LIES, word, value);
    }

    function source() external view returns (uint256, bytes32) {
        return MODEL.source();
    }

    function status() external view returns (Status, uint64, uint64) {
        return MODEL.status();
    }

    function blockByHash(bytes32 blockHash) external view returns (SrcBlock memory found) {
        return MODEL.blockByHash(blockHash);
    }

    function step(bytes32 from, bytes32 to) external {
        if (_mood == Mood.REVERTS) revert("not today");
        if (_mood == Mood.WRITES) _mood = Mood.HONEST;
        if (_mood == Mood.REENTERS) {
            // The hub asks with STATICCALL: whatever this is, it must not succeed.
            (bool success,) = address(HUB).call(_reentry);
            if (success) revert("entered again");
        }
        while (_mood == Mood.BURNS_GAS) {}
        // forge-lint: disable-next-line(unchecked-call)
        (, bytes memory answer) = address(MODEL).staticcall(abi.encodeCall(IAnchor.step, (from, to))); // the model never reverts
        uint256 size = answer.length;
        if (_mood == Mood.ANSWERS_NOTHING) size = 0;
        if (_mood == Mood.TOO_SHORT) --size;
        if (_mood == Mood.FLOODS) size = 100_000;
        (uint256 at_, bytes32 word) = (_lieAt, _lie);
        bool lies = _mood == Mood.LIES;
        assembly ("memory-safe") {
            if lies { mstore(add(answer, mul(32, add(at_, 1))), word) }
            return(add(answer, 32), size)
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
    address private honest; // of the same source and creator, at another anchor

    function setUp() public {
        model = anchor;
        honest = activeAt(10, first);
        hostile = new HostileAnchor(model, hub);
        anchor = TestAnchor(address(hostile));
        replica = created();
        fill(replica, nothing(), first);
        anchor = model;
        Block memory proven = acceptedBlock(10, first);
        hub.activate(replica, proven.hash, proven.proof, code);
    }

    // --- anchors that lie ---

    function test_anyMove_anchorReverts_revertsWithItsReason() public {
        hostile.set(HostileAnchor.Mood.REVERTS);
        _assertRefusedInThisMood(abi.encodeWithSignature("Error(string)", "not today"));
    }

    /// @dev Solidity's decoder says no more than that it cannot read this.
    function test_anyMove_anchorAnswersNoAnswer_reverts() public {
        HostileAnchor.Mood[4] memory moods = [
            HostileAnchor.Mood.ANSWERS_NOTHING,
            HostileAnchor.Mood.TOO_SHORT,
            HostileAnchor.Mood.BURNS_GAS,
            HostileAnchor.Mood.WRITES
        ];
        for (uint256 i = 0; i < moods.length; ++i) {
            hostile.set(moods[i]);
            _assertRefusedInThisMood("");
        }
    }

    function test_anyMove_anchorAnswersValuesOfNoType_reverts() public {
        hostile.lie(0, bytes32(uint256(4))); // no status
        _assertRefusedInThisMood("");
        hostile.lie(1, bytes32(uint256(1) << 64)); // no block number
        _assertRefusedInThisMood("");
        hostile.lie(2, bytes32(uint256(5))); // no level
        _assertRefusedInThisMood("");
        hostile.lie(5, bytes32(type(uint256).max)); // no block number
        _assertRefusedInThisMood("");
        hostile.lie(8, bytes32(uint256(5))); // no level
        _assertRefusedInThisMood("");
    }

    function test_anyMove_anchorSpeaksOfAnotherBlock_reverts() public {
        bytes32[3] memory hashes = [keccak256("other"), bytes32(0), hub.record(replica).blockHash];
        for (uint256 i = 0; i < 3; ++i) {
            hostile.lie(3, hashes[i]);
            _assertRefusedInThisMood("", IHub.BlockNotAccepted.selector);
        }
    }

    function test_anyMove_anchorHasForgottenTheRecordedBlock_reverts() public {
        hostile.lie(2, bytes32(uint256(Level.UNKNOWN)));
        _assertRefusedInThisMood(
            abi.encodeWithSelector(
                IHub.BlockNotAccepted.selector, hub.record(replica).blockHash, uint256(Level.UNKNOWN)
            )
        );
    }

    function test_anyMove_anchorSaysTheRecordedOneIsNewer_reverts() public {
        hostile.lie(1, bytes32(uint256(type(uint64).max)));
        _assertRefusedInThisMood("", IHub.BlockNotNewer.selector);
    }

    /// @dev An answer that goes on where it should end is one: nothing but its price is read of the rest.
    function test_sync_anchorFloods_isReadAsItIs() public {
        hostile.set(HostileAnchor.Mood.FLOODS);
        Block memory to = acceptedBlock(11, second);
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);
    }

    /// @dev Whatever it says of where a replica stands, the storage stays that of a root that the anchor answers for.
    function testFuzz_sync_anchorLies_onlyItsOwnReplicaMoves(uint256 word, bytes32 value, bool isSmall) public {
        bytes32 untouched = fingerprint(honest);
        hostile.lie(word % 9, isSmall ? bytes32(uint256(value) % 12) : value);
        Block memory to = acceptedBlock(11, second);
        bytes32 before = fingerprint(replica);
        (bool success,) =
            address(hub).call(abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second))));
        if (success) {
            assertMirrors(replica, to, second);
        } else {
            assertEq(fingerprint(replica), before);
        }
        assertEq(fingerprint(honest), untouched);
    }

    function test_activate_anchorMisbehaves_reverts() public {
        creator = makeAddr("another creator");
        anchor = TestAnchor(address(hostile));
        address young = created();
        fill(young, nothing(), first);
        anchor = model;
        Block memory proven = acceptedBlock(10, first);
        bytes memory call = abi.encodeCall(IHub.activate, (young, proven.hash, proven.proof, code));
        bytes32 before = fingerprint(young);
        for (uint8 mood = 1; mood <= uint8(HostileAnchor.Mood.WRITES); ++mood) {
            hostile.set(HostileAnchor.Mood(mood));
            if (mood == uint8(HostileAnchor.Mood.LIES)) hostile.lie(3, keccak256("other"));
            if (mood == uint8(HostileAnchor.Mood.FLOODS) || mood == uint8(HostileAnchor.Mood.REENTERS)) continue;
            (bool success,) = address(hub).call{gas: 10_000_000}(call);
            assertFalse(success);
            assertEq(fingerprint(young), before);
        }
        hostile.set(HostileAnchor.Mood.HONEST);
        hub.activate(young, proven.hash, proven.proof, code);
        assertMirrors(young, proven, first);
    }

    function test_sync_anchorReenters_eachEntryFails() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory whole = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second)));
        bytes[] memory entries = _entries(to);
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            hostile.reenter(entries[i]);
            (bool success, bytes memory reason) = address(hub).call{gas: 20_000_000}(whole);
            assertTrue(keccak256(reason) != keccak256(abi.encodeWithSignature("Error(string)", "entered again")));
            // Where the entry burns its share of the gas the call runs dry, which is as good.
            if (success) assertMirrors(replica, to, second);
            else assertStorage(replica, first);
            vm.revertToState(snapshot);
        }
    }

    /// @dev That the entries of the test above would succeed, were it not for the STATICCALL.
    function test_entries_fromOutside_succeed() public {
        bytes[] memory entries = _entries(acceptedBlock(11, second));
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(creator);
            (bool success,) = address(hub).call(entries[i]);
            assertTrue(success, vm.toString(i));
            vm.revertToState(snapshot);
        }
    }

    /// @dev An anchor is the affair of those who chose it.
    function test_sync_anotherAnchorOfTheSameSource_undisturbed() public {
        hostile.set(HostileAnchor.Mood.REVERTS);
        Block memory to = acceptedBlock(11, second);
        sync(honest, to, first, second);
        assertMirrors(honest, to, second);
        assertStorage(replica, first);
        assertEq(hub.head(replica).number, 10);
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

    /// @dev To the hub a replica is no anchor, and it is none itself.
    function test_create_anchorIsTheHubOrAReplica_reverts() public {
        vm.expectRevert();
        hub.create(CHAIN, SOURCE, address(hub), 0, 0, 0);
        vm.expectRevert();
        hub.create(CHAIN, SOURCE, replica, 0, 0, 0);
    }

    // --- callers that disturb ---

    /// @dev Too little gas has no name, or one of ours: a panic would be a fault.
    function test_create_anyGas_allOrNothingByName() public {
        bytes memory call = abi.encodeCall(IHub.create, (CHAIN, address(0x51), address(hostile), 0, 0, 0));
        bool success;
        for (uint256 gas_ = 30_000; !success; gas_ += 501) {
            bytes memory reason;
            (success, reason) = address(hub).call{gas: gas_}(call);
            if (!success && reason.length != 0) assertNamed(reason);
        }
    }

    function test_activate_anyGas_allOrNothingByName() public {
        creator = makeAddr("another creator");
        address young = created();
        fill(young, nothing(), first);
        Block memory proven = acceptedBlock(10, first);
        bytes memory call = abi.encodeCall(IHub.activate, (young, proven.hash, proven.proof, code));
        bytes32 before = fingerprint(young);
        bool success;
        for (uint256 gas_ = 100_000; !success; gas_ += 10_001) {
            bytes memory reason;
            (success, reason) = address(hub).call{gas: gas_}(call);
            if (success) break;
            if (reason.length != 0) assertNamed(reason);
            assertEq(fingerprint(young), before);
        }
        assertMirrors(young, proven, first);
    }

    /// @dev Of the engine's functions the replica has none for anybody but the hub.
    function testFuzz_transition_byStranger_changesNothing(address stranger) public {
        vm.assume(stranger != address(hub));
        bytes32 before = fingerprint(replica);
        vm.prank(stranger);
        SampleSource(payable(replica)).transition(witnessOf(first, second));
        assertEq(fingerprint(replica), before);
    }

    /// @dev The hub is the engine of its replicas, and of nobody's storage when it is called itself.
    function testFuzz_hub_enginesFunctions_onlyDelegatecall(address stranger, bytes memory some) public {
        bytes[4] memory calls = [
            abi.encodeCall(ITransitionEngine.transition, (witnessOf(first, second))),
            abi.encodeCall(ITransitionEngine.transition, (some)),
            abi.encodeCall(ITransitionEngine.prove, ("", 0, some)),
            abi.encodeCall(ITransitionEngine.conclude, (new bytes(160), some))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(stranger);
            (bool success, bytes memory reason) = address(hub).call(calls[i]);
            assertFalse(success);
            assertEq(reason, abi.encodeWithSelector(ITransitionEngine.OnlyDelegatecall.selector));
        }
        // The key is the replicas' to tell.
        (bool answered,) = address(hub).call(abi.encodeCall(IHubsReplica.key, ()));
        assertFalse(answered);
    }

    /// @dev A replica whose source has no such functions has none.
    function testFuzz_replica_enginesFunctions_noneForStrangers(address stranger) public {
        vm.assume(stranger != address(hub));
        bytes32 before = fingerprint(replica);
        bytes memory witness = witnessOf(first, second);
        bytes[3] memory calls = [
            abi.encodeCall(IHubsReplica.key, ()),
            abi.encodeCall(ITransitionEngine.prove, ("", 0, witness)),
            abi.encodeCall(ITransitionEngine.conclude, ("", witness))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(stranger);
            (bool success, bytes memory reason) = replica.call(calls[i]);
            assertFalse(success);
            assertEq(reason, "", "of the source, which knows no such function");
        }
        assertEq(fingerprint(replica), before);
    }

    function testFuzz_hub_anyCalldata_changesNothing(bytes memory data, uint8 which) public {
        bytes4[9] memory selectors = [
            IHub.create.selector,
            IHub.fill.selector,
            IHub.activate.selector,
            IHub.sync.selector,
            IHub.prepare.selector,
            IHub.commit.selector,
            IHub.halt.selector,
            IHub.restoreLogic.selector,
            bytes4(keccak256(data))
        ];
        bytes32 before = fingerprint(replica);
        (bool success,) =
            address(hub).call(abi.encodePacked(selectors[which % 9], bytes32(uint256(uint160(replica))), data));
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
        hub.halt(young, unborn.hash, unborn.nodes);
    }

    /// @dev Halts and revocations in a row, told by anybody: the recorded block stays the one that the storage mirrors,
    /// and the way back stays open down to the first block.
    function test_halt_againAndAgain_keepsTheRecordedBlock() public {
        creator = makeAddr("a creator with a first block");
        firstBlock = 9;
        address young = activeAt(10, first);
        bytes32 recorded = hub.record(young).blockHash;
        Block memory gone;
        for (uint64 number = 20; number < 23; ++number) {
            gone = number == 21 ? presentBlock(number, second, keccak256("other"), Level.FINAL) : absentBlock(number);
            hub.halt(young, gone.hash, gone.nodes);
            ReplicaRecord memory rec = hub.record(young);
            assertEq(rec.blockHash, recorded);
            assertEq(rec.haltHash, gone.hash);
            assertEq(rec.storageRoot, rootOf(first));
            bytes memory again = abi.encodeCall(IHub.halt, (young, gone.hash, gone.nodes));
            assertRefused(young, again, abi.encodeWithSelector(IHub.BlockNotNewer.selector, number, number));
        }
        anchor.setLevel(gone.hash, Level.REVOKED);
        Block memory lower = absentBlock(15); // a halt block below the one that was revoked
        hub.halt(young, lower.hash, lower.nodes);
        assertEq(hub.record(young).haltHash, lower.hash);
        assertEq(hub.record(young).blockHash, recorded);

        anchor.setLevel(lower.hash, Level.REVOKED);
        anchor.setLevel(recorded, Level.REVOKED);
        Block memory early = acceptedBlock(8, second);
        bytes memory call = abi.encodeCall(IHub.sync, (young, early.hash, early.proof, witnessOf(first, second)));
        assertRefused(young, call, abi.encodeWithSelector(IHub.BlockTooOld.selector, 9, 8));
        Block memory earliest = acceptedBlock(9, second);
        sync(young, earliest, first, second);
        assertMirrors(young, earliest, second);
    }

    /// @dev A stranger records the end while the recorded block is orphaned: the replica must not show for ever a storage
    /// that never was, and its end must not be forgotten on the way.
    function test_sync_haltedAndRecordedRevoked_belowTheHaltStaysHalted() public {
        bytes32 recorded = hub.record(honest).blockHash;
        Block memory gone = absentBlock(20);
        hub.halt(honest, gone.hash, gone.nodes);
        anchor.setLevel(recorded, Level.REVOKED);
        Block memory canonical = acceptedBlock(9, second);
        sync(honest, canonical, first, second);
        assertEq(hub.head(honest).number, 9);
        assertEq(hub.head(honest).haltNumber, 20);
        Block memory later = acceptedBlock(21, first);
        sync(honest, later, second, first);
        assertMirrors(honest, later, first);
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

    /// @dev All that a replica can be told to do at a block, and what asks the anchor before.
    function _moves(Block memory to) private returns (bytes[3] memory calls) {
        bytes memory witness = witnessOf(first, second);
        Block memory gone = absentBlock(12);
        Part memory part = prepareAll(replica, to.hash, witness, 2);
        calls[0] = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witness));
        calls[1] = abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, WitnessParts.writes(witness)));
        calls[2] = abi.encodeCall(IHub.halt, (replica, gone.hash, gone.nodes));
    }

    function _assertRefusedInThisMood(bytes memory reason) private {
        _assertRefusedInThisMood(reason, bytes4(0));
    }

    /// @dev With this reason, or with an error of this name.
    function _assertRefusedInThisMood(bytes memory reason, bytes4 name) private {
        uint256 snapshot = vm.snapshotState();
        Block memory to = acceptedBlock(11, second);
        bytes[3] memory calls = _moves(to);
        bytes32 before = fingerprint(replica);
        bytes32 others = fingerprint(honest);
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory actual) = address(hub).call{gas: 10_000_000}(calls[i]);
            assertFalse(success);
            if (name == 0) assertEq(actual, reason);
            else assertEq(assertNamed(actual), name);
            assertEq(fingerprint(replica), before);
            assertEq(fingerprint(honest), others);
        }
        sync(honest, to, first, second);
        assertMirrors(honest, to, second);
        hostile.set(HostileAnchor.Mood.HONEST);
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);
        assertTrue(vm.revertToState(snapshot));
    }

    /// @dev Each entry of the hub, with what makes it succeed if the anchor is the caller.
    function _entries(Block memory to) private returns (bytes[] memory entries) {
        creator = address(hostile);
        anchor = TestAnchor(address(hostile));
        address young = created();
        bytes memory creation = abi.encodeCall(IHub.create, (CHAIN, address(0x51), creator, 0, 0, 0));
        anchor = model;
        Block memory empty = acceptedBlock(9, nothing());
        bytes memory witness = witnessOf(first, second);
        bytes[3] memory moves = _moves(to);
        entries = new bytes[](7);
        (entries[0], entries[1], entries[2]) = (moves[0], moves[1], moves[2]);
        entries[3] = creation;
        entries[4] = abi.encodeCall(IHub.fill, (young, rootOf(nothing()), witnessOf(nothing(), first)));
        entries[5] = abi.encodeCall(IHub.activate, (young, empty.hash, empty.proof, code));
        entries[6] = abi.encodeCall(IHub.prepare, (honest, to.hash, "", 0, witness));
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
