// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../src/interfaces/IHub.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {TrieProof} from "../src/libraries/TrieProof.sol";
import {HubTest} from "./reference/HubTest.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice The largest calls there can be, refused by the very error, and with too little gas anywhere nothing at all.
contract HubLimitsTest is HubTest {
    uint256 private constant TX_GAS = 16_777_216; // EIP-7825
    uint256 private constant TX_BYTES = 131_072; // what nodes take
    bytes32 private constant OPAQUE = keccak256("opaque");

    uint256[4] private first = [uint256(1), 2, 0, 40_000];
    uint256[4] private second = [uint256(5), 0, 3, 50_000];
    address private replica;
    Block private to;

    function setUp() public {
        replica = activeAt(10, first);
        to = acceptedBlock(11, second);
    }

    // --- the largest calldata ---

    /// @dev 63 branches of 15 hashes above each of the leaves. Nothing is known to be wrong before the end.
    function test_sync_witnessOf128KiB_isRefusedForItsRoot() public {
        (bytes memory whole, bytes32 root) = _columns(5);
        assertGt(whole.length, TX_BYTES);
        _refusedForItsRoot(whole, root);
    }

    /// @dev Calldata alone costs nearly all the gas that a transaction may have (EIP-7623: 40 for a byte that is not 0).
    function test_sync_largestWitnessUnderTheGasCap_isRefusedForItsRoot() public {
        (bytes memory whole, bytes32 root) = _columns(13);
        assertGt(21_000 + 40 * whole.length, TX_GAS * 9 / 10);
        _refusedForItsRoot(whole, root);
    }

    function test_prepare_largestWitnessUnderTheGasCap_fits() public {
        (bytes memory whole,) = _columns(13);
        bytes memory call = abi.encodeCall(IHub.prepare, (replica, to.hash, "", 0, whole));
        (bool success, bytes memory data) = address(hub).call{gas: _gasBehind(call)}(call);
        assertTrue(success);
        (bytes memory pending,) = abi.decode(data, (bytes, bytes32));
        assertEq(pending.length, 160);
    }

    /// @dev As deep and as large, and wrong in its last item only.
    function test_sync_largestWitnessWithoutItsEnd_isIncomplete() public {
        (bytes memory whole,) = _columns(13);
        bytes memory cut = WitnessParts.slice(whole, 0, whole.length - 3);
        _refusedWithin(
            abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, cut)),
            abi.encodeWithSelector(ITransitionEngine.WitnessIncomplete.selector, 13)
        );
        cut = WitnessParts.slice(whole, 0, whole.length - 1);
        _refusedWithin(
            abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, cut)),
            abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, cut.length)
        );
    }

    function test_commit_pendingOf128KiB_isIncomplete() public {
        bytes memory pending = new bytes(TX_BYTES);
        _refusedWithin(
            abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, pending, "")),
            abi.encodeWithSelector(ITransitionEngine.WitnessIncomplete.selector, TX_BYTES / 160)
        );
    }

    function test_prepare_pendingOf128KiB_isNotProven() public {
        bytes memory pending = new bytes(TX_BYTES);
        _refusedWithin(
            abi.encodeCall(IHub.prepare, (replica, to.hash, pending, 0, "")),
            abi.encodeWithSelector(IHub.PartNotProven.selector, partOf(replica, pending, 0))
        );
    }

    function test_sync_accountProofOf128KiB_reverts() public {
        bytes memory proof = bytes.concat(to.proof, new bytes(TX_BYTES));
        bytes memory reason = abi.encodeWithSelector(ITransitionEngine.BranchMisplaced.selector, to.proof.length);
        _refusedWithin(abi.encodeCall(IHub.sync, (replica, to.hash, proof, witnessOf(first, second))), reason);
    }

    function test_halt_nodesOf128KiB_areNotConsumed() public {
        bytes memory nodes = bytes.concat(to.nodes, new bytes(TX_BYTES));
        _refusedWithin(
            abi.encodeCall(IHub.halt, (replica, to.hash, nodes)),
            abi.encodeWithSelector(TrieProof.ProofNotConsumed.selector, to.nodes.length, nodes.length)
        );
    }

    // --- too little gas ---

    function test_fill_anyGas_allOrNothing() public {
        creator = makeAddr("another creator");
        address young = created();
        bytes memory call = abi.encodeCall(IHub.fill, (young, ReferenceTrie.emptyRoot(), witnessOf(nothing(), first)));
        bytes32 before = fingerprint(young);
        bool success;
        for (uint256 gas_ = 20_000; !success; gas_ += 1_501) {
            vm.prank(creator);
            (success,) = address(hub).call{gas: gas_}(call);
            if (!success) assertEq(fingerprint(young), before);
        }
        assertStorage(young, first);
        assertEq(hub.record(young).storageRoot, rootOf(first));
    }

    function test_halt_anyGas_allOrNothing() public {
        Block memory gone = absentBlock(12);
        bytes memory call = abi.encodeCall(IHub.halt, (replica, gone.hash, gone.nodes));
        bytes32 before = fingerprint(replica);
        bool success;
        for (uint256 gas_ = 20_000; !success; gas_ += 501) {
            (success,) = address(hub).call{gas: gas_}(call);
            if (!success) assertEq(fingerprint(replica), before);
        }
        assertEq(hub.record(replica).haltHash, gone.hash);
    }

    // --- parts of tests ---

    function _refusedForItsRoot(bytes memory whole, bytes32 root) private {
        _refusedWithin(
            abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, whole)),
            abi.encodeWithSelector(IHub.OldRootMismatch.selector, rootOf(first), root)
        );
    }

    /// @dev As the one call of a transaction with all the gas that there can be.
    function _refusedWithin(bytes memory call, bytes memory reason) private {
        bytes32 before = fingerprint(replica);
        (bool success, bytes memory actual) = address(hub).call{gas: _gasBehind(call)}(call);
        assertFalse(success, "not refused");
        assertEq(actual, reason, "reason");
        assertEq(fingerprint(replica), before, "something has changed");
    }

    /// @dev What is left of a transaction's gas once its calldata is paid for, 4 for a zero byte and 16 for any other.
    function _gasBehind(bytes memory call) private pure returns (uint256 left) {
        left = TX_GAS - 21_000 - 16 * call.length;
        for (uint256 i = 0; i < call.length; ++i) {
            if (call[i] == 0) left += 12;
        }
    }

    /// @dev Leaves below the first `count` nibbles, branches of fifteen opaque children above each at depths 63 to 1, and the
    /// branch at the root that joins them; with its hash.
    function _columns(uint256 count) private pure returns (bytes memory whole, bytes32 root) {
        bytes memory hashes;
        for (uint256 i = 0; i < 15; ++i) {
            hashes = bytes.concat(hashes, OPAQUE);
        }
        bytes[] memory items = new bytes[](63);
        for (uint256 depth = 63; depth > 0; --depth) {
            items[63 - depth] = WitnessBuilder.branch(depth, 0xfffe, hashes);
        }
        bytes memory branches = WitnessParts.join(items, 0, 63);
        // They are the same above any key that goes on with zeros, and so is all that they make.
        bytes memory childRef = RlpWriter.word(_columnHash());
        bytes[16] memory children;
        for (uint256 nibble = 0; nibble < count; ++nibble) {
            whole = bytes.concat(whole, WitnessBuilder.leaf(bytes32(nibble << 252), 7), branches);
            children[nibble] = childRef;
        }
        whole = bytes.concat(whole, WitnessBuilder.branch(0));
        root = keccak256(ReferenceTrie.branchNode(children));
    }

    function _columnHash() private pure returns (bytes32) {
        bytes[16] memory children;
        for (uint256 i = 1; i < 16; ++i) {
            children[i] = RlpWriter.word(OPAQUE);
        }
        bytes memory node = ReferenceTrie.leafNode(0, 64, 7);
        for (uint256 depth = 63; depth > 0; --depth) {
            children[0] = ReferenceTrie.referTo(node);
            node = ReferenceTrie.branchNode(children);
        }
        return keccak256(node);
    }
}
