// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BftAnchor} from "../../src/anchors/BftAnchor.sol";
import {Ibft2Anchor} from "../../src/anchors/Ibft2Anchor.sol";
import {QbftAnchor} from "../../src/anchors/QbftAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {IBftAnchor} from "../../src/interfaces/IBftAnchor.sol";
import {BftHeader} from "../../src/libraries/BftHeader.sol";
import {BftChain} from "../reference/BftChain.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";

/// @notice The same tests for both protocols; QBFT's are the first.
contract QbftAnchorTest is BftChain {
    uint256 private constant CHAIN = 1337;
    uint64 private constant NOW = 1_800_000_000;
    uint64 private constant PERIOD = 14 days;
    uint64 private constant DRIFT = 60;

    uint256[] private known; // 4 validators, 3 are needed, and 2 of them for others
    BftAnchor private anchor;
    Draft private first;

    function setUp() public virtual {
        vm.warp(NOW);
        start(keysFrom(0, 4));
    }

    function start(uint256[] memory keys) internal {
        known = keys;
        first = Draft(keccak256("parent"), keccak256("state"), 100, NOW - 100, 0, keys, new uint256[](0));
        anchor = deploy(blockHashOf(first));
        anchor.update(sealedHeader(first));
    }

    function deploy(bytes32 checkpoint) internal returns (BftAnchor) {
        return deploy(keccak256("genesis"), checkpoint, PERIOD);
    }

    function deploy(bytes32 genesis, bytes32 checkpoint, uint64 period) internal returns (BftAnchor) {
        if (protocol == Protocol.QBFT) return new QbftAnchor(CHAIN, genesis, checkpoint, period, DRIFT);
        return new Ibft2Anchor(CHAIN, genesis, checkpoint, period, DRIFT);
    }

    function draft(uint64 number, uint256[] memory keys, uint256 sealing) internal view returns (Draft memory) {
        return Draft(
            keccak256("parent"), keccak256(abi.encode(number)), number, NOW - 200 + number, 1, keys, firstOf(sealing)
        );
    }

    function refused(bytes memory proof, bytes memory reason) internal {
        bytes32 before = keccak256(abi.encode(anchor.head(Level.SAFE), anchor.validatorsHash()));
        vm.expectRevert(reason);
        anchor.update(proof);
        assertEq(keccak256(abi.encode(anchor.head(Level.SAFE), anchor.validatorsHash())), before);
    }

    // --- accepted ---

    function test_update_checkpoint_isTheFirstHead() public view {
        SrcBlock memory head = anchor.head(Level.FINAL);
        assertEq(head.blockHash, blockHashOf(first));
        assertEq(head.number, 100);
        assertEq(anchor.validatorsHash(), keccak256(listOf(known)));
    }

    function test_update_knownValidatorsSealed_isFinal() public {
        Draft memory next = draft(110, known, 3);
        (bytes32 hash, Level level) = anchor.update(proofOf(next));
        assertEq(hash, blockHashOf(next));
        assertEq(uint8(level), uint8(Level.FINAL));
        SrcBlock memory found = anchor.blockByHash(hash);
        assertEq(found.stateRoot, next.stateRoot);
        assertEq(found.number, 110);
        assertEq(found.timestamp, next.timestamp);
        assertEq(found.acceptedAt, NOW);
        // Once more, by whomever, with other seals.
        next.sealing = firstOf(4);
        (, level) = anchor.update(proofOf(next));
        assertEq(uint8(level), uint8(Level.FINAL));
    }

    function test_update_anyRound_isTheSameBlock() public {
        Draft memory next = draft(110, known, 3);
        anchor.update(proofOf(next));
        bytes memory before = proofOf(next);
        next.round = 7;
        assertNotEq(keccak256(proofOf(next)), keccak256(before));
        (bytes32 hash, Level level) = anchor.update(proofOf(next));
        assertEq(hash, blockHashOf(next));
        assertEq(uint8(level), uint8(Level.FINAL));
    }

    function test_update_otherValidatorsWithOverlap_areKnownThen() public {
        uint256[] memory others = keysFrom(2, 4); // two of the four are new
        Draft memory next = draft(110, others, 4);
        vm.expectEmit(address(anchor));
        emit IBftAnchor.ValidatorsChanged(110, keccak256(listOf(others)));
        anchor.update(proofOf(next, known));
        assertEq(anchor.validatorsHash(), keccak256(listOf(others)));
        anchor.update(proofOf(draft(111, others, 3)));
    }

    // --- refused ---

    function test_update_firstBlockIsNotTheCheckpoint_reverts() public {
        anchor = deploy(keccak256("another"));
        refused(
            sealedHeader(first),
            abi.encodeWithSelector(IBftAnchor.NotCheckpoint.selector, keccak256("another"), blockHashOf(first))
        );
    }

    function test_update_oneSealTooFew_reverts() public {
        refused(proofOf(draft(110, known, 2)), abi.encodeWithSelector(IBftAnchor.TooFewSeals.selector, 3, 2));
    }

    /// @dev ceil(2n / 3), not floor: with 4, 7, 10 validators floor would be 2, 4, 6.
    function test_update_floorOfTwoThirds_reverts() public {
        for (uint256 n = 1; n <= 10; ++n) {
            start(keysFrom(0, n));
            uint256 needed = (2 * n + 2) / 3;
            refused(
                proofOf(draft(110, known, needed - 1)),
                abi.encodeWithSelector(IBftAnchor.TooFewSeals.selector, needed, needed - 1)
            );
            anchor.update(proofOf(draft(110, known, needed)));
        }
    }

    function test_update_noSealsAtAll_revertsHoweverFewValidators() public {
        for (uint256 n = 1; n <= 2; ++n) {
            start(keysFrom(0, n));
            refused(proofOf(draft(110, known, 0)), abi.encodeWithSelector(IBftAnchor.TooFewSeals.selector, n, 0));
        }
    }

    function test_update_sameSealTwice_reverts() public {
        Draft memory next = draft(110, known, 3);
        next.sealing[2] = 1;
        refused(proofOf(next), abi.encodeWithSelector(IBftAnchor.PlacesNotIncreasing.selector, 2));
        // and with the place of somebody else
        bytes memory proof = bytes.concat(sealedHeader(next), hex"000102");
        refused(
            proof, abi.encodeWithSelector(IBftAnchor.NotThatValidator.selector, 2, vm.addr(known[2]), vm.addr(known[1]))
        );
    }

    function test_update_sealOfAnotherHeader_reverts() public {
        Draft memory other = draft(111, known, 3);
        Draft memory next = draft(110, known, 3);
        bytes memory proof = bytes.concat(headerOf(next, sealsOf(other)), hex"000102");
        vm.expectPartialRevert(IBftAnchor.NotThatValidator.selector);
        anchor.update(proof);
    }

    /// @dev Who sealed round 0 has not sealed round 1: the round is in what is sealed.
    function test_update_sealsOfAnotherRound_reverts() public {
        Draft memory next = draft(110, known, 3);
        bytes memory seals = sealsOf(next);
        next.round = 2;
        vm.expectPartialRevert(IBftAnchor.NotThatValidator.selector);
        anchor.update(bytes.concat(headerOf(next, seals), hex"000102"));
    }

    /// @dev One known validator and three keys of its own: what a client with floor thresholds takes.
    function test_update_oneKnownOfFourWithOthersOfItsOwn_reverts() public {
        uint256[] memory mine = sorted(append(keysFrom(50, 3), known[0]));
        refused(proofOf(draft(110, mine, 4), known), abi.encodeWithSelector(IBftAnchor.TooFewKnownSeals.selector, 2, 1));
    }

    function test_update_otherValidatorsOnly_reverts() public {
        refused(
            proofOf(draft(110, keysFrom(50, 4), 4), known),
            abi.encodeWithSelector(IBftAnchor.TooFewKnownSeals.selector, 2, 0)
        );
    }

    /// @dev A known validator counted twice in the overlap.
    function test_update_knownSealsAtAWrongPlace_reverts() public {
        uint256[] memory mine = sorted(append(keysFrom(50, 3), known[0]));
        Draft memory next = draft(110, mine, 4);
        bytes memory proof = bytes.concat(proofOf(next), listOf(known), hex"00000000");
        vm.expectPartialRevert(IBftAnchor.NotThatValidator.selector);
        anchor.update(proof);
    }

    function test_update_knownListForged_reverts() public {
        uint256[] memory mine = keysFrom(50, 4);
        bytes32 forged = keccak256(listOf(mine));
        refused(
            bytes.concat(proofOf(draft(110, mine, 4), mine)),
            abi.encodeWithSelector(IBftAnchor.NotKnownValidators.selector, keccak256(listOf(known)), forged)
        );
    }

    function test_update_numberNotNewer_reverts() public {
        anchor.update(proofOf(draft(110, known, 3)));
        Draft memory other = draft(110, known, 3);
        other.stateRoot = keccak256("other");
        refused(proofOf(other), abi.encodeWithSelector(IBftAnchor.NumberNotNewer.selector, 110, 110));
        refused(proofOf(draft(105, known, 3)), abi.encodeWithSelector(IBftAnchor.NumberNotNewer.selector, 110, 105));
    }

    function test_update_trustingPeriodOver_reverts() public {
        vm.warp(NOW - 100 + PERIOD);
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        vm.warp(NOW - 100 + PERIOD + 1);
        uint64 since;
        (current, since,) = anchor.status();
        assertEq(uint8(current), uint8(Status.EXPIRED));
        refused(
            proofOf(draft(110, known, 3)), abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.EXPIRED, since)
        );
    }

    function test_update_timeInFuture_reverts() public {
        Draft memory next = draft(110, known, 3);
        next.timestamp = NOW + DRIFT + 1;
        refused(
            proofOf(next),
            abi.encodeWithSelector(IAnchor.TimestampInFuture.selector, NOW + DRIFT + 1, uint256(NOW) + DRIFT)
        );
    }

    function test_update_timeBeforeTheHeads_reverts() public {
        Draft memory next = draft(110, known, 3);
        next.timestamp = NOW - 101;
        refused(
            proofOf(next), abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 110, NOW - 101, 100, NOW - 100)
        );
    }

    function test_update_validatorsNotSorted_reverts() public {
        uint256[] memory others = keysFrom(1, 4);
        (others[0], others[1]) = (others[1], others[0]);
        bytes memory proof = proofOf(draft(110, others, 4), known);
        vm.expectRevert(
            abi.encodeWithSelector(IBftAnchor.ValidatorsNotIncreasing.selector, vm.addr(others[0]), vm.addr(others[1]))
        );
        anchor.update(proof);
    }

    function test_update_anyByteChanged_isNamedAndChangesNothing() public {
        bytes memory proof = proofOf(draft(110, known, 3));
        for (uint256 i = 0; i < proof.length; ++i) {
            bytes1 kept = proof[i];
            proof[i] = kept ^ 0x01;
            (bool success, bytes memory reason) = address(anchor).call(abi.encodeCall(IAnchor.update, (proof)));
            assertFalse(success);
            assertNamed(reason);
            proof[i] = kept;
        }
    }

    function test_update_cutAnywhereOrLonger_isNamed() public {
        bytes memory proof = proofOf(draft(110, known, 3));
        for (uint256 size = 0; size <= proof.length + 1; ++size) {
            if (size == proof.length) continue;
            bytes memory cut = new bytes(size);
            for (uint256 i = 0; i < size && i < proof.length; ++i) {
                cut[i] = proof[i];
            }
            (bool success, bytes memory reason) = address(anchor).call(abi.encodeCall(IAnchor.update, (cut)));
            assertFalse(success);
            assertNamed(reason);
        }
    }

    // --- headers that are none of such a chain ---

    function test_update_otherMixHash_reverts() public {
        Draft memory next = draft(110, known, 3);
        bytes[] memory fields = HeaderWriter.fields(next.parentHash, next.stateRoot, next.number, next.timestamp);
        fields[12] = RlpWriter.str(extraOf(next, sealsOf(next)));
        bytes memory proof = bytes.concat(HeaderWriter.join(fields), placesOf(next.sealing));
        refused(proof, abi.encodeWithSelector(BftHeader.NotBft.selector, keccak256("randao")));
    }

    function test_update_sealOf64Bytes_reverts() public {
        Draft memory next = draft(110, known, 3);
        bytes memory header = headerOf(next, RlpWriter.str(new bytes(64)));
        vm.expectPartialRevert(BftHeader.ExtraDataMalformed.selector);
        anchor.update(bytes.concat(header, placesOf(next.sealing)));
    }

    function test_update_sealWithTheUpperS_reverts() public {
        Draft memory next = draft(110, known, 3);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(known[0], sealedHashOf(next));
        bytes32 upper = bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s));
        refused(
            withFirstSeal(next, abi.encodePacked(r, upper, 1 - (v - 27))),
            abi.encodeWithSelector(BftHeader.SealHighS.selector, 0, upper)
        );
    }

    function test_update_sealWithAnotherRecoveryId_reverts() public {
        Draft memory next = draft(110, known, 3);
        (, bytes32 r, bytes32 s) = vm.sign(known[0], sealedHashOf(next));
        refused(
            withFirstSeal(next, abi.encodePacked(r, s, uint8(2))),
            abi.encodeWithSelector(BftHeader.SealRecoveryId.selector, 0, 29)
        );
    }

    function test_update_headerOf64KiB_reverts() public {
        Draft memory next = draft(110, known, 3);
        bytes[] memory fields = HeaderWriter.fields(next.parentHash, next.stateRoot, next.number, next.timestamp);
        bytes[] memory more = new bytes[](16);
        for (uint256 i = 0; i < 15; ++i) {
            more[i] = fields[i];
        }
        more[12] = RlpWriter.str(extraOf(next, sealsOf(next)));
        more[13] = RlpWriter.word(MIX_HASH);
        more[15] = RlpWriter.str(new bytes(1 << 16));
        vm.expectPartialRevert(BftHeader.HeaderTooLong.selector);
        anchor.update(bytes.concat(HeaderWriter.join(more), placesOf(next.sealing)));
    }

    function test_update_noValidators_reverts() public {
        Draft memory next = draft(110, new uint256[](0), 0);
        refused(
            bytes.concat(sealedHeader(next), listOf(known)),
            abi.encodeWithSelector(IBftAnchor.ValidatorCountOutOfRange.selector, 0)
        );
    }

    function test_update_checkpointOfNoOrTooManyValidators_reverts() public {
        for (uint256 count = 0; count <= 256; count += 256) {
            Draft memory bad = draft(100, keysFrom(0, 0), 0);
            bad.keys = count == 0 ? bad.keys : manyKeys(count);
            anchor = deploy(blockHashOf(bad));
            bytes memory header = sealedHeader(bad);
            vm.expectRevert(abi.encodeWithSelector(IBftAnchor.ValidatorCountOutOfRange.selector, count));
            anchor.update(header);
        }
    }

    /// @dev Not sorted: it does not come to that.
    function manyKeys(uint256 count) private pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            keys[i] = i + 1;
        }
    }

    /// @dev The proof of a header of which the first seal is this.
    function withFirstSeal(Draft memory next, bytes memory seal) private view returns (bytes memory) {
        bytes memory seals = sealsOf(next);
        bytes memory rest = new bytes(seals.length - 67);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = seals[67 + i];
        }
        return bytes.concat(headerOf(next, bytes.concat(RlpWriter.str(seal), rest)), placesOf(next.sealing));
    }

    // --- misbehaviour ---

    function test_reportMisbehaviour_twoSealedHeaders_freezes() public {
        Draft memory next = draft(110, known, 3);
        anchor.update(proofOf(next));
        Draft memory other = draft(110, known, 3);
        other.stateRoot = keccak256("other");
        other.sealing[0] = 1;
        other.sealing[1] = 2;
        other.sealing[2] = 3;
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(next), proofOf(other)));
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.FROZEN));
        assertEq(anchor.canonicalAt(110).blockHash, blockHashOf(next), "it keeps what it had");
        vm.expectPartialRevert(IAnchor.AnchorStopped.selector);
        anchor.update(proofOf(draft(111, known, 3)));
    }

    function test_reportMisbehaviour_sameBlockOtherSeals_reverts() public {
        Draft memory next = draft(110, known, 3);
        anchor.update(proofOf(next));
        Draft memory other = draft(110, known, 4);
        other.round = 5;
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(next), proofOf(other)));
    }

    function test_reportMisbehaviour_tooFewSeals_reverts() public {
        Draft memory next = draft(110, known, 3);
        anchor.update(proofOf(next));
        Draft memory other = draft(110, known, 2);
        other.stateRoot = keccak256("other");
        vm.expectRevert(abi.encodeWithSelector(IBftAnchor.TooFewSeals.selector, 3, 2));
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(next), proofOf(other)));
    }

    function test_reportMisbehaviour_headerThatWasNotAccepted_reverts() public {
        Draft memory next = draft(110, known, 3);
        Draft memory other = draft(110, known, 3);
        other.stateRoot = keccak256("other");
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotThatBlock.selector, 0, bytes32(0), blockHashOf(next)));
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(next), proofOf(other)));
    }

    function frozen() private view returns (bool) {
        (Status current,,) = anchor.status();
        return current == Status.FROZEN;
    }

    /// @dev 2 of 4 known validators and one more have a block accepted. The honest ones' own is the evidence.
    function test_reportMisbehaviour_takeover_isShownByTheSetBefore() public {
        uint256[] memory evil = sorted(append(append(keysFrom(900, 1), known[0]), known[1]));
        Draft memory forged = draft(110, evil, 3);
        forged.stateRoot = keccak256("evil");
        anchor.update(proofOf(forged, known));
        Draft memory honest = draft(110, known, 3);
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(forged), proofOf(honest)));
        assertTrue(frozen());
    }

    /// @dev At a number that the source will not reach: the honest blocks are later, and have lower numbers.
    function test_reportMisbehaviour_farTakeover_isShownByOrder() public {
        uint256[] memory evil = sorted(append(append(keysFrom(900, 1), known[0]), known[1]));
        Draft memory forged = draft(110, evil, 3);
        forged.number = 1 << 47;
        anchor.update(proofOf(forged, known));
        Draft memory honest = draft(110, known, 3); // of the same time: no contradiction
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(forged), proofOf(honest)));
        honest = draft(111, known, 3);
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(forged), proofOf(honest)));
        assertTrue(frozen());
    }

    /// @dev Those who were known once are answerable for `trustingPeriod`, and their keys worth nothing afterwards.
    function test_reportMisbehaviour_setOfLongAgo_reverts() public {
        uint256[] memory others = keysFrom(2, 4);
        Draft memory next = draft(110, others, 4);
        anchor.update(proofOf(next, known));
        vm.warp(next.timestamp + PERIOD);
        Draft memory later = draft(120, others, 3);
        later.timestamp = next.timestamp + PERIOD;
        anchor.update(proofOf(later));
        bytes memory evidence = bytes.concat(sealedHeader(next), proofOf(draft(110, known, 3)));
        vm.warp(next.timestamp + PERIOD + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IBftAnchor.TooOldToTrust.selector, next.timestamp, next.timestamp + PERIOD)
        );
        anchor.reportMisbehaviour(evidence);
        vm.warp(next.timestamp + PERIOD);
        anchor.reportMisbehaviour(evidence);
        assertTrue(frozen());
    }

    /// @dev An ancestor of the time when the chain had one validator, whose key somebody has found.
    function test_reportMisbehaviour_setThatWasNeverKnown_reverts() public {
        uint256[] memory old = keysFrom(50, 1);
        Draft memory parent = draft(109, old, 0);
        parent.timestamp = NOW - 2000 days;
        acceptedAbove(parent);
        Draft memory other = draft(109, old, 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IBftAnchor.NotKnownValidators.selector, keccak256(listOf(known)), keccak256(listOf(old))
            )
        );
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(parent), proofOf(other)));
    }

    /// @dev An ancestor of the time when a contract named the validators: none have to seal, so anybody could.
    function test_reportMisbehaviour_noValidators_reverts() public {
        Draft memory parent = draft(109, new uint256[](0), 0);
        acceptedAbove(parent);
        Draft memory other = draft(109, new uint256[](0), 0);
        other.stateRoot = keccak256("other");
        vm.expectPartialRevert(IBftAnchor.NotKnownValidators.selector);
        anchor.reportMisbehaviour(bytes.concat(sealedHeader(parent), sealedHeader(other)));
    }

    function acceptedAbove(Draft memory parent) private {
        Draft memory next = draft(110, known, 3);
        next.parentHash = blockHashOf(parent);
        (bytes32 hash,) = anchor.update(proofOf(next));
        bytes[] memory headers = new bytes[](2);
        (headers[0], headers[1]) = (sealedHeader(next), sealedHeader(parent));
        anchor.extendAncestors(hash, headers);
    }

    // --- the checkpoint's age ---

    function genesisOf(uint64 timestamp) private returns (bytes memory raw) {
        raw = headerOf(Draft(bytes32(0), keccak256("state"), 0, timestamp, 0, known, new uint256[](0)), "");
        anchor = deploy(keccak256(raw), keccak256(raw), PERIOD);
    }

    function test_update_checkpointOlderThanTheTrustingPeriod_reverts() public {
        bytes memory raw = genesisOf(NOW - PERIOD - 1);
        vm.expectRevert(abi.encodeWithSelector(IBftAnchor.TooOldToTrust.selector, NOW - PERIOD - 1, NOW - 1));
        anchor.update(raw);
    }

    function test_status_genesisAsCheckpoint_expires() public {
        bytes memory raw = genesisOf(NOW - PERIOD);
        anchor.update(raw);
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        vm.warp(NOW + 1);
        uint64 since;
        (current, since,) = anchor.status();
        assertEq(uint8(current), uint8(Status.EXPIRED));
        assertEq(since, NOW);
    }

    function test_status_trustingPeriodOfAges_neverExpires() public {
        anchor = deploy(keccak256("genesis"), blockHashOf(first), type(uint64).max);
        anchor.update(sealedHeader(first));
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
    }

    // --- ancestors ---

    function test_extendAncestors_byBlockHash() public {
        Draft memory older = draft(108, known, 0);
        Draft memory parent = draft(109, known, 0);
        parent.parentHash = blockHashOf(older);
        Draft memory next = draft(110, known, 3);
        next.parentHash = blockHashOf(parent);
        (bytes32 hash,) = anchor.update(proofOf(next));
        bytes[] memory headers = new bytes[](3);
        (headers[0], headers[1], headers[2]) = (sealedHeader(next), sealedHeader(parent), sealedHeader(older));
        anchor.extendAncestors(hash, headers);
        assertEq(anchor.canonicalAt(108).stateRoot, older.stateRoot);
        assertEq(uint8(anchor.blockByHash(blockHashOf(parent)).level), uint8(Level.FINAL));
        assertEq(anchor.head(Level.FINAL).number, 110);
    }

    function append(uint256[] memory keys, uint256 key) internal pure returns (uint256[] memory longer) {
        longer = new uint256[](keys.length + 1);
        for (uint256 i = 0; i < keys.length; ++i) {
            longer[i] = keys[i];
        }
        longer[keys.length] = key;
    }
}

