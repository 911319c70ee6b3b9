// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {QuorumAnchor} from "../../src/anchors/QuorumAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {BlockAttestation, IQuorumAnchor} from "../../src/interfaces/IQuorumAnchor.sol";
import {BlockHeader} from "../../src/libraries/BlockHeader.sol";
import {Rlp} from "../../src/libraries/Rlp.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {QuorumScene} from "../reference/QuorumScene.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";
import {WitnessParts} from "../reference/WitnessParts.sol";

contract QuorumAnchorTest is QuorumScene {
    /* ------------------------------------------------- constructor ---------------------------------------------- */

    function test_constructor_fiveSigners_tellsWhatItIs() public view {
        bytes32 kind = "quorum/2";
        assertEq(anchor.kind(), kind);
        (uint256 chainId, bytes32 genesis) = anchor.source();
        assertEq(chainId, SOURCE_CHAIN);
        assertEq(genesis, genesisHash);
        (Status current, uint64 since,) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
        assertEq(since, NOW);
        assertEq(anchor.signers(), members());
        assertEq(anchor.threshold(), 3);
        assertEq(anchor.maxDrift(), DRIFT);
        assertEq(anchor.setEpoch(), 1);
        assertTrue(anchor.isSigner(vm.addr(keys[4])));
        assertFalse(anchor.isSigner(address(this)));
        assertFalse(anchor.isSigner(address(0)));
    }

    function test_constructor_event_tellsActive() public {
        vm.expectEmit();
        emit IAnchor.StatusChanged(Status.ACTIVE, "");
        deploy(members(), 3);
    }

    function test_constructor_oneOfOne_isAllowed() public {
        address[] memory one = new address[](1);
        one[0] = vm.addr(keys[0]);
        assertEq(deploy(one, 1).threshold(), 1);
    }

    function test_constructor_noSource_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.SourceMissing.selector, 0, genesisHash));
        new QuorumAnchor(0, genesisHash, members(), 3, DRIFT, DELAY, GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.SourceMissing.selector, SOURCE_CHAIN, bytes32(0)));
        new QuorumAnchor(SOURCE_CHAIN, 0, members(), 3, DRIFT, DELAY, GUARDIAN);
    }

    function test_constructor_noSigners_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.SignerCountOutOfRange.selector, 0));
        deploy(new address[](0), 0);
    }

    function test_constructor_256Signers_reverts() public {
        address[] memory many = new address[](256);
        for (uint160 i = 0; i < 256; ++i) {
            many[i] = address(i + 1);
        }
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.SignerCountOutOfRange.selector, 256));
        deploy(many, 200);
    }

    function test_constructor_255Signers_isAllowed() public {
        address[] memory many = new address[](255);
        for (uint160 i = 0; i < 255; ++i) {
            many[i] = address(i + 1);
        }
        assertEq(deploy(many, 128).signers().length, 255);
    }

    function test_constructor_thresholdOfHalf_reverts() public {
        address[] memory four = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            four[i] = vm.addr(keys[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.ThresholdOutOfRange.selector, 2, 4));
        deploy(four, 2);
        assertEq(deploy(four, 3).threshold(), 3);
    }

    function test_constructor_thresholdZero_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.ThresholdOutOfRange.selector, 0, 5));
        deploy(members(), 0);
    }

    function test_constructor_thresholdAboveCount_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.ThresholdOutOfRange.selector, 6, 5));
        deploy(members(), 6);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.ThresholdOutOfRange.selector, type(uint256).max, 5));
        deploy(members(), type(uint256).max);
    }

    function test_constructor_signersUnsorted_reverts() public {
        address[] memory signers = members();
        (signers[1], signers[2]) = (signers[2], signers[1]);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.SignersNotIncreasing.selector, signers[1], signers[2]));
        deploy(signers, 3);
    }

    function test_constructor_signerTwice_reverts() public {
        address[] memory signers = members();
        signers[2] = signers[1];
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.SignersNotIncreasing.selector, signers[1], signers[1]));
        deploy(signers, 3);
    }

    function test_constructor_zeroSigner_reverts() public {
        address[] memory signers = members();
        signers[0] = address(0);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.SignersNotIncreasing.selector, address(0), address(0)));
        deploy(signers, 3);
    }

    /* ----------------------------------------------- accepted blocks -------------------------------------------- */

    function test_update_quorum_acceptsBlock() public {
        bytes memory header_ = header(7, NOW - 5);
        vm.expectEmit(address(anchor));
        emit IAnchor.BlockAccepted(keccak256(header_), 7, STATE, NOW - 5, Level.FINAL);
        (bytes32 hash, Level level) = anchor.update(attested(7, header_));
        assertEq(hash, keccak256(header_));
        assertEq(uint8(level), uint8(Level.FINAL));
        assertBlock(anchor.blockByHash(hash), header_, 7, NOW - 5);
        assertBlock(anchor.canonicalAt(7), header_, 7, NOW - 5);
        assertBlock(anchor.head(Level.UNKNOWN), header_, 7, NOW - 5);
        assertBlock(anchor.head(Level.FINAL), header_, 7, NOW - 5);
    }

    function test_update_allSigners_acceptsBlock() public {
        bytes memory header_ = header(7, NOW);
        (, Level level) = anchor.update(proofOf(header_, signed(digestOf(7, header_), 0, 5)));
        assertEq(uint8(level), uint8(Level.FINAL));
    }

    function test_update_byAnyone_acceptsBlock() public {
        bytes memory proof = attested(7, header(7, NOW));
        vm.prank(address(0xdead));
        anchor.update(proof);
        assertEq(anchor.canonicalAt(7).number, 7);
    }

    function test_update_genesis_acceptsBlock() public {
        bytes memory header_ = header(0, NOW - 1_000_000);
        (bytes32 hash,) = anchor.update(attested(0, header_));
        assertEq(hash, genesisHash);
        assertBlock(anchor.canonicalAt(0), header_, 0, NOW - 1_000_000);
        assertBlock(anchor.head(Level.FINAL), header_, 0, NOW - 1_000_000);
    }

    function test_update_higherBlock_movesHead() public {
        accept(7, NOW - 20);
        bytes32 higher = accept(9, NOW - 10);
        assertEq(anchor.head(Level.FINAL).blockHash, higher);
    }

    function test_update_lowerBlock_keepsHead() public {
        bytes32 higher = accept(9, NOW - 10);
        bytes32 lower = accept(7, NOW - 20);
        assertEq(anchor.head(Level.FINAL).blockHash, higher);
        assertEq(anchor.canonicalAt(7).blockHash, lower);
    }

    function test_update_acceptedBlock_isNoError() public {
        bytes memory header_ = header(7, NOW - 20);
        bytes32 hash = accept(7, NOW - 20);
        vm.warp(NOW + 100);
        vm.recordLogs();
        (bytes32 again, Level level) = anchor.update(proofOf(header_, bytes("")));
        assertEq(again, hash);
        assertEq(uint8(level), uint8(Level.FINAL));
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(anchor.blockByHash(hash).acceptedAt, NOW, "accepted once");
    }

    function test_head_nothingAccepted_isUnknown() public view {
        assertUnknown(anchor.head(Level.UNKNOWN));
        assertUnknown(anchor.head(Level.FINAL));
        assertUnknown(anchor.blockByHash(keccak256("unknown")));
        assertUnknown(anchor.blockByHash(0));
        assertUnknown(anchor.canonicalAt(7));
    }

    function test_head_levelRevoked_isUnknown() public {
        accept(7, NOW);
        assertUnknown(anchor.head(Level.REVOKED));
    }

    function testFuzz_update_anyMajority_acceptsBlock(uint8 mask, uint64 number) public {
        number = uint64(bound(number, 1, type(uint48).max));
        bytes memory header_ = header(number, NOW);
        bytes32 digest = digestOf(number, header_);
        bytes memory signatures;
        uint256 count = 0;
        for (uint256 i = 0; i < 5; ++i) {
            if ((mask >> i) & 1 == 0) continue;
            signatures = bytes.concat(signatures, sign(keys[i], digest));
            ++count;
        }
        if (count < 3) vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, count));
        anchor.update(proofOf(header_, signatures));
        assertEq(anchor.canonicalAt(number).number, count < 3 ? 0 : number);
    }

    /* --------------------------------------------------- digest ------------------------------------------------- */

    /// @dev Written out a second time, by EIP-712.
    function test_attestationDigest_isEip712() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("SmartSync QuorumAnchor"),
                keccak256("2"),
                block.chainid,
                address(anchor)
            )
        );
        bytes32 type_ = keccak256(
            "BlockAttestation(uint256 sourceChainId,bytes32 sourceGenesisHash,uint64 blockNumber,bytes32 blockHash,uint8 level,uint64 setEpoch,uint64 canonicalEpoch)"
        );
        bytes32 content = keccak256(
            abi.encode(type_, SOURCE_CHAIN, genesisHash, uint64(7), STATE, Level.FINAL, uint64(1), uint64(0))
        );
        assertEq(digestFor(anchor, 7, STATE), keccak256(abi.encodePacked("\x19\x01", domain, content)));
    }

    /// @dev The digest that the EIP-712 encoder of eth-account gives for this message.
    function test_attestationDigest_knownVector_isTheSame() public {
        vm.chainId(31337);
        address[] memory signers = new address[](1);
        signers[0] = address(1);
        QuorumAnchor template = new QuorumAnchor(1, bytes32(uint256(0x11)), signers, 1, 0, 0, address(0));
        address fixed_ = 0x00000000000000000000000000000000000a0001;
        // Immutables are part of the code, so the code alone is enough for the digest.
        vm.etch(fixed_, address(template).code);
        assertEq(
            QuorumAnchor(fixed_)
                .attestationDigest(BlockAttestation(25_326_305, bytes32(uint256(0x22)), Level.FINAL, 1, 0)),
            0x0138f542fde996f7beb220c13be5d281f671631281070ea22b1a886f58bcf264
        );
    }

    /* ------------------------------------------------ refused proofs -------------------------------------------- */

    function assertRefused(bytes memory proof, bytes memory reason) private {
        vm.expectRevert(reason);
        anchor.update(proof);
        assertUnknown(anchor.head(Level.UNKNOWN));
    }

    function test_update_twoSignatures_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertRefused(
            proofOf(header_, signed(digestOf(7, header_), 0, 2)),
            abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 2)
        );
    }

    function test_update_noSignatures_reverts() public {
        assertRefused(
            proofOf(header(7, NOW), bytes("")), abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 0)
        );
    }

    function test_update_duplicateSigner_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 digest = digestOf(7, header_);
        address twice = vm.addr(keys[1]);
        assertRefused(
            proofOf(header_, bytes.concat(signed(digest, 0, 2), sign(keys[1], digest))),
            abi.encodeWithSelector(IQuorumAnchor.SignersNotIncreasing.selector, twice, twice)
        );
    }

    function test_update_unsortedSigners_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 digest = digestOf(7, header_);
        assertRefused(
            proofOf(header_, bytes.concat(signed(digest, 1, 3), sign(keys[0], digest))),
            abi.encodeWithSelector(IQuorumAnchor.SignersNotIncreasing.selector, vm.addr(keys[2]), vm.addr(keys[0]))
        );
    }

    function test_update_strangerAmongMany_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 digest = digestOf(7, header_);
        uint256 stranger = uint256(keccak256("stranger"));
        assertRefused(
            proofOf(header_, bytes.concat(signed(digest, 0, 3), sign(stranger, digest))),
            abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 3, vm.addr(stranger))
        );
    }

    function test_update_highS_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 digest = digestOf(7, header_);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest);
        bytes32 high = bytes32(GROUP_ORDER - uint256(s));
        bytes memory twin = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        assertEq(ecrecover(digest, v == 27 ? 28 : 27, r, high), vm.addr(keys[0]), "valid but for the high s");
        assertRefused(
            proofOf(header_, bytes.concat(twin, signed(digest, 1, 3))),
            abi.encodeWithSelector(IQuorumAnchor.SignatureHighS.selector, 0, high)
        );
    }

    function test_update_recoveryIdZero_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 digest = digestOf(7, header_);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], digest);
        assertRefused(
            proofOf(header_, bytes.concat(signed(digest, 0, 2), abi.encodePacked(r, s, v - 27))),
            abi.encodeWithSelector(IQuorumAnchor.SignatureRecoveryId.selector, 2, v - 27)
        );
    }

    function test_update_recoveryId29_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 digest = digestOf(7, header_);
        (, bytes32 r, bytes32 s) = vm.sign(keys[0], digest);
        assertRefused(
            proofOf(header_, bytes.concat(abi.encodePacked(r, s, uint8(29)), signed(digest, 1, 3))),
            abi.encodeWithSelector(IQuorumAnchor.SignatureRecoveryId.selector, 0, 29)
        );
    }

    function test_update_zeroSignature_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes memory zeros = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
        assertRefused(
            proofOf(header_, bytes.concat(zeros, signed(digestOf(7, header_), 1, 3))),
            abi.encodeWithSelector(IQuorumAnchor.SignatureInvalid.selector, 0)
        );
    }

    function test_update_misalignedSignatures_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertRefused(
            proofOf(header_, bytes.concat(signed(digestOf(7, header_), 0, 3), hex"00")),
            abi.encodeWithSelector(IQuorumAnchor.SignaturesMisaligned.selector, 196)
        );
    }

    /* ------------------------------------- signatures of something else ----------------------------------------- */

    /// @dev Signatures of any other digest recover to strangers; to whom, only the digest tells.
    function assertNotSigner(bytes memory header_, bytes32 expected, bytes32 signedDigest) private {
        bytes memory signatures = signed(signedDigest, 0, 3);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], signedDigest);
        assertTrue(expected != signedDigest);
        address stranger = ecrecover(expected, v, r, s);
        assertRefused(
            proofOf(header_, signatures), abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 0, stranger)
        );
    }

    function test_update_signaturesForOtherAnchor_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 elsewhere = digestFor(deploy(members(), 3), 7, keccak256(header_));
        assertNotSigner(header_, digestOf(7, header_), elsewhere);
    }

    function test_update_signaturesForOtherTargetChain_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes32 before = digestOf(7, header_);
        vm.chainId(block.chainid + 1); // the target chain has forked off with a new id
        assertNotSigner(header_, digestOf(7, header_), before);
    }

    function test_update_signaturesForOtherSourceChain_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertNotSigner(header_, digestOf(7, header_), digestWith(SOURCE_CHAIN + 1, genesisHash, 7, header_, 1));
    }

    function test_update_signaturesForOtherGenesis_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertNotSigner(header_, digestOf(7, header_), digestWith(SOURCE_CHAIN, keccak256("other"), 7, header_, 1));
    }

    function test_update_signaturesForOtherNumber_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertNotSigner(header_, digestOf(7, header_), digestWith(SOURCE_CHAIN, genesisHash, 8, header_, 1));
    }

    function test_update_signaturesForOtherBlock_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertNotSigner(header_, digestOf(7, header_), digestOf(7, fork(7, NOW)));
    }

    function test_update_signaturesOfOtherEpoch_reverts() public {
        bytes memory header_ = header(7, NOW);
        assertEq(digestOf(7, header_), digestWith(SOURCE_CHAIN, genesisHash, 7, header_, 1));
        assertNotSigner(header_, digestOf(7, header_), digestWith(SOURCE_CHAIN, genesisHash, 7, header_, 0));
        assertNotSigner(header_, digestOf(7, header_), digestWith(SOURCE_CHAIN, genesisHash, 7, header_, 2));
    }

    function digestWith(uint256 chainId, bytes32 genesis, uint64 number, bytes memory header_, uint64 epoch)
        private
        view
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("SmartSync QuorumAnchor"),
                keccak256("2"),
                block.chainid,
                address(anchor)
            )
        );
        bytes32 type_ = keccak256(
            "BlockAttestation(uint256 sourceChainId,bytes32 sourceGenesisHash,uint64 blockNumber,bytes32 blockHash,uint8 level,uint64 setEpoch,uint64 canonicalEpoch)"
        );
        bytes32 content =
            keccak256(abi.encode(type_, chainId, genesis, number, keccak256(header_), Level.FINAL, epoch, uint64(0)));
        return keccak256(abi.encodePacked("\x19\x01", domain, content));
    }

    /* ---------------------------------------------- headers and bytes ------------------------------------------- */

    function test_update_headerFieldAdded_reverts() public {
        bytes memory signatures = signed(digestOf(7, header(7, NOW)), 0, 3);
        bytes[] memory fields = HeaderWriter.fields(keccak256("parent"), STATE, 7, NOW);
        fields[14] = bytes.concat(fields[14], hex"80");
        bytes32 changed = digestFor(anchor, 7, keccak256(HeaderWriter.join(fields)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digestOf(7, header(7, NOW)));
        assertRefused(
            proofOf(HeaderWriter.join(fields), signatures),
            abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 0, ecrecover(changed, v, r, s))
        );
    }

    function test_update_headerFieldsReordered_reverts() public {
        bytes memory signatures = signed(digestOf(7, header(7, NOW)), 0, 3);
        bytes[] memory fields = HeaderWriter.fields(keccak256("parent"), STATE, 7, NOW);
        (fields[3], fields[4]) = (fields[4], fields[3]); // the form is the same, the state root would be another
        bytes32 changed = digestFor(anchor, 7, keccak256(HeaderWriter.join(fields)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digestOf(7, header(7, NOW)));
        assertRefused(
            proofOf(HeaderWriter.join(fields), signatures),
            abi.encodeWithSelector(IQuorumAnchor.NotSigner.selector, 0, ecrecover(changed, v, r, s))
        );
    }

    /// @dev What is signed is the whole of it; cut short, it ends before its list does, or takes signatures for its own.
    function test_update_corpus1HeaderCutShort_reverts() public {
        bytes memory header_ = header(7, NOW);
        bytes memory signatures = signed(digestOf(7, header_), 0, 3);
        uint256 payload = header_.length - 3; // behind f9 and two bytes of length
        for (uint256 length = 0; length < header_.length; ++length) {
            bytes memory cut = WitnessParts.slice(header_, 0, length);
            bytes memory reason = length < 3
                ? abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 1)
                : abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 1, payload, length - 3);
            assertRefused(proofOf(cut, ""), reason);
            (bool success, bytes memory named) =
                address(anchor).call(abi.encodeCall(IAnchor.update, (proofOf(cut, signatures))));
            assertFalse(success);
            assertNamed(named);
        }
    }

    function test_update_corpus2StateRootForged_reverts() public {
        bytes memory forged = HeaderWriter.header(keccak256("parent"), keccak256("another state"), 7, NOW);
        assertNotSigner(forged, digestOf(7, forged), digestOf(7, header(7, NOW)));
    }

    /// @dev Behind the header there are signatures, whatever it was meant to be.
    function test_update_corpus3HeaderSurplus_reverts() public {
        bytes memory longer = bytes.concat(header(7, NOW), hex"80");
        assertRefused(
            proofOf(longer, signed(digestOf(7, longer), 0, 3)),
            abi.encodeWithSelector(IQuorumAnchor.SignaturesMisaligned.selector, 196)
        );
    }

    function test_update_corpus6ListAsField_reverts() public {
        bytes[] memory fields = headerFields();
        fields[3] = bytes.concat(hex"e0", new bytes(32));
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpNotString.selector, 90));
        fields = headerFields();
        fields[14] = hex"c0";
        uint256 last = HeaderWriter.join(fields).length - 1;
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpNotString.selector, last));
    }

    /// @dev Field 8 is the number, at byte 449; the last one, of any length, is at the end.
    function test_update_corpus7HeaderNotCanonical_reverts() public {
        bytes[] memory fields = headerFields();
        fields[8] = hex"820007";
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpScalarLeadingZero.selector, 449));
        fields[8] = hex"00";
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpScalarLeadingZero.selector, 449));
        fields[8] = hex"8107";
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpByteNotMinimal.selector, 449));
        fields[8] = hex"b80107";
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpLengthNotMinimal.selector, 449, 1));
        fields[8] = hex"b90001";
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpLengthLeadingZero.selector, 449));
        fields = headerFields();
        fields[3] = bytes.concat(hex"9f", new bytes(31));
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 90, 32, 31));
        // The list itself, with a byte of length too many.
        bytes memory header_ = header(7, NOW);
        bytes memory long = bytes.concat(hex"fa00", WitnessParts.slice(header_, 1, header_.length));
        assertRefused(
            proofOf(long, signed(digestOf(7, long), 0, 3)), abi.encodeWithSelector(Rlp.RlpLengthLeadingZero.selector, 1)
        );
    }

    function test_update_corpus9HeaderFieldTwice_reverts() public {
        bytes[] memory fields = headerFields();
        fields[2] = bytes.concat(fields[2], fields[2]);
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 90, 32, 20));
    }

    function test_update_corpus15HeaderFieldDropped_reverts() public {
        bytes[] memory fields = headerFields();
        fields[14] = "";
        assertNoHeader(fields, abi.encodeWithSelector(BlockHeader.HeaderTooShort.selector, 14));
        fields = headerFields();
        fields[2] = "";
        assertNoHeader(fields, abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 69, 20, 32));
    }

    function headerFields() private pure returns (bytes[] memory) {
        return HeaderWriter.fields(keccak256("parent"), STATE, 7, NOW);
    }

    /// @dev Signed as it is: no signature makes a header of it.
    function assertNoHeader(bytes[] memory fields, bytes memory reason) private {
        bytes memory header_ = HeaderWriter.join(fields);
        assertRefused(proofOf(header_, signed(digestOf(7, header_), 0, 3)), reason);
    }

    function test_update_emptyProof_reverts() public {
        assertRefused("", abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 1));
        assertRefused(hex"03", abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 1));
        assertRefused(hex"03c0", abi.encodeWithSelector(BlockHeader.HeaderTooShort.selector, 0));
    }

    function test_update_trailingBytes_reverts() public {
        bytes memory proof = attested(7, header(7, NOW));
        assertRefused(
            bytes.concat(proof, hex"00"), abi.encodeWithSelector(IQuorumAnchor.SignaturesMisaligned.selector, 196)
        );
        assertRefused(
            bytes.concat(proof, bytes32(0)), abi.encodeWithSelector(IQuorumAnchor.SignaturesMisaligned.selector, 227)
        );
    }

    function test_update_partsSwapped_reverts() public {
        assertRefused(
            abi.encodePacked(uint8(Level.FINAL), new bytes(195), header(7, NOW)),
            abi.encodeWithSelector(Rlp.RlpNotList.selector, 1)
        );
    }

    function test_update_hugeLength_reverts() public {
        assertRefused(
            hex"03ffffffffffffffffff", abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 1, type(uint64).max, 0)
        );
    }

    /// @dev What a quorum can say of a block is that it is SAFE or FINAL.
    function test_update_otherLevels_revert() public {
        bytes memory header_ = header(7, NOW);
        for (uint256 level = 0; level < 256; ++level) {
            if (level == uint8(Level.SAFE) || level == uint8(Level.FINAL)) continue;
            // forge-lint: disable-next-line(unsafe-typecast)
            bytes memory proof = abi.encodePacked(uint8(level), header_, signed(digestOf(7, header_), 0, 3));
            assertRefused(proof, abi.encodeWithSelector(IQuorumAnchor.LevelNotAttestable.selector, level));
        }
    }

    /// @dev No byte of a proof is without effect: offsets, lengths, padding, header and signatures alike.
    function testFuzz_update_byteChanged_reverts(uint256 index, uint8 flip) public {
        bytes memory proof = attested(7, header(7, NOW));
        index = bound(index, 0, proof.length - 1);
        proof[index] ^= bytes1(uint8(bound(flip, 1, 255)));
        try anchor.update(proof) {
            assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    function testFuzz_update_cutShort_isNamed(uint256 length) public {
        bytes memory proof = attested(7, header(7, NOW));
        length = bound(length, 0, proof.length - 1);
        assembly ("memory-safe") {
            mstore(proof, length) // a shorter length in place
        }
        try anchor.update(proof) {
            assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    function testFuzz_update_anyBytes_revertByName(bytes memory proof) public {
        try anchor.update(proof) {
            assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    /// @dev What fails costs its work, and not the gas limit that its sender gave.
    function test_update_anyBitFlipped_costsItsWork() public {
        bytes memory proof = attested(7, header(7, NOW));
        for (uint256 bit = 0; bit < 8 * proof.length; bit += 5) {
            bytes memory flipped = bytes.concat(proof);
            flipped[bit / 8] ^= bytes1(uint8(1 << (bit % 8))); // forge-lint: disable-line(unsafe-typecast)
            uint256 before = gasleft();
            (bool success, bytes memory reason) =
                address(anchor).call{gas: 15_000_000}(abi.encodeCall(IAnchor.update, (flipped)));
            assertLt(before - gasleft(), 500_000, "gas");
            assertFalse(success, "accepted");
            assertNamed(reason);
        }
        assertUnknown(anchor.head(Level.UNKNOWN));
    }

    function test_update_anyGas_allOrNothing() public {
        bytes memory call = abi.encodeCall(IAnchor.update, (attested(7, header(7, NOW))));
        bool success;
        for (uint256 gas_ = 10_000; !success; gas_ += 701) {
            (success,) = address(anchor).call{gas: gas_}(call);
            if (!success) assertUnknown(anchor.canonicalAt(7));
            if (!success) assertUnknown(anchor.head(Level.UNKNOWN));
        }
        assertBlock(anchor.head(Level.FINAL), header(7, NOW), 7, NOW);
    }

    /// @dev 128 KiB of extra data: any length is a header's.
    function test_update_headerOf128KiB_isReadAndRefusedByItsError() public {
        bytes[] memory fields = headerFields();
        fields[12] = RlpWriter.str(new bytes(131_072));
        bytes memory header_ = HeaderWriter.join(fields);
        assertRefused(
            proofOf(header_, signed(digestOf(7, header_), 0, 2)),
            abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 2)
        );
        anchor.update{gas: 2_000_000}(attested(7, header_));
        assertEq(anchor.head(Level.FINAL).blockHash, keccak256(header_));
    }

    /* -------------------------------------------- genesis, time, conflict --------------------------------------- */

    function test_update_otherGenesis_reverts() public {
        bytes memory header_ = fork(0, NOW - 1_000_000);
        assertRefused(
            attested(0, header_),
            abi.encodeWithSelector(IAnchor.GenesisMismatch.selector, genesisHash, keccak256(header_))
        );
    }

    function test_update_numberOf49Bits_reverts() public {
        uint64 number = 1 << 48;
        bytes memory proof = attested(number, header(number, NOW));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockOutOfRange.selector, number, NOW));
        anchor.update(proof);
        accept(number - 1, NOW);
    }

    function test_update_atMaxDrift_acceptsBlock() public {
        accept(7, NOW + DRIFT);
        assertEq(anchor.canonicalAt(7).timestamp, NOW + DRIFT);
    }

    function test_update_beyondMaxDrift_reverts() public {
        assertRefused(
            attested(7, header(7, NOW + DRIFT + 1)),
            abi.encodeWithSelector(IAnchor.TimestampInFuture.selector, NOW + DRIFT + 1, NOW + DRIFT)
        );
    }

    function test_update_newerBlockWithEarlierTime_reverts() public {
        accept(7, NOW - 10);
        bytes memory proof = attested(8, header(8, NOW - 11));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 8, NOW - 11, 7, NOW - 10));
        anchor.update(proof);
        assertUnknown(anchor.canonicalAt(8));
    }

    function test_update_olderBlockWithLaterTime_reverts() public {
        accept(7, NOW - 10);
        bytes memory proof = attested(6, header(6, NOW - 9));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.TimestampNotMonotone.selector, 6, NOW - 9, 7, NOW - 10));
        anchor.update(proof);
        assertUnknown(anchor.canonicalAt(6));
    }

    function test_update_sameTimeAsHead_acceptsBlock() public {
        accept(7, NOW - 10);
        accept(8, NOW - 10);
        accept(6, NOW - 10);
        assertEq(anchor.head(Level.FINAL).number, 8);
        assertEq(anchor.canonicalAt(6).number, 6);
    }

    function test_update_contradictingBlock_freezesAndKeepsTheFirst() public {
        bytes memory first = header(7, NOW - 10);
        bytes memory second = fork(7, NOW - 10);
        accept(7, NOW - 10);
        vm.warp(NOW + 3);
        vm.expectEmit(address(anchor));
        emit IAnchor.StatusChanged(Status.FROZEN, abi.encode(uint64(7), keccak256(first), keccak256(second)));
        (bytes32 hash, Level level) = anchor.update(attested(7, second));

        assertEq(hash, keccak256(second));
        assertEq(uint8(level), uint8(Level.UNKNOWN));
        (Status current, uint64 since,) = anchor.status();
        assertEq(uint8(current), uint8(Status.FROZEN));
        assertEq(since, NOW + 3);
        assertBlock(anchor.canonicalAt(7), first, 7, NOW - 10);
        assertBlock(anchor.head(Level.FINAL), first, 7, NOW - 10);
        assertUnknown(anchor.blockByHash(keccak256(second)));
    }

    /// @dev A contradiction is one, whatever time the second block claims.
    function test_update_contradictingBlockOfTheFuture_freezes() public {
        accept(7, NOW - 10);
        anchor.update(attested(7, header(7, NOW + 1_000_000)));
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.FROZEN));
    }

    function test_update_contradictionBelowHead_freezes() public {
        accept(7, NOW - 10);
        accept(9, NOW - 5);
        anchor.update(attested(7, fork(7, NOW - 10)));
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.FROZEN));
    }

    function test_update_contradictionWithoutQuorum_changesNothing() public {
        accept(7, NOW - 10);
        bytes memory second = fork(7, NOW - 10);
        bytes memory proof = proofOf(second, signed(digestOf(7, second), 0, 2));
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 2));
        anchor.update(proof);
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
    }

    function test_update_afterFreeze_reverts() public {
        accept(7, NOW - 10);
        anchor.update(attested(7, fork(7, NOW - 10)));
        bytes[3] memory proofs =
            [attested(8, header(8, NOW)), attested(7, header(7, NOW - 10)), attested(7, fork(7, NOW - 10))];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.FROZEN, NOW));
            anchor.update(proofs[i]);
        }
        assertUnknown(anchor.canonicalAt(8));
    }

    /* ---------------------------------------------------- step -------------------------------------------------- */

    /// @dev `step` is `status` and twice `blockByHash`, in one call.
    function assertStep(bytes32 from, bytes32 to, Status expected) private view {
        (Status current, uint64 fromNumber, Level fromLevel, SrcBlock memory offered) = anchor.step(from, to);
        SrcBlock memory left = anchor.blockByHash(from);
        assertEq(uint8(current), uint8(expected), "status");
        assertEq(fromNumber, left.number, "number");
        assertEq(uint8(fromLevel), uint8(left.level), "level");
        assertEq(keccak256(abi.encode(offered)), keccak256(abi.encode(anchor.blockByHash(to))), "block");
    }

    function test_step_knownBlocks_tellsBoth() public {
        bytes32 from = accept(7, NOW - 20);
        bytes32 to = accept(9, NOW - 10);
        (Status current, uint64 fromNumber, Level fromLevel, SrcBlock memory offered) = anchor.step(from, to);
        assertEq(uint8(current), uint8(Status.ACTIVE));
        assertEq(fromNumber, 7);
        assertEq(uint8(fromLevel), uint8(Level.FINAL));
        assertBlock(offered, header(9, NOW - 10), 9, NOW - 10);
        assertStep(to, from, Status.ACTIVE); // backwards
        assertStep(from, from, Status.ACTIVE);
    }

    function test_step_unknownBlocks_tellsSo() public {
        bytes32 known = accept(7, NOW - 20);
        bytes32[3] memory unknown = [bytes32(0), bytes32(uint256(1)), keccak256("unknown")];
        for (uint256 i = 0; i < 3; ++i) {
            (, uint64 fromNumber, Level fromLevel, SrcBlock memory offered) = anchor.step(unknown[i], known);
            assertEq(fromNumber, 0);
            assertEq(uint8(fromLevel), uint8(Level.UNKNOWN));
            assertBlock(offered, header(7, NOW - 20), 7, NOW - 20);
            (, fromNumber, fromLevel, offered) = anchor.step(known, unknown[i]);
            assertEq(fromNumber, 7);
            assertEq(uint8(fromLevel), uint8(Level.FINAL));
            assertUnknown(offered);
        }
    }

    /// @dev It goes on answering: that nothing of it may be used any more is what the status says.
    function test_step_afterFreeze_tellsFrozen() public {
        bytes32 from = accept(7, NOW - 10);
        bytes32 to = accept(9, NOW - 5);
        bytes memory contradiction = fork(7, NOW - 10);
        anchor.update(attested(7, contradiction));
        assertStep(from, to, Status.FROZEN);
        assertStep(0, to, Status.FROZEN);
        (,,, SrcBlock memory offered) = anchor.step(from, to);
        assertBlock(offered, header(9, NOW - 5), 9, NOW - 5);
        (,,, offered) = anchor.step(from, keccak256(contradiction));
        assertUnknown(offered);
    }
}
