// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransitionEngine} from "../../src/TransitionEngine.sol";
import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {NamedErrors} from "./NamedErrors.sol";
import {PlainEngine} from "./PlainEngine.sol";
import {ReferenceTrie} from "./ReferenceTrie.sol";
import {TrieHost} from "./TrieHost.sol";
import {WitnessBuilder} from "./WitnessBuilder.sol";
import {WitnessParts} from "./WitnessParts.sol";

/// @title TransitionTest
/// @notice A test states the slots with `change` and `keep`, and `check` runs the witnesses of that: the one in the open, the
/// one that hides all it may, and one of either at random, each at once and in parts. Every call goes to `TransitionEngine`
/// and to `PlainEngine`, and must come out the same.
abstract contract TransitionTest is NamedErrors {
    /// @notice Two storages of the same content.
    struct Hosts {
        TrieHost engine; // where `TransitionEngine` works
        TrieHost twin; // where `PlainEngine` does
    }

    /// @notice What became of a call.
    struct Outcome {
        bool success;
        bytes data; // what it returned or reverted with
        bytes32[] written; // the slots that it wrote, in order
        bytes32[] values; // what stands there now
    }

    address internal immutable ENGINE = address(new TransitionEngine());
    address internal immutable TWIN = address(new PlainEngine());

    uint256[] internal slots;
    uint256[] internal oldValues;
    uint256[] internal newValues;

    // --- the transition ---

    function change(uint256 slot, uint256 oldValue, uint256 newValue) internal {
        slots.push(slot);
        oldValues.push(oldValue);
        newValues.push(newValue);
    }

    function keep(uint256 slot, uint256 value) internal {
        change(slot, value, value);
    }

    /// @notice What was the new side is the old one from here on, and the reverse.
    function turnBack() internal {
        uint256[] memory values = oldValues; // storage arrays cannot be swapped, only copied
        oldValues = newValues;
        newValues = values;
    }

    function forget() internal {
        delete slots;
        delete oldValues;
        delete newValues;
    }

    function oldReference() internal view returns (bytes32) {
        return ReferenceTrie.storageRoot(slots, oldValues);
    }

    function newReference() internal view returns (bytes32) {
        return ReferenceTrie.storageRoot(slots, newValues);
    }

    function witness(uint256 choice) internal view returns (bytes memory) {
        return WitnessBuilder.build(slots, oldValues, newValues, choice);
    }

    // --- running it ---

    function newHosts() internal returns (Hosts memory) {
        return Hosts(new TrieHost(ENGINE), new TrieHost(TWIN));
    }

    /// @notice Storages with the old values.
    function oldHosts() internal returns (Hosts memory hosts) {
        hosts = newHosts();
        for (uint256 i = 0; i < slots.length; ++i) {
            store(hosts, slots[i], oldValues[i]);
        }
    }

    function store(Hosts memory hosts, uint256 slot, uint256 value) internal {
        vm.store(address(hosts.engine), bytes32(slot), bytes32(value));
        vm.store(address(hosts.twin), bytes32(slot), bytes32(value));
    }

    /// @notice Runs a call on both engines, which must do the same. Where the witness ends inside an item they may see it
    /// at different times: `TransitionEngine` reads on, and may find another fault in what it reads there.
    function run(Hosts memory hosts, bytes memory call_) internal returns (Outcome memory expected) {
        Outcome memory outcome = runOn(hosts.engine, call_);
        expected = runOn(hosts.twin, call_);
        if (!expected.success && selectorOf(expected.data) == ITransitionEngine.WitnessTruncated.selector) {
            assertFalse(outcome.success, "the engines disagree: truncated");
            assertNamed(outcome.data);
            return expected;
        }
        assertEq(outcome.success, expected.success, "the engines disagree: success");
        assertEq(outcome.data, expected.data, "the engines disagree: data");
        assertEq(outcome.written, expected.written, "the engines disagree: slots");
        assertEq(outcome.values, expected.values, "the engines disagree: values");
    }

    function runOn(TrieHost host, bytes memory call_) internal returns (Outcome memory outcome) {
        vm.record();
        (outcome.success, outcome.data) = address(host).call(call_);
        if (!outcome.success) return outcome;
        (, outcome.written) = vm.accesses(address(host));
        outcome.values = new bytes32[](outcome.written.length);
        for (uint256 i = 0; i < outcome.values.length; ++i) {
            outcome.values[i] = vm.load(address(host), outcome.written[i]);
        }
    }

    /// @notice Performs a transition and returns its roots. The same in parts must come to the same.
    function transition(Hosts memory hosts, bytes memory whole) internal returns (bytes32 oldRoot, bytes32 newRoot) {
        Outcome memory inParts = proveAndConclude(hosts, whole, 1 + whole.length / 512); // a long one in longer parts
        Outcome memory atOnce = run(hosts, abi.encodeCall(ITransitionEngine.transition, (whole)));
        assertTrue(atOnce.success, string.concat("refused: ", vm.toString(atOnce.data)));
        assertEq(WitnessParts.slice(inParts.data, 0, 64), atOnce.data, "roots at once and in parts");
        assertEq(inParts.written, atOnce.written, "slots at once and in parts");
        assertEq(inParts.values, atOnce.values, "values at once and in parts");
        return abi.decode(atOnce.data, (bytes32, bytes32));
    }

    /// @notice Performs a transition with a `prove` for `count` items each and one `conclude`, and undoes it.
    function proveAndConclude(Hosts memory hosts, bytes memory whole, uint256 count)
        internal
        returns (Outcome memory concluded)
    {
        (bytes memory pending, bytes32 writesHash) = prove(hosts, whole, count);
        uint256 before = vm.snapshotState();
        concluded = run(hosts, abi.encodeCall(ITransitionEngine.conclude, (pending, WitnessParts.writes(whole))));
        assertTrue(vm.revertToStateAndDelete(before));
        assertTrue(concluded.success, string.concat("not concluded: ", vm.toString(concluded.data)));
        assertEq(WitnessParts.slice(concluded.data, 64, 96), abi.encode(writesHash), "writes hash");
    }

    /// @notice Proves a witness in parts of at most `count` items.
    function prove(Hosts memory hosts, bytes memory whole, uint256 count)
        internal
        returns (bytes memory pending, bytes32 writesHash)
    {
        uint256 end = 0;
        while (end < whole.length) {
            uint256 start = end;
            for (uint256 i = 0; i < count && end < whole.length; ++i) {
                end = WitnessBuilder.endOf(whole, end);
            }
            bytes memory items = WitnessParts.slice(whole, start, end);
            Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.prove, (pending, writesHash, items)));
            assertTrue(outcome.success, string.concat("not proven: ", vm.toString(outcome.data)));
            assertEq(outcome.written.length, 0, "prove has written");
            (pending, writesHash) = abi.decode(outcome.data, (bytes, bytes32));
        }
    }

    // --- claims ---

    function check() internal {
        checkChoice(WitnessBuilder.OPEN);
        checkChoice(WitnessBuilder.OPAQUE);
        checkChoice(uint256(keccak256(abi.encode(slots, newValues))));
    }

    /// @notice Runs the way back as well: what was an insertion is a deletion then.
    function checkBothWays() internal {
        check();
        turnBack();
        check();
    }

    function checkChoice(uint256 choice) internal {
        Hosts memory hosts = oldHosts();
        (bytes32 oldRoot, bytes32 newRoot) = transition(hosts, witness(choice));
        assertEq(oldRoot, oldReference(), "old root");
        assertEq(newRoot, newReference(), "new root");
        assertNewStorage(hosts);
    }

    function assertNewStorage(Hosts memory hosts) internal view {
        for (uint256 i = 0; i < slots.length; ++i) {
            assertEq(vm.load(address(hosts.engine), bytes32(slots[i])), bytes32(newValues[i]), "storage");
        }
    }

    /// @notice A witness that must not pass for the transition: it reverts, or one of its roots is another.
    function assertRefused(bytes memory mutated) internal {
        Hosts memory hosts = oldHosts();
        run(hosts, abi.encodeCall(ITransitionEngine.prove, ("", 0, mutated)));
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (mutated)));
        if (!outcome.success) {
            assertNamed(outcome.data);
            return;
        }
        (bytes32 oldRoot, bytes32 newRoot) = abi.decode(outcome.data, (bytes32, bytes32));
        assertTrue(oldRoot != oldReference() || newRoot != newReference(), "a mutated witness passed");
    }

    // --- material ---

    /// @notice A few changes of different kinds below a branch at the root.
    function changeSome() internal {
        change(slotBelow(0x1, 1, 0), 0xabcdef, 0);
        change(slotBelow(0x23, 2, 0), 0, type(uint256).max);
        keep(slotBelow(0x24, 2, 0), 0x80);
        keep(slotBelow(0x31, 2, 0), 1);
        keep(slotBelow(0x32, 2, 0), 2);
        change(slotBelow(0x4, 1, 0), 300, 70000);
        keep(slotBelow(0x5, 1, 0), 1 << 255);
    }

    /// @notice Every kind of change below a branch at the root.
    function changeEveryKind() internal {
        keepSurroundings();
        change(slotBelow(0x41, 2, 0), 5, 0); // 4 collapses into a leaf
        keep(slotBelow(0x42, 2, 0), 6);
        keep(slotBelow(0x511, 3, 0), 7); // 5 is split above its branch
        keep(slotBelow(0x512, 3, 0), 8);
        change(slotBelow(0x52, 2, 0), 0, 9);
        change(slotBelow(0x61, 2, 0), 1, 0); // 6 goes
        change(slotBelow(0x62, 2, 0), 2, 0);
        change(slotBelow(0x7, 1, 0), 0, 3); // 7 comes
        change(slotBelow(0x8, 1, 0), 3, 4); // 8 is updated
    }

    /// @notice A branch at the root with all kinds of children, none of them below 4 to 8.
    function keepSurroundings() internal {
        keep(slotBelow(0x0, 1, 0), 1);
        keep(slotBelow(0x11, 2, 0), 2);
        keep(slotBelow(0x12, 2, 0), 3);
        keep(slotBelow(0x221, 3, 0), 4);
        keep(slotBelow(0x222, 3, 0), type(uint256).max);
    }

    /// @notice The first slot not below `start` whose trie key starts with these nibbles (given as a hexadecimal number).
    function slotBelow(uint256 nibbles, uint256 count, uint256 start) internal pure returns (uint256 slot) {
        for (slot = start;; ++slot) {
            uint256 key;
            // Scratch space (0x00..0x20) holds the preimage: `abi.encode` would fill the memory in so long a search.
            assembly ("memory-safe") {
                mstore(0x00, slot)
                key := keccak256(0x00, 0x20)
            }
            if (key >> (256 - 4 * count) == nibbles) return slot;
        }
    }

    /// @notice Slots whose trie keys share this many nibbles (`tests/vectors/mine_slots.py`).
    function minedSlots(uint256 nibbles, uint256 group) internal view returns (uint256[] memory) {
        string memory json = vm.readFile("tests/vectors/mined_slots.json");
        return vm.parseJsonUintArray(json, string.concat("$['", vm.toString(nibbles), "'][", vm.toString(group), "]"));
    }
}
