// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {AccountProof} from "../src/libraries/AccountProof.sol";
import {Rlp} from "../src/libraries/Rlp.sol";
import {TrieProof} from "../src/libraries/TrieProof.sol";
import {AccountProofVector, AccountProofVectors} from "./reference/AccountProofVectors.sol";
import {HubTest} from "./reference/HubTest.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {StateTrie} from "./reference/StateTrie.sol";

/// @notice Faults that were found in other provers, in the nodes that `halt` takes. `docs/reference/refusals.md` has the list.
/// @dev The proofs are the spoiled ones of `tests/vectors/account_proof.json`, here by name and through the hub.
contract HaltCorpusTest is HubTest {
    AccountProofVector[] private cases;

    function setUp() public {
        AccountProofVector[] memory read = AccountProofVectors.read();
        for (uint256 i = 0; i < read.length; ++i) {
            if (bytes(read[i].refusedBy).length != 0) cases.push(read[i]);
        }
    }

    function test_halt_corpus1CutOff_reverts() public {
        _refused("cut off at a branch", TrieProof.ProofTruncated.selector);
        _refused("root alone", TrieProof.ProofTruncated.selector);
        _refused("extension cut off", TrieProof.ProofTruncated.selector);
        _refused("nothing for a trie that is not empty", TrieProof.ProofTruncated.selector);
        _refused("last byte missing", Rlp.RlpPayloadTruncated.selector);
        _refused("first node missing", TrieProof.NodeHashMismatch.selector);
        _refused("inner node missing", TrieProof.NodeHashMismatch.selector);
    }

    function test_halt_corpus2Forged_reverts() public {
        _refused("leaf forged", TrieProof.NodeHashMismatch.selector);
        _refused("leaf alone, forged", TrieProof.NodeHashMismatch.selector);
        _refused("inner node forged", TrieProof.NodeHashMismatch.selector);
        _refused("root forged", TrieProof.NodeHashMismatch.selector);
    }

    function test_halt_corpus3Surplus_reverts() public {
        _refused("surplus node: the leaf twice", TrieProof.ProofNotConsumed.selector);
        _refused("surplus node: the root", TrieProof.ProofNotConsumed.selector);
        _refused("trailing byte", TrieProof.ProofNotConsumed.selector);
        _refused("a node for the empty trie", TrieProof.NodeHashMismatch.selector);
        _refused("leaf with a third item", TrieProof.InvalidReference.selector);
        _refused("branch of 18 items", TrieProof.NodeItemCount.selector);
        _refused("account of five items", AccountProof.AccountItemsLeft.selector);
        _refused("account with trailing byte", AccountProof.AccountNotConsumed.selector);
    }

    function test_halt_corpus4EmbeddedOrHashed_reverts() public {
        _refused("hash of a node that is to be embedded", TrieProof.HashedNodeTooShort.selector);
        _refused("hash of a node of 31 bytes", TrieProof.HashedNodeTooShort.selector);
        _refused("embedded leaf of 32 bytes and more", TrieProof.EmbeddedNodeTooLong.selector);
        _refused("embedded node of 32 bytes beside the path", TrieProof.EmbeddedNodeTooLong.selector);
        _refused("embedded node given again", TrieProof.LeafDepth.selector);
        _refused("child of 31 bytes", TrieProof.InvalidReference.selector);
        _refused("child of 33 bytes", TrieProof.InvalidReference.selector);
    }

    /// @dev Deeper than a key is an error; nothing above is too deep (`test_lookup_branchAtEveryNibble_isFound`).
    function test_halt_corpus5TooDeep_reverts() public {
        _refused("branch below the last nibble", TrieProof.PathTooLong.selector);
        _refused("extension of 64 nibbles", TrieProof.PathTooLong.selector);
        _refused("extension of 66 nibbles", TrieProof.PathTooLong.selector);
        _refused("leaf of 65 nibbles", TrieProof.LeafDepth.selector);
        _refused("leaf of 66 nibbles", TrieProof.LeafDepth.selector);
    }

    function test_halt_corpus6NodeOfAnotherKind_reverts() public {
        _refused("leaf taken for an extension", TrieProof.PathTooLong.selector);
        _refused("extension to an account", TrieProof.InvalidReference.selector);
        _refused("extension to 31 bytes", TrieProof.InvalidReference.selector);
        _refused("extension to a leaf", TrieProof.ExtensionChildNotBranch.selector);
        _refused("extension to an embedded leaf", TrieProof.ExtensionChildNotBranch.selector);
        _refused("extension to an extension", TrieProof.ExtensionChildNotBranch.selector);
        _refused("extension with no child", TrieProof.ExtensionChildEmpty.selector);
        _refused("branch with a value", TrieProof.BranchValuePresent.selector);
        _refused("branch with a list as its value", Rlp.RlpNotString.selector);
        _refused("leaf with a list as its value", Rlp.RlpNotString.selector);
        _refused("leaf of 63 nibbles", TrieProof.LeafDepth.selector);
        _refused("account that is a string", Rlp.RlpNotList.selector);
    }

    function test_halt_corpus7NotCanonical_reverts() public {
        _refused("list header in long form", Rlp.RlpLengthNotMinimal.selector);
        _refused("list length with leading zero", Rlp.RlpLengthLeadingZero.selector);
        _refused("path byte with a header", Rlp.RlpByteNotMinimal.selector);
        _refused("value longer than the leaf", Rlp.RlpPayloadTruncated.selector);
        _refused("account nonce with leading zero", Rlp.RlpScalarLeadingZero.selector);
        _refused("account balance of zero byte", Rlp.RlpScalarLeadingZero.selector);
        _refused("account balance of 33 bytes", Rlp.RlpScalarTooLong.selector);
        _refused("account with a short storage root", Rlp.RlpWrongLength.selector);
        _refused("account with a long code hash", Rlp.RlpWrongLength.selector);
        _refused("leaf with padding", TrieProof.HexPrefixPadding.selector);
        _refused("leaf with a flag of 4", TrieProof.HexPrefixFlag.selector);
        _refused("leaf with an empty path", TrieProof.HexPrefixEmpty.selector);
    }

    /// @dev A leaf at a depth that leaves its key other than 64 nibbles.
    function test_halt_corpus8LeafAtAnotherDepth_reverts() public {
        _refused("leaf of 62 nibbles", TrieProof.LeafDepth.selector);
        _refused("leaf of 63 nibbles", TrieProof.LeafDepth.selector);
        _refused("leaf of 65 nibbles", TrieProof.LeafDepth.selector);
    }

    function test_halt_corpus9NodeTwice_reverts() public {
        _refused("surplus node: the leaf twice", TrieProof.ProofNotConsumed.selector);
        _refused("inner node twice", TrieProof.NodeHashMismatch.selector);
    }

    function test_halt_corpus14OfAnother_reverts() public {
        _refused("another account's proof", TrieProof.NodeHashMismatch.selector);
        _refused("another block's proof", TrieProof.NodeHashMismatch.selector);
    }

    // --- parts of tests ---

    /// @dev A replica of the case's account, and a block with its state.
    function _refused(string memory name, bytes4 selector) private {
        AccountProofVector memory c = _case(name);
        assertEq(bytes4(keccak256(bytes(c.refusedBy))), selector, name);
        creator = makeAddr(name);
        bytes32 logicHash = hub.logicHashOf(code);
        vm.prank(creator);
        address replica = hub.create(CHAIN, c.account, address(anchor), keccak256(code), logicHash, 0);
        (bytes32 stateRoot, bytes memory proof,) =
            StateTrie.present(c.account, ReferenceTrie.emptyRoot(), keccak256(code));
        anchor.setBlock(stateRoot, stateRoot, 10, Level.FINAL);
        hub.activate(replica, stateRoot, proof, code);

        bytes32 to = keccak256(bytes(name));
        anchor.setBlock(to, c.stateRoot, 11, Level.FINAL);
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory reason) = address(hub).call(abi.encodeCall(IHub.halt, (replica, to, c.proof)));
        assertFalse(success, name);
        assertEq(selectorOf(reason), selector, name);
        assertEq(fingerprint(replica), before, name);
    }

    function _case(string memory name) private view returns (AccountProofVector memory) {
        for (uint256 i = 0; i < cases.length; ++i) {
            if (keccak256(bytes(cases[i].name)) == keccak256(bytes(name))) return cases[i];
        }
        revert(string.concat("no vector: ", name));
    }
}
