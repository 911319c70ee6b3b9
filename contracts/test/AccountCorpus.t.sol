// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {ITransitionEngine, ITransitionProver} from "../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "./reference/HubTest.sol";
import {PlainEngine} from "./reference/PlainEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {StateTrie} from "./reference/StateTrie.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice Faults that were found in other provers, in the account proofs that the hub takes. `docs/reference/refusals.md` has
/// the list.
/// @dev Each goes to all three that read one: `sync`, `activate` and `commit`. They must give the same reason and leave nothing.
contract AccountCorpusTest is HubTest {
    uint256 private constant NONCE = 1;
    uint256 private constant BALANCE = 1 ether;

    ITransitionProver private twin = ITransitionProver(address(new PlainEngine()));
    uint256[4] private first = [uint256(1), 2, 0, 40_000];
    uint256[4] private second = [uint256(1), 3, 5, 0];
    bytes32 private storageRoot = rootOf(second);
    bytes private witness = witnessOf(first, second);
    address private replica; // holds `first`
    address private young; // holds `second` already, and is not active yet
    Part private prepared; // of `replica`, the whole witness
    Block private to; // at which the source has `second`

    function setUp() public {
        replica = activeAt(10, first);
        prepared = prepareAll(replica, 0, witness, 2);
        creator = makeAddr("another creator");
        young = created();
        fill(young, nothing(), second);
        _publish(_depths(0, 1, 9));
    }

    // --- 1: cut off ---

    /// @dev Between two branches: what is there is a trie of its own, with fewer accounts. Inside one: the zeros behind the
    /// proof are not taken for what is missing, unless for a mask without a child.
    function test_anyMove_corpus1CutAnywhere_reverts() public {
        ReferenceTrie.Entry[] memory entries = _entries(_depths(0, 1, 9));
        uint256 start = 1 + uint8(to.proof[0]);
        for (uint256 length = 0; length < start; ++length) {
            _refused(_cut(length), abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, length));
        }
        bytes[] memory branches = WitnessParts.items(WitnessParts.slice(to.proof, start, to.proof.length));
        assertEq(branches.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            // The source, and its neighbours from the lowest one on.
            ReferenceTrie.Entry[] memory rest = new ReferenceTrie.Entry[](i + 1);
            rest[0] = entries[0];
            for (uint256 j = 0; j < i; ++j) {
                rest[j + 1] = entries[3 - j];
            }
            _otherRoot(_cut(start), ReferenceTrie.root(rest));
            for (uint256 length = 1; length < branches[i].length; ++length) {
                bool hasChild = length > 2 || (length == 2 && branches[i][1] != 0);
                bytes memory reason = hasChild
                    ? abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, start + length)
                    : abi.encodeWithSelector(ITransitionEngine.BranchTooNarrow.selector, start);
                _refused(_cut(start + length), reason);
            }
            start += branches[i].length;
        }
    }

    // --- 2: forged ---

    function test_anyMove_corpus2NonceOrBalanceForged_reverts() public {
        _otherLeaf(bytes.concat(RlpWriter.scalar(NONCE + 1), RlpWriter.scalar(BALANCE)));
        _otherLeaf(bytes.concat(RlpWriter.scalar(NONCE), RlpWriter.scalar(BALANCE + 1)));
        _otherLeaf(bytes.concat(RlpWriter.scalar(BALANCE), RlpWriter.scalar(NONCE)));
    }

    function test_anyMove_corpus2HashForged_reverts() public {
        uint256 length = to.proof.length;
        for (uint256 back = 1; back <= 32; ++back) {
            bytes memory bad = bytes.concat(to.proof);
            bad[length - back] ^= 0x01; // the highest branch's hash
            _otherRoot(bad, _rootBy(bad));
            bad[length - back] ^= 0x01;
            bad[length - back - 35] ^= 0x01; // the second one's
            _otherRoot(bad, _rootBy(bad));
        }
    }

    // --- 3: surplus ---

    function test_anyMove_corpus3Surplus_reverts() public {
        uint256 length = to.proof.length;
        bytes4 unknown = ITransitionEngine.UnknownItem.selector;
        _refused(bytes.concat(to.proof, hex"c0"), abi.encodeWithSelector(unknown, length));
        _refused(bytes.concat(to.proof, hex"ff"), abi.encodeWithSelector(unknown, length));
        bytes4 misplaced = ITransitionEngine.BranchMisplaced.selector;
        _refused(bytes.concat(to.proof, hex"000000"), abi.encodeWithSelector(misplaced, length));
    }

    // --- 5: too deep ---

    /// @dev 63 branches, a neighbour at each: the account is there. One more would need two keys that share 63 nibbles, and the
    /// engine takes what hangs there for a leaf's value: another root, and no absence.
    function test_anyMove_corpus5DeepestAccount_isThereAndNoDeeper() public {
        bytes memory rest = bytes.concat(RlpWriter.scalar(NONCE), RlpWriter.scalar(BALANCE));
        rest = bytes.concat(bytes1(uint8(rest.length)), rest); // forge-lint: disable-line(unsafe-typecast)
        bytes memory branches = _branches(64);
        _otherRoot(bytes.concat(rest, branches), _rootBy(bytes.concat(rest, branches)));
        bytes memory bad = bytes.concat(rest, hex"40", branches);
        _refused(bad, abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, rest.length));

        branches = _branches(63);
        // Without the lowest branch the account hangs at its parent.
        bad = bytes.concat(rest, WitnessParts.slice(branches, 35, branches.length));
        _otherRoot(bad, _rootBy(bad));
        hub.sync(replica, to.hash, bytes.concat(rest, branches), witness);
        assertEq(hub.record(replica).blockHash, to.hash, "the whole one is taken");
    }

    // --- 6: an inner node for the account ---

    /// @dev Only the bytes of nonce and balance can be chosen, and whatever they are they stand inside the account's leaf.
    function test_anyMove_corpus6InnerNodeAsAccount_reverts() public {
        bytes memory inner = bytes.concat(RlpWriter.word(keccak256("a branch")), new bytes(9));
        assertEq(inner.length, 42);
        _otherLeaf(inner);
        _otherLeaf("");
        _refused(to.nodes, abi.encodeWithSelector(ITransitionEngine.NonCanonicalWord.selector, 0));
    }

    // --- 7: what is not canonical ---

    function test_anyMove_corpus7NonceOrBalanceNotCanonical_reverts() public {
        bytes memory balance = RlpWriter.scalar(BALANCE);
        _otherLeaf(bytes.concat(hex"820001", balance));
        _otherLeaf(bytes.concat(hex"8101", balance));
        _otherLeaf(bytes.concat(hex"b80101", balance));
        _otherLeaf(bytes.concat(hex"01", balance, hex"00"));
        _otherLeaf(bytes.concat(hex"01", hex"89000de0b6b3a7640000"));
        _otherLeaf(hex"01");
        bytes memory bad = bytes.concat(hex"2b", new bytes(43));
        _refused(bad, abi.encodeWithSelector(ITransitionEngine.NonCanonicalWord.selector, 0));
    }

    // --- 8: another position ---

    function test_anyMove_corpus8BranchAtAnotherDepth_reverts() public {
        uint256 start = 1 + uint8(to.proof[0]);
        for (uint256 depth = 2; depth < 64; ++depth) {
            if (depth == 9) continue;
            bytes memory bad = bytes.concat(to.proof);
            bad[start] = bytes1(uint8(depth)); // forge-lint: disable-line(unsafe-typecast)
            try twin.stateRootOf(SOURCE, storageRoot, keccak256(code), bad) returns (bytes32 root) {
                _otherRoot(bad, root);
            } catch (bytes memory reason) {
                assertEq(selectorOf(reason), ITransitionEngine.ChildTwice.selector);
                _refused(bad, abi.encodeWithSelector(ITransitionEngine.ChildTwice.selector, start));
            }
        }
        // Not above the one that stands before it.
        for (uint256 depth = 0; depth < 2; ++depth) {
            bytes memory bad = bytes.concat(to.proof);
            bad[start] = bytes1(uint8(depth)); // forge-lint: disable-line(unsafe-typecast)
            _refusedAtSecond(bad);
        }
    }

    // --- 9: the same twice ---

    function test_anyMove_corpus9BranchTwice_reverts() public {
        uint256 start = 1 + uint8(to.proof[0]);
        bytes[] memory branches = WitnessParts.items(WitnessParts.slice(to.proof, start, to.proof.length));
        uint256 offset = start;
        for (uint256 i = 0; i < 3; ++i) {
            offset += branches[i].length;
            bytes memory bad = bytes.concat(_cut(offset), branches[i], WitnessParts.join(branches, i + 1, 3));
            _refused(bad, abi.encodeWithSelector(ITransitionEngine.BranchMisplaced.selector, offset));
        }
    }

    // --- 11, 12, 13: writes, and a storage root that is not the replica's ---

    function test_anyMove_corpus11Write_reverts() public {
        bytes4 unknown = ITransitionEngine.UnknownItem.selector;
        bytes memory reason = abi.encodeWithSelector(unknown, to.proof.length);
        _refused(bytes.concat(to.proof, WitnessBuilder.write(0, first[0])), reason);
        _refused(bytes.concat(to.proof, WitnessBuilder.write(type(uint256).max, 0)), reason);
    }

    function test_anyMove_corpus13OtherStorage_reverts() public {
        uint256[4] memory others = [uint256(1), 2, 0, 40_001];
        storageRoot = rootOf(others);
        _publish(_depths(0, 1, 9));
        storageRoot = rootOf(second);
        _otherRoot(to.proof, _rootBy(to.proof));
    }

    // --- 14: of another account, another block, another chain ---

    function test_anyMove_corpus14OfAnotherAccount_reverts() public {
        (bytes32 stateRoot, bytes memory proof,) = StateTrie.present(address(0x51), storageRoot, keccak256(code));
        to.stateRoot = stateRoot;
        to.proof = proof;
        anchor.setBlock(to.hash, stateRoot, 11, Level.FINAL);
        _otherRoot(proof, _rootBy(proof));
    }

    function test_anyMove_corpus14OfAnotherBlock_reverts() public {
        bytes memory earlier = to.proof;
        bytes32 its = to.stateRoot;
        _publish(_depths(0, 2, 9));
        _otherRoot(earlier, its);
    }

    /// @dev The same account, with the same storage and code, among the accounts of another chain.
    function test_anyMove_corpus14OfAnotherChain_reverts() public {
        (bytes32 elsewhere, bytes memory proof,) = StateTrie.present(SOURCE, storageRoot, keccak256(code));
        _otherRoot(proof, elsewhere);
    }

    // --- parts of tests ---

    function _refused(bytes memory bad, bytes memory reason) private {
        assertRefused(replica, abi.encodeCall(IHub.sync, (replica, to.hash, bad, witness)), reason);
        assertRefused(young, abi.encodeCall(IHub.activate, (young, to.hash, bad, code)), reason);
        bytes memory writes = WitnessParts.writes(witness);
        bytes memory call = abi.encodeCall(IHub.commit, (replica, to.hash, bad, prepared.pending, writes));
        assertRefused(replica, call, reason);
    }

    function _otherRoot(bytes memory bad, bytes32 computed) private {
        assertTrue(computed != to.stateRoot, "the right root");
        _refused(bad, abi.encodeWithSelector(IHub.StateRootMismatch.selector, to.stateRoot, computed));
    }

    /// @dev These bytes in place of nonce and balance.
    function _otherLeaf(bytes memory rest) private {
        ReferenceTrie.Entry[] memory entries = _entries(_depths(0, 1, 9));
        bytes memory fields = bytes.concat(rest, RlpWriter.word(storageRoot), RlpWriter.word(keccak256(code)));
        entries[0].value = RlpWriter.list(fields);
        bytes memory branches = WitnessParts.slice(to.proof, 1 + uint8(to.proof[0]), to.proof.length);
        // forge-lint: disable-next-line(unsafe-typecast)
        _otherRoot(bytes.concat(bytes1(uint8(rest.length)), rest, branches), ReferenceTrie.root(entries));
    }

    /// @dev By the second branch, which does not lie above the first.
    function _refusedAtSecond(bytes memory bad) private {
        uint256 start = 1 + uint8(bad[0]);
        uint256 next = WitnessBuilder.endOf(WitnessParts.slice(bad, start, bad.length), 0) + start;
        (bool success, bytes memory reason) =
            address(twin).staticcall(abi.encodeCall(twin.stateRootOf, (SOURCE, storageRoot, keccak256(code), bad)));
        assertFalse(success);
        uint256 offset = selectorOf(reason) == ITransitionEngine.ChildTwice.selector ? start : next;
        assertEq(reason, abi.encodeWithSelector(selectorOf(reason), offset));
        _refused(bad, reason);
    }

    /// @dev What `PlainEngine` makes of it.
    function _rootBy(bytes memory proof) private returns (bytes32) {
        return twin.stateRootOf(SOURCE, storageRoot, keccak256(code), proof);
    }

    function _cut(uint256 length) private view returns (bytes memory) {
        return WitnessParts.slice(to.proof, 0, length);
    }

    /// @dev Accepts block 11, with neighbours whose keys share so many nibbles with the source's.
    function _publish(uint256[] memory depths) private {
        ReferenceTrie.Entry[] memory entries = _entries(depths);
        to.stateRoot = ReferenceTrie.root(entries);
        to.proof = StateTrie.ascent(entries, StateTrie.keyOf(SOURCE), NONCE, BALANCE);
        to.nodes = ReferenceTrie.proof(entries, StateTrie.keyOf(SOURCE));
        to.number = 11;
        to.hash = keccak256(abi.encode(to.stateRoot));
        anchor.setBlock(to.hash, to.stateRoot, 11, Level.FINAL);
    }

    /// @dev So many, the lowest first, each with one neighbour by its hash; block 11 is of this state.
    function _branches(uint256 count) private returns (bytes memory items) {
        bytes32 key = StateTrie.keyOf(SOURCE);
        bytes memory node = ReferenceTrie.node(_entries(new uint256[](0)), 0, 1, count);
        for (uint256 below = count; below > 0; --below) {
            uint256 depth = below - 1;
            uint256 nibble = ReferenceTrie.nibbleAt(key, depth);
            bytes32 hash = keccak256(abi.encode(depth));
            bytes[16] memory children;
            children[nibble] = ReferenceTrie.referTo(node);
            children[nibble ^ 1] = RlpWriter.word(hash);
            node = ReferenceTrie.branchNode(children);
            items = bytes.concat(items, WitnessBuilder.branch(depth, 1 << (nibble ^ 1), bytes.concat(hash)));
        }
        to.stateRoot = keccak256(node);
        anchor.setBlock(to.hash, to.stateRoot, 11, Level.FINAL);
    }

    function _entries(uint256[] memory depths) private view returns (ReferenceTrie.Entry[] memory entries) {
        bytes32 key = StateTrie.keyOf(SOURCE);
        entries = new ReferenceTrie.Entry[](depths.length + 1);
        entries[0] = ReferenceTrie.Entry(key, StateTrie.account(NONCE, BALANCE, storageRoot, keccak256(code)));
        for (uint256 i = 0; i < depths.length; ++i) {
            // Another nibble there, and below it any.
            bytes32 neighbour = key ^ bytes32(uint256(1) << (252 - 4 * depths[i]));
            entries[i + 1] =
                ReferenceTrie.Entry(neighbour, StateTrie.account(i, i, keccak256(abi.encode(i)), keccak256("")));
        }
    }

    function _depths(uint256 one, uint256 two, uint256 three) private pure returns (uint256[] memory depths) {
        depths = new uint256[](3);
        (depths[0], depths[1], depths[2]) = (one, two, three);
    }
}
