// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "../reference/ReferenceTrie.sol";
import {StateTrie} from "../reference/StateTrie.sol";
import {TransitionTest} from "../reference/TransitionTest.sol";
import {WitnessMutation} from "../reference/WitnessMutation.sol";
import {WitnessParts} from "../reference/WitnessParts.sol";

/// @notice Account proofs on both engines: right ones, and damaged ones, which lead to no root or to another.
/// forge-config: default.fuzz.runs = 100
contract AccountsFuzzTest is TransitionTest {
    address private constant SOURCE = address(0x5b);

    function testFuzz_stateRootOf_anyState_bothEnginesTheRoot(uint256 seed, uint64 nonce, uint256 balance) public {
        ReferenceTrie.Entry[] memory entries = _state(seed, nonce, balance);
        bytes memory proof = StateTrie.ascent(entries, StateTrie.keyOf(SOURCE), nonce, balance);
        Outcome memory outcome = _run(seed, proof);
        assertTrue(outcome.success);
        assertEq(outcome.data, abi.encode(ReferenceTrie.root(entries)));
    }

    function testFuzz_stateRootOf_damaged_bothEnginesSame(uint256 seed, uint256 balance, uint256 times, uint256 dice)
        public
    {
        ReferenceTrie.Entry[] memory entries = _state(seed, 1, balance);
        bytes memory proof = StateTrie.ascent(entries, StateTrie.keyOf(SOURCE), 1, balance);
        uint256 start = 1 + uint8(proof[0]);
        bytes memory branches = WitnessParts.slice(proof, start, proof.length);
        bytes memory damaged = WitnessMutation.damage(branches, bound(times, 1, 3), dice);
        Outcome memory outcome = _run(seed, bytes.concat(WitnessParts.slice(proof, 0, start), damaged));
        bool isSame = keccak256(damaged) == keccak256(branches);
        bytes32 root = keccak256(abi.encode(ReferenceTrie.root(entries)));
        assertEq(outcome.success && keccak256(outcome.data) == root, isSame);
        if (!outcome.success) assertNamed(outcome.data);
    }

    function testFuzz_stateRootOf_byteReplaced_bothEnginesSame(uint256 seed, uint256 place, uint8 by) public {
        ReferenceTrie.Entry[] memory entries = _state(seed, 1, 2);
        bytes memory proof = StateTrie.ascent(entries, StateTrie.keyOf(SOURCE), 1, 2);
        proof[place % proof.length] = bytes1(by);
        Outcome memory outcome = _run(seed, proof);
        if (!outcome.success) assertNamed(outcome.data);
    }

    // --- parts of tests ---

    function _run(uint256 seed, bytes memory proof) private returns (Outcome memory) {
        bytes memory call_ =
            abi.encodeCall(ITransitionEngine.stateRootOf, (SOURCE, _storageRoot(seed), _codeHash(seed), proof));
        return run(newHosts(), call_);
    }

    /// @dev The source and up to 24 other accounts, most of them near the root.
    function _state(uint256 seed, uint256 nonce, uint256 balance)
        private
        pure
        returns (ReferenceTrie.Entry[] memory entries)
    {
        bytes32 key = StateTrie.keyOf(SOURCE);
        entries = new ReferenceTrie.Entry[](1 + seed % 24);
        entries[0] = ReferenceTrie.Entry(key, StateTrie.account(nonce, balance, _storageRoot(seed), _codeHash(seed)));
        for (uint256 i = 1; i < entries.length; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            uint256 shift = 252 - 4 * (dice % 4 == 0 ? (dice >> 8) % 60 : (dice >> 8) % 4);
            uint256 other = ((uint256(key) >> shift) ^ (1 + (dice >> 16) % 15)) << shift;
            // Below, the number tells it from the others.
            bytes32 neighbour = bytes32(other | (dice & ((1 << shift) - 1) & ~uint256(0xff)) | i);
            entries[i] = ReferenceTrie.Entry(neighbour, StateTrie.account(i, dice, keccak256(""), bytes32(dice)));
        }
    }

    function _storageRoot(uint256 seed) private pure returns (bytes32) {
        return keccak256(abi.encode(seed, "storage"));
    }

    function _codeHash(uint256 seed) private pure returns (bytes32) {
        return keccak256(abi.encode(seed, "code"));
    }
}
