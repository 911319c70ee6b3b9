// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransitionTest} from "../reference/TransitionTest.sol";
import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {WitnessBuilder} from "../reference/WitnessBuilder.sol";
import {WitnessParts} from "../reference/WitnessParts.sol";
import {WitnessMutation} from "../reference/WitnessMutation.sol";

/// @notice Random storage and random writes against the naive trie, and random damage to the witnesses of them. All of it
/// runs on both engines, which must agree to the byte.
/// forge-config: default.fuzz.runs = 100
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
        Hosts memory hosts = oldHosts();
        (bytes32 before,) = transition(hosts, there);
        turnBack();
        (, bytes32 afterwards) = transition(hosts, witness(WitnessBuilder.OPAQUE));
        assertEq(afterwards, before);
        assertNewStorage(hosts);
    }

    function testFuzz_prove_anyParts_asAtOnce(uint256 seed, uint256 count, uint256 items) public {
        bytes memory whole = _randomWitness(seed, count);
        if (whole.length == 0) return;
        Outcome memory outcome = proveAndConclude(oldHosts(), whole, bound(items, 1, 16));
        assertEq(WitnessParts.slice(outcome.data, 0, 64), abi.encode(oldReference(), newReference()));
    }

    function testFuzz_transition_damagedItems_bothEnginesSame(uint256 seed, uint256 count, uint256 times, uint256 dice)
        public
    {
        bytes memory whole = _randomWitness(seed, count);
        bytes memory damaged = WitnessMutation.damage(whole, bound(times, 1, 5), dice);
        Hosts memory hosts = oldHosts();
        run(hosts, abi.encodeCall(ITransitionEngine.prove, ("", bytes32(seed), damaged)));
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (damaged)));
        if (!outcome.success) assertNamed(outcome.data);
    }

    /// @dev The writes that the witness proves, damaged.
    function testFuzz_conclude_damagedWrites_otherWritesHash(uint256 seed, uint256 count, uint256 times, uint256 dice)
        public
    {
        bytes memory whole = _randomWitness(seed, count);
        if (whole.length == 0) return;
        Hosts memory hosts = oldHosts();
        (bytes memory pending, bytes32 writesHash) = prove(hosts, whole, 8);
        bytes memory writes = WitnessParts.writes(whole);
        bytes memory damaged = WitnessMutation.damage(writes, bound(times, 1, 3), dice);
        Outcome memory outcome = run(hosts, abi.encodeCall(ITransitionEngine.conclude, (pending, damaged)));
        if (!outcome.success) return;
        (,, bytes32 computed) = abi.decode(outcome.data, (bytes32, bytes32, bytes32));
        assertEq(computed == writesHash, keccak256(damaged) == keccak256(writes), "writes hash");
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
        bytes memory damaged = bytes.concat(
            WitnessParts.slice(whole, 0, position), put, WitnessParts.slice(whole, position + cut, whole.length)
        );
        if (keccak256(damaged) != keccak256(whole)) assertRefused(damaged);
    }

    function testFuzz_transition_partRepeated_refused(uint256 seed, uint256 count, uint256 position, uint256 size)
        public
    {
        bytes memory whole = _randomWitness(seed, count);
        if (whole.length == 0) return;
        position = bound(position, 0, whole.length - 1);
        size = bound(size, 1, whole.length - position);
        bytes memory part = WitnessParts.slice(whole, position, position + size);
        assertRefused(
            bytes.concat(
                WitnessParts.slice(whole, 0, position),
                part,
                part,
                WitnessParts.slice(whole, position + size, whole.length)
            )
        );
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
            uint256 kind = (dice >> 24) % 4;
            uint256 newValue = kind == 0 ? oldValue : kind == 1 ? 0 : kind == 2 ? oldValue ^ 1 : _value(dice >> 96);
            change(slot, oldValue, newValue);
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
}
