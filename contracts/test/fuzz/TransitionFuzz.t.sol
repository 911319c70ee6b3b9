// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransitionTest} from "../reference/TransitionTest.sol";
import {TrieHost} from "../reference/TrieHost.sol";
import {WitnessBuilder} from "../reference/WitnessBuilder.sol";

/// @notice Random storage and random writes against the naive trie, and random damage to the witnesses of them.
contract TransitionFuzzTest is TransitionTest {
    /// @dev Slots whose keys share 6 to 10 nibbles, so that deep and embedded nodes are frequent.
    uint256[] private mined;

    function setUp() public {
        for (uint256 nibbles = 6; nibbles <= 10; ++nibbles) {
            uint256[] memory group = minedSlots(nibbles, nibbles % 3);
            for (uint256 i = 0; i < group.length; ++i) {
                mined.push(group[i]);
            }
        }
    }

    function testFuzz_transition_randomWrites_asReference(uint256 seed, uint256 count, uint256 choice) public {
        _random(seed, bound(count, 1, 24));
        if (witness(choice).length == 0) return; // nothing changes
        checkChoice(choice);
    }

    /// @dev A transition and its way back end where they started.
    function testFuzz_transition_thereAndBack_sameStorage(uint256 seed, uint256 count) public {
        _random(seed, bound(count, 1, 12));
        bytes memory there = witness(WitnessBuilder.OPAQUE);
        if (there.length == 0) return;
        TrieHost host = oldHost();
        (bytes32 before,) = host.transition(there);
        turnBack();
        (, bytes32 afterwards) = host.transition(witness(WitnessBuilder.OPAQUE));
        assertEq(afterwards, before);
        for (uint256 i = 0; i < slots.length; ++i) {
            assertEq(vm.load(address(host), bytes32(slots[i])), bytes32(newValues[i]));
        }
    }

    function testFuzz_transition_flippedBits_refused(uint256 seed, uint256 count, uint256 position, uint8 bits) public {
        bytes memory damaged = _randomWitness(seed, count);
        if (damaged.length == 0 || bits == 0) return;
        position = bound(position, 0, damaged.length - 1);
        damaged[position] ^= bytes1(bits);
        assertRefused(damaged);
    }

    function testFuzz_transition_partReplaced_refused(
        uint256 seed,
        uint256 count,
        uint256 position,
        uint256 cut,
        bytes memory put
    ) public {
        bytes memory whole = _randomWitness(seed, count);
        if (whole.length == 0) return;
        position = bound(position, 0, whole.length);
        cut = bound(cut, 0, whole.length - position < 40 ? whole.length - position : 40);
        bytes memory damaged = bytes.concat(_part(whole, 0, position), put, _part(whole, position + cut, whole.length));
        if (keccak256(damaged) != keccak256(whole)) assertRefused(damaged);
    }

    function testFuzz_transition_partRepeated_refused(uint256 seed, uint256 count, uint256 position, uint256 size)
        public
    {
        bytes memory whole = _randomWitness(seed, count);
        if (whole.length == 0) return;
        position = bound(position, 0, whole.length - 1);
        size = bound(size, 1, whole.length - position);
        bytes memory part = _part(whole, position, position + size);
        assertRefused(bytes.concat(_part(whole, 0, position), part, part, _part(whole, position + size, whole.length)));
    }

    function testFuzz_transition_anyBytes_noPanic(bytes memory any) public {
        change(7, 5, 6);
        if (keccak256(any) != keccak256(witness(WitnessBuilder.OPEN))) assertRefused(any);
    }

    /// @dev Up to `count` slots of all kinds, each unchanged, updated, inserted, deleted or (both sides 0) not there.
    function _random(uint256 seed, uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            uint256 slot = dice % 3 == 0 ? mined[(dice >> 8) % mined.length] : dice % 3 == 1 ? i : dice;
            if (_known(slot)) continue;
            uint256 oldValue = dice & 0x300000 == 0 ? 0 : _value(dice >> 32);
            uint256 kind = (dice >> 24) % 3;
            change(slot, oldValue, kind == 0 ? oldValue : kind == 1 ? 0 : _value(dice >> 96));
        }
    }

    /// @dev A value of any size, the small ones most often.
    function _value(uint256 dice) private pure returns (uint256) {
        uint256 size = dice & 1 == 0 ? 1 : 1 + (dice >> 1) % 32;
        return uint256(keccak256(abi.encode(dice))) >> (256 - 8 * size);
    }

    function _known(uint256 slot) private view returns (bool) {
        for (uint256 i = 0; i < slots.length; ++i) {
            if (slots[i] == slot) return true;
        }
        return false;
    }

    function _randomWitness(uint256 seed, uint256 count) private returns (bytes memory) {
        _random(seed, bound(count, 1, 12));
        return witness(seed);
    }

    function _part(bytes memory data, uint256 start, uint256 end) private pure returns (bytes memory out) {
        out = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) {
            out[i - start] = data[i];
        }
    }
}
