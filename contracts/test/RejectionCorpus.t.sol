// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {HubTest} from "./reference/HubTest.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice Faults that were found in other provers, in witnesses: those that the engine does not refuse, since they are
/// well-formed, but lead to another root. What the hub says of them is the error. `docs/reference/refusals.md` has the list.
/// @dev Each goes to `sync`, and to `commit` by way of `prepare`; both must give the same reason and leave nothing.
contract RejectionCorpusTest is HubTest, TransitionTest {
    address private replica;
    Block private to;

    // --- 1: a present child read as absence ---

    function test_sync_corpus1OpaqueChildLeftOut_reverts() public {
        _threeChildren();
        _otherOldRoot(_aroundWrite(true, false), _rootWithout(2));
        _otherOldRoot(_aroundWrite(false, true), _rootWithout(0));
        _taken(_aroundWrite(true, true));
    }

    function test_sync_corpus1LeafLeftOut_reverts() public {
        _threeChildren();
        bytes[] memory items = WitnessParts.items(witness(WitnessBuilder.OPEN));
        assertEq(items.length, 4);
        _otherOldRoot(bytes.concat(items[0], items[1], items[3]), _rootWithout(2));
        _otherOldRoot(bytes.concat(items[1], items[2], items[3]), _rootWithout(0));
    }

    /// @dev The last item is not there: a branch is read as if it had the one child.
    function test_sync_corpus1CutOffAtABranch_reverts() public {
        _threeChildren();
        bytes[] memory items = WitnessParts.items(witness(WitnessBuilder.OPAQUE));
        assertEq(items.length, 2);
        uint256[] memory alone = new uint256[](3);
        alone[1] = oldValues[1];
        _otherOldRoot(items[0], ReferenceTrie.storageRoot(slots, alone));
    }

    // --- 2: a forged value, a forged hash ---

    function test_sync_corpus2LeafForged_reverts() public {
        _threeChildren();
        bytes[] memory items = WitnessParts.items(witness(WitnessBuilder.OPEN));
        bytes memory forged = WitnessBuilder.leaf(ReferenceTrie.keyOf(slots[0]), oldValues[0] + 1);
        uint256[] memory values = oldValues;
        values[0] += 1;
        _otherOldRoot(bytes.concat(forged, items[1], items[2], items[3]), ReferenceTrie.storageRoot(slots, values));
    }

    function test_sync_corpus2HashForged_reverts() public {
        _threeChildren();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        whole[whole.length - 1] ^= 0x01;
        (bytes32 oldRoot,) = _rootsOf(whole);
        _otherOldRoot(whole, oldRoot);
    }

    function test_sync_corpus2WriteForged_reverts() public {
        _threeChildren();
        uint256[] memory values = newValues;
        values[1] += 1;
        bytes memory forged = WitnessBuilder.build(slots, oldValues, values, WitnessBuilder.OPAQUE);
        _otherNewRoot(forged, ReferenceTrie.storageRoot(slots, values));
    }

    // --- 4: an embedded node by its hash ---

    /// @dev Two leaves share ten nibbles: the one that stays has fewer than 32 bytes, and its parent holds it.
    function test_sync_corpus4EmbeddedNodeAsHash_reverts() public {
        uint256[] memory mined = minedSlots(10, 0);
        keep(mined[0], 1);
        change(mined[1], 2, 3);
        _begin();
        bytes32 key = ReferenceTrie.keyOf(mined[0]);
        bytes memory leaf = ReferenceTrie.leafNode(key, 11, 1);
        assertLt(leaf.length, 32);
        uint256 bit = 1 << ReferenceTrie.nibbleAt(key, 10);
        bytes memory write = WitnessBuilder.write(mined[1], 3);
        bytes memory bad = bytes.concat(write, WitnessBuilder.branch(10, bit, abi.encode(keccak256(leaf))));
        bytes[16] memory children;
        children[ReferenceTrie.nibbleAt(key, 10)] = abi.encodePacked(hex"a0", keccak256(leaf));
        bytes32 other = ReferenceTrie.keyOf(mined[1]);
        children[ReferenceTrie.nibbleAt(other, 10)] = ReferenceTrie.leafNode(other, 11, 2);
        _otherOldRoot(bad, ReferenceTrie.rootAbove(key, 10, keccak256(ReferenceTrie.branchNode(children))));
        _taken(witness(WitnessBuilder.OPEN));
    }

    // --- 5: too deep is not absent ---

    function test_sync_corpus5DeepNeighbourLeftOut_reverts() public {
        for (uint256 nibbles = 6; nibbles <= 12; ++nibbles) {
            forget();
            uint256[] memory mined = minedSlots(nibbles, 0);
            change(mined[0], 3, 4);
            keep(mined[1], 5);
            creator = makeAddr(vm.toString(nibbles));
            _begin();
            _otherOldRoot(WitnessBuilder.write(mined[0], 4), _rootWithout(1));
            _taken(witness(WitnessBuilder.OPEN));
        }
    }

    // --- 6: one kind of node for another ---

    function test_sync_corpus6BranchAsLeaf_reverts() public {
        bytes32 hash = _extensionBeside();
        bytes32 key = ReferenceTrie.keyOf(slots[1]);
        // The root's two children; below 0xa the leaf's value is the hash that the extension points to.
        uint256[] memory two = new uint256[](2);
        uint256[] memory values = new uint256[](2);
        (two[0], values[0]) = (slots[0], 1);
        (two[1], values[1]) = (slots[1], uint256(hash));
        _otherOldRoot(_beside(WitnessBuilder.leaf(key, uint256(hash))), ReferenceTrie.storageRoot(two, values));
        _taken(_beside(WitnessBuilder.opaqueBranch(key, 2, hash)));
    }

    function test_sync_corpus6ExtensionOfOtherLength_reverts() public {
        bytes32 hash = _extensionBeside();
        bytes32 key = ReferenceTrie.keyOf(slots[1]);
        for (uint256 depth = 1; depth < 64; ++depth) {
            if (depth == 2) continue;
            bytes memory bad = _beside(WitnessBuilder.opaqueBranch(key, depth, hash));
            (bytes32 oldRoot,) = _rootsOf(bad);
            _otherOldRoot(bad, oldRoot);
        }
    }

    /// @dev The only other child is a leaf. Given by its hash as a branch, it is hung up as one.
    function test_sync_corpus6LeafAsBranch_reverts() public {
        keep(slotBelow(0x1, 1, 0), type(uint256).max);
        change(slotBelow(0x2, 1, 0), 5, 0);
        _begin();
        bytes32 key = ReferenceTrie.keyOf(slots[0]);
        bytes32 hash = keccak256(ReferenceTrie.leafNode(key, 1, oldValues[0]));
        bytes memory opaque = WitnessBuilder.opaqueBranch(key, 1, hash);
        bytes memory bad = bytes.concat(opaque, WitnessBuilder.write(slots[1], 0), WitnessBuilder.branch(0));
        // On the old side a hash is a hash. On the new one it is no branch's.
        _otherNewRoot(bad, ReferenceTrie.rootAbove(key, 1, hash));
        _taken(witness(WitnessBuilder.OPEN));
    }

    // --- 8: a slot at a position that is not its key's ---

    /// @dev A leaf can be told under any key. Under another than its own it makes another root.
    function test_sync_corpus8LeafUnderAnotherKey_reverts() public {
        _threeChildren();
        bytes[] memory items = WitnessParts.items(witness(WitnessBuilder.OPEN));
        bytes32 moved = ReferenceTrie.keyOf(slots[0]) ^ bytes32(uint256(1));
        bytes memory bad = bytes.concat(WitnessBuilder.leaf(moved, oldValues[0]), items[1], items[2], items[3]);
        (bytes32 oldRoot,) = _rootsOf(bad);
        _otherOldRoot(bad, oldRoot);
    }

    function test_sync_corpus8HashUnderAnotherNibble_reverts() public {
        _threeChildren();
        bytes memory hashes = bytes.concat(_leafHash(2), _leafHash(0));
        bytes memory bad = bytes.concat(
            WitnessBuilder.write(slots[1], newValues[1]), WitnessBuilder.branch(0, 1 << 1 | 1 << 4, hashes)
        );
        (bytes32 oldRoot,) = _rootsOf(bad);
        _otherOldRoot(bad, oldRoot);
    }

    // --- 10: an opaque reference under a branch of one side only ---

    function test_sync_corpus10UnderBranchOfNewSide_reverts() public {
        keep(slotBelow(0x1, 1, 0), type(uint256).max);
        change(slotBelow(0x2, 1, 0), 0, 6);
        _begin();
        bytes memory bad = bytes.concat(
            WitnessBuilder.write(slots[1], 6), WitnessBuilder.branch(0, 1 << 1, bytes.concat(_leafHash(0)))
        );
        (bytes32 oldRoot, bytes32 newRoot) = _rootsOf(bad);
        assertEq(newRoot, newReference(), "the new root is right");
        _otherOldRoot(bad, oldRoot);
    }

    function test_sync_corpus10UnderBranchOfOldSide_reverts() public {
        keep(slotBelow(0x1, 1, 0), type(uint256).max);
        change(slotBelow(0x2, 1, 0), 6, 0);
        _begin();
        bytes32 hash = _leafHash(0);
        bytes memory bad =
            bytes.concat(WitnessBuilder.write(slots[1], 0), WitnessBuilder.branch(0, 1 << 1, bytes.concat(hash)));
        _otherNewRoot(bad, ReferenceTrie.rootAbove(ReferenceTrie.keyOf(slots[0]), 1, hash));
    }

    function test_sync_corpus10ExtensionHandedUp_reverts() public {
        change(slotBelow(0x5, 1, 0), 3, 0);
        keep(slotBelow(0xab1, 3, 0), 1);
        keep(slotBelow(0xab2, 3, 0), 2);
        _begin();
        bytes32 key = ReferenceTrie.keyOf(slots[1]);
        bytes32 hash = keccak256(ReferenceTrie.extensionNode(key, 1, 2, _hashBelowA()));
        bytes memory bad =
            bytes.concat(WitnessBuilder.write(slots[0], 0), WitnessBuilder.branch(0, 1 << 10, bytes.concat(hash)));
        _otherNewRoot(bad, ReferenceTrie.rootAbove(key, 1, hash));
        _taken(witness(WitnessBuilder.OPEN));
    }

    // --- 13: an old value that is not the replica's ---

    /// @dev No witness tells an old value. One that was made for others does not start from this root ...
    function test_sync_corpus13MadeForOtherValues_reverts() public {
        _threeChildren();
        uint256[] memory before = oldValues;
        uint256[] memory afterwards = newValues;
        before[2] += 1;
        afterwards[2] += 1;
        bytes memory bad = WitnessBuilder.build(slots, before, afterwards, WitnessBuilder.OPAQUE);
        _otherOldRoot(bad, ReferenceTrie.storageRoot(slots, before));
    }

    /// @dev ... and none would, if the storage were not what the hub has recorded.
    function test_sync_corpus13StorageIsAnother_reverts() public {
        _threeChildren();
        uint256[] memory values = oldValues;
        values[1] += 2;
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        vm.store(replica, bytes32(slots[1]), bytes32(values[1]));
        oldValues = values;
        bytes memory reason = abi.encodeWithSelector(
            IHub.OldRootMismatch.selector, hub.record(replica).storageRoot, ReferenceTrie.storageRoot(slots, values)
        );
        _refused(whole, reason);
    }

    // --- 14: the witness of another replica, of another block ---

    function test_sync_corpus14WitnessOfAnotherReplica_reverts() public {
        uint256 one = slotBelow(0x1, 1, 0);
        change(one, 7, 9);
        bytes memory theirs = witness(WitnessBuilder.OPAQUE);
        forget();
        change(one, 8, 9);
        keep(slotBelow(0x2, 1, 0), 3);
        _begin();
        _otherOldRoot(theirs, _rootWithout(1));
    }

    function test_sync_corpus14WitnessOfAnotherBlock_reverts() public {
        _threeChildren();
        uint256[] memory values = newValues;
        values[2] += 5;
        bytes memory later = WitnessBuilder.build(slots, oldValues, values, WitnessBuilder.OPAQUE);
        _otherNewRoot(later, ReferenceTrie.storageRoot(slots, values));
    }

    // --- parts of tests ---

    /// @dev A replica that holds the old values, and a block at which the source has the new ones.
    function _begin() private {
        replica = created();
        bytes memory image = WitnessBuilder.build(slots, new uint256[](slots.length), oldValues, WitnessBuilder.OPEN);
        vm.prank(creator);
        hub.fill(replica, ReferenceTrie.emptyRoot(), image);
        Block memory start = blockOfRoot(10, oldReference(), keccak256(code), Level.FINAL);
        hub.activate(replica, start.hash, start.proof, code);
        to = blockOfRoot(11, newReference(), keccak256(code), Level.FINAL);
    }

    /// @dev Leaves below 1 and 3 that stay, and one below 2 that changes.
    function _threeChildren() private {
        keep(slotBelow(0x1, 1, 0), 5);
        change(slotBelow(0x2, 1, 0), 6, 7);
        keep(slotBelow(0x3, 1, 0), 8);
        _begin();
    }

    /// @dev A leaf below 5 that changes, and below 0xa an extension with a branch; returns that branch's hash.
    function _extensionBeside() private returns (bytes32) {
        change(slotBelow(0x5, 1, 0), 1, 3);
        keep(slotBelow(0xab1, 3, 0), 1);
        keep(slotBelow(0xab2, 3, 0), 2);
        _begin();
        return _hashBelowA();
    }

    /// @dev Of the branch above the leaves of `slots[1]` and `slots[2]`, which part at nibble 2.
    function _hashBelowA() private view returns (bytes32) {
        bytes[16] memory children;
        for (uint256 i = 1; i < 3; ++i) {
            bytes32 key = ReferenceTrie.keyOf(slots[i]);
            children[ReferenceTrie.nibbleAt(key, 2)] =
                ReferenceTrie.referTo(ReferenceTrie.leafNode(key, 3, oldValues[i]));
        }
        return keccak256(ReferenceTrie.branchNode(children));
    }

    /// @dev The write of `slots[0]`, and this behind it, below a branch at the root.
    function _beside(bytes memory item) private view returns (bytes memory) {
        return bytes.concat(WitnessBuilder.write(slots[0], newValues[0]), item, WitnessBuilder.branch(0));
    }

    /// @dev The write of `_threeChildren`, beside the hashes of the first and the last leaf, if they are told.
    function _aroundWrite(bool first, bool last) private view returns (bytes memory) {
        uint256 bits = (first ? 1 << 1 : 0) | (last ? 1 << 3 : 0);
        bytes memory hashes = last ? bytes.concat(_leafHash(2)) : bytes("");
        if (first) hashes = bytes.concat(hashes, _leafHash(0));
        return bytes.concat(WitnessBuilder.write(slots[1], newValues[1]), WitnessBuilder.branch(0, bits, hashes));
    }

    /// @dev The hash of a leaf below the root's branch.
    function _leafHash(uint256 index) private view returns (bytes32) {
        return keccak256(ReferenceTrie.leafNode(ReferenceTrie.keyOf(slots[index]), 1, oldValues[index]));
    }

    function _rootWithout(uint256 index) private view returns (bytes32) {
        uint256[] memory values = oldValues;
        values[index] = 0;
        return ReferenceTrie.storageRoot(slots, values);
    }

    /// @dev What `PlainEngine` makes of it.
    function _rootsOf(bytes memory bad) private returns (bytes32 oldRoot, bytes32 newRoot) {
        Outcome memory outcome = runOn(oldHosts().twin, abi.encodeWithSignature("transition(bytes)", bad));
        assertTrue(outcome.success, "malformed");
        return abi.decode(outcome.data, (bytes32, bytes32));
    }

    function _otherOldRoot(bytes memory bad, bytes32 computed) private {
        assertTrue(computed != oldReference(), "the right old root");
        _refused(bad, abi.encodeWithSelector(IHub.OldRootMismatch.selector, oldReference(), computed));
    }

    function _otherNewRoot(bytes memory bad, bytes32 computed) private {
        assertTrue(computed != newReference(), "the right new root");
        _refused(bad, notTheStateOf(to, computed));
    }

    function _refused(bytes memory bad, bytes memory reason) private {
        assertRefused(replica, abi.encodeCall(IHub.sync, (replica, to.hash, to.proof, bad)), reason);
        Part memory part = prepareAll(replica, to.hash, bad, 1);
        bytes memory writes = WitnessParts.writes(bad);
        bytes memory call = abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, writes));
        assertRefused(replica, call, reason);
        for (uint256 i = 0; i < slots.length; ++i) {
            assertEq(uint256(vm.load(replica, bytes32(slots[i]))), oldValues[i], "storage");
        }
    }

    /// @dev So that what is wrong about a refused one is only the fault.
    function _taken(bytes memory honest) private {
        uint256 before = vm.snapshotState();
        hub.sync(replica, to.hash, to.proof, honest);
        assertEq(hub.record(replica).storageRoot, newReference());
        assertTrue(vm.revertToStateAndDelete(before));
    }
}
