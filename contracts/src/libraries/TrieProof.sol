// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "./Rlp.sol";

/// @title TrieProof
/// @notice Looks up one key in a Merkle-Patricia trie (Yellow Paper, appendix D) of which only the nodes on the key's
/// path are given.
/// @dev A proof is the RLP of these nodes one after the other, the root first: each is a list and so tells its own length.
/// A node of fewer than 32 bytes stands inside its parent and is not given again. All keys have 64 nibbles.
///
/// "Absent" is a proven fact and never the outcome of something missing: there are four ways to it, an empty trie, an
/// empty child of a branch, an extension that leads elsewhere and a leaf of another key. Anything else that is not the
/// value reverts. There is no cap on the depth: every step takes at least one nibble, so 64 nibbles bound the walk.
/// Of a branch every reference is checked for its form; an embedded node off the path is not looked into.
library TrieProof {
    /// @notice The proof ends at byte `offset`, where another node is needed.
    error ProofTruncated(uint256 offset);
    /// @notice Bytes are left after the last node that was needed.
    error ProofNotConsumed(uint256 consumed, uint256 length);
    /// @notice The node at `offset` is not the one that its parent (or the root) refers to.
    error NodeHashMismatch(uint256 offset, bytes32 expected, bytes32 actual);
    /// @notice The node at `offset` is referred to by hash, but of a size that has to be embedded.
    error HashedNodeTooShort(uint256 offset, uint256 size);
    /// @notice The node at `offset` is embedded, but of a size that has to be referred to by hash.
    error EmbeddedNodeTooLong(uint256 offset, uint256 size);
    /// @notice The node at `offset` has neither 2 nor 17 items; `count` is the last one that was looked for.
    error NodeItemCount(uint256 offset, uint256 count);
    /// @notice The reference at `offset` is a string of `length` bytes: neither empty nor a hash.
    error InvalidReference(uint256 offset, uint256 length);
    /// @notice A branch holds a value at `offset`, but no key ends above the leaves.
    error BranchValuePresent(uint256 offset);
    /// @notice The branch at `offset` has fewer than two children.
    error BranchTooNarrow(uint256 offset, uint256 children);
    /// @notice The path at `offset` is an empty string.
    error HexPrefixEmpty(uint256 offset);
    /// @notice The path at `offset` has a flag above 3.
    error HexPrefixFlag(uint256 offset, uint256 flag);
    /// @notice The path at `offset` has an even number of nibbles and padding that is not zero.
    error HexPrefixPadding(uint256 offset, uint256 padding);
    /// @notice The extension at `offset` has no path.
    error ExtensionPathEmpty(uint256 offset);
    /// @notice The extension whose child is at `offset` has none.
    error ExtensionChildEmpty(uint256 offset);
    /// @notice The node at `offset` hangs below an extension and is no branch.
    error ExtensionChildNotBranch(uint256 offset);
    /// @notice The path down to and including the node at `offset` leaves no nibble for what is below.
    error PathTooLong(uint256 offset, uint256 nibbles);
    /// @notice The leaf at `offset` ends after `nibbles` nibbles, not 64.
    error LeafDepth(uint256 offset, uint256 nibbles);
    /// @notice The leaf whose value is at `offset` has an empty one.
    error LeafValueEmpty(uint256 offset);

    /// @dev keccak-256 of RLP(""), the root of the empty trie.
    bytes32 internal constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    uint256 private constant KEY_NIBBLES = 64;
    uint256 private constant BRANCH_CHILDREN = 16;
    uint256 private constant EMPTY_STRING = 0x80; // the RLP of one
    uint256 private constant WORD = 0xa0; // the RLP header of a string of 32 bytes

    /// @dev Where a walk stands.
    struct Walk {
        bytes32 key;
        uint256 depth; // nibbles of the key above `node`
        uint256 node; // offset of the node to look at, in the proof or inside its parent
        uint256 next; // offset of the first byte of the proof that no node has taken
        bool belowExtension;
        bool found; // and if so, where the value is
        uint256 valueStart;
        uint256 valueEnd;
    }

    /// @notice Looks `key` up below `root`.
    /// @param root keccak-256 of the root node, or `EMPTY_ROOT`.
    /// @param key The 64 nibbles of the path.
    /// @param proof The nodes, consumed to the last byte; empty for the empty trie.
    /// @return found Whether the trie holds the key. If not, this is proven.
    /// @return start Offset in `proof` of the first byte of the value; 0 where not found.
    /// @return end Offset in `proof` of the byte after the value; 0 where not found.
    function lookup(bytes32 root, bytes32 key, bytes calldata proof)
        internal
        pure
        returns (bool found, uint256 start, uint256 end)
    {
        if (root == EMPTY_ROOT && proof.length == 0) return (false, 0, 0);

        // Starts as zeros, as every memory struct: at offset 0, nothing found.
        // slither-disable-next-line uninitialized-local
        Walk memory walk;
        walk.key = key;
        _enterHashed(proof, walk, root);
        bool isDone = false;
        while (!isDone) {
            isDone = _step(proof, walk);
        }
        if (walk.next != proof.length) revert ProofNotConsumed(walk.next, proof.length);
        return (walk.found, walk.valueStart, walk.valueEnd);
    }

    /// @dev Takes the next node of the proof, which must be the one with this hash.
    function _enterHashed(bytes calldata proof, Walk memory walk, bytes32 expected) private pure {
        uint256 offset = walk.next;
        if (offset == proof.length) revert ProofTruncated(offset);
        (, uint256 end) = Rlp.readList(proof, offset);
        bytes32 actual = keccak256(proof[offset:end]);
        if (actual != expected) revert NodeHashMismatch(offset, expected, actual);
        // The root is referred to by hash whatever its size, and it is the only node at offset 0.
        if (offset != 0 && end - offset < 32) revert HashedNodeTooShort(offset, end - offset);
        walk.node = offset;
        walk.next = end;
    }

    /// @dev Looks at one node. Done without having found the key is a proof of absence.
    function _step(bytes calldata proof, Walk memory walk) private pure returns (bool isDone) {
        (uint256 first, uint256 end) = Rlp.readList(proof, walk.node);
        bytes calldata node = proof[:end]; // cut behind and not in front, so that offsets stay offsets of the proof
        if (first == end) revert NodeItemCount(walk.node, 0);
        (,, uint256 second) = Rlp.readItem(node, first);
        if (second == end) revert NodeItemCount(walk.node, 1);
        (,, uint256 third) = Rlp.readItem(node, second);

        uint256 child = second;
        if (third == end) isDone = _leafOrExtension(node, walk, first, second);
        else child = _branch(node, walk, first);
        if (!isDone) isDone = _descend(proof, walk, child);
    }

    /// @dev Checks a node of two items, and steps below it unless it is a leaf or leads elsewhere: then the walk is done.
    function _leafOrExtension(bytes calldata node, Walk memory walk, uint256 path, uint256 content)
        private
        pure
        returns (bool isDone)
    {
        if (walk.belowExtension) revert ExtensionChildNotBranch(walk.node);
        (bool isLeaf, bool matches, uint256 depth) = _path(node, walk, path);
        if (isLeaf) {
            (uint256 start, uint256 end) = Rlp.readString(node, content);
            if (start == end) revert LeafValueEmpty(content);
            if (matches) (walk.found, walk.valueStart, walk.valueEnd) = (true, start, end);
            return true;
        }
        (bool isPresent,) = _reference(node, content);
        if (!isPresent) revert ExtensionChildEmpty(content);
        walk.depth = depth;
        walk.belowExtension = true;
        return !matches;
    }

    /// @dev Checks a branch, steps below it and returns the offset of the reference on the key's path.
    function _branch(bytes calldata node, Walk memory walk, uint256 cursor) private pure returns (uint256 child) {
        if (walk.depth == KEY_NIBBLES) revert PathTooLong(walk.node, KEY_NIBBLES);
        uint256 nibble = (uint256(walk.key) >> (4 * (KEY_NIBBLES - 1 - walk.depth))) & 0xf;
        uint256 children = 0;
        for (uint256 i = 0; i < BRANCH_CHILDREN; ++i) {
            if (cursor == node.length) revert NodeItemCount(walk.node, i);
            if (i == nibble) child = cursor;
            bool isPresent;
            (isPresent, cursor) = _reference(node, cursor);
            if (isPresent) ++children;
        }
        if (cursor == node.length) revert NodeItemCount(walk.node, BRANCH_CHILDREN);
        (uint256 start, uint256 end) = Rlp.readString(node, cursor);
        if (start != end) revert BranchValuePresent(cursor);
        if (end != node.length) revert NodeItemCount(walk.node, BRANCH_CHILDREN + 2);
        if (children < 2) revert BranchTooNarrow(walk.node, children);
        walk.depth += 1;
        walk.belowExtension = false;
    }

    /// @dev Reads the hex-prefix path of a leaf or an extension.
    /// @return isLeaf Whether it is a leaf.
    /// @return matches Whether the path is that of the key.
    /// @return depth Nibbles of the key that are behind after it.
    function _path(bytes calldata node, Walk memory walk, uint256 offset)
        private
        pure
        returns (bool isLeaf, bool matches, uint256 depth)
    {
        (uint256 start, uint256 end) = Rlp.readString(node, offset);
        if (start == end) revert HexPrefixEmpty(offset);
        uint256 flag = uint8(node[start]) >> 4;
        uint256 nibble = uint8(node[start]) & 0xf; // the first nibble of an odd path, or padding
        if (flag > 3) revert HexPrefixFlag(offset, flag);
        bool isOdd = flag & 1 != 0;
        if (!isOdd && nibble != 0) revert HexPrefixPadding(offset, nibble);

        uint256 count = 2 * (end - start - 1) + (isOdd ? 1 : 0);
        isLeaf = flag >= 2;
        depth = walk.depth + count;
        if (isLeaf) {
            if (depth != KEY_NIBBLES) revert LeafDepth(walk.node, depth);
        } else {
            if (count == 0) revert ExtensionPathEmpty(walk.node);
            if (depth >= KEY_NIBBLES) revert PathTooLong(walk.node, depth);
        }

        // Both as integers of `count` nibbles, at most 64: shifts by 256 give the zero of an empty path. With an odd
        // path at most 31 bytes follow the first one, and with an even path its nibble is zero.
        uint256 following = end - start - 1;
        uint256 path = uint256(bytes32(node[start + 1:end])) >> (8 * (32 - following));
        path |= nibble << (8 * following);
        matches = path == (uint256(walk.key) << (4 * walk.depth)) >> (4 * (KEY_NIBBLES - count));
    }

    /// @dev Whether there is a reference at `offset`, a hash or an embedded node and not an empty string; and where it ends.
    function _reference(bytes calldata node, uint256 offset) private pure returns (bool isPresent, uint256 end) {
        // Nearly all references are one of these two. A branch has 16 of them: this is where the gas goes.
        uint256 tag = uint8(node[offset]);
        unchecked {
            if (tag == EMPTY_STRING) return (false, offset + 1);
            if (tag == WORD && node.length - offset > 32) return (true, offset + 33);
        }

        bool isList;
        uint256 start;
        (isList, start, end) = Rlp.readItem(node, offset);
        if (isList && end - offset >= 32) revert EmbeddedNodeTooLong(offset, end - offset);
        if (!isList) revert InvalidReference(offset, end - start);
        isPresent = true;
    }

    /// @dev Follows the reference at `offset`, which has been checked; done where it is empty.
    function _descend(bytes calldata proof, Walk memory walk, uint256 offset) private pure returns (bool isDone) {
        (bool isList, uint256 start, uint256 end) = Rlp.readItem(proof, offset);
        if (isList) walk.node = offset;
        else if (start == end) return true;
        else _enterHashed(proof, walk, bytes32(proof[start:end]));
    }
}
