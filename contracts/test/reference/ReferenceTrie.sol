// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RlpWriter} from "./RlpWriter.sol";

/// @title ReferenceTrie
/// @notice A Merkle-Patricia trie the slow and obvious way (Yellow Paper, appendix D): sort by key, split by nibble, hash.
/// Nothing of `contracts/src` is used.
library ReferenceTrie {
    /// @notice What the trie holds: 32 bytes of key, the value as it stands in the leaf.
    struct Entry {
        bytes32 key;
        bytes value;
    }

    /// @notice keccak-256 of RLP("").
    function emptyRoot() internal pure returns (bytes32) {
        return keccak256(hex"80");
    }

    /// @notice The storage root of a contract with these values at these slots; zeros are not there.
    function storageRoot(uint256[] memory slots, uint256[] memory values) internal pure returns (bytes32) {
        uint256 count = 0;
        for (uint256 i = 0; i < slots.length; ++i) {
            if (values[i] != 0) ++count;
        }
        Entry[] memory entries = new Entry[](count);
        for (uint256 i = 0; i < slots.length; ++i) {
            if (values[i] != 0) entries[--count] = Entry(keyOf(slots[i]), RlpWriter.scalar(values[i]));
        }
        return root(entries);
    }

    /// @notice The trie key of a slot.
    function keyOf(uint256 slot) internal pure returns (bytes32) {
        return keccak256(abi.encode(slot));
    }

    /// @notice The root of a trie with these entries, of different keys and in any order.
    function root(Entry[] memory unsorted) internal pure returns (bytes32) {
        if (unsorted.length == 0) return emptyRoot();
        Entry[] memory entries = sorted(unsorted);
        return keccak256(node(entries, 0, entries.length, 0));
    }

    /// @notice The nodes from the root towards `key` that are referred to by hash, one after the other.
    function proof(Entry[] memory unsorted, bytes32 key) internal pure returns (bytes memory nodes) {
        Entry[] memory entries = sorted(unsorted);
        uint256 low = 0;
        uint256 high = entries.length;
        for (uint256 depth = 0; low < high; ++depth) {
            bytes memory encoded = node(entries, low, high, depth);
            if (depth == 0 || encoded.length >= 32) nodes = bytes.concat(nodes, encoded);
            if (high - low == 1) return nodes;
            uint256 fork = commonNibbles(entries[low].key, entries[high - 1].key);
            if (fork > depth) {
                if (commonNibbles(entries[low].key, key) < fork) return nodes;
                encoded = branch(entries, low, high, fork);
                if (encoded.length >= 32) nodes = bytes.concat(nodes, encoded);
                depth = fork;
            }
            while (low < high && nibbleAt(entries[low].key, depth) < nibbleAt(key, depth)) ++low;
            while (low < high && nibbleAt(entries[high - 1].key, depth) > nibbleAt(key, depth)) --high;
        }
    }

    /// @notice The node of the sorted entries from `low` to `high`, whose first `depth` nibbles stand above it.
    function node(Entry[] memory entries, uint256 low, uint256 high, uint256 depth)
        internal
        pure
        returns (bytes memory)
    {
        bytes32 key = entries[low].key;
        if (high - low == 1) return _pair(hexPrefix(key, depth, 64, true), RlpWriter.str(entries[low].value));
        uint256 fork = commonNibbles(key, entries[high - 1].key);
        if (fork == depth) return branch(entries, low, high, depth);
        return _pair(hexPrefix(key, depth, fork, false), referTo(branch(entries, low, high, fork)));
    }

    /// @notice The branch node of entries that have `depth` nibbles in common.
    function branch(Entry[] memory entries, uint256 low, uint256 high, uint256 depth)
        internal
        pure
        returns (bytes memory)
    {
        bytes[16] memory children;
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            uint256 end = low;
            while (end < high && nibbleAt(entries[end].key, depth) == nibble) ++end;
            if (low < end) children[nibble] = referTo(node(entries, low, end, depth + 1));
            low = end;
        }
        return branchNode(children);
    }

    /// @notice The branch node with two children, at these nibbles, that it refers to like this.
    function twoChildren(uint256 first, bytes memory one, uint256 second, bytes memory other)
        internal
        pure
        returns (bytes memory)
    {
        bytes[16] memory children;
        (children[first], children[second]) = (one, other);
        return branchNode(children);
    }

    /// @notice The branch node that refers to its children like this; where there is none, nothing is given.
    function branchNode(bytes[16] memory children) internal pure returns (bytes memory) {
        bytes memory items;
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            items = bytes.concat(items, children[nibble].length == 0 ? bytes(hex"80") : children[nibble]);
        }
        return RlpWriter.list(bytes.concat(items, hex"80"));
    }

    /// @notice The leaf of a slot's value, whose first `depth` nibbles stand above it.
    function leafNode(bytes32 key, uint256 depth, uint256 value) internal pure returns (bytes memory) {
        return _pair(hexPrefix(key, depth, 64, true), RlpWriter.str(RlpWriter.scalar(value)));
    }

    /// @notice The extension over the nibbles of `key` from `depth` to `fork`, above the branch with this hash.
    function extensionNode(bytes32 key, uint256 depth, uint256 fork, bytes32 hash)
        internal
        pure
        returns (bytes memory)
    {
        return _pair(hexPrefix(key, depth, fork, false), RlpWriter.word(hash));
    }

    /// @notice The root of a trie whose first branch is this one.
    function rootAbove(bytes32 key, uint256 fork, bytes32 hash) internal pure returns (bytes32) {
        return fork == 0 ? hash : keccak256(extensionNode(key, 0, fork, hash));
    }

    /// @notice How a parent refers to a node: itself where it has fewer than 32 bytes, else its hash.
    function referTo(bytes memory encoded) internal pure returns (bytes memory) {
        return encoded.length < 32 ? encoded : RlpWriter.word(keccak256(encoded));
    }

    /// @notice The nibbles of `key` from `from` to `to`, in hex-prefix encoding (Yellow Paper, appendix C).
    function hexPrefix(bytes32 key, uint256 from, uint256 to, bool isLeaf) internal pure returns (bytes memory out) {
        bool isOdd = (to - from) % 2 == 1;
        uint256 flag = (isLeaf ? 2 : 0) + (isOdd ? 1 : 0);
        out = new bytes(1 + (to - from) / 2);
        out[0] = _byte(flag, isOdd ? nibbleAt(key, from) : 0);
        uint256 next = isOdd ? from + 1 : from;
        for (uint256 i = 1; i < out.length; ++i) {
            out[i] = _byte(nibbleAt(key, next), nibbleAt(key, next + 1));
            next += 2;
        }
    }

    /// @notice Nibble `index` of a key, counted from its front.
    function nibbleAt(bytes32 key, uint256 index) internal pure returns (uint256) {
        return (uint256(key) >> (4 * (63 - index))) & 0xf;
    }

    /// @notice How many nibbles two keys have in common.
    function commonNibbles(bytes32 left, bytes32 right) internal pure returns (uint256 count) {
        while (count < 64 && nibbleAt(left, count) == nibbleAt(right, count)) ++count;
    }

    /// @notice The entries in the order of their keys.
    function sorted(Entry[] memory entries) internal pure returns (Entry[] memory out) {
        bytes32[] memory keys = new bytes32[](entries.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            keys[i] = entries[i].key;
        }
        uint256[] memory positions = order(keys);
        out = new Entry[](entries.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            out[i] = entries[positions[i]];
        }
    }

    /// @notice The positions of the keys in their order (merge sort, bottom up).
    function order(bytes32[] memory keys) internal pure returns (uint256[] memory positions) {
        positions = new uint256[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            positions[i] = i;
        }
        for (uint256 width = 1; width < keys.length; width *= 2) {
            uint256[] memory merged = new uint256[](keys.length);
            for (uint256 start = 0; start < keys.length; start += 2 * width) {
                _merge(keys, positions, merged, start, width);
            }
            positions = merged;
        }
    }

    function _merge(bytes32[] memory keys, uint256[] memory from, uint256[] memory to, uint256 start, uint256 width)
        private
        pure
    {
        uint256 left = start;
        uint256 middle = start + width < keys.length ? start + width : keys.length;
        uint256 right = middle;
        uint256 end = middle + width < keys.length ? middle + width : keys.length;
        for (uint256 i = start; i < end; ++i) {
            bool takeLeft = right == end || (left < middle && keys[from[left]] < keys[from[right]]);
            to[i] = takeLeft ? from[left++] : from[right++];
        }
    }

    function _pair(bytes memory path, bytes memory second) private pure returns (bytes memory) {
        return RlpWriter.list(bytes.concat(RlpWriter.str(path), second));
    }

    function _byte(uint256 high, uint256 low) private pure returns (bytes1) {
        return bytes1(uint8(high * 16 + low)); // forge-lint: disable-line(unsafe-typecast)
    }
}
