// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {QuorumAnchor} from "../../src/anchors/QuorumAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {IQuorumAnchor} from "../../src/interfaces/IQuorumAnchor.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {QuorumScene} from "../reference/QuorumScene.sol";

/// @notice What happens to a quorum anchor in its life: levels, revocations, other signers, misbehaviour, recovery.
contract QuorumAnchorLifeTest is QuorumScene {
    /* ----------------------------------------------- levels, revocation ----------------------------------------- */

    function acceptSafe(uint64 number, uint256 timestamp) private returns (bytes32 hash) {
        bytes memory header_ = header(number, timestamp);
        (hash,) = anchor.update(safeProof(header_, number));
    }

    function safeProof(bytes memory header_, uint64 number) private view returns (bytes memory) {
        bytes32 digest = anchor.attestationDigest(attestation(anchor, number, keccak256(header_), Level.SAFE));
        return abi.encodePacked(uint8(Level.SAFE), header_, signed(digest, 0, 3));
    }

    function revoke(bytes32 newHead) private {
        anchor.revoke(newHead, UNTIL, signed(anchor.revocationDigest(newHead, UNTIL), 0, 3));
    }

    function assertLevel(bytes32 hash, Level expected) private view {
        assertEq(uint8(anchor.blockByHash(hash).level), uint8(expected));
        (,, Level fromLevel,) = anchor.step(hash, 0);
        assertEq(uint8(fromLevel), uint8(expected));
    }

    function test_update_safeThenFinal_rises() public {
        bytes32 hash = acceptSafe(7, NOW - 10);
        assertLevel(hash, Level.SAFE);
        assertEq(anchor.head(Level.SAFE).number, 7);
        assertUnknown(anchor.head(Level.FINAL));
        accept(7, NOW - 10);
        assertLevel(hash, Level.FINAL);
        assertEq(anchor.head(Level.FINAL).number, 7);
        // and never falls
        acceptSafe(7, NOW - 10);
        assertLevel(hash, Level.FINAL);
    }

    /// @dev What was signed as SAFE is not FINAL.
    function test_update_levelRaisedByASender_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes memory proof = safeProof(header_, 7);
        proof[0] = bytes1(uint8(Level.FINAL));
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.update(proof);
    }

    function test_revoke_blocksAboveTheNewHead() public {
        bytes32 five = accept(5, NOW - 50);
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes32 eight = acceptSafe(8, NOW - 20);
        bytes32 nine = acceptSafe(9, NOW - 10);
        vm.expectEmit(address(anchor));
        emit IAnchor.BlocksRevoked(seven, 7, 1);
        revoke(seven);
        assertLevel(five, Level.FINAL);
        assertLevel(seven, Level.SAFE);
        assertLevel(eight, Level.REVOKED);
        assertLevel(nine, Level.REVOKED);
        assertEq(anchor.head(Level.SAFE).blockHash, seven);
        assertUnknown(anchor.canonicalAt(8));
        (,, uint64 canonicalEpoch) = anchor.status();
        assertEq(canonicalEpoch, 1);
        // On the new branch other blocks have these numbers.
        bytes memory other = fork(8, NOW - 20);
        anchor.update(safeProof(other, 8));
        assertEq(anchor.canonicalAt(8).blockHash, keccak256(other));
        assertLevel(eight, Level.REVOKED);
        // And should the chain go back, the first ones once more.
        revoke(seven);
        acceptSafe(8, NOW - 20);
        assertLevel(eight, Level.SAFE);
        assertLevel(keccak256(other), Level.REVOKED);
        assertLevel(nine, Level.REVOKED);
    }

    function test_revoke_everything_whereNothingStands() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        revoke(0);
        assertLevel(seven, Level.REVOKED);
        assertUnknown(anchor.head(Level.SAFE));
        bytes32 five = acceptSafe(5, NOW - 40);
        assertEq(anchor.head(Level.SAFE).blockHash, five);
    }

    function test_revoke_attestationsOfTheEpochBefore_areWorthNothing() public {
        bytes memory proof = safeProof(header(8, NOW - 20), 8);
        bytes32 seven = acceptSafe(7, NOW - 30);
        revoke(seven);
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.update(proof);
    }

    function test_revoke_twiceBySameSignatures_reverts() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes memory signatures = signed(anchor.revocationDigest(seven, UNTIL), 0, 3);
        anchor.revoke(seven, UNTIL, signatures);
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.revoke(seven, UNTIL, signatures);
    }

    function test_revoke_finalBlocks_reverts() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes32 eight = accept(8, NOW - 20);
        bytes memory signatures = signed(anchor.revocationDigest(seven, UNTIL), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, seven, eight));
        anchor.revoke(seven, UNTIL, signatures);
        signatures = signed(anchor.revocationDigest(0, UNTIL), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, bytes32(0), eight));
        anchor.revoke(0, UNTIL, signatures);
    }

    /// @dev However many revocations there are in between.
    function test_revoke_finalBlockBelowASafeHead_staysFinal() public {
        bytes32 five = accept(5, NOW - 50);
        bytes32 seven = acceptSafe(7, NOW - 30);
        acceptSafe(8, NOW - 20);
        revoke(seven);
        assertEq(anchor.head(Level.FINAL).blockHash, five);
        bytes memory signatures = signed(anchor.revocationDigest(0, UNTIL), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, bytes32(0), five));
        anchor.revoke(0, UNTIL, signatures);
        revoke(five);
        assertLevel(five, Level.FINAL);
        assertLevel(seven, Level.REVOKED);
    }

    /// @dev The source came back to what it had dropped, and nobody sent them: they must not be kept against all later blocks.
    function test_revoke_afterTheDeadline_reverts() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes memory signatures = signed(anchor.revocationDigest(seven, UNTIL), 0, 3);
        vm.warp(uint256(UNTIL) + 1);
        bytes32 eight = acceptSafe(8, UNTIL);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.RevocationExpired.selector, UNTIL));
        anchor.revoke(seven, UNTIL, signatures);
        // Nor does a sender choose it.
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.revoke(seven, UNTIL + 1, signatures);
        assertLevel(eight, Level.SAFE);
        vm.warp(UNTIL);
        anchor.revoke(seven, UNTIL, signatures);
        assertLevel(eight, Level.REVOKED);
    }

    function test_revoke_withoutQuorumOrToNoBlock_reverts() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes memory two = signed(anchor.revocationDigest(seven, UNTIL), 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 2));
        anchor.revoke(seven, UNTIL, two);
        bytes memory three = signed(anchor.revocationDigest(STATE, UNTIL), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, STATE, Level.UNKNOWN));
        anchor.revoke(STATE, UNTIL, three);
    }

    /* --------------------------------------------------- signers ------------------------------------------------ */

    function others(uint256 count) private pure returns (address[] memory found) {
        found = new address[](count);
        for (uint160 i = 0; i < count; ++i) {
            found[i] = address(0x1000 + i);
        }
    }

    function schedule(address[] memory newSigners, uint256 newThreshold) private {
        bytes32 digest = anchor.setUpdateDigest(newSigners, newThreshold);
        anchor.scheduleSet(newSigners, newThreshold, signed(digest, 0, 3));
    }

    function test_scheduleSet_afterTheDelay_isInForce() public {
        address[] memory next = others(4);
        vm.expectEmit(address(anchor));
        emit IQuorumAnchor.SetScheduled(next, 3, 2, 1, NOW + DELAY);
        schedule(next, 3);
        assertEq(anchor.signers(), members());
        vm.warp(NOW + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotYet.selector, NOW + DELAY));
        anchor.changeSet(next, 3);
        bytes memory old = attested(7, header(7, NOW));
        vm.warp(NOW + DELAY);
        vm.expectEmit(address(anchor));
        emit IQuorumAnchor.SetChanged(next, 3, 2);
        anchor.changeSet(next, 3);
        assertEq(anchor.signers(), next);
        assertEq(anchor.threshold(), 3);
        assertEq(anchor.setEpoch(), 2);
        assertFalse(anchor.isSigner(vm.addr(keys[0])));
        // What the old ones have signed dies with their epoch.
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.update(old);
        vm.expectPartialRevert(IQuorumAnchor.NotScheduled.selector);
        anchor.changeSet(next, 3);
    }

    function test_scheduleSet_another_replacesIt() public {
        schedule(others(4), 3);
        bytes32 digest = anchor.setUpdateDigest(others(4), 3);
        schedule(others(5), 3);
        vm.warp(NOW + DELAY);
        vm.expectPartialRevert(IQuorumAnchor.NotScheduled.selector);
        anchor.changeSet(others(4), 3);
        // and the first cannot be scheduled once more by the same signatures
        bytes memory signatures = signed(digest, 0, 3);
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.scheduleSet(others(4), 3, signatures);
        anchor.changeSet(others(5), 3);
        assertEq(anchor.signers().length, 5);
    }

    function test_scheduleSet_wrongSets_revert() public {
        bytes memory signatures = signed(anchor.setUpdateDigest(others(4), 2), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.ThresholdOutOfRange.selector, 2, 4));
        anchor.scheduleSet(others(4), 2, signatures);
        signatures = signed(anchor.setUpdateDigest(others(4), 3), 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 2));
        anchor.scheduleSet(others(4), 3, signatures);
        vm.expectPartialRevert(IQuorumAnchor.NotScheduled.selector);
        anchor.changeSet(others(4), 3);
    }

    /* ------------------------------------------------- misbehaviour --------------------------------------------- */

    /// @dev What one signer said of block 7, twice.
    function evidenceOf(uint256 key, bytes32 one, bytes32 other) private view returns (bytes memory) {
        bytes memory first = sign(key, digestFor(anchor, 7, one));
        bytes memory second = sign(key, digestFor(anchor, 7, other));
        return abi.encodePacked(uint64(7), one, uint8(Level.FINAL), first, other, uint8(Level.FINAL), second);
    }

    function test_reportMisbehaviour_twoHashes_removesTheSigner() public {
        bytes memory evidence = evidenceOf(keys[1], STATE, genesisHash);
        vm.expectEmit(address(anchor));
        emit IQuorumAnchor.SignerRemoved(vm.addr(keys[1]), evidence);
        anchor.reportMisbehaviour(evidence);
        assertFalse(anchor.isSigner(vm.addr(keys[1])));
        assertEq(anchor.signers().length, 4);
        bytes memory proof = attested(7, header(7, NOW));
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 1, vm.addr(keys[1])));
        anchor.update(proof);
        // once is enough
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 0, vm.addr(keys[1])));
        anchor.reportMisbehaviour(evidence);
        // the others go on
        bytes memory header_ = header(7, NOW);
        anchor.update(proofOf(header_, signed(digestOf(7, header_), 2, 5)));
        assertEq(anchor.head(Level.FINAL).number, 7);
    }

    /// @dev He would be back with the set that is on its way.
    function test_reportMisbehaviour_whileASetIsOnItsWay_takesItWithHim() public {
        address[] memory same = members();
        schedule(same, 3);
        anchor.reportMisbehaviour(evidenceOf(keys[1], STATE, genesisHash));
        vm.warp(NOW + DELAY);
        vm.expectPartialRevert(IQuorumAnchor.NotScheduled.selector);
        anchor.changeSet(same, 3);
    }

    function test_reportMisbehaviour_tooFewLeft_freezes() public {
        Status current;
        for (uint256 i = 0; i < 3; ++i) {
            (current,,) = anchor.status();
            assertEq(uint8(current), uint8(Status.ACTIVE));
            anchor.reportMisbehaviour(evidenceOf(keys[i], STATE, genesisHash));
        }
        (current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.FROZEN));
    }

    function test_reportMisbehaviour_noContradiction_reverts() public {
        bytes memory evidence = evidenceOf(keys[1], STATE, STATE);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(evidence);
        // of two signers
        bytes memory two = abi.encodePacked(
            uint64(7),
            STATE,
            uint8(Level.FINAL),
            sign(keys[0], digestFor(anchor, 7, STATE)),
            genesisHash,
            uint8(Level.SAFE),
            sign(keys[1], anchor.attestationDigest(attestation(anchor, 7, genesisHash, Level.SAFE)))
        );
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 1, vm.addr(keys[1])));
        anchor.reportMisbehaviour(two);
        // of nobody who counts
        uint256 stranger = uint256(keccak256("stranger"));
        evidence = evidenceOf(stranger, STATE, genesisHash);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 0, vm.addr(stranger)));
        anchor.reportMisbehaviour(evidence);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ProofNotCanonical.selector, 203));
        anchor.reportMisbehaviour(new bytes(203));
        assertEq(anchor.signers().length, 5);
    }

    /// @dev After a revocation honest signers sign another hash of the same number.
    function test_reportMisbehaviour_acrossEpochs_isNone() public {
        bytes memory before = sign(keys[0], digestFor(anchor, 7, STATE));
        revoke(0);
        bytes memory now_ = sign(keys[0], digestFor(anchor, 7, genesisHash));
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.reportMisbehaviour(
            abi.encodePacked(uint64(7), STATE, uint8(Level.FINAL), before, genesisHash, uint8(Level.FINAL), now_)
        );
    }

    /* --------------------------------------------------- recovery ----------------------------------------------- */

    function freeze() private returns (bytes32 five) {
        five = accept(5, NOW - 20);
        accept(7, NOW - 10);
        anchor.update(attested(7, fork(7, NOW - 10)));
    }

    function test_recover_byTheGuardianAfterTheDelay() public {
        bytes32 five = freeze();
        bytes32 seven = anchor.canonicalAt(7).blockHash;
        address[] memory next = others(4);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotGuardian.selector, address(this)));
        anchor.scheduleRecovery(next, 3, five);
        vm.prank(GUARDIAN);
        vm.expectEmit(address(anchor));
        emit IQuorumAnchor.RecoveryScheduled(five, 1);
        anchor.scheduleRecovery(next, 3, five);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotYet.selector, NOW + DELAY));
        anchor.recover(next, 3, five);
        vm.warp(NOW + DELAY);
        vm.expectPartialRevert(IQuorumAnchor.NotScheduled.selector);
        anchor.recover(next, 3, 0);
        anchor.recover(next, 3, five);
        (Status current, uint64 since, uint64 canonicalEpoch) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        assertEq(since, NOW + DELAY);
        assertEq(canonicalEpoch, 1);
        assertEq(anchor.signers(), next);
        assertLevel(five, Level.FINAL);
        assertLevel(seven, Level.REVOKED);
        assertEq(anchor.head(Level.FINAL).blockHash, five);
    }

    /// @dev What was FINAL below must not become revocable.
    function test_recover_toASafeBlock_makesItFinal() public {
        bytes32 three = accept(3, NOW - 60);
        bytes32 four = acceptSafe(4, NOW - 50);
        freeze();
        vm.prank(GUARDIAN);
        anchor.scheduleRecovery(members(), 3, four);
        vm.warp(NOW + DELAY);
        anchor.recover(members(), 3, four);
        assertLevel(four, Level.FINAL);
        assertLevel(three, Level.FINAL);
        bytes memory signatures = signed(anchor.revocationDigest(three, UNTIL), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, three, four));
        anchor.revoke(three, UNTIL, signatures);
    }

    /// @dev While it works the guardian is nobody.
    function test_scheduleRecovery_whileActive_reverts() public {
        vm.startPrank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotFrozen.selector, Status.ACTIVE));
        anchor.scheduleRecovery(others(4), 3, 0);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotFrozen.selector, Status.ACTIVE));
        anchor.recover(others(4), 3, 0);
    }

    /// @dev A set that was on its way when the anchor froze must not come into force by the back door.
    function test_changeSet_whileFrozen_reverts() public {
        schedule(others(4), 3);
        freeze();
        vm.warp(NOW + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.FROZEN, NOW));
        anchor.changeSet(others(4), 3);
        vm.expectPartialRevert(IQuorumAnchor.NotScheduled.selector);
        anchor.recover(others(4), 3, 0);
    }

    function test_frozen_withoutGuardian_staysSo() public {
        anchor = new QuorumAnchor(SOURCE_CHAIN, genesisHash, members(), 3, DRIFT, DELAY, address(0));
        bytes32 five = freeze();
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.NotGuardian.selector, address(this)));
        anchor.scheduleRecovery(others(4), 3, five);
    }

    /* -------------------------------------------------- ancestors ----------------------------------------------- */

    function test_extendAncestors_inheritTheLevel() public {
        bytes memory parent = header(6, NOW - 20);
        bytes memory newest = HeaderWriter.header(keccak256(parent), STATE, 7, NOW - 10);
        anchor.update(safeProof(newest, 7));
        bytes[] memory headers = HeaderWriter.pair(newest, parent);
        anchor.extendAncestors(keccak256(newest), headers);
        assertLevel(keccak256(parent), Level.SAFE);
        revoke(0);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, keccak256(newest), Level.REVOKED));
        anchor.extendAncestors(keccak256(newest), headers);
    }

    /// @dev A block 6, and a block 7 whose parent is another one of number 6.
    function fork6(bool sixIsFinal, bool sevenIsFinal) private returns (bytes memory parent, bytes[] memory headers) {
        if (sixIsFinal) accept(6, NOW - 20);
        else acceptSafe(6, NOW - 20);
        parent = fork(6, NOW - 20);
        bytes memory newest = HeaderWriter.header(keccak256(parent), STATE, 7, NOW - 10);
        anchor.update(sevenIsFinal ? attested(7, newest) : safeProof(newest, 7));
        headers = HeaderWriter.pair(newest, parent);
    }

    /// @dev Two FINAL blocks of one number show that a quorum was wrong once.
    function test_extendAncestors_finalAgainstFinal_freezes() public {
        (, bytes[] memory headers) = fork6(true, true);
        anchor.extendAncestors(keccak256(headers[0]), headers);
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.FROZEN));
    }

    /// @dev An ordinary reorganisation, of which the signers have told by a FINAL block first: nobody has to revoke anything.
    function test_extendAncestors_finalAgainstSafe_displacesIt() public {
        (bytes memory parent, bytes[] memory headers) = fork6(false, true);
        bytes32 six = anchor.canonicalAt(6).blockHash;
        vm.expectEmit(address(anchor));
        emit IAnchor.BlockDisplaced(six, 6, keccak256(parent), 1);
        anchor.extendAncestors(keccak256(headers[0]), headers);
        assertLevel(six, Level.REVOKED);
        assertLevel(keccak256(parent), Level.FINAL);
        assertLevel(keccak256(headers[0]), Level.FINAL);
        (Status current,, uint64 canonicalEpoch) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        assertEq(canonicalEpoch, 1);
        assertEq(anchor.head(Level.SAFE).number, 7);
        assertEq(anchor.canonicalAt(6).blockHash, keccak256(parent));
        // It does not come back.
        bytes[] memory again = new bytes[](0);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, six, Level.REVOKED));
        anchor.extendAncestors(six, again);
    }

    /// @dev An attestation is refused and nothing else happens, whoever put the other block there.
    function assertContradicts(bytes memory proof, bytes32 hash, uint64 number) private {
        SrcBlock memory standing = anchor.canonicalAt(number);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.Contradiction.selector, number, standing.blockHash, hash));
        anchor.update(proof);
        assertLevel(standing.blockHash, standing.level);
        assertLevel(hash, Level.UNKNOWN);
        (Status current,, uint64 canonicalEpoch) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        assertEq(canonicalEpoch, 0);
    }

    function test_update_safeAgainstAnother_isRefused() public {
        acceptSafe(7, NOW - 30);
        accept(8, NOW - 20);
        bytes[2] memory raws = [fork(7, NOW - 30), fork(8, NOW - 20)];
        assertContradicts(safeProof(raws[0], 7), keccak256(raws[0]), 7);
        assertContradicts(safeProof(raws[1], 8), keccak256(raws[1]), 8);
    }

    /// @dev A source that reorganises: of the branch that it left, block 7 was attested to and nothing else, and of the other
    /// one block 6. Nobody has signed two hashes of one number, and a stranger must not be able to freeze the anchor.
    function test_update_againstAnAncestorThatAStrangerBrought_isRefused() public {
        bytes memory parent = fork(6, NOW - 40);
        bytes memory left = HeaderWriter.header(keccak256(parent), STATE, 7, NOW - 30);
        anchor.update(safeProof(left, 7));
        bytes[] memory headers = HeaderWriter.pair(left, parent);
        vm.prank(address(0xbad));
        anchor.extendAncestors(keccak256(left), headers);
        bytes memory honest = header(6, NOW - 40);
        assertContradicts(safeProof(honest, 6), keccak256(honest), 6);
    }

    /// @dev Signatures that nobody sent before the source left the block, sent once its place was taken.
    function test_update_bySignaturesHeldBack_isRefused() public {
        bytes memory left = header(6, NOW - 40);
        bytes memory held = safeProof(left, 6);
        bytes memory parent = fork(6, NOW - 40);
        bytes memory newest = HeaderWriter.header(keccak256(parent), STATE, 7, NOW - 30);
        anchor.update(safeProof(newest, 7));
        bytes[] memory headers = HeaderWriter.pair(newest, parent);
        anchor.extendAncestors(keccak256(newest), headers);
        assertContradicts(held, keccak256(left), 6);
    }

    /// @dev An ordinary reorganisation: nobody has to revoke what a FINAL block shows to be dropped. It may have another time,
    /// where it takes the place of the newest one.
    function test_update_finalAgainstSafe_displacesIt() public {
        bytes32 six = acceptSafe(6, NOW - 40);
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes memory other = fork(7, NOW - 25);
        vm.expectEmit(address(anchor));
        emit IAnchor.BlockDisplaced(seven, 7, keccak256(other), 1);
        anchor.update(attested(7, other));
        assertLevel(seven, Level.REVOKED);
        assertLevel(six, Level.SAFE);
        assertLevel(keccak256(other), Level.FINAL);
        assertEq(anchor.head(Level.SAFE).blockHash, keccak256(other));
        (Status current,, uint64 canonicalEpoch) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        assertEq(canonicalEpoch, 1);
    }

    /// @dev A branch that was faster than the one that prevails, and that nobody has revoked yet.
    function test_update_finalBelowALaterSafeOrphan_acceptsBlock() public {
        acceptSafe(9, NOW - 40);
        bytes32 six = accept(6, NOW - 30);
        assertLevel(six, Level.FINAL);
        assertEq(anchor.head(Level.FINAL).number, 6);
        bytes memory proof = safeProof(header(7, NOW - 20), 7);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 7, NOW - 20, 9, NOW - 40));
        anchor.update(proof);
        proof = attested(8, header(8, NOW - 31));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 8, NOW - 31, 6, NOW - 30));
        anchor.update(proof);
        // Nor does the orphan let another one of its branch in.
        proof = safeProof(header(10, NOW - 35), 10);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 10, NOW - 35, 6, NOW - 30));
        anchor.update(proof);
    }

    function test_update_finalAgainstSafe_outOfTime_reverts() public {
        bytes32 six = acceptSafe(6, NOW - 40);
        accept(7, NOW - 30);
        bytes memory proof = attested(6, fork(6, NOW - 29));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 6, NOW - 29, 7, NOW - 30));
        anchor.update(proof);
        proof = attested(6, fork(6, NOW + DRIFT + 1));
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.TimestampInFuture.selector, NOW + DRIFT + 1, uint256(NOW) + DRIFT)
        );
        anchor.update(proof);
        assertLevel(six, Level.SAFE);
    }

    /// @dev Nobody has signed two hashes of one number, and a stranger must not be able to freeze it.
    function test_extendAncestors_safeAgainstSafe_isRefused() public {
        (bytes memory parent, bytes[] memory headers) = fork6(false, false);
        bytes32 six = anchor.canonicalAt(6).blockHash;
        vm.expectRevert(abi.encodeWithSelector(IAnchor.Contradiction.selector, 6, six, keccak256(parent)));
        anchor.extendAncestors(keccak256(headers[0]), headers);
    }

    function test_extendAncestors_safeAgainstFinal_isRefused() public {
        (bytes memory parent, bytes[] memory headers) = fork6(true, false);
        bytes32 six = anchor.canonicalAt(6).blockHash;
        vm.expectRevert(abi.encodeWithSelector(IAnchor.Contradiction.selector, 6, six, keccak256(parent)));
        anchor.extendAncestors(keccak256(headers[0]), headers);
    }
}
