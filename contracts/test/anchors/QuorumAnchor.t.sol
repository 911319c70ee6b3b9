// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {QuorumAnchor} from "../../src/anchors/QuorumAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {BlockAttestation, IQuorumAnchor} from "../../src/interfaces/IQuorumAnchor.sol";
import {BlockHeader} from "../../src/libraries/BlockHeader.sol";
import {Rlp} from "../../src/libraries/Rlp.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";
import {WitnessParts} from "../reference/WitnessParts.sol";

contract QuorumAnchorTest is NamedErrors {
    uint256 private constant SOURCE_CHAIN = 4242;
    bytes32 private constant STATE = keccak256("state");
    uint64 private constant NOW = 1_800_000_000;
    uint64 private constant DRIFT = 60;
    uint64 private constant DELAY = 3 days;
    address private constant GUARDIAN = address(0x6a);
    uint256 private constant GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 private genesisHash;
    uint256[] private keys; // sorted by address; 5 signers, 3 are needed
    QuorumAnchor private anchor;

    function setUp() public {
        vm.warp(NOW);
        for (uint256 i = 0; i < 5; ++i) {
            keys.push(uint256(keccak256(abi.encode("signer", i))));
        }
        sortKeys();
        genesisHash = keccak256(header(0, NOW - 1_000_000));
        anchor = deploy(members(), 3);
    }

    /* --------------------------------------------------- making ------------------------------------------------- */

    function sortKeys() private {
        for (uint256 i = 1; i < keys.length; ++i) {
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
    }

    function members() private view returns (address[] memory out) {
        out = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            out[i] = vm.addr(keys[i]);
        }
    }

    function deploy(address[] memory signers, uint256 threshold) private returns (QuorumAnchor) {
        return new QuorumAnchor(SOURCE_CHAIN, genesisHash, signers, threshold, DRIFT, DELAY, GUARDIAN);
    }

    function header(uint256 number, uint256 timestamp) private pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("parent"), STATE, number, timestamp);
    }

    /// @dev Another block of the same number and time.
    function fork(uint256 number, uint256 timestamp) private pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("other parent"), STATE, number, timestamp);
    }

    function sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function digestOf(uint64 number, bytes memory header_) private view returns (bytes32) {
        return digestFor(anchor, number, keccak256(header_));
    }

    /// @dev As FINAL, in the epochs that the anchor is in.
    function digestFor(QuorumAnchor which, uint64 number, bytes32 hash) private view returns (bytes32) {
        return which.attestationDigest(attestation(which, number, hash, Level.FINAL));
    }

    function attestation(QuorumAnchor which, uint64 number, bytes32 hash, Level level)
        private
        view
        returns (BlockAttestation memory)
    {
        (,, uint64 canonicalEpoch) = which.status();
        return BlockAttestation(number, hash, level, which.setEpoch(), canonicalEpoch);
    }

    function proofOf(bytes memory header_, bytes memory signatures) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(Level.FINAL), header_, signatures);
    }

    /// @dev Signatures of the signers `from` to `to`, the last one excluded.
    function signed(bytes32 digest, uint256 from, uint256 to) private view returns (bytes memory out) {
        for (uint256 i = from; i < to; ++i) {
            out = bytes.concat(out, sign(keys[i], digest));
        }
    }

    /// @dev A proof that the first three signers vouch for.
    function attested(uint64 number, bytes memory header_) private view returns (bytes memory) {
        return proofOf(header_, signed(digestOf(number, header_), 0, 3));
    }

    function accept(uint64 number, uint256 timestamp) private returns (bytes32 hash) {
        (hash,) = anchor.update(attested(number, header(number, timestamp)));
    }

    function assertBlock(SrcBlock memory actual, bytes memory header_, uint64 number, uint256 timestamp) private pure {
        assertEq(actual.blockHash, keccak256(header_), "hash");
        assertEq(actual.stateRoot, STATE, "state root");
        assertEq(actual.number, number, "number");
        assertEq(actual.timestamp, timestamp, "timestamp");
        assertEq(actual.acceptedAt, NOW, "accepted at");
        assertEq(uint8(actual.level), uint8(Level.FINAL), "level");
    }

    function assertUnknown(SrcBlock memory actual) private pure {
        SrcBlock memory none;
        assertEq(keccak256(abi.encode(actual)), keccak256(abi.encode(none)));
    }

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
        anchor.revoke(newHead, signed(anchor.revocationDigest(newHead), 0, 3));
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
        bytes memory signatures = signed(anchor.revocationDigest(seven), 0, 3);
        anchor.revoke(seven, signatures);
        vm.expectPartialRevert(IQuorumAnchor.NotSigner.selector);
        anchor.revoke(seven, signatures);
    }

    function test_revoke_finalBlocks_reverts() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes32 eight = accept(8, NOW - 20);
        bytes memory signatures = signed(anchor.revocationDigest(seven), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, seven, eight));
        anchor.revoke(seven, signatures);
        signatures = signed(anchor.revocationDigest(0), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, bytes32(0), eight));
        anchor.revoke(0, signatures);
    }

    /// @dev However many revocations there are in between.
    function test_revoke_finalBlockBelowASafeHead_staysFinal() public {
        bytes32 five = accept(5, NOW - 50);
        bytes32 seven = acceptSafe(7, NOW - 30);
        acceptSafe(8, NOW - 20);
        revoke(seven);
        assertEq(anchor.head(Level.FINAL).blockHash, five);
        bytes memory signatures = signed(anchor.revocationDigest(0), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, bytes32(0), five));
        anchor.revoke(0, signatures);
        revoke(five);
        assertLevel(five, Level.FINAL);
        assertLevel(seven, Level.REVOKED);
    }

    function test_revoke_withoutQuorumOrToNoBlock_reverts() public {
        bytes32 seven = acceptSafe(7, NOW - 30);
        bytes memory two = signed(anchor.revocationDigest(seven), 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.TooFewSignatures.selector, 3, 2));
        anchor.revoke(seven, two);
        bytes memory three = signed(anchor.revocationDigest(STATE), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, STATE, Level.UNKNOWN));
        anchor.revoke(STATE, three);
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
        bytes memory signatures = signed(anchor.revocationDigest(three), 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumAnchor.FinalBlockAbove.selector, three, four));
        anchor.revoke(three, signatures);
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
        bytes[] memory headers = new bytes[](2);
        (headers[0], headers[1]) = (newest, parent);
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
        headers = new bytes[](2);
        (headers[0], headers[1]) = (newest, parent);
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
