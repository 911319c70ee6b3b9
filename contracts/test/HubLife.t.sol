// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "../src/interfaces/IAnchor.sol";
import {Head, IHub, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {TrieProof} from "../src/libraries/TrieProof.sol";
import {HubTest} from "./reference/HubTest.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {SampleSource} from "./reference/SampleSource.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice `sync`, `halt` and `restoreLogic` of an active replica.
contract HubLifeTest is HubTest {
    uint256[4] private first = [uint256(1), 0, 300, type(uint256).max];
    uint256[4] private second = [uint256(2), 5, 0, type(uint256).max];
    uint256[4] private third = [uint256(0), 6, 0, 1];

    address private replica;

    function setUp() public {
        replica = activeAt(10, first);
    }

    // --- sync ---

    function test_sync_newerBlock_movesThere() public {
        Block memory to = acceptedBlock(11, second);
        vm.expectEmit(address(hub));
        emit IHub.ReplicaSynced(replica, to.hash, 11, rootOf(second));
        sync(replica, to, first, second);
        assertMirrors(replica, to, second);
        assertEq(SampleSource(payable(replica)).stored(), 2);
    }

    function testFuzz_sync_byAnyone_movesThere(address caller) public {
        Block memory to = acceptedBlock(11, second, Level.SAFE);
        bytes memory witness = witnessOf(first, second);
        vm.prank(caller);
        hub.sync(replica, to.hash, to.proof, witness);
        assertMirrors(replica, to, second);
    }

    function test_sync_severalBlocks_movesAlong() public {
        Block memory to = acceptedBlock(11, second);
        sync(replica, to, first, second);
        to = acceptedBlock(500, third);
        sync(replica, to, second, third);
        assertMirrors(replica, to, third);
    }

    function test_sync_everythingDeleted_emptyStorage() public {
        Block memory to = acceptedBlock(11, nothing());
        sync(replica, to, first, nothing());
        assertMirrors(replica, to, nothing());
    }

    function test_sync_unchangedRoot_movesTheBlockOnly() public {
        Block memory to = acceptedBlock(11, first);
        vm.expectEmit(address(hub));
        emit IHub.ReplicaSynced(replica, to.hash, 11, rootOf(first));
        hub.sync(replica, to.hash, to.proof, "");
        assertMirrors(replica, to, first);
    }

    function test_sync_unchangedRootAndWitness_mustBeTrue() public {
        Block memory to = acceptedBlock(11, first);
        _refused(to, witnessOf(first, second), notTheStateOf(to, rootOf(second)));
        bytes memory opaque = WitnessBuilder.opaqueBranch(0, 1, rootOf(first));
        bytes32 computed = keccak256(abi.encodePacked(hex"e210a0", rootOf(first)));
        _refused(to, opaque, abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(first), computed));
        // What changes nothing needs no description, and may have one.
        bytes memory description = bytes.concat(
            WitnessBuilder.leaf(ReferenceTrie.keyOf(0), first[0]),
            WitnessBuilder.leaf(ReferenceTrie.keyOf(2), first[2]),
            WitnessBuilder.leaf(ReferenceTrie.keyOf(3), first[3]),
            WitnessBuilder.branch(0)
        );
        hub.sync(replica, to.hash, to.proof, description);
        assertMirrors(replica, to, first);
    }

    function test_sync_changedRootWithoutWitness_reverts() public {
        Block memory to = acceptedBlock(11, second);
        _refused(to, "", notTheStateOf(to, rootOf(first)));
    }

    function test_sync_sameBlockTwice_reverts() public {
        Block memory to = acceptedBlock(11, second);
        sync(replica, to, first, second);
        _refused(to, "", abi.encodeWithSelector(IHub.BlockNotNewer.selector, 11, 11));
    }

    function test_sync_olderBlock_reverts() public {
        Block memory to = acceptedBlock(9, second);
        bytes memory witness = witnessOf(first, second);
        _refused(to, witness, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, 9));
    }

    function test_sync_otherBlockOfSameNumber_reverts() public {
        Block memory to = acceptedBlock(10, second);
        bytes memory witness = witnessOf(first, second);
        _refused(to, witness, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, 10));
    }

    function test_sync_recordedBlockRevoked_takesAnyAcceptedBlock() public {
        Block memory orphan = acceptedBlock(20, second);
        sync(replica, orphan, first, second);
        anchor.setLevel(orphan.hash, Level.REVOKED);
        assertEq(uint256(hub.head(replica).level), uint256(Level.REVOKED), "readers are told");

        Block memory lower = acceptedBlock(15, third);
        sync(replica, lower, second, third);
        assertMirrors(replica, lower, third);
        Block memory lowerStill = acceptedBlock(14, first);
        bytes memory witness = witnessOf(third, first);
        _refused(lowerStill, witness, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 15, 14));
    }

    function test_sync_recordedBlockRevoked_takesItsSibling() public {
        Block memory orphan = acceptedBlock(20, second);
        sync(replica, orphan, first, second);
        Block memory sibling = acceptedBlock(20, third);
        anchor.setLevel(orphan.hash, Level.REVOKED);
        sync(replica, sibling, second, third);
        assertMirrors(replica, sibling, third);
    }

    function test_sync_blockNotAccepted_reverts() public {
        Level[3] memory levels = [Level.UNKNOWN, Level.PENDING, Level.REVOKED];
        bytes memory witness = witnessOf(first, second);
        for (uint256 i = 0; i < 3; ++i) {
            Block memory to = acceptedBlock(11, second, levels[i]);
            _refused(to, witness, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, to.hash, levels[i]));
        }
    }

    function test_sync_revokedBlockAgain_reverts() public {
        Block memory orphan = acceptedBlock(20, second);
        sync(replica, orphan, first, second);
        anchor.setLevel(orphan.hash, Level.REVOKED);
        _refused(orphan, "", abi.encodeWithSelector(IHub.BlockNotAccepted.selector, orphan.hash, Level.REVOKED));
    }

    function test_sync_anchorNotActive_reverts() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory witness = witnessOf(first, second);
        Status[3] memory states = [Status.PAUSED, Status.EXPIRED, Status.FROZEN];
        for (uint256 i = 0; i < 3; ++i) {
            anchor.setStatus(states[i]);
            _refused(to, witness, abi.encodeWithSelector(IHub.AnchorNotActive.selector, states[i]));
            assertEq(uint256(hub.head(replica).anchorStatus), uint256(states[i]), "readers are told");
        }
        anchor.setStatus(Status.ACTIVE);
        sync(replica, to, first, second);
    }

    function test_sync_filling_reverts() public {
        creator = makeAddr("another creator");
        replica = created();
        Block memory to = acceptedBlock(11, second);
        bytes memory witness = witnessOf(nothing(), second);
        _refused(to, witness, abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.FILLING));
    }

    function test_sync_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        hub.sync(address(1), 0, "", "");
    }

    function test_sync_witnessOfOtherOldSide_reverts() public {
        Block memory to = acceptedBlock(11, second);
        // Says that slot 1 held nothing and slot 3 was not there: true of slot 1 only.
        uint256[4] memory before = [uint256(1), 0, 300, 0];
        uint256[4] memory afterwards = [uint256(2), 5, 0, 0];
        bytes memory witness = witnessOf(before, afterwards);
        _refused(to, witness, abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(first), rootOf(before)));
    }

    function test_sync_writeLeftOut_reverts() public {
        Block memory to = acceptedBlock(11, second);
        uint256[4] memory less = [uint256(2), 0, 0, type(uint256).max];
        _refused(to, witnessOf(first, less), notTheStateOf(to, rootOf(less)));
    }

    function test_sync_writeAdded_reverts() public {
        Block memory to = acceptedBlock(11, second);
        uint256[4] memory more = [uint256(2), 5, 7, type(uint256).max];
        _refused(to, witnessOf(first, more), notTheStateOf(to, rootOf(more)));
    }

    function test_sync_writeForged_reverts() public {
        Block memory to = acceptedBlock(11, second);
        uint256[4] memory forged = [uint256(2), 6, 0, type(uint256).max];
        _refused(to, witnessOf(first, forged), notTheStateOf(to, rootOf(forged)));
    }

    function test_sync_opaqueNewRoot_reverts() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory root = abi.encodePacked(hex"40", rootOf(second));
        _refused(to, root, abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, 0));
        // The smallest that there is in the open: one nibble below the root, and so never the root itself.
        bytes memory opaque = WitnessBuilder.opaqueBranch(0, 1, rootOf(second));
        bytes32 computed = keccak256(abi.encodePacked(hex"e210a0", rootOf(second)));
        _refused(to, opaque, abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(first), computed));
    }

    function testFuzz_sync_mutatedWitness_reverts(uint256 position, uint8 bits, uint256 choice) public {
        Block memory to = acceptedBlock(11, second);
        bytes memory witness = witnessOf(first, second);
        if (bits == 0) bits = 1;
        witness[bound(position, 0, witness.length - 1)] ^= bytes1(bits);
        if (choice % 4 == 0) witness = bytes.concat(witness, bytes1(bits));
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) =
            address(hub).call(abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witness)));
        assertFalse(success);
        assertNamed(reason);
        assertEq(fingerprint(replica), before);
    }

    /// @dev Corpus 14: the account as it is, in a state in which another one differs.
    function test_sync_corpus14ProofOfAnotherBlock_reverts() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory witness = witnessOf(first, second);
        to.proof[to.proof.length - 1] ^= 0x01;
        bytes memory call = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witness));
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) = address(hub).call(call);
        assertFalse(success);
        assertEq(assertNamed(reason), IHub.StateRootMismatch.selector);
        assertEq(fingerprint(replica), before);
    }

    function test_sync_corpus3SurplusInProof_reverts() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory proof = to.proof;
        bytes memory witness = witnessOf(first, second);
        to.proof = bytes.concat(proof, hex"c0");
        _refused(to, witness, abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, proof.length));
        to.proof = bytes.concat(proof, hex"00");
        _refused(to, witness, abi.encodeWithSelector(ITransitionEngine.BranchMisplaced.selector, proof.length));
        to.proof = to.nodes;
        bytes memory reason = abi.encodeWithSelector(ITransitionEngine.NonCanonicalWord.selector, 0);
        _refused(to, witness, reason);
    }

    function test_sync_codeChanged_reverts() public {
        Block memory to = presentBlock(11, second, keccak256("other"), Level.FINAL);
        _refused(to, witnessOf(first, second), notTheStateOf(to, rootOf(second)));
    }

    function test_sync_sourceGone_reverts() public {
        Block memory to = absentBlock(11);
        _refused(to, "", notTheStateOf(to, rootOf(first)));
        _refused(to, witnessOf(first, nothing()), notTheStateOf(to, rootOf(nothing())));
        to = presentBlock(11, nothing(), keccak256(""), Level.FINAL);
        _refused(to, witnessOf(first, nothing()), notTheStateOf(to, rootOf(nothing())));
    }

    /// @dev Whatever gas there is: either the whole of it happens, or nothing.
    function test_sync_anyGas_allOrNothing() public {
        Block memory to = acceptedBlock(11, second);
        bytes memory call = abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witnessOf(first, second)));
        bytes32 before = fingerprint(replica);
        bool success;
        for (uint256 gas_ = 20_000; !success; gas_ += 4_001) {
            (success,) = address(hub).call{gas: gas_}(call);
            if (!success) assertEq(fingerprint(replica), before);
        }
        assertMirrors(replica, to, second);
    }

    // --- halt ---

    function test_halt_sourceUnchanged_reverts() public {
        Block memory to = acceptedBlock(11, second);
        _haltRefused(to, abi.encodeWithSelector(IHub.SourceUnchanged.selector, to.hash));
    }

    function test_halt_sourceAbsent_recordsIt() public {
        Block memory to = absentBlock(11);
        vm.expectEmit(address(hub));
        emit IHub.ReplicaHalted(replica, to.hash, 11, ReplicaStatus.SOURCE_DESTROYED);
        hub.halt(replica, to.hash, to.nodes);
        _assertHalted(to, ReplicaStatus.SOURCE_DESTROYED);
    }

    function test_halt_sourceWithoutCode_recordsIt() public {
        Block memory to = presentBlock(11, nothing(), keccak256(""), Level.FINAL);
        hub.halt(replica, to.hash, to.nodes);
        _assertHalted(to, ReplicaStatus.SOURCE_DESTROYED);
    }

    function test_halt_codeChanged_recordsIt() public {
        Block memory to = presentBlock(11, second, keccak256("other"), Level.FINAL);
        hub.halt(replica, to.hash, to.nodes);
        _assertHalted(to, ReplicaStatus.SOURCE_CODE_CHANGED);
    }

    function test_halt_forgedAbsence_reverts() public {
        Block memory to = acceptedBlock(11, second);
        (bytes32 expected, bytes memory nodes) = (to.stateRoot, to.nodes);
        Block memory absent = absentBlock(12);
        to.nodes = absent.nodes;
        _haltRefused(to, abi.encodeWithSelector(TrieProof.NodeHashMismatch.selector, 0, expected, absent.stateRoot));
        // The proof of the account cut off in front of its leaf.
        bytes memory cut = new bytes(nodes.length - 104);
        for (uint256 i = 0; i < cut.length; ++i) {
            cut[i] = nodes[i];
        }
        to.nodes = cut;
        bytes32 before = fingerprint(replica);
        (bool success,) = address(hub).call(abi.encodeCall(IHub.halt, (replica, to.hash, to.nodes)));
        assertFalse(success);
        assertEq(fingerprint(replica), before);
    }

    function test_halt_blockNotNewer_reverts() public {
        Block memory to = absentBlock(10);
        _haltRefused(to, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, 10));
    }

    function test_halt_blockNotAccepted_reverts() public {
        Block memory to = absentBlock(11);
        anchor.setLevel(to.hash, Level.PENDING);
        _haltRefused(to, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, to.hash, Level.PENDING));
    }

    function test_halt_filling_reverts() public {
        creator = makeAddr("another creator");
        replica = created();
        _haltRefused(absentBlock(11), abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.FILLING));
    }

    function test_halt_sourceComesBack_canBeSynced() public {
        Block memory gone = absentBlock(11);
        hub.halt(replica, gone.hash, gone.nodes);
        Block memory back = acceptedBlock(12, second);
        sync(replica, back, first, second);
        assertMirrors(replica, back, second);

        Block memory changed = presentBlock(13, third, keccak256("other"), Level.FINAL);
        hub.halt(replica, changed.hash, changed.nodes);
        back = acceptedBlock(14, second);
        hub.sync(replica, back.hash, back.proof, "");
        assertMirrors(replica, back, second);
    }

    function test_halt_onABlockRevokedLater_canBeSyncedToALowerOne() public {
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        anchor.setLevel(gone.hash, Level.REVOKED);
        Block memory lower = acceptedBlock(12, second);
        sync(replica, lower, first, second);
        assertMirrors(replica, lower, second);
    }

    function test_halt_onABlockRevokedLater_canBeSyncedToTheRecordedOne() public {
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        bytes32 recorded = hub.record(replica).blockHash;
        Block memory same = acceptedBlock(10, first);
        assertEq(same.hash, recorded);
        _refused(same, "", abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, 10));
        anchor.setLevel(gone.hash, Level.REVOKED);
        hub.sync(replica, same.hash, same.proof, "");
        assertMirrors(replica, same, first);
    }

    /// @dev "Recoverable": otherwise whoever records the end first would decide at which block the replica stays for ever.
    function test_halt_thenABlockFromBeforeTheEnd_isMirroredAndStaysHalted() public {
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        for (uint64 number = 15; number < 20; number += 4) {
            uint256[4] memory values = number == 15 ? second : third;
            Block memory living = acceptedBlock(number, values);
            sync(replica, living, number == 15 ? first : second, values);
            assertStorage(replica, values);
            Head memory head = hub.head(replica);
            assertEq(uint256(head.status), uint256(ReplicaStatus.SOURCE_DESTROYED));
            assertEq(head.blockHash, living.hash);
            assertEq(head.number, number);
            assertEq(head.haltNumber, 20);
            assertEq(hub.record(replica).storageRoot, rootOf(values));
            assertEq(hub.record(replica).haltHash, gone.hash);
        }
        Block memory older = acceptedBlock(18, first);
        _refused(older, witnessOf(third, first), abi.encodeWithSelector(IHub.BlockNotNewer.selector, 19, 18));
    }

    function test_halt_thenABlockFromBeforeTheEnd_inParts() public {
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        Block memory living = acceptedBlock(15, second);
        bytes memory witness = witnessOf(first, second);
        Part memory part = prepareAll(replica, 0, witness, 2);
        hub.commit(replica, living.hash, living.proof, part.pending, WitnessParts.writes(witness));
        assertStorage(replica, second);
        assertEq(uint256(hub.head(replica).status), uint256(ReplicaStatus.SOURCE_DESTROYED));
        assertEq(hub.head(replica).number, 15);
    }

    function test_halt_thenABlockOfTheSameNumber_isNotNewer() public {
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        Block memory sameNumber = acceptedBlock(20, second);
        _refused(sameNumber, witnessOf(first, second), abi.encodeWithSelector(IHub.BlockNotNewer.selector, 20, 20));
    }

    /// @dev The source chain drops the recorded block, its end is recorded at a lower one, and then the chain goes back: the
    /// recorded block lives and is newer than the end.
    function test_halt_belowARecordedBlockThatStandsAgain_canBeSyncedToThatOne() public {
        Block memory recorded = acceptedBlock(30, second);
        sync(replica, recorded, first, second);
        Block memory gone = absentBlock(15);
        anchor.setLevel(recorded.hash, Level.REVOKED);
        hub.halt(replica, gone.hash, gone.nodes);
        anchor.setLevel(recorded.hash, Level.SAFE);
        hub.sync(replica, recorded.hash, recorded.proof, "");
        assertMirrors(replica, recorded, second);
    }

    /// @dev Block 0, whose number also stands for "has not ended" on the way.
    function test_halt_atBlockZero_endsWithAnyLaterBlock() public {
        anchor.setLevel(hub.record(replica).blockHash, Level.REVOKED);
        Block memory gone = absentBlock(0);
        hub.halt(replica, gone.hash, gone.nodes);
        assertEq(uint256(hub.head(replica).status), uint256(ReplicaStatus.SOURCE_DESTROYED));
        _haltRefused(gone, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 0, 0));
        Block memory later = acceptedBlock(1, second);
        sync(replica, later, first, second);
        assertMirrors(replica, later, second);
    }

    /// @dev An end is known once; an earlier one of a source that came back in between would say less.
    function test_halt_thenAnEarlierEnd_isNotNewer() public {
        Block memory gone = absentBlock(20);
        hub.halt(replica, gone.hash, gone.nodes);
        _haltRefused(absentBlock(15), abi.encodeWithSelector(IHub.BlockNotNewer.selector, 20, 15));
    }

    function test_halt_thenOtherReason_recordsThat() public {
        Block memory gone = absentBlock(11);
        hub.halt(replica, gone.hash, gone.nodes);
        Block memory changed = presentBlock(12, second, keccak256("other"), Level.FINAL);
        hub.halt(replica, changed.hash, changed.nodes);
        _assertHalted(changed, ReplicaStatus.SOURCE_CODE_CHANGED);
    }

    // --- restoreLogic (what it restores: HubAttacks.t.sol) ---

    function test_restoreLogic_present_reverts() public {
        bytes memory call = abi.encodeCall(IHub.restoreLogic, (replica, code));
        assertRefused(replica, call, abi.encodeWithSelector(IHub.LogicPresent.selector, hub.logicOf(keyOfReplica())));
    }

    function test_restoreLogic_filling_reverts() public {
        creator = makeAddr("another creator");
        replica = created();
        bytes memory call = abi.encodeCall(IHub.restoreLogic, (replica, code));
        assertRefused(replica, call, abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.FILLING));
    }

    function test_restoreLogic_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        hub.restoreLogic(address(1), code);
    }

    // --- parts of tests ---

    function _refused(Block memory to, bytes memory witness, bytes memory reason) private {
        assertRefused(replica, abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, witness)), reason);
    }

    function _haltRefused(Block memory to, bytes memory reason) private {
        assertRefused(replica, abi.encodeCall(IHub.halt, (replica, to.hash, to.nodes)), reason);
    }

    /// @dev The storage is what it was, readers can go on reading it, and the head tells what it is worth.
    function _assertHalted(Block memory proven, ReplicaStatus status) private view {
        Head memory head = hub.head(replica);
        assertEq(uint256(head.status), uint256(status));
        assertEq(head.number, 10, "the recorded block stays the one that the storage mirrors");
        assertEq(head.haltNumber, proven.number);
        assertEq(hub.record(replica).haltHash, proven.hash);
        assertEq(hub.record(replica).storageRoot, rootOf(first));
        assertStorage(replica, first);
        assertEq(SampleSource(payable(replica)).stored(), 1);
    }
}
