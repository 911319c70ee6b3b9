// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransitionEngine} from "../../src/TransitionEngine.sol";
import {NamedErrors} from "./NamedErrors.sol";
import {ReferenceTrie} from "./ReferenceTrie.sol";
import {TrieHost} from "./TrieHost.sol";
import {WitnessBuilder} from "./WitnessBuilder.sol";

/// @title TransitionTest
/// @notice A test states the slots with `change` and `keep`, and `check` runs the engine on the witnesses of that: the one
/// in the open, the one that hides all it may, and one of either at random.
abstract contract TransitionTest is NamedErrors {
    TransitionEngine internal engine = new TransitionEngine();

    uint256[] internal slots;
    uint256[] internal oldValues;
    uint256[] internal newValues;

    function change(uint256 slot, uint256 oldValue, uint256 newValue) internal {
        slots.push(slot);
        oldValues.push(oldValue);
        newValues.push(newValue);
    }

    function keep(uint256 slot, uint256 value) internal {
        change(slot, value, value);
    }

    /// @notice A storage with the old values.
    function oldHost() internal returns (TrieHost host) {
        host = new TrieHost(address(engine));
        for (uint256 i = 0; i < slots.length; ++i) {
            vm.store(address(host), bytes32(slots[i]), bytes32(oldValues[i]));
        }
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

    function check() internal {
        checkChoice(WitnessBuilder.OPEN);
        checkChoice(WitnessBuilder.OPAQUE);
        checkChoice(uint256(keccak256(abi.encode(slots, newValues))));
    }

    function checkChoice(uint256 choice) internal {
        TrieHost host = oldHost();
        (bytes32 oldRoot, bytes32 newRoot) = host.transition(witness(choice));
        assertEq(oldRoot, oldReference(), "old root");
        assertEq(newRoot, newReference(), "new root");
        for (uint256 i = 0; i < slots.length; ++i) {
            assertEq(vm.load(address(host), bytes32(slots[i])), bytes32(newValues[i]), "storage");
        }
    }

    /// @notice Runs the way back as well: what was an insertion is a deletion then.
    function checkBothWays() internal {
        check();
        turnBack();
        check();
    }

    /// @notice What was the new side is the old one from here on, and the reverse.
    function turnBack() internal {
        uint256[] memory values = oldValues; // storage arrays cannot be swapped, only copied
        oldValues = newValues;
        newValues = values;
    }

    /// @notice A witness that must not pass for the transition: it reverts, or one of its roots is another.
    function assertRefused(bytes memory mutated) internal {
        try oldHost().transition(mutated) returns (bytes32 oldRoot, bytes32 newRoot) {
            assertTrue(oldRoot != oldReference() || newRoot != newReference(), "a mutated witness passed");
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
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
