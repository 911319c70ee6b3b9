// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {RlpWriter} from "./reference/RlpWriter.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice A transition in parts: `prove`, what it leaves for the next, and `conclude`. That every transition gives the same at
/// once and in parts is held by `TransitionTest`.
contract TransitionEnginePartsTest is TransitionTest {
    /// @dev The trie key of slot 7.
    bytes32 private constant KEY_7 = keccak256(abi.encode(7));

    // --- prove ---

    function test_prove_calledDirectly_reverts() public {
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        ITransitionEngine(ENGINE).prove("", 0, hex"c10101");
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        ITransitionEngine(TWIN).prove("", 0, hex"c10101");
    }

    function test_prove_anyNumberOfItemsEach_asAtOnce() public {
        changeEveryKind();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        Hosts memory hosts = oldHosts();
        bytes memory roots = run(hosts, abi.encodeCall(ITransitionEngine.prove, ("", 0, whole))).data;
        for (uint256 count = 1; count < 12; ++count) {
            (bytes memory pending, bytes32 writesHash) = prove(hosts, whole, count);
            assertEq(abi.encode(pending, writesHash), roots);
            Outcome memory outcome = proveAndConclude(hosts, whole, count);
            assertEq(WitnessParts.slice(outcome.data, 0, 64), abi.encode(oldReference(), newReference()));
        }
    }

    function test_prove_nothing_asBefore() public {
        Outcome memory outcome = run(newHosts(), abi.encodeCall(ITransitionEngine.prove, ("", bytes32(uint256(9)), "")));
        assertEq(outcome.data, abi.encode(bytes(""), bytes32(uint256(9))));
    }

    /// @dev The entries as `docs/reference/witness.md` has them.
    function test_prove_eachItem_pendingAsDocumented() public {
        bytes32 hash = keccak256("a branch");
        bytes32 path = bytes32(uint256(0xabc) << 244);
        Hosts memory hosts = newHosts();
        store(hosts, 7, 5);
        _assertPending(hosts, WitnessBuilder.write(7, 0x1234), abi.encode(KEY_7, 5, 0x1234, 0x024040, 0));
        _assertPending(hosts, WitnessBuilder.write(7, 0), abi.encode(KEY_7, 5, 0, 0x004040, 0));
        _assertPending(hosts, WitnessBuilder.leaf(hash, 9), abi.encode(hash, 9, 9, 0x014040, 0));
        _assertPending(hosts, WitnessBuilder.opaqueBranch(path, 3, hash), abi.encode(path, hash, hash, 0x0303, 0));
    }

    function test_prove_eachBranch_pendingAsDocumented() public {
        bytes32 key1 = ReferenceTrie.keyOf(slotBelow(0x1, 1, 0));
        bytes32 key2 = ReferenceTrie.keyOf(slotBelow(0x2, 1, 0));
        bytes memory insert = WitnessBuilder.write(slotBelow(0x1, 1, 0), 5);
        bytes memory remove = WitnessBuilder.write(slotBelow(0x2, 1, 0), 0);
        bytes memory leaf = WitnessBuilder.leaf(key2, 6);
        bytes32 both = keccak256(_nodeOfTwo(key1, 5, key2, 6, 0));
        Hosts memory hosts = newHosts();
        store(hosts, slotBelow(0x2, 1, 0), 6);
        bytes memory branch = WitnessBuilder.branch(0);
        // old: leaf 2 handed up, new: leaf 1 handed up
        bytes memory pending = abi.encode(key2, 6, 5, 0x01004040, key1);
        _assertPending(hosts, bytes.concat(insert, remove, branch), pending);
        // old: leaf 2 handed up, new: the branch
        pending = abi.encode(key2, 6, both, 0x4000, 0);
        _assertPending(hosts, bytes.concat(insert, leaf, branch), pending);
        // old: the branch, new: leaf 1 handed up, whose key it takes
        pending = abi.encode(key1, both, 5, 0x40, 0);
        _assertPending(hosts, bytes.concat(WitnessBuilder.leaf(key1, 5), remove, branch), pending);
        // the branch on both sides; its key is the last child's
        pending = abi.encode(key2, both, both, 0, 0);
        _assertPending(hosts, bytes.concat(WitnessBuilder.leaf(key1, 5), leaf, branch), pending);
    }

    function test_prove_opaqueChildHandedUp_pendingAsDocumented() public {
        bytes32 hash = keccak256("a branch");
        uint256 slot = slotBelow(0xab1, 3, 0);
        bytes32 key = ReferenceTrie.keyOf(slot);
        bytes32 child = bytes32(uint256(0xabc) << 244);
        bytes memory branch = WitnessBuilder.branch(2, 1 << 12, abi.encode(hash));
        bytes32 node = keccak256(
            ReferenceTrie.twoChildren(
                1, ReferenceTrie.referTo(ReferenceTrie.leafNode(key, 3, 5)), 12, RlpWriter.word(hash)
            )
        );
        // old: the opaque child handed up, new: the branch
        _assertPending(
            newHosts(), bytes.concat(WitnessBuilder.write(slot, 5), branch), abi.encode(child, hash, node, 0x0302, 0)
        );
        // and the reverse
        Hosts memory hosts = newHosts();
        store(hosts, slot, 5);
        _assertPending(
            hosts, bytes.concat(WitnessBuilder.write(slot, 0), branch), abi.encode(child, node, hash, 0x0203, 0)
        );
    }

    function test_prove_twoInsertions_nothingOnTheOldSide() public {
        uint256 slot1 = slotBelow(0xab1, 3, 0);
        uint256 slot2 = slotBelow(0xab2, 3, 0);
        bytes32 key = ReferenceTrie.keyOf(slot2);
        bytes32 node = keccak256(_nodeOfTwo(ReferenceTrie.keyOf(slot1), 5, key, 6, 2));
        bytes memory inserts =
            bytes.concat(WitnessBuilder.write(slot1, 5), WitnessBuilder.write(slot2, 6), WitnessBuilder.branch(2));
        _assertPending(newHosts(), inserts, abi.encode(key, 0, node, 0x4002, 0));
    }

    function test_prove_writesHash_chainsSlotsAndValues() public {
        bytes memory whole = bytes.concat(WitnessBuilder.write(7, 1), WitnessBuilder.write(1 << 255, 2));
        bytes32 first = keccak256(abi.encode(0, 7, 1));
        bytes memory data = run(newHosts(), abi.encodeCall(ITransitionEngine.prove, ("", 0, whole))).data;
        (, bytes32 writesHash) = abi.decode(data, (bytes, bytes32));
        assertEq(writesHash, keccak256(abi.encode(first, 1 << 255, 2)));
    }

    /// @dev A STATICCALL: it could not write if it wanted to.
    function test_prove_inStaticCall_works() public {
        changeEveryKind();
        bytes memory call_ = abi.encodeCall(ITransitionEngine.prove, ("", 0, witness(WitnessBuilder.OPAQUE)));
        Hosts memory hosts = oldHosts();
        (bool success, bytes memory data) = address(hosts.engine).staticcall(call_);
        assertTrue(success);
        assertEq(data, run(hosts, call_).data);
    }

    /// @dev The arguments in calldata in another order than usual, unpadded, and other bytes behind each.
    function test_prove_unusualCalldata_makesNoDifference() public {
        changeEveryKind();
        bytes memory whole = witness(WitnessBuilder.OPAQUE);
        Hosts memory hosts = oldHosts();
        (bytes memory pending, bytes32 writesHash) = prove(hosts, whole, 5);
        bytes memory again = abi.encodeCall(ITransitionEngine.prove, (pending, writesHash, ""));
        bytes memory items = WitnessBuilder.leaf(bytes32(type(uint256).max), 7);
        bytes memory usual = abi.encodeCall(ITransitionEngine.prove, (pending, writesHash, items));
        bytes memory unusual = abi.encodePacked(
            abi.encodeWithSelector(ITransitionEngine.prove.selector, 96 + 32 + items.length + 5, writesHash, 96),
            abi.encodePacked(items.length, items, hex"a5a5a5a5a5"),
            abi.encodePacked(pending.length, pending, hex"a5a5a5a5a5")
        );
        assertEq(run(hosts, again).data, abi.encode(pending, writesHash));
        assertEq(run(hosts, unusual).data, run(hosts, usual).data);
    }

    // --- conclude ---

    function test_conclude_calledDirectly_reverts() public {
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        ITransitionEngine(ENGINE).conclude(new bytes(160), hex"c10101");
        vm.expectRevert(ITransitionEngine.OnlyDelegatecall.selector);
        ITransitionEngine(TWIN).conclude(new bytes(160), hex"c10101");
    }

    function test_conclude_otherWrites_otherWritesHash() public {
        bytes memory whole = WitnessBuilder.write(7, 1);
        Hosts memory hosts = newHosts();
        (bytes memory pending, bytes32 writesHash) = prove(hosts, whole, 1);
        bytes[4] memory others =
            [bytes(""), WitnessBuilder.write(7, 2), WitnessBuilder.write(8, 1), bytes.concat(whole, whole)];
        for (uint256 i = 0; i < others.length; ++i) {
            Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.conclude, (pending, others[i])));
            assertTrue(outcome.success);
            (,, bytes32 other) = abi.decode(outcome.data, (bytes32, bytes32, bytes32));
            assertTrue(other != writesHash);
        }
    }

    function test_conclude_noWrites_rootsOfPending() public {
        bytes32 hash = keccak256("any");
        bytes memory pending = abi.encode(bytes32(0), hash, hash, 0, 0);
        Outcome memory outcome = run(newHosts(), abi.encodeCall(ITransitionEngine.conclude, (pending, "")));
        assertEq(outcome.data, abi.encode(hash, hash, 0));
        pending = abi.encode(bytes32(0), 0, 0, 0x4040, 0);
        outcome = run(newHosts(), abi.encodeCall(ITransitionEngine.conclude, (pending, "")));
        assertEq(outcome.data, abi.encode(keccak256(hex"80"), keccak256(hex"80"), 0));
    }

    // --- parts of tests ---

    function _assertPending(Hosts memory hosts, bytes memory items, bytes memory expected) private {
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.prove, ("", 0, items)));
        assertTrue(outcome.success, vm.toString(outcome.data));
        (bytes memory pending,) = abi.decode(outcome.data, (bytes, bytes32));
        assertEq(pending, expected);
    }

    /// @dev The branch node of two leaves.
    function _nodeOfTwo(bytes32 key1, uint256 value1, bytes32 key2, uint256 value2, uint256 depth)
        private
        pure
        returns (bytes memory)
    {
        ReferenceTrie.Entry[] memory two = new ReferenceTrie.Entry[](2);
        two[0] = ReferenceTrie.Entry(key1, RlpWriter.scalar(value1));
        two[1] = ReferenceTrie.Entry(key2, RlpWriter.scalar(value2));
        return ReferenceTrie.branch(two, 0, 2, depth);
    }
}
