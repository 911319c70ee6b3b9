// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReferenceTrie} from "./ReferenceTrie.sol";
import {RlpWriter} from "./RlpWriter.sol";
import {WitnessBuilder} from "./WitnessBuilder.sol";

/// @title StateTrie
/// @notice State roots of a small source chain and the account proofs in it: one source among a few other accounts. A proof
/// is what `ITransitionEngine.stateRootOf` takes, or the nodes that `AccountProof` takes.
library StateTrie {
    uint256 private constant NEIGHBOURS = 5;
    uint256 private constant NONCE = 1;
    uint256 private constant BALANCE = 0;

    /// @notice A state in which `source` has this storage and code.
    function present(address source, bytes32 storageRoot, bytes32 codeHash)
        internal
        pure
        returns (bytes32 stateRoot, bytes memory proof, bytes memory nodes)
    {
        ReferenceTrie.Entry[] memory entries = _withSource(source, storageRoot, codeHash);
        stateRoot = ReferenceTrie.root(entries);
        proof = ascent(entries, keyOf(source), NONCE, BALANCE);
        nodes = ReferenceTrie.proof(entries, keyOf(source));
    }

    /// @notice A state in which there is no account `source`, and the nodes that prove it. The proof is the one that would
    /// be right if there was one.
    function absent(address source) internal pure returns (bytes32 stateRoot, bytes memory proof, bytes memory nodes) {
        ReferenceTrie.Entry[] memory entries = _neighbours(NEIGHBOURS);
        stateRoot = ReferenceTrie.root(entries);
        nodes = ReferenceTrie.proof(entries, keyOf(source));
        proof = ascent(_withSource(source, 0, 0), keyOf(source), NONCE, BALANCE);
    }

    /// @notice What leads from an account of these entries up to the state root, but for its storage root and code hash.
    function ascent(ReferenceTrie.Entry[] memory unsorted, bytes32 key, uint256 nonce, uint256 balance)
        internal
        pure
        returns (bytes memory)
    {
        ReferenceTrie.Entry[] memory entries = ReferenceTrie.sorted(unsorted);
        bytes memory branches;
        uint256 low = 0;
        uint256 high = entries.length;
        while (high - low > 1) {
            uint256 depth = ReferenceTrie.commonNibbles(entries[low].key, entries[high - 1].key);
            bytes memory branch;
            (branch, low, high) = _branch(entries, key, low, high, depth);
            branches = bytes.concat(branch, branches); // the lowest one comes first
        }
        bytes memory rest = bytes.concat(RlpWriter.scalar(nonce), RlpWriter.scalar(balance));
        return bytes.concat(bytes1(uint8(rest.length)), rest, branches); // forge-lint: disable-line(unsafe-typecast)
    }

    /// @notice An account as it stands in its leaf (Yellow Paper, section 4.1).
    function account(uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash)
        internal
        pure
        returns (bytes memory)
    {
        return RlpWriter.list(
            bytes.concat(
                RlpWriter.scalar(nonce),
                RlpWriter.scalar(balance),
                RlpWriter.word(storageRoot),
                RlpWriter.word(codeHash)
            )
        );
    }

    /// @notice The trie key of an account.
    function keyOf(address who) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(who));
    }

    /// @dev The branch at this depth as an item, and which entries lie below the key's child.
    function _branch(ReferenceTrie.Entry[] memory entries, bytes32 key, uint256 low, uint256 high, uint256 depth)
        private
        pure
        returns (bytes memory item, uint256 itsLow, uint256 itsHigh)
    {
        uint256 others = 0;
        bytes memory hashes;
        while (low < high) {
            uint256 nibble = ReferenceTrie.nibbleAt(entries[low].key, depth);
            uint256 end = low;
            while (end < high && ReferenceTrie.nibbleAt(entries[end].key, depth) == nibble) ++end;
            if (nibble == ReferenceTrie.nibbleAt(key, depth)) {
                (itsLow, itsHigh) = (low, end);
            } else {
                others |= 1 << nibble;
                hashes = bytes.concat(keccak256(ReferenceTrie.node(entries, low, end, depth + 1)), hashes);
            }
            low = end;
        }
        item = WitnessBuilder.branch(depth, others, hashes);
    }

    function _withSource(address source, bytes32 storageRoot, bytes32 codeHash)
        private
        pure
        returns (ReferenceTrie.Entry[] memory entries)
    {
        entries = _neighbours(NEIGHBOURS + 1);
        bytes memory value = account(NONCE, BALANCE, storageRoot, codeHash);
        entries[NEIGHBOURS] = ReferenceTrie.Entry(keyOf(source), value);
    }

    function _neighbours(uint256 length) private pure returns (ReferenceTrie.Entry[] memory entries) {
        entries = new ReferenceTrie.Entry[](length);
        for (uint160 i = 0; i < NEIGHBOURS; ++i) {
            bytes memory value = account(i, 1 ether * i, ReferenceTrie.emptyRoot(), keccak256(""));
            entries[i] = ReferenceTrie.Entry(keyOf(address(0x1000 + i)), value);
        }
    }
}