contract Ibft2AnchorTest is QbftAnchorTest {
    function setUp() public override {
        protocol = Protocol.IBFT2;
        super.setUp();
    }
}

/// @notice A real header of a Besu QBFT chain, block 7528: 4 validators, 3 seals, round 1.
contract RealQbftHeaderTest is BftChain {
    uint256 private constant SEAL_ITEM = 67;
    uint256 private constant FIRST_SEAL = 0x24f;

    function test_update_realBesuHeader_isFinal() public {
        string memory path = "../shared/fixtures/besu_qbft_7528.rlp";
        bool present;
        // Where the folder is absent, forge does not let a test look into it.
        try vm.exists(path) returns (bool answer) {
            present = answer;
        } catch {}
        if (!present) {
            vm.skip(true, "../shared/fixtures is absent");
            return;
        }
        bytes memory header = vm.readFileBinary(path);
        vm.warp(0x6640618b + 60);

        // The checkpoint: the block before, with the same validators.
        Draft memory draft = Draft(0, keccak256("state"), 7527, 0x6640618b - 2, 0, new uint256[](0), new uint256[](0));
        bytes memory validators = part(header, 0x1f5, 0x1f5 + 86);
        bytes memory common_ = bytes.concat(hex"a0", bytes32("vanity"), validators, NOTHING);
        bytes memory checkpoint = withExtra(draft, bytes.concat(common_, hex"80", NOTHING));
        QbftAnchor anchor = new QbftAnchor(1, keccak256("genesis"), keccak256(checkpoint), 14 days, 60);
        anchor.update(checkpoint);

        // Its seals are by the validators 0, 3 and 1; an anchor wants them in their order.
        bytes memory sorted_ = bytes.concat(
            part(header, 0, FIRST_SEAL + SEAL_ITEM),
            part(header, FIRST_SEAL + 2 * SEAL_ITEM, FIRST_SEAL + 3 * SEAL_ITEM),
            part(header, FIRST_SEAL + SEAL_ITEM, FIRST_SEAL + 2 * SEAL_ITEM),
            part(header, FIRST_SEAL + 3 * SEAL_ITEM, header.length)
        );
        vm.expectRevert(abi.encodeWithSelector(IBftAnchor.PlacesNotIncreasing.selector, 2));
        anchor.update(bytes.concat(header, hex"000301"));
        (bytes32 hash, Level level) = anchor.update(bytes.concat(sorted_, hex"000103"));
        assertEq(hash, 0x502568a07cc2303558ed8eea495d61255946a14c46be5ead61cdc737bdeaaf42);
        assertEq(uint8(level), uint8(Level.FINAL));
        assertEq(anchor.head(Level.FINAL).number, 7528);
    }

    function part(bytes memory data, uint256 start, uint256 end) private pure returns (bytes memory out) {
        out = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) {
            out[i - start] = data[i];
        }
    }
}
