// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Subtrie, SubtrieKind, SubtrieLib} from "../../src/libraries/Subtrie.sol";
import {ReferenceTrie} from "../reference/ReferenceTrie.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";

/// @notice The node writer, in memory that is full of rubbish, against plain RLP.
contract SubtrieFuzzTest is Test {
    using SubtrieLib for Subtrie;

    bytes32 private constant CANARY = keccak256("canary");

    function testFuzz_put_leafAtAnyDepth_asReference(
        bytes32 key,
        uint256 value,
        uint256 size,
        uint256 depth,
        uint256 dirt
    ) public pure {
        depth = bound(depth, 0, 64);
        value = _ofSize(value, size);
        bytes memory expected = ReferenceTrie.referTo(_leaf(key, depth, value));
        Subtrie memory subtrie = Subtrie(SubtrieKind.LEAF, key, 64, value, 32);
        assertEq(_putIntoDirt(subtrie, depth, dirt), expected);
    }

    function testFuzz_put_branchAtAnyDepth_asReference(
        bytes32 key,
        bytes32 hash,
        uint256 fork,
        uint256 depth,
        uint256 dirt
    ) public pure {
        fork = bound(fork, 0, 63);
        depth = bound(depth, 0, fork);
        Subtrie memory subtrie = Subtrie(SubtrieKind.BRANCH, _front(key, fork), fork, uint256(hash), 32);
        assertEq(_putIntoDirt(subtrie, depth, dirt), _hung(key, depth, fork, RlpWriter.word(hash)));
    }

    /// @dev Two short leaves below 62 or 63 nibbles make a branch of fewer than 32 bytes, which is embedded itself.
    function testFuzz_setBranch_embedded_asReference(bytes32 key, uint8 low, uint8 high, uint256 depth, uint256 dirt)
        public
        pure
    {
        uint256 fork = low % 2 == 0 ? 62 : 63;
        depth = bound(depth, 0, fork);
        ReferenceTrie.Entry[] memory entries = new ReferenceTrie.Entry[](2);
        bytes32 front = _front(key, fork);
        entries[0] = ReferenceTrie.Entry(front, RlpWriter.scalar(low));
        entries[1] = ReferenceTrie.Entry(front | bytes32(3 << (4 * (63 - fork))), RlpWriter.scalar(high));
        if (low == 0) entries[0].value = hex"01";
        if (high == 0) entries[1].value = hex"01";
        bytes memory node = ReferenceTrie.branch(entries, 0, 2, fork);
        assertEq(_branchIntoDirt(entries, fork, depth, dirt), _hung(key, depth, fork, ReferenceTrie.referTo(node)));
    }

    function testFuzz_setBranch_anyChildren_asReference(bytes32 key, uint16 mask, uint256 fork, uint256 seed)
        public
        pure
    {
        fork = bound(fork, 0, 63);
        uint256 count = 0;
        for (uint256 i = 0; i < 16; ++i) {
            count += (mask >> i) & 1;
        }
        if (count == 0) return;
        ReferenceTrie.Entry[] memory entries = new ReferenceTrie.Entry[](count);
        for (uint256 i = 16; i > 0; --i) {
            if ((mask >> (i - 1)) & 1 == 0) continue;
            uint256 value = _ofSize(uint256(keccak256(abi.encode(seed, i))), uint256(keccak256(abi.encode(i, seed))));
            bytes32 leaf = _front(key, fork) | bytes32((i - 1) << (4 * (63 - fork)));
            entries[--count] = ReferenceTrie.Entry(leaf, RlpWriter.scalar(value));
        }
        bytes memory node = ReferenceTrie.branch(entries, 0, entries.length, fork);
        assertEq(_branchIntoDirt(entries, fork, fork, seed), ReferenceTrie.referTo(node));
    }

    function testFuzz_root_leaf_isHashOfNode(bytes32 key, uint256 value, uint256 size, uint256 dirt) public pure {
        value = _ofSize(value, size);
        _dirty(dirt);
        assertEq(Subtrie(SubtrieKind.LEAF, key, 64, value, 32).root(), keccak256(_leaf(key, 0, value)));
    }

    function test_root_empty_isEmptyRoot() public pure {
        _dirty(1);
        assertEq(Subtrie(SubtrieKind.EMPTY, 0, 0, 0, 0).root(), keccak256(hex"80"));
    }

    function test_put_empty_isEmptyString() public pure {
        assertEq(_putIntoDirt(Subtrie(SubtrieKind.EMPTY, CANARY, 9, 9, 9), 5, 1), hex"80");
    }

    // --- parts of tests ---

    /// @dev What `put` writes; it must touch nothing behind its room.
    function _putIntoDirt(Subtrie memory subtrie, uint256 depth, uint256 dirt)
        private
        pure
        returns (bytes memory written)
    {
        uint256 ptr = _dirty(dirt);
        uint256 room = SubtrieLib.ROOM;
        bytes32 behind = CANARY;
        assembly ("memory-safe") {
            // ptr ► | room of `put` | canary (32) |
            mstore(add(ptr, room), behind)
            mstore(0x40, add(add(ptr, room), 32))
        }
        uint256 end = subtrie.put(depth, ptr);
        assembly ("memory-safe") {
            behind := mload(add(ptr, room))
        }
        assertEq(behind, CANARY, "memory behind the room was touched");
        return _copy(ptr, end);
    }

    /// @dev A branch of these leaves, written as the engine does, and the reference to it from `depth`.
    function _branchIntoDirt(ReferenceTrie.Entry[] memory entries, uint256 fork, uint256 depth, uint256 dirt)
        private
        pure
        returns (bytes memory)
    {
        Subtrie memory subtrie;
        bytes32 front = _front(entries[0].key, fork);
        Subtrie[] memory children = new Subtrie[](16);
        for (uint256 i = 0; i < entries.length; ++i) {
            Subtrie memory child = children[ReferenceTrie.nibbleAt(entries[i].key, fork)];
            (child.kind, child.path, child.depth) = (SubtrieKind.LEAF, entries[i].key, 64);
            child.value = _decoded(entries[i].value);
        }
        uint256 start = _dirty(dirt) + 3;
        assembly ("memory-safe") {
            // | header (3) | sixteen references, 33 bytes at most each, and the room of the last |
            mstore(0x40, add(start, 800))
        }
        uint256 end = start;
        for (uint256 i = 0; i < 16; ++i) {
            end = children[i].put(fork + 1, end);
        }
        subtrie.setBranch(front, fork, start, end);
        return _putIntoDirt(subtrie, depth, dirt);
    }

    /// @dev Fills the free memory, and returns where it starts.
    function _dirty(uint256 dirt) private pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := mload(0x40)
            for { let i := 0 } lt(i, 2048) { i := add(i, 32) } {
                mstore(0x00, add(dirt, i))
                mstore(add(ptr, i), or(keccak256(0x00, 0x20), 1))
            }
        }
    }

    function _copy(uint256 ptr, uint256 end) private pure returns (bytes memory out) {
        out = new bytes(end - ptr);
        for (uint256 i = 0; i < out.length; ++i) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(ptr, i))
            }
            out[i] = bytes1(bytes32(word));
        }
    }

    /// @dev The reference to a branch at `fork` from `depth`: itself, or an extension.
    function _hung(bytes32 key, uint256 depth, uint256 fork, bytes memory branch) private pure returns (bytes memory) {
        if (depth == fork) return branch;
        bytes memory path = RlpWriter.str(ReferenceTrie.hexPrefix(key, depth, fork, false));
        return ReferenceTrie.referTo(RlpWriter.list(bytes.concat(path, branch)));
    }

    function _leaf(bytes32 key, uint256 depth, uint256 value) private pure returns (bytes memory) {
        ReferenceTrie.Entry[] memory one = new ReferenceTrie.Entry[](1);
        one[0] = ReferenceTrie.Entry(key, RlpWriter.scalar(value));
        return ReferenceTrie.node(one, 0, 1, depth);
    }

    function _front(bytes32 key, uint256 nibbles) private pure returns (bytes32) {
        return nibbles == 0 ? bytes32(0) : bytes32(uint256(key) >> (256 - 4 * nibbles) << (256 - 4 * nibbles));
    }

    /// @dev A value of 1 to 32 bytes, never 0.
    function _ofSize(uint256 value, uint256 size) private pure returns (uint256) {
        value >>= 8 * bound(size, 0, 31);
        return value == 0 ? 1 : value;
    }

    function _decoded(bytes memory scalar) private pure returns (uint256 value) {
        uint256 skipped = scalar.length == 1 && uint8(scalar[0]) < 0x80 ? 0 : 1;
        for (uint256 i = skipped; i < scalar.length; ++i) {
            value = value * 256 + uint8(scalar[i]);
        }
    }
}
