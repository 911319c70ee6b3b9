// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RlpWriter} from "./RlpWriter.sol";

/// @title TrieWriter
/// @notice Builds a Merkle-Patricia trie out of its keys and values, by the definition (Yellow Paper, appendix D), and the
/// proof of one key in it: the counterpart of `TrieProof` in tests.
library TrieWriter {
    struct Trie {
        bytes32[] keys; // all different, in any order
        bytes[] values; // none empty
    }

    /// @notice The trie's root and the proof of `target` in it.
    function prove(Trie memory trie, bytes32 target) internal pure returns (bytes32 root, bytes memory proof) {
        if (trie.keys.length == 0) return (keccak256(hex"80"), "");
        (bytes memory node, bytes memory below) = _node(trie, 0, target, true);
        return (keccak256(node), bytes.concat(node, below));
    }

    /// @dev The node of these keys at this depth, and what a proof of `target` has below it if it is on the path.
    function _node(Trie memory trie, uint256 depth, bytes32 target, bool onPath)
        private
        pure
        returns (bytes memory node, bytes memory below)
    {
        bytes32 key = trie.keys[0];
        if (trie.keys.length == 1) {
            return (_short(_path(key, depth, 64, true), RlpWriter.str(trie.values[0])), "");
        }
        uint256 shared = _shared(trie, depth);
        if (shared != depth) {
            onPath = onPath && _agree(key, target, depth, shared);
            bytes memory child;
            (child, below) = _branch(trie, shared, target, onPath);
            (bytes memory ref, bytes memory given) = _reference(child, onPath);
            return (_short(_path(key, depth, shared, false), ref), bytes.concat(given, below));
        }
        return _branch(trie, depth, target, onPath);
    }

    function _branch(Trie memory trie, uint256 depth, bytes32 target, bool onPath)
        private
        pure
        returns (bytes memory node, bytes memory below)
    {
        bytes memory items;
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            Trie memory part = _part(trie, depth, nibble);
            if (part.keys.length == 0) {
                items = bytes.concat(items, hex"80");
                continue;
            }
            bool follows = onPath && _nibble(target, depth) == nibble;
            (bytes memory child, bytes memory lower) = _node(part, depth + 1, target, follows);
            (bytes memory ref, bytes memory given) = _reference(child, follows);
            items = bytes.concat(items, ref);
            if (follows) below = bytes.concat(given, lower);
        }
        node = RlpWriter.list(bytes.concat(items, hex"80"));
    }

    /// @dev How a parent refers to a node, and what a proof then gives of it.
    function _reference(bytes memory node, bool onPath) private pure returns (bytes memory ref, bytes memory given) {
        if (node.length < 32) return (node, "");
        return (RlpWriter.word(keccak256(node)), onPath ? node : bytes(""));
    }

    function _short(bytes memory path, bytes memory content) private pure returns (bytes memory) {
        return RlpWriter.list(bytes.concat(RlpWriter.str(path), content));
    }

    /// @dev Hex-prefix encoding of the key's nibbles from `from` to `to`.
    function _path(bytes32 key, uint256 from, uint256 to, bool isLeaf) private pure returns (bytes memory out) {
        uint256 flag = isLeaf ? 2 : 0;
        if ((to - from) % 2 == 1) {
            out = _byte(flag + 1, _nibble(key, from));
            ++from;
        } else {
            out = _byte(flag, 0);
        }
        for (; from < to; from += 2) {
            out = bytes.concat(out, _byte(_nibble(key, from), _nibble(key, from + 1)));
        }
    }

    function _part(Trie memory trie, uint256 depth, uint256 nibble) private pure returns (Trie memory part) {
        uint256 count = 0;
        for (uint256 i = 0; i < trie.keys.length; ++i) {
            if (_nibble(trie.keys[i], depth) == nibble) ++count;
        }
        part.keys = new bytes32[](count);
        part.values = new bytes[](count);
        for (uint256 i = trie.keys.length; i > 0; --i) {
            if (_nibble(trie.keys[i - 1], depth) != nibble) continue;
            --count;
            part.keys[count] = trie.keys[i - 1];
            part.values[count] = trie.values[i - 1];
        }
    }

    /// @dev The depth down to which all keys agree, from `depth` on.
    function _shared(Trie memory trie, uint256 depth) private pure returns (uint256) {
        for (;; ++depth) {
            for (uint256 i = 1; i < trie.keys.length; ++i) {
                if (_nibble(trie.keys[i], depth) != _nibble(trie.keys[0], depth)) return depth;
            }
        }
        return depth;
    }

    function _agree(bytes32 a, bytes32 b, uint256 from, uint256 to) private pure returns (bool) {
        for (uint256 i = from; i < to; ++i) {
            if (_nibble(a, i) != _nibble(b, i)) return false;
        }
        return true;
    }

    function _nibble(bytes32 key, uint256 index) private pure returns (uint256) {
        return (uint256(key) >> (252 - 4 * index)) & 0xf;
    }

    function _byte(uint256 high, uint256 low) private pure returns (bytes memory) {
        return RlpWriter.raw(16 * high + low);
    }
}
