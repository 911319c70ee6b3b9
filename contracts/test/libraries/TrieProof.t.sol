// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "../../src/libraries/Rlp.sol";
import {TrieProof} from "../../src/libraries/TrieProof.sol";
import {LibraryHarness} from "../reference/LibraryHarness.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";
import {TrieWriter} from "../reference/TrieWriter.sol";

contract TrieProofTest is NamedErrors {
    bytes32 private constant KEY = 0x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef;

    LibraryHarness private harness = new LibraryHarness();

    function assertLookup(TrieWriter.Trie memory trie, bytes32 key, bool found, bytes memory value) private view {
        (bytes32 root, bytes memory proof) = TrieWriter.prove(trie, key);
        (bool found_, bytes memory value_) = harness.lookup(root, key, proof);
        assertEq(found_, found, "found");
        assertEq(value_, value, "value");
    }

    /// @dev A key that shares exactly `shared` nibbles with `key`, and for the rest is random.
    function sibling(bytes32 key, uint256 shared, uint256 seed) private pure returns (bytes32) {
        uint256 random = uint256(keccak256(abi.encode(key, shared, seed)));
        uint256 keep = shared == 0 ? 0 : type(uint256).max << (256 - 4 * shared);
        uint256 mixed = (uint256(key) & keep) | (random & ~keep);
        uint256 shift = 252 - 4 * shared;
        uint256 nibble = ((uint256(key) >> shift) + 1 + random % 15) & 0xf;
        return bytes32((mixed & ~(uint256(0xf) << shift)) | (nibble << shift));
    }

    function two(bytes32 a, bytes memory valueA, bytes32 b, bytes memory valueB)
        private
        pure
        returns (TrieWriter.Trie memory trie)
    {
        trie.keys = new bytes32[](2);
        trie.values = new bytes[](2);
        (trie.keys[0], trie.values[0], trie.keys[1], trie.values[1]) = (a, valueA, b, valueB);
    }

    /* ------------------------------------------------ known roots ----------------------------------------------- */

    /// @dev So that the writer here is not only right by its own word: a root that py-trie computes for two short
    /// leaves in an embedded branch below an extension of 63 nibbles.
    function test_lookup_embeddedBranch_hasThePyTrieRoot() public view {
        TrieWriter.Trie memory trie = two(bytes32(uint256(0)), hex"01", bytes32(uint256(1)), hex"02");
        (bytes32 root, bytes memory proof) = TrieWriter.prove(trie, bytes32(uint256(1)));
        assertEq(root, 0x4052e8ec13706311171e65d44aad5e31bec5e29310b06a3dfa92767947cb0d79);
        (bool found, bytes memory value) = harness.lookup(root, bytes32(uint256(1)), proof);
        assertTrue(found);
        assertEq(value, hex"02");
    }

    function test_lookup_emptyTrie_isAbsent() public view {
        (bool found, bytes memory value) = harness.lookup(TrieProof.EMPTY_ROOT, KEY, "");
        assertFalse(found);
        assertEq(value, "");
    }

    function test_lookup_emptyRootConstant_isTheHashOfTheEmptyString() public pure {
        assertEq(TrieProof.EMPTY_ROOT, keccak256(hex"80"));
    }

    /* ----------------------------------------------- every depth ------------------------------------------------ */

    /// @dev Two leaves that part at each of the 64 nibbles: extensions of every length, leaves embedded and by hash.
    function test_lookup_twoKeysAtEveryDepth_areFoundAndOthersAbsent() public view {
        for (uint256 depth = 0; depth < 64; ++depth) {
            bytes32 other = sibling(KEY, depth, 1);
            TrieWriter.Trie memory trie = two(KEY, hex"01", other, hex"a1");
            assertLookup(trie, KEY, true, hex"01");
            assertLookup(trie, other, true, hex"a1");
            for (uint256 from = 0; from < 64; from += 5) {
                bytes32 absent = sibling(KEY, from, 2);
                if (absent != other) assertLookup(trie, absent, false, "");
            }
        }
    }

    /// @dev A ladder of branches, one at each nibble: the deepest trie there is. Nothing is too deep to be found.
    function test_lookup_branchAtEveryNibble_isFound() public view {
        (bytes32 root, bytes memory proof) = ladder(hex"07");
        (bool found, bytes memory value) = harness.lookup(root, KEY, proof);
        assertTrue(found);
        assertEq(value, hex"07");
    }

    /// @dev The same with the leaf of a neighbour in the last branch: nothing is too deep to be proven absent.
    function test_lookup_branchAtEveryNibbleWithoutTheKey_isAbsent() public view {
        (bytes32 root, bytes memory proof) = ladder("");
        (bool found,) = harness.lookup(root, KEY, proof);
        assertFalse(found);
    }

    /// @dev Built from the bottom, with a hash beside the path in each branch; without a value the last child is empty.
    function ladder(bytes memory value) private pure returns (bytes32 root, bytes memory proof) {
        bytes memory leaf = RlpWriter.list(bytes.concat(hex"20", RlpWriter.str(value)));
        bytes memory child = value.length == 0 ? bytes(hex"80") : leaf;
        for (uint256 depth = 64; depth > 0; --depth) {
            uint256 nibble = (uint256(KEY) >> (256 - 4 * depth)) & 0xf;
            bytes memory items;
            for (uint256 i = 0; i < 16; ++i) {
                bytes memory beside = i == nibble ^ 1 || i == nibble ^ 2 ? RlpWriter.word(KEY) : bytes(hex"80");
                items = bytes.concat(items, i == nibble ? child : beside);
            }
            bytes memory branch = RlpWriter.list(bytes.concat(items, hex"80"));
            proof = bytes.concat(branch, proof);
            root = keccak256(branch);
            child = RlpWriter.word(root);
        }
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_lookup_randomTrie_answersLikeTheWriter(uint256 seed, uint256 size, bytes32 other) public view {
        TrieWriter.Trie memory trie = randomTrie(seed, bound(size, 0, 12));
        uint256 count = trie.keys.length;
        bool isMember = false;
        for (uint256 i = 0; i < count; ++i) {
            assertLookup(trie, trie.keys[i], true, trie.values[i]);
            isMember = isMember || trie.keys[i] == other;
        }
        if (!isMember) assertLookup(trie, other, false, "");
        if (count == 0) return;
        bytes32 near = sibling(trie.keys[seed % count], seed % 64, seed);
        for (uint256 i = 0; i < count; ++i) {
            if (trie.keys[i] == near) return;
        }
        assertLookup(trie, near, false, "");
    }

    /// @dev A proof is of one key: for another it either fails or proves what is true of that other key.
    function testFuzz_lookup_proofOfAnotherKey_neverLies(uint256 seed, uint256 size, uint256 pick) public view {
        TrieWriter.Trie memory trie = randomTrie(seed, bound(size, 2, 12));
        uint256 asked = pick % trie.keys.length;
        bytes32 of_ = sibling(trie.keys[asked], pick % 64, seed);
        (bytes32 root, bytes memory proof) = TrieWriter.prove(trie, of_);
        try harness.lookup(root, trie.keys[asked], proof) returns (bool found, bytes memory value) {
            assertTrue(found, "a member proven absent");
            assertEq(value, trie.values[asked]);
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    /// @dev Keys that share many nibbles with one another, values of 1 to 40 bytes.
    function randomTrie(uint256 seed, uint256 size) private pure returns (TrieWriter.Trie memory trie) {
        bytes32[] memory keys = new bytes32[](size);
        uint256 count = 0;
        for (uint256 i = 0; i < size; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            bytes32 key = i == 0 || random % 4 == 0 ? bytes32(random) : sibling(keys[random % count], random % 64, i);
            bool isNew = true;
            for (uint256 j = 0; j < count; ++j) {
                isNew = isNew && keys[j] != key;
            }
            if (isNew) keys[count++] = key;
        }
        trie.keys = new bytes32[](count);
        trie.values = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 length = i % 3 == 0 ? 1 : 1 + uint256(keys[i]) % 40;
            (trie.keys[i], trie.values[i]) = (keys[i], new bytes(length));
            trie.values[i][0] = bytes1(0x01);
        }
    }

    /* ------------------------------------------------- arguments ------------------------------------------------ */

    function test_lookup_nodeMissing_tellsWhere() public {
        (bytes32 root, bytes memory proof) = TrieWriter.prove(two(KEY, new bytes(32), ~KEY, new bytes(32)), KEY);
        (, uint256 end) = harness.readList(proof, 0);
        bytes memory cut = new bytes(end);
        for (uint256 i = 0; i < end; ++i) {
            cut[i] = proof[i];
        }
        vm.expectRevert(abi.encodeWithSelector(TrieProof.ProofTruncated.selector, end));
        harness.lookup(root, KEY, cut);
    }

    function test_lookup_surplusByte_tellsHowMuchWasRead() public {
        (bytes32 root, bytes memory proof) = TrieWriter.prove(two(KEY, new bytes(32), ~KEY, new bytes(32)), KEY);
        vm.expectRevert(abi.encodeWithSelector(TrieProof.ProofNotConsumed.selector, proof.length, proof.length + 1));
        harness.lookup(root, KEY, bytes.concat(proof, hex"80"));
    }

    function test_lookup_surplusAfterAbsence_reverts() public {
        bytes32 absent = sibling(KEY, 0, 9);
        (bytes32 root, bytes memory proof) = TrieWriter.prove(two(KEY, hex"01", sibling(KEY, 5, 1), hex"02"), absent);
        vm.expectRevert(abi.encodeWithSelector(TrieProof.ProofNotConsumed.selector, proof.length, proof.length + 1));
        harness.lookup(root, absent, bytes.concat(proof, hex"c0"));
    }

    function test_lookup_wrongRoot_tellsBothHashes() public {
        (bytes32 root, bytes memory proof) = TrieWriter.prove(two(KEY, hex"01", ~KEY, hex"02"), KEY);
        vm.expectRevert(abi.encodeWithSelector(TrieProof.NodeHashMismatch.selector, 0, ~root, root));
        harness.lookup(~root, KEY, proof);
    }

    /// @dev An embedded child is walked in place; its hash, even if it were one, is nowhere asked for.
    function test_lookup_embeddedLeafGivenAgain_reverts() public {
        bytes32 other = sibling(KEY, 60, 1);
        (bytes32 root, bytes memory proof) = TrieWriter.prove(two(KEY, hex"01", other, hex"02"), KEY);
        bytes memory leaf = RlpWriter.list(bytes.concat(RlpWriter.str(hex"3def"), hex"01"));
        vm.expectRevert(
            abi.encodeWithSelector(TrieProof.ProofNotConsumed.selector, proof.length, proof.length + leaf.length)
        );
        harness.lookup(root, KEY, bytes.concat(proof, leaf));
    }

    function test_lookup_childOf33Bytes_tellsTheLength() public {
        bytes memory items = bytes.concat(RlpWriter.str(new bytes(33)), hex"80808080808080808080808080808080");
        bytes memory node = RlpWriter.list(items);
        vm.expectRevert(abi.encodeWithSelector(TrieProof.InvalidReference.selector, 1, 33));
        harness.lookup(keccak256(node), KEY, node);
    }

    /// @dev The hash of the last child lacks its last byte, which the value behind it must not lend.
    function test_lookup_lastChildCutShort_reverts() public {
        bytes memory first = hex"808080808080808080808080808080"; // 15 empty children
        bytes memory node = RlpWriter.list(bytes.concat(first, hex"a0", new bytes(31)));
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 16, 32, 31));
        harness.lookup(keccak256(node), KEY, node);
    }
}
