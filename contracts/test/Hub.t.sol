// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hub} from "../src/Hub.sol";
import {Level, Status} from "../src/interfaces/IAnchor.sol";
import {Head, IHub, ReplicaKey, ReplicaRecord, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {IReplica} from "../src/interfaces/IReplica.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "./reference/HubTest.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {SampleSource} from "./reference/SampleSource.sol";
import {StateTrie} from "./reference/StateTrie.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";

/// @notice From `create` to `activate`. What comes after it is in `HubLife.t.sol`.
contract HubBirthTest is HubTest {
    uint256[4] private first = [uint256(1), 0, 300, type(uint256).max];
    uint256[4] private part = [uint256(0), 0, 300, 0];

    // --- create ---

    function test_create_anyone_emptyReplicaAtItsAddress() public {
        ReplicaKey memory key = keyOfReplica();
        address expected = hub.replicaOf(key);
        assertEq(expected.code.length, 0);
        vm.expectEmit(address(hub));
        emit IHub.ReplicaCreated(expected, CHAIN, SOURCE, key, 0);
        assertEq(created(), expected);
        assertGt(expected.code.length, 0);

        ReplicaRecord memory rec = hub.record(expected);
        assertEq(uint256(rec.status), uint256(ReplicaStatus.FILLING));
        assertEq(rec.storageRoot, ReferenceTrie.emptyRoot());
        assertEq(rec.blockHash, 0);
        assertEq(rec.haltHash, 0);
        assertEq(rec.firstBlock, 0);
        assertEq(abi.encode(rec.key), abi.encode(key));
    }

    function test_create_keyDiffers_otherAddresses() public view {
        ReplicaKey memory key = keyOfReplica();
        address replica = hub.replicaOf(key);
        address logic = hub.logicOf(key);
        for (uint256 field = 0; field < 6; ++field) {
            ReplicaKey memory other = keyOfReplica();
            if (field == 0) other.sourceChainId = 2;
            else if (field == 1) other.source = address(0x51);
            else if (field == 2) other.anchor = address(0x52);
            else if (field == 3) other.creator = address(0x53);
            else if (field == 4) other.codeHash = keccak256("other");
            else other.logicHash = keccak256("other");
            assertTrue(hub.replicaOf(other) != replica);
            assertTrue(hub.logicOf(other) != logic);
        }
    }

    function test_create_sameKeyTwice_reverts() public {
        address replica = created();
        bytes32 logicHash = hub.logicHashOf(code);
        vm.expectRevert(abi.encodeWithSelector(IHub.ReplicaExists.selector, replica));
        vm.prank(creator);
        hub.create(CHAIN, SOURCE, address(anchor), keccak256(code), logicHash, 77); // also with another first block
    }

    function test_create_anchorWithoutCode_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.NotAnAnchor.selector, address(0xdead)));
        hub.create(CHAIN, SOURCE, address(0xdead), 0, 0, 0);
    }

    function test_create_anchorOfAnotherChain_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongSourceChain.selector, 5, CHAIN));
        hub.create(5, SOURCE, address(anchor), 0, 0, 0);
    }

    function test_create_anchorIsAReplica_reverts() public {
        // The one contract to which the hub's calls mean something else. `source()` is not among what it understands.
        address replica = created();
        vm.expectRevert();
        hub.create(CHAIN, SOURCE, replica, 0, 0, 0);
    }

    function test_create_twoCreators_independentReplicas() public {
        address one = created();
        creator = makeAddr("another creator");
        address two = created();
        assertTrue(one != two);
        fill(two, nothing(), first);
        assertStorage(one, nothing());
        assertEq(hub.record(one).storageRoot, ReferenceTrie.emptyRoot());
    }

    // --- fill ---

    function test_fill_inParts_reachesRoot() public {
        address replica = created();
        vm.expectEmit(address(hub));
        emit IHub.ReplicaFilled(replica, ReferenceTrie.emptyRoot(), rootOf(part));
        fill(replica, nothing(), part);
        fill(replica, part, first);
        assertStorage(replica, first);
        assertEq(hub.record(replica).storageRoot, rootOf(first));
    }

    function test_fill_byAnother_reverts() public {
        address replica = created();
        bytes memory call = abi.encodeCall(IHub.fill, (replica, ReferenceTrie.emptyRoot(), witnessOf(nothing(), first)));
        assertRefused(replica, call, abi.encodeWithSelector(IHub.NotCreator.selector, creator, address(this)));
    }

    function test_fill_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(this)));
        hub.fill(address(this), 0, "");
    }

    function test_fill_sameChunkTwice_reverts() public {
        address replica = created();
        fill(replica, nothing(), part);
        bytes memory call = abi.encodeCall(IHub.fill, (replica, ReferenceTrie.emptyRoot(), witnessOf(nothing(), part)));
        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(IHub.UnexpectedRoot.selector, rootOf(part), ReferenceTrie.emptyRoot()));
        (bool success,) = address(hub).call(call);
        success;
        assertStorage(replica, part);
    }

    function test_fill_witnessFromAnotherRoot_reverts() public {
        address replica = created();
        fill(replica, nothing(), part);
        // Says that there was nothing before: the leaf that is there is left out.
        uint256[4] memory other = [uint256(5), 0, 0, 0];
        bytes memory witness = witnessOf(nothing(), other);
        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(part), ReferenceTrie.emptyRoot()));
        hub.fill(replica, rootOf(part), witness);
        assertStorage(replica, part);
    }

    function test_fill_malformed_revertsWithEnginesError() public {
        address replica = created();
        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(ITransitionEngine.WitnessIncomplete.selector, 0));
        hub.fill(replica, ReferenceTrie.emptyRoot(), "");
    }

    function test_fill_active_reverts() public {
        address replica = activeAt(10, first);
        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.ACTIVE));
        hub.fill(replica, rootOf(first), "");
    }

    /// @dev A leaf that is hidden behind its hash and handed upwards gives a root that no trie has. The creator can bring his
    /// own replica there, but nobody can activate it, and the way back is open.
    function test_fill_toARootThatNoTrieHas_cannotBeActivated() public {
        address replica = created();
        uint256[4] memory two = [uint256(1), 2, 0, 0];
        uint256[4] memory one = [uint256(1), 0, 0, 0];
        fill(replica, nothing(), two);
        Block memory proven = acceptedBlock(10, one);

        vm.prank(creator);
        bytes32 strange = hub.fill(replica, rootOf(two), _besideHiddenLeaf(WitnessBuilder.write(1, 0)));
        assertTrue(strange != rootOf(one), "the storage is right, the root is not");
        assertStorage(replica, one);
        assertRefused(
            replica,
            abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code)),
            notTheStateOf(proven, strange)
        );

        vm.prank(creator);
        assertEq(hub.fill(replica, strange, _besideHiddenLeaf(WitnessBuilder.write(1, 2))), rootOf(two));
    }

    // --- activate ---

    function test_activate_exactImage_opensToReaders() public {
        Block memory proven = acceptedBlock(10, first, Level.SAFE);
        address replica = created();
        fill(replica, nothing(), first);
        vm.expectRevert(IReplica.NotActive.selector);
        SampleSource(payable(replica)).stored();

        vm.expectEmit(address(hub));
        emit IHub.ReplicaActivated(replica, proven.hash, 10, rootOf(first));
        hub.activate(replica, proven.hash, proven.proof, code);
        assertMirrors(replica, proven, first);
        assertEq(hub.logicOf(keyOfReplica()).code, code);
        assertEq(SampleSource(payable(replica)).stored(), 1);

        Head memory head = hub.head(replica);
        assertEq(head.number, 10);
        assertEq(head.blockHash, proven.hash);
        assertEq(head.timestamp, 120);
        assertEq(uint256(head.level), uint256(Level.SAFE));
        assertEq(uint256(head.anchorStatus), uint256(Status.ACTIVE));
    }

    function test_activate_emptyStorage_isAnImageToo() public {
        Block memory proven = acceptedBlock(10, nothing());
        address replica = created();
        hub.activate(replica, proven.hash, proven.proof, code);
        assertMirrors(replica, proven, nothing());
    }

    function test_activate_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(this)));
        hub.activate(address(this), 0, "", "");
    }

    function test_activate_twice_reverts() public {
        address replica = activeAt(10, first);
        Block memory proven = acceptedBlock(11, first);
        bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code));
        assertRefused(replica, call, abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.ACTIVE));
    }

    function test_activate_notFilledYet_reverts() public {
        Block memory proven = acceptedBlock(10, first);
        address replica = created();
        fill(replica, nothing(), part);
        assertRefused(
            replica,
            abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code)),
            notTheStateOf(proven, rootOf(part))
        );
    }

    function test_activate_otherCode_reverts() public {
        (address replica, Block memory proven) = _filled();
        bytes memory other = bytes.concat(code, hex"00");
        bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, other));
        bytes memory reason = abi.encodeWithSelector(IHub.CodeMismatch.selector, keccak256(code), keccak256(other));
        assertRefused(replica, call, reason);
    }

    function test_activate_keyMadeForOtherCode_reverts() public {
        address replica = createdFor(keccak256("other"), hub.logicHashOf(code));
        fill(replica, nothing(), first);
        Block memory proven = acceptedBlock(10, first);
        (bytes32 other,,) = StateTrie.present(SOURCE, rootOf(first), keccak256("other"));
        assertRefused(
            replica,
            abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code)),
            abi.encodeWithSelector(IHub.StateRootMismatch.selector, proven.stateRoot, other)
        );
    }

    function test_activate_keyMadeForOtherLogic_reverts() public {
        address replica = createdFor(keccak256(code), hub.logicHashOf(hex"00"));
        fill(replica, nothing(), first);
        Block memory proven = acceptedBlock(10, first);
        assertRefused(
            replica,
            abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code)),
            abi.encodeWithSelector(IHub.LogicHashMismatch.selector, hub.logicHashOf(hex"00"), hub.logicHashOf(code))
        );
    }

    function test_activate_codeThatCannotBeDeployed_reverts() public {
        bytes[2] memory codes = [bytes(hex"ef0100"), new bytes(24_577)];
        for (uint256 i = 0; i < codes.length; ++i) {
            code = codes[i];
            (address replica, Block memory proven) = _filled();
            bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code));
            assertRefused(replica, call, abi.encodeWithSelector(IHub.CodeNotDeployable.selector, code.length));
        }
    }

    function test_activate_largestCode_isDeployed() public {
        code = new bytes(24_576);
        (address replica, Block memory proven) = _filled();
        hub.activate(replica, proven.hash, proven.proof, code);
        assertEq(hub.logicOf(keyOfReplica()).code.length, 24_576);
    }

    function test_activate_sourceAbsent_reverts() public {
        address replica = created();
        Block memory proven = absentBlock(10);
        bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code));
        assertRefused(replica, call, notTheStateOf(proven, rootOf(nothing())));
    }

    function test_activate_sourceWithoutCode_reverts() public {
        address replica = created();
        Block memory proven = presentBlock(10, nothing(), keccak256(""), Level.FINAL);
        bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, bytes("")));
        assertRefused(replica, call, notTheStateOf(proven, rootOf(nothing())));
    }

    function test_activate_blockNotAccepted_reverts() public {
        (address replica, Block memory proven) = _filled();
        Level[3] memory levels = [Level.UNKNOWN, Level.PENDING, Level.REVOKED];
        for (uint256 i = 0; i < 3; ++i) {
            anchor.setLevel(proven.hash, levels[i]);
            bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code));
            assertRefused(replica, call, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, proven.hash, levels[i]));
        }
        bytes32 never = keccak256("never heard of");
        bytes memory unknown = abi.encodeCall(IHub.activate, (replica, never, proven.proof, code));
        assertRefused(replica, unknown, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, never, Level.UNKNOWN));
    }

    function test_activate_anchorNotActive_reverts() public {
        (address replica, Block memory proven) = _filled();
        Status[3] memory states = [Status.PAUSED, Status.EXPIRED, Status.FROZEN];
        for (uint256 i = 0; i < 3; ++i) {
            anchor.setStatus(states[i]);
            bytes memory call = abi.encodeCall(IHub.activate, (replica, proven.hash, proven.proof, code));
            assertRefused(replica, call, abi.encodeWithSelector(IHub.AnchorNotActive.selector, states[i]));
        }
    }

    /// @dev Corpus 14: proofs of another account, another block.
    function test_activate_corpus14ProofOfAnother_reverts() public {
        (address replica, Block memory proven) = _filled();
        (bytes32 root, bytes memory proof,) = StateTrie.present(address(0x51), rootOf(first), keccak256(code));
        _assertNoProof(replica, proven, proof);
        Block memory later = acceptedBlock(11, part);
        // The neighbours are the same ones, so this leads from the replica's storage to the state that has it.
        assertEq(later.proof, proven.proof);
        bytes memory call = abi.encodeCall(IHub.activate, (replica, later.hash, later.proof, code));
        assertRefused(replica, call, notTheStateOf(later, rootOf(first)));

        // The right state, in which only the neighbour is what the proof says.
        anchor.setBlock(proven.hash, root, 10, Level.FINAL);
        proven.stateRoot = root;
        _assertNoProof(replica, proven, proof);
        (, bytes memory absence, bytes memory nodes) = StateTrie.absent(SOURCE);
        _assertNoProof(replica, proven, absence);
        _assertNoProof(replica, proven, nodes);
    }

    // --- addresses ---

    function test_replicaOf_hubsDiffer_otherAddresses() public {
        ReplicaKey memory key = keyOfReplica();
        address here = hub.replicaOf(key);
        hub = new Hub();
        assertTrue(hub.replicaOf(key) != here);
    }

    function test_record_unknown_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        hub.record(address(1));
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        hub.head(address(1));
    }

    function test_head_filling_saysSo() public {
        Head memory head = hub.head(created());
        assertEq(uint256(head.status), uint256(ReplicaStatus.FILLING));
        assertEq(uint256(head.level), uint256(Level.UNKNOWN));
        assertEq(head.blockHash, 0);
    }

    /// @dev A branch of slots 0 and 1, of which slot 0's leaf, of value 1, is given by its hash.
    function _besideHiddenLeaf(bytes memory write) private pure returns (bytes memory) {
        bytes32 key = ReferenceTrie.keyOf(0);
        ReferenceTrie.Entry[] memory leaf = new ReferenceTrie.Entry[](1);
        leaf[0] = ReferenceTrie.Entry(key, hex"01");
        uint256 fork = ReferenceTrie.commonNibbles(key, ReferenceTrie.keyOf(1));
        uint256 nibble = ReferenceTrie.nibbleAt(key, fork);
        bytes memory hash = abi.encodePacked(keccak256(ReferenceTrie.node(leaf, 0, 1, fork + 1)));
        return bytes.concat(write, WitnessBuilder.branch(fork, 1 << nibble, hash));
    }

    function _assertNoProof(address replica, Block memory proven, bytes memory proof) private {
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) =
            address(hub).call(abi.encodeCall(IHub.activate, (replica, proven.hash, proof, code)));
        assertFalse(success, "another account's proof passed for the source's");
        assertNamed(reason);
        assertEq(fingerprint(replica), before);
    }

    function _filled() private returns (address replica, Block memory proven) {
        replica = created();
        fill(replica, nothing(), first);
        proven = acceptedBlock(10, first);
    }
}
