// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {QuorumAnchor} from "../../src/anchors/QuorumAnchor.sol";
import {Level, SrcBlock} from "../../src/interfaces/IAnchor.sol";
import {BlockAttestation} from "../../src/interfaces/IQuorumAnchor.sol";
import {HeaderWriter} from "./HeaderWriter.sol";
import {NamedErrors} from "./NamedErrors.sol";

/// @title QuorumScene
/// @notice An anchor with five signers, of whom three are needed, and what they sign.
abstract contract QuorumScene is NamedErrors {
    uint256 internal constant SOURCE_CHAIN = 4242;
    bytes32 internal constant STATE = keccak256("state");
    uint64 internal constant NOW = 1_800_000_000;
    uint64 internal constant DRIFT = 60;
    uint64 internal constant DELAY = 3 days;
    uint64 internal constant UNTIL = NOW + 30 days; // deadline of revocations
    address internal constant GUARDIAN = address(0x6a);
    uint256 internal constant GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 internal genesisHash;
    uint256[] internal keys; // sorted by address; 5 signers, 3 are needed
    QuorumAnchor internal anchor;

    function setUp() public virtual {
        vm.warp(NOW);
        for (uint256 i = 0; i < 5; ++i) {
            keys.push(uint256(keccak256(abi.encode("signer", i))));
        }
        sortKeys();
        genesisHash = keccak256(header(0, NOW - 1_000_000));
        anchor = deploy(members(), 3);
    }

    /* --------------------------------------------------- making ------------------------------------------------- */

    function sortKeys() internal {
        for (uint256 i = 1; i < keys.length; ++i) {
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
    }

    function members() internal view returns (address[] memory out) {
        out = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            out[i] = vm.addr(keys[i]);
        }
    }

    function deploy(address[] memory signers, uint256 threshold) internal returns (QuorumAnchor) {
        return new QuorumAnchor(SOURCE_CHAIN, genesisHash, signers, threshold, DRIFT, DELAY, GUARDIAN);
    }

    function header(uint256 number, uint256 timestamp) internal pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("parent"), STATE, number, timestamp);
    }

    /// @dev Another block of the same number and time.
    function fork(uint256 number, uint256 timestamp) internal pure returns (bytes memory) {
        return HeaderWriter.header(keccak256("other parent"), STATE, number, timestamp);
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function digestOf(uint64 number, bytes memory header_) internal view returns (bytes32) {
        return digestFor(anchor, number, keccak256(header_));
    }

    /// @dev As FINAL, in the epochs that the anchor is in.
    function digestFor(QuorumAnchor which, uint64 number, bytes32 hash) internal view returns (bytes32) {
        return which.attestationDigest(attestation(which, number, hash, Level.FINAL));
    }

    function attestation(QuorumAnchor which, uint64 number, bytes32 hash, Level level)
        internal
        view
        returns (BlockAttestation memory)
    {
        (,, uint64 canonicalEpoch) = which.status();
        return BlockAttestation(number, hash, level, which.setEpoch(), canonicalEpoch);
    }

    function proofOf(bytes memory header_, bytes memory signatures) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Level.FINAL), header_, signatures);
    }

    /// @dev Signatures of the signers `from` to `to`, the last one excluded.
    function signed(bytes32 digest, uint256 from, uint256 to) internal view returns (bytes memory out) {
        for (uint256 i = from; i < to; ++i) {
            out = bytes.concat(out, sign(keys[i], digest));
        }
    }

    /// @dev A proof that the first three signers vouch for.
    function attested(uint64 number, bytes memory header_) internal view returns (bytes memory) {
        return proofOf(header_, signed(digestOf(number, header_), 0, 3));
    }

    function accept(uint64 number, uint256 timestamp) internal returns (bytes32 hash) {
        (hash,) = anchor.update(attested(number, header(number, timestamp)));
    }

    function assertBlock(SrcBlock memory actual, bytes memory header_, uint64 number, uint256 timestamp) internal pure {
        assertEq(actual.blockHash, keccak256(header_), "hash");
        assertEq(actual.stateRoot, STATE, "state root");
        assertEq(actual.number, number, "number");
        assertEq(actual.timestamp, timestamp, "timestamp");
        assertEq(actual.acceptedAt, NOW, "accepted at");
        assertEq(uint8(actual.level), uint8(Level.FINAL), "level");
    }

    function assertUnknown(SrcBlock memory actual) internal pure {
        SrcBlock memory none;
        assertEq(keccak256(abi.encode(actual)), keccak256(abi.encode(none)));
    }
}
