// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TrieProof} from "../../src/libraries/TrieProof.sol";
import {AccountProofVector, AccountProofVectors} from "../reference/AccountProofVectors.sol";
import {LibraryHarness} from "../reference/LibraryHarness.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";

/// @dev The vectors of `tests/vectors/account_proof.json`, which Python's verifier reads too, and fuzzing around them.
contract AccountProofTest is NamedErrors {
    LibraryHarness private harness;
    AccountProofVector[] private cases;

    function setUp() public {
        harness = new LibraryHarness();
        AccountProofVector[] memory read = AccountProofVectors.read();
        for (uint256 i = 0; i < read.length; ++i) {
            cases.push(read[i]);
        }
    }

    function test_verify_validVectors_proveWhatTheySay() public view {
        uint256 count = 0;
        for (uint256 i = 0; i < cases.length; ++i) {
            AccountProofVector memory c = cases[i];
            if (bytes(c.refusedBy).length != 0) continue;
            (bool exists, bytes32 storageRoot, bytes32 codeHash) =
                harness.verifyAccount(c.stateRoot, c.account, c.proof);
            assertEq(exists, c.exists, c.name);
            assertEq(storageRoot, c.storageRoot, c.name);
            assertEq(codeHash, c.codeHash, c.name);
            ++count;
        }
        assertGt(count, 70);
    }

    function test_verify_spoiledVectors_areRefusedByName() public view {
        uint256 count = 0;
        for (uint256 i = 0; i < cases.length; ++i) {
            AccountProofVector memory c = cases[i];
            if (bytes(c.refusedBy).length == 0) continue;
            try harness.verifyAccount(c.stateRoot, c.account, c.proof) {
                assertTrue(false, string.concat("accepted: ", c.name));
            } catch (bytes memory reason) {
                assertEq(assertNamed(reason), bytes4(keccak256(bytes(c.refusedBy))), c.name);
            }
            ++count;
        }
        assertGt(count, 70);
    }

    /// @dev A changed byte is a changed hash, or a proof that does not fall into nodes any more.
    function testFuzz_verify_byteChanged_reverts(uint256 pick, uint256 index, uint8 flip) public view {
        AccountProofVector memory c = pickValid(pick);
        index = bound(index, 0, c.proof.length - 1);
        c.proof[index] ^= bytes1(uint8(bound(flip, 1, 255)));
        assertRefused(c);
    }

    function testFuzz_verify_cutShort_reverts(uint256 pick, uint256 length) public view {
        AccountProofVector memory c = pickValid(pick);
        c.proof = slice(c.proof, 0, bound(length, 0, c.proof.length - 1));
        assertRefused(c);
    }

    function testFuzz_verify_bytesAppended_reverts(uint256 pick, bytes memory more) public view {
        vm.assume(more.length != 0);
        AccountProofVector memory c = pickValid(pick);
        c.proof = bytes.concat(c.proof, more);
        assertRefused(c);
    }

    function testFuzz_verify_bytesDropped_reverts(uint256 pick, uint256 from, uint256 count) public view {
        AccountProofVector memory c = pickValid(pick);
        from = bound(from, 0, c.proof.length - 1);
        count = bound(count, 1, c.proof.length - from);
        c.proof = bytes.concat(slice(c.proof, 0, from), slice(c.proof, from + count, c.proof.length));
        assertRefused(c);
    }

    function testFuzz_verify_anyBytes_revert(bytes32 root, address account, bytes memory proof) public view {
        vm.assume(root != TrieProof.EMPTY_ROOT);
        AccountProofVector memory c;
        (c.stateRoot, c.account, c.proof) = (root, account, proof);
        assertRefused(c);
    }

    /// @dev Random bytes hardly ever look like a node; these always hash to the root, and so are looked into.
    function testFuzz_verify_anyListAsRoot_neverPanics(address account, bytes memory items) public view {
        bytes memory proof = items.length < 56
            ? abi.encodePacked(uint8(0xc0 + items.length), items)
            : abi.encodePacked(uint8(0xf9), uint16(items.length), items);
        assertNamed(keccak256(proof), account, proof);
    }

    /// @dev One byte of a node changed, and the root recomputed: the node is genuine, and mostly malformed.
    function testFuzz_verify_rootNodeChanged_neverPanics(uint256 pick, uint256 index, uint8 value) public view {
        AccountProofVector memory c = pickValid(pick);
        uint256 length = 0;
        (, length) = harness.readList(c.proof, 0);
        bytes memory node = slice(c.proof, 0, length);
        node[bound(index, 0, length - 1)] = bytes1(value);
        assertNamed(keccak256(node), c.account, bytes.concat(node, slice(c.proof, length, c.proof.length)));
    }

    function assertNamed(bytes32 root, address account, bytes memory proof) private view {
        try harness.verifyAccount(root, account, proof) {}
        catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    function assertRefused(AccountProofVector memory c) private view {
        try harness.verifyAccount(c.stateRoot, c.account, c.proof) {
            assertTrue(false, string.concat("accepted: ", c.name));
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    /// @dev A valid case that has nodes.
    function pickValid(uint256 pick) private view returns (AccountProofVector memory) {
        for (uint256 i = bound(pick, 0, cases.length - 1);; i = (i + 1) % cases.length) {
            if (bytes(cases[i].refusedBy).length == 0 && cases[i].proof.length != 0) return cases[i];
        }
    }

    function slice(bytes memory data, uint256 start, uint256 end) private pure returns (bytes memory out) {
        out = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) {
            out[i - start] = data[i];
        }
    }
}
