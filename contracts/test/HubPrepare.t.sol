// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "../src/interfaces/IAnchor.sol";
import {IHub, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "./reference/HubTest.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {SampleSource} from "./reference/SampleSource.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice `prepare` and `commit`: a transition in parts, of which readers see nothing before its end.
contract HubPrepareTest is HubTest {
    /// @notice Somebody's way through a witness.
    struct Session {
        bytes[] items;
        uint256 done; // items
        Part part;
    }

    uint256[4] private first = [uint256(1), 0, 300, type(uint256).max];
    uint256[4] private second = [uint256(2), 5, 0, type(uint256).max];
    uint256[4] private third = [uint256(0), 6, 0, 1];

    address private replica;
    Block private to; // block 11, at which the source has the values `second`
    bytes private whole; // the witness that leads there
    Part private none;

    function setUp() public {
        replica = activeAt(10, first);
        to = acceptedBlock(11, second);
        whole = witnessOf(first, second);
    }

    // --- the same as sync ---

    function test_commit_anyNumberOfParts_equalsSync() public {
        uint256 before = vm.snapshotState();
        hub.sync(replica, to.hash, to.proof, whole);
        bytes32 synced = fingerprint(replica);
        assertTrue(vm.revertToState(before));

        uint256 count = WitnessParts.items(whole).length;
        assertEq(count, 4, "three writes and their branch");
        for (uint256 i = 1; i <= count; ++i) {
            Part memory part = prepareAll(replica, to.hash, whole, i);
            vm.expectEmit(address(hub));
            emit IHub.ReplicaSynced(replica, to.hash, 11, rootOf(second));
            commit(replica, to, part, whole);
            assertMirrors(replica, to, second);
            assertEq(fingerprint(replica), synced);
            assertTrue(vm.revertToState(before));
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_commit_manySlotsAnyParts_equalsSync(uint256 seed) public {
        (uint256[] memory slots, uint256[] memory oldValues, uint256[] memory newValues) = _wide(seed);
        creator = makeAddr("creator of a wide one");
        replica = created();
        uint256[] memory zeros = new uint256[](slots.length);
        bytes memory filling = WitnessBuilder.build(slots, zeros, oldValues, WitnessBuilder.OPEN);
        vm.prank(creator);
        hub.fill(replica, ReferenceTrie.emptyRoot(), filling);
        Block memory start = _blockOf(10, ReferenceTrie.storageRoot(slots, oldValues));
        hub.activate(replica, start.hash, start.proof, code);

        Block memory next = _blockOf(11, ReferenceTrie.storageRoot(slots, newValues));
        bytes memory witness = WitnessBuilder.build(slots, oldValues, newValues, seed);
        Session memory session = _session(witness);
        while (session.done < session.items.length) {
            seed = uint256(keccak256(abi.encode(seed)));
            _advance(session, next.hash, seed % 7);
        }
        commit(replica, next, session.part, witness);
        assertEq(hub.record(replica).storageRoot, ReferenceTrie.storageRoot(slots, newValues));
        assertEq(hub.record(replica).blockHash, next.hash);
        for (uint256 i = 0; i < slots.length; ++i) {
            assertEq(uint256(vm.load(replica, bytes32(slots[i]))), newValues[i]);
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_prepareAndCommit_byAnyone_movesThere(address one, address other, address third_) public {
        bytes[] memory items = WitnessParts.items(whole);
        vm.prank(one);
        Part memory part = prepare(replica, to.hash, none, items[0]);
        vm.prank(other);
        part = prepare(replica, to.hash, part, WitnessParts.join(items, 1, items.length));
        bytes memory writes = WitnessParts.writes(whole);
        vm.prank(third_);
        hub.commit(replica, to.hash, to.proof, part.pending, writes);
        assertMirrors(replica, to, second);
    }

    function test_commit_everythingDeleted_emptyStorage() public {
        to = acceptedBlock(11, nothing());
        whole = witnessOf(first, nothing());
        commit(replica, to, prepareAll(replica, to.hash, whole, 2), whole);
        assertMirrors(replica, to, nothing());
    }

    /// @dev A transition that describes something and writes nothing is one, too.
    function test_commit_unchangedRoot_movesTheBlockOnly() public {
        uint256[4] memory one = [uint256(7), 0, 0, 0];
        creator = makeAddr("another creator");
        replica = activeAt(10, one);
        to = acceptedBlock(11, one);
        whole = WitnessBuilder.leaf(ReferenceTrie.keyOf(0), 7);
        commit(replica, to, prepareAll(replica, to.hash, whole, 1), whole);
        assertMirrors(replica, to, one);
    }

    // --- prepare ---

    function test_prepare_eachPart_readersSeeTheOldState() public {
        Session memory session = _session(whole);
        bytes32 before = fingerprint(replica);
        while (session.done < session.items.length) {
            _advance(session, to.hash, 1);
            assertEq(SampleSource(payable(replica)).stored(), 1);
            assertEq(fingerprint(replica), before);
        }
        commit(replica, to, session.part, whole);
        assertEq(SampleSource(payable(replica)).stored(), 2);
        assertMirrors(replica, to, second);
    }

    function test_prepare_part_isToldAndProven() public {
        bytes[] memory items = WitnessParts.items(whole);
        uint256 before = vm.snapshotState();
        Part memory part = prepare(replica, to.hash, none, items[0]);
        assertTrue(vm.revertToState(before));
        bytes32 digest = partOf(replica, part.pending, part.writesHash);
        assertFalse(hub.isProven(replica, part.pending, part.writesHash));
        vm.expectEmit(address(hub));
        emit IHub.TransitionPrepared(replica, to.hash, digest);
        prepare(replica, to.hash, none, items[0]);
        assertTrue(hub.isProven(replica, part.pending, part.writesHash));
        assertFalse(hub.isProven(address(this), part.pending, part.writesHash));
    }

    /// @dev The block is a hint for those who look at events, and nothing else: no anchor has to know it.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_prepare_anyBlockHash_isTheSamePart(bytes32 hint) public {
        Part memory part = prepareAll(replica, hint, whole, 2);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    function test_prepare_anyPart_writesOneWordOfTheHubOnly() public {
        bytes[] memory items = WitnessParts.items(whole);
        Part memory part;
        for (uint256 i = 0; i < items.length; ++i) {
            vm.record();
            part = prepare(replica, to.hash, part, items[i]);
            (, bytes32[] memory replicas) = vm.accesses(replica);
            (, bytes32[] memory hubs) = vm.accesses(address(hub));
            assertEq(replicas.length, 0);
            assertEq(hubs.length, 1);
            assertEq(hubs[0], keccak256(abi.encode(partOf(replica, part.pending, part.writesHash), 3)));
        }
    }

    function test_prepare_twice_isTheSame() public {
        Part memory once = prepareAll(replica, to.hash, whole, 2);
        Part memory again = prepareAll(replica, to.hash, whole, 3);
        assertEq(abi.encode(once), abi.encode(again));
    }

    function test_prepare_emptyParts_changeNothing() public {
        Part memory part = prepare(replica, to.hash, none, "");
        assertEq(abi.encode(part), abi.encode(none));
        bytes[] memory items = WitnessParts.items(whole);
        for (uint256 i = 0; i < items.length; ++i) {
            part = prepare(replica, to.hash, part, items[i]);
            Part memory same = prepare(replica, to.hash, part, "");
            assertEq(abi.encode(same), abi.encode(part));
        }
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    function test_prepare_surplusBytes_reverts() public {
        bytes[] memory items = WitnessParts.items(whole);
        uint256 length = items[0].length;
        _prepareRefused(
            none,
            bytes.concat(items[0], hex"ff"),
            abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, length)
        );
        _prepareRefused(
            none,
            bytes.concat(items[0], hex"c1"),
            abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, length + 1)
        );
        _prepareRefused(
            none,
            bytes.concat(whole, hex"000000"),
            abi.encodeWithSelector(ITransitionEngine.BranchMisplaced.selector, whole.length)
        );
    }

    function test_prepare_partEndsInsideAnItem_reverts() public {
        bytes[] memory items = WitnessParts.items(whole);
        for (uint256 i = 0; i < items.length; ++i) {
            Part memory part = prepare(replica, to.hash, none, "");
            if (i != 0) part = prepare(replica, to.hash, none, WitnessParts.join(items, 0, i));
            for (uint256 cut = 1; cut < items[i].length; ++cut) {
                bytes32 before = fingerprint(replica);
                bytes memory call = abi.encodeCall(
                    IHub.prepare,
                    (replica, to.hash, part.pending, part.writesHash, WitnessParts.slice(items[i], 0, cut))
                );
                (bool success,) = address(hub).call(call);
                assertFalse(success);
                assertEq(fingerprint(replica), before);
            }
        }
    }

    function test_prepare_writeThatChangesNothing_reverts() public {
        bytes memory reason = abi.encodeWithSelector(ITransitionEngine.NoOpWrite.selector, 2);
        _prepareRefused(none, WitnessBuilder.write(2, 300), reason);
    }

    /// @dev What other sessions have left is not there for one that has nothing pending.
    function test_prepare_branchWithoutWhatIsBelow_reverts() public {
        prepareAll(replica, to.hash, whole, 3);
        bytes[] memory items = WitnessParts.items(whole);
        bytes memory last = items[items.length - 1];
        _prepareRefused(none, last, abi.encodeWithSelector(ITransitionEngine.NothingToJoin.selector, 0));
    }

    function test_prepare_filling_reverts() public {
        creator = makeAddr("another creator");
        replica = created();
        _prepareRefused(none, whole, abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.FILLING));
        _commitRefused(none, "", abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.FILLING));
    }

    function test_prepare_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        hub.prepare(address(1), to.hash, "", 0, whole);
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        hub.commit(address(1), to.hash, to.proof, "", "");
    }

    // --- sessions side by side ---

    /// @dev Two strangers, the same transition or another one, witnesses that hide more or less, parts of any size, turn about
    /// in any order: what each gets for a part is what he would get alone.
    /// forge-config: default.fuzz.runs = 128
    function testFuzz_prepare_twoSessions_undisturbed(uint256 seed, bool isSame, bool othersFirst) public {
        Block memory otherTo = isSame ? to : acceptedBlock(12, third);
        bytes memory other = isSame ? witnessOf(first, second, WitnessBuilder.OPEN) : witnessOf(first, third);
        Part memory alone = prepareAll(replica, to.hash, whole, type(uint128).max);
        Part memory otherAlone = prepareAll(replica, otherTo.hash, other, type(uint128).max);
        bytes32 before = fingerprint(replica);

        Session memory one = _session(whole);
        Session memory two = _session(other);
        while (one.done < one.items.length || two.done < two.items.length) {
            seed = uint256(keccak256(abi.encode(seed)));
            // forge-lint: disable-next-line(unsafe-typecast)
            vm.prank(address(uint160(seed | 1))); // any 160 bits will do
            _advance(seed % 2 == 0 ? one : two, seed % 2 == 0 ? to.hash : otherTo.hash, (seed >> 8) % 4);
        }
        assertEq(abi.encode(one.part), abi.encode(alone));
        assertEq(abi.encode(two.part), abi.encode(otherAlone));
        assertEq(fingerprint(replica), before);

        if (othersFirst) {
            commit(replica, otherTo, two.part, other);
            assertMirrors(replica, otherTo, isSame ? second : third);
            bytes memory reason = abi.encodeWithSelector(IHub.BlockNotNewer.selector, otherTo.number, to.number);
            _commitRefused(one.part, whole, reason);
        } else {
            commit(replica, to, one.part, whole);
            assertMirrors(replica, to, second);
            Block memory later = acceptedBlock(13, third);
            to = later;
            bytes memory reason = abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(second), rootOf(first));
            if (!isSame) _commitRefused(two.part, other, reason);
            sync(replica, later, second, third);
            assertMirrors(replica, later, third);
        }
    }

    function test_prepare_abandoned_changesNothing() public {
        bytes32 before = fingerprint(replica);
        uint256 count = WitnessParts.items(whole).length;
        for (uint256 i = 1; i < count; ++i) {
            prepare(replica, to.hash, none, WitnessParts.join(WitnessParts.items(whole), 0, i));
            assertEq(fingerprint(replica), before);
        }
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);
        Block memory later = acceptedBlock(12, third);
        whole = witnessOf(second, third);
        commit(replica, later, prepareAll(replica, later.hash, whole, 1), whole);
        assertMirrors(replica, later, third);
    }

    // --- what was not proven ---

    function test_prepare_partsOfAnotherReplica_notProven() public {
        creator = makeAddr("another creator");
        address twin = activeAt(10, first); // the same anchor, the same source, the same storage
        bytes[] memory items = WitnessParts.items(whole);
        Part memory part = prepare(twin, to.hash, none, items[0]);
        _prepareRefused(part, items[1], _notProven(part));
        part = prepareAll(twin, to.hash, whole, 2);
        _commitRefused(part, whole, _notProven(part));
        commit(twin, to, part, whole);
        assertMirrors(twin, to, second);
        assertStorage(replica, first);
    }

    function testFuzz_prepare_pendingMadeUp_notProven(bytes memory pending, bytes32 writesHash, bytes memory items)
        public
    {
        vm.assume(pending.length != 0 || writesHash != 0);
        Part memory part = Part(pending, writesHash);
        _prepareRefused(part, items, _notProven(part));
    }

    /// @dev Of what a part left every bit counts.
    function testFuzz_prepare_pendingOrHashMutated_notProven(uint256 bit, bool inHash, uint256 count) public {
        bytes[] memory items = WitnessParts.items(whole);
        count = bound(count, 1, items.length - 1);
        Part memory part = prepare(replica, to.hash, none, WitnessParts.join(items, 0, count));
        if (inHash) part.writesHash ^= bytes32(1 << (bit % 256));
        else part.pending[(bit / 8) % part.pending.length] ^= bytes1(uint8(1 << (bit % 8))); // forge-lint: disable-line
        _prepareRefused(part, items[count], _notProven(part));
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_commit_pendingMutated_notProven(uint256 bit) public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        part.pending[(bit / 8) % 160] ^= bytes1(uint8(1 << (bit % 8))); // forge-lint: disable-line
        _commitRefused(part, whole, _notProven(part));
    }

    /// @dev The right roots alone: made up, they lead exactly where they should, and nobody has proven them.
    function test_commit_rootsMadeUp_notProven() public {
        // The one pending subtrie says: a branch at the root, with this hash before and that one afterwards.
        Part memory part =
            Part(abi.encode(bytes32(0), rootOf(first), rootOf(second), uint256(0), bytes32(0)), bytes32(0));
        _commitRefused(part, "", _notProven(part));
        part.writesHash = _hashOf(0, 0, 1_000_000);
        _commitRefused(part, WitnessBuilder.write(0, 1_000_000), _notProven(part));
    }

    /// @dev Both have been proven, but not with each other.
    function test_prepare_pendingOfOneAndWritesOfAnother_notProven() public {
        bytes memory other = witnessOf(first, third);
        bytes[] memory items = WitnessParts.items(whole);
        bytes[] memory others = WitnessParts.items(other);
        Part memory one = prepare(replica, to.hash, none, items[0]);
        Part memory two = prepare(replica, to.hash, none, others[0]);
        Part memory mixed = Part(one.pending, two.writesHash);
        _prepareRefused(mixed, items[1], _notProven(mixed));
        mixed = Part(two.pending, one.writesHash);
        _prepareRefused(mixed, items[1], _notProven(mixed));
        mixed = Part(one.pending, 0);
        _prepareRefused(mixed, items[1], _notProven(mixed));
        mixed = Part("", one.writesHash);
        _prepareRefused(mixed, items[1], _notProven(mixed));

        one = prepareAll(replica, to.hash, whole, 2);
        two = prepareAll(replica, to.hash, other, 2);
        _commitRefused(one, other, _notProven(Part(one.pending, two.writesHash)));
        _commitRefused(two, whole, _notProven(Part(two.pending, one.writesHash)));
    }

    // --- commit: the writes ---

    function test_commit_otherWrites_notProven() public {
        Part memory part = prepareAll(replica, to.hash, whole, 3);
        bytes[] memory writes = WitnessParts.items(WitnessParts.writes(whole));
        assertEq(writes.length, 3);
        _writesRefused(part, "");
        for (uint256 i = 0; i < 3; ++i) {
            bytes[] memory list = WitnessParts.items(WitnessParts.writes(whole));
            list[i] = "";
            _writesRefused(part, WitnessParts.join(list, 0, 3)); // one is missing
            list[i] = bytes.concat(writes[i], writes[i]);
            _writesRefused(part, WitnessParts.join(list, 0, 3)); // one stands twice
            list[i] = bytes.concat(writes[i], WitnessBuilder.write(9, 9));
            _writesRefused(part, WitnessParts.join(list, 0, 3)); // one is added
            (list[i], list[(i + 1) % 3]) = (writes[(i + 1) % 3], writes[i]);
            _writesRefused(part, WitnessParts.join(list, 0, 3)); // another order
        }
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_commit_writeForged_notProven(uint256 slot, uint256 value, uint256 place) public {
        Part memory part = prepareAll(replica, to.hash, whole, 3);
        bytes[] memory list = WitnessParts.items(WitnessParts.writes(whole));
        bytes memory forged = WitnessBuilder.write(slot, value);
        vm.assume(keccak256(forged) != keccak256(list[place % 3]));
        list[place % 3] = forged;
        _writesRefused(part, WitnessParts.join(list, 0, 3));
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_commit_writesMutated_reverts(uint256 position, uint8 bits, bool isLonger) public {
        Part memory part = prepareAll(replica, to.hash, whole, 3);
        bytes memory writes = WitnessParts.writes(whole);
        if (bits == 0) bits = 1;
        if (isLonger) writes = bytes.concat(writes, bytes1(bits));
        else writes[position % writes.length] ^= bytes1(bits);
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) =
            address(hub).call(abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, writes)));
        assertFalse(success);
        assertNamed(reason);
        assertEq(fingerprint(replica), before);
    }

    /// @dev Nothing but writes: what describes was told to `prepare`.
    function test_commit_itemThatIsNoWrite_reverts() public {
        Part memory part = prepareAll(replica, to.hash, whole, 3);
        bytes memory writes = WitnessParts.writes(whole);
        bytes[4] memory items = [
            WitnessBuilder.leaf(ReferenceTrie.keyOf(3), 1),
            WitnessBuilder.opaqueBranch(0, 1, rootOf(first)),
            WitnessBuilder.branch(0),
            bytes(hex"ff")
        ];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory call =
                abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, bytes.concat(writes, items[i])));
            bytes memory reason = abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, writes.length);
            assertRefused(replica, call, reason);
        }
    }

    // --- commit: the roots ---

    function test_commit_notOnePending_reverts() public {
        bytes[] memory items = WitnessParts.items(whole);
        Part memory part = prepare(replica, to.hash, none, WitnessParts.join(items, 0, 2));
        assertEq(part.pending.length, 320);
        bytes memory reason = abi.encodeWithSelector(ITransitionEngine.WitnessIncomplete.selector, 2);
        _commitRefused(part, WitnessParts.join(items, 0, 2), reason);
        prepare(replica, to.hash, none, "");
        _commitRefused(none, "", abi.encodeWithSelector(ITransitionEngine.WitnessIncomplete.selector, 0));
    }

    /// @dev One subtrie is left, but not the root's.
    function test_commit_beforeTheEnd_reverts() public {
        bytes[] memory items = WitnessParts.items(whole);
        Part memory part = prepare(replica, to.hash, none, items[0]);
        assertEq(part.pending.length, 160);
        bytes memory call =
            abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, WitnessParts.writes(items[0])));
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) = address(hub).call(call);
        assertFalse(success);
        assertEq(assertNamed(reason), IHub.OldRootMismatch.selector);
        assertEq(fingerprint(replica), before);
    }

    function test_commit_blockOfAnotherRoot_reverts() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        to = acceptedBlock(11, third);
        _commitRefused(part, whole, notTheStateOf(to, rootOf(second)));
    }

    /// @dev Prepared for one block, committed to another at which the source's storage is the same.
    function test_commit_laterBlockOfTheSameRoot_movesThere() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        Block memory later = acceptedBlock(99, second);
        commit(replica, later, part, whole);
        assertMirrors(replica, later, second);
    }

    function test_commit_syncInBetween_oldRootMismatch() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        Block memory between = acceptedBlock(11, third);
        sync(replica, between, first, third);
        to = acceptedBlock(12, second);
        bytes memory reason = abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(third), rootOf(first));
        _commitRefused(part, whole, reason);
        // Begun again it passes.
        whole = witnessOf(third, second);
        commit(replica, to, prepareAll(replica, to.hash, whole, 2), whole);
        assertMirrors(replica, to, second);
    }

    /// @dev A part tells what stood in the slots when it was proven. Parts of different times make no whole.
    function test_commit_syncBetweenParts_oldRootMismatch() public {
        bytes[] memory items = WitnessParts.items(whole);
        for (uint256 i = 1; i < items.length; ++i) {
            uint256 before = vm.snapshotState();
            Part memory part = prepare(replica, to.hash, none, WitnessParts.join(items, 0, i));
            uint256[4] memory passing = [uint256(4), 7, 301, type(uint256).max]; // all that is written has another value
            sync(replica, acceptedBlock(11, passing), first, passing);
            to = acceptedBlock(12, second);
            part = prepare(replica, to.hash, part, WitnessParts.join(items, i, items.length));
            bytes memory call =
                abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, WitnessParts.writes(whole)));
            bytes32 untouched = fingerprint(replica);
            (bool success, bytes memory reason) = address(hub).call(call);
            assertFalse(success);
            assertEq(assertNamed(reason), IHub.OldRootMismatch.selector);
            assertEq(fingerprint(replica), untouched);
            assertTrue(vm.revertToState(before));
        }
    }

    /// @dev What is proven is a fact, and holds again as soon as the storage is again what it was.
    function test_commit_syncsInBetweenLeadBack_passes() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        sync(replica, acceptedBlock(11, third), first, third);
        sync(replica, acceptedBlock(12, first), third, first);
        to = acceptedBlock(13, second);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
        // And once more.
        _commitRefused(part, whole, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 13, 13));
        to = acceptedBlock(14, second);
        _commitRefused(
            part, whole, abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(second), rootOf(first))
        );
        sync(replica, acceptedBlock(15, first), second, first);
        to = acceptedBlock(16, second);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    function test_commit_onlyTheBlockMovedInBetween_passes() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        Block memory between = acceptedBlock(11, first);
        hub.sync(replica, between.hash, between.proof, "");
        to = acceptedBlock(12, second);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    // --- commit: the block, as for sync ---

    function test_commit_blockNotAccepted_reverts() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        Level[3] memory levels = [Level.UNKNOWN, Level.PENDING, Level.REVOKED];
        for (uint256 i = 0; i < 3; ++i) {
            anchor.setLevel(to.hash, levels[i]);
            _commitRefused(part, whole, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, to.hash, levels[i]));
        }
        anchor.setLevel(to.hash, Level.SAFE);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    function test_commit_anchorNotActive_reverts() public {
        Status[3] memory states = [Status.PAUSED, Status.EXPIRED, Status.FROZEN];
        for (uint256 i = 0; i < 3; ++i) {
            anchor.setStatus(states[i]);
            // Proving asks no anchor.
            Part memory part = prepareAll(replica, to.hash, whole, 2);
            _commitRefused(part, whole, abi.encodeWithSelector(IHub.AnchorNotActive.selector, states[i]));
        }
    }

    function test_commit_blockNotNewer_reverts() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        for (uint64 number = 9; number <= 10; ++number) {
            to = acceptedBlock(number, second);
            _commitRefused(part, whole, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, number));
        }
    }

    function test_commit_recordedBlockRevoked_takesALowerOneFromTheFirstOn() public {
        creator = makeAddr("a creator with a first block");
        firstBlock = 8;
        replica = activeAt(10, first);
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        anchor.setLevel(hub.record(replica).blockHash, Level.REVOKED);
        to = acceptedBlock(7, second);
        _commitRefused(part, whole, abi.encodeWithSelector(IHub.BlockTooOld.selector, 8, 7));
        to = acceptedBlock(8, second);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    function test_commit_sourceGoneOrOther_reverts() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        to = absentBlock(11);
        _commitRefused(part, whole, notTheStateOf(to, rootOf(second)));
        to = presentBlock(11, second, keccak256("other"), Level.FINAL);
        _commitRefused(part, whole, notTheStateOf(to, rootOf(second)));
    }

    function test_commit_proofOfAnotherBlock_reverts() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        bytes memory proof = to.proof;
        proof[proof.length - 1] ^= 0x01;
        bytes memory writes = WitnessParts.writes(whole);
        bytes memory call = abi.encodeCall(IHub.commit, (replica, to.hash, proof, part.pending, writes));
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) = address(hub).call(call);
        assertFalse(success);
        assertEq(assertNamed(reason), IHub.StateRootMismatch.selector);
        assertEq(fingerprint(replica), before);
        to.proof = bytes.concat(to.proof, hex"c0");
        _commitRefused(part, whole, abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, proof.length));
    }

    /// @dev Of a replica whose source has ended one can prove on, and commit as soon as the source is back.
    function test_commit_halted_passesWhenTheSourceIsBack() public {
        Block memory gone = absentBlock(12);
        hub.halt(replica, gone.hash, gone.nodes);
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        to = acceptedBlock(12, second);
        _commitRefused(part, whole, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 12, 12));
        to = acceptedBlock(13, second);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
        assertEq(uint256(hubWords(replica)[3]), 0, "the end is forgotten");
        assertEq(uint256(hubWords(replica)[4]), 0, "the end is forgotten");
        assertEq(uint256(hubWords(replica)[5]), 0, "the end is forgotten");
    }

    function test_commit_haltRevoked_passesBelowIt() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        anchor.setLevel(gone.hash, Level.REVOKED);
        commit(replica, to, part, whole);
        assertMirrors(replica, to, second);
    }

    // --- little gas ---

    function test_prepare_anyGas_allOrNothing() public {
        bytes memory call = abi.encodeCall(IHub.prepare, (replica, to.hash, "", 0, whole));
        uint256 before = vm.snapshotState();
        Part memory part = prepare(replica, to.hash, none, whole);
        assertTrue(vm.revertToState(before));
        bytes32 untouched = fingerprint(replica);
        bool success;
        for (uint256 gas_ = 20_000; !success; gas_ += 501) {
            (success,) = address(hub).call{gas: gas_}(call);
            assertEq(hub.isProven(replica, part.pending, part.writesHash), success);
            assertEq(fingerprint(replica), untouched);
        }
    }

    /// @dev Whatever gas there is: either the whole of it happens, or nothing.
    function test_commit_anyGas_allOrNothing() public {
        Part memory part = prepareAll(replica, to.hash, whole, 2);
        bytes memory call =
            abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, WitnessParts.writes(whole)));
        bytes32 before = fingerprint(replica);
        bool success;
        for (uint256 gas_ = 20_000; !success; gas_ += 501) {
            (success,) = address(hub).call{gas: gas_}(call);
            if (!success) assertEq(fingerprint(replica), before);
        }
        assertMirrors(replica, to, second);
    }

    // --- parts of tests ---

    function _session(bytes memory witness) private pure returns (Session memory session) {
        session.items = WitnessParts.items(witness);
    }

    /// @dev Prepares the next `count` items, which may be none, or fewer at the end.
    function _advance(Session memory session, bytes32 blockHash, uint256 count) private {
        uint256 end = session.done + count;
        session.part = prepare(replica, blockHash, session.part, WitnessParts.join(session.items, session.done, end));
        session.done = end < session.items.length ? end : session.items.length;
    }

    function _prepareRefused(Part memory part, bytes memory items, bytes memory reason) private {
        bytes memory call = abi.encodeCall(IHub.prepare, (replica, to.hash, part.pending, part.writesHash, items));
        assertRefused(replica, call, reason);
    }

    /// @dev With the writes of a witness.
    function _commitRefused(Part memory part, bytes memory witness, bytes memory reason) private {
        bytes memory writes = WitnessParts.writes(witness);
        assertRefused(replica, abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, writes)), reason);
    }

    /// @dev With other writes than those that were proven.
    function _writesRefused(Part memory part, bytes memory writes) private {
        bytes32 writesHash = 0;
        bytes[] memory list = WitnessParts.items(writes);
        for (uint256 i = 0; i < list.length; ++i) {
            (uint256 slot, uint256 value) = _readWrite(list[i]);
            writesHash = _hashOf(writesHash, slot, value);
        }
        _commitRefused(part, writes, _notProven(Part(part.pending, writesHash)));
    }

    function _notProven(Part memory part) private view returns (bytes memory) {
        return abi.encodeWithSelector(IHub.PartNotProven.selector, partOf(replica, part.pending, part.writesHash));
    }

    function _hashOf(bytes32 before, uint256 slot, uint256 value) private pure returns (bytes32) {
        return keccak256(abi.encode(before, slot, value));
    }

    /// @dev The slot and the value of a write item.
    function _readWrite(bytes memory item) private pure returns (uint256 slot, uint256 value) {
        uint256 tag = uint8(item[0]);
        uint256 start = tag > 0xc0 ? tag - 0xc0 : 33; // of the value, or of the byte that tells its size
        for (uint256 i = 1; i < start; ++i) {
            slot = slot * 256 + uint8(item[i]);
        }
        for (uint256 i = tag > 0xc0 ? start + 1 : start; i < item.length; ++i) {
            value = value * 256 + uint8(item[i]);
        }
    }

    function _blockOf(uint64 number, bytes32 storageRoot) private returns (Block memory) {
        return blockOfRoot(number, storageRoot, keccak256(code), Level.FINAL);
    }

    /// @dev 30 slots, of which some are empty before or afterwards, and at least one changes.
    function _wide(uint256 seed)
        private
        pure
        returns (uint256[] memory slots, uint256[] memory oldValues, uint256[] memory newValues)
    {
        slots = new uint256[](30);
        oldValues = new uint256[](30);
        newValues = new uint256[](30);
        for (uint256 i = 0; i < 30; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            slots[i] = i % 2 == 0 ? i : uint256(keccak256(abi.encode(i)));
            if (dice % 4 != 0) oldValues[i] = dice >> (dice % 32 * 8);
            newValues[i] = (dice >> 8) % 2 == 0 ? oldValues[i] : (dice >> 16) % 3 == 0 ? 0 : dice >> 100;
        }
        newValues[0] = oldValues[0] + 1;
    }
}
