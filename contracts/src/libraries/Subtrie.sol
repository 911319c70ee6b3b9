// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a subtrie is on one side of a transition.
enum SubtrieKind {
    EMPTY,
    LEAF,
    BRANCH
}

/// @notice A subtrie that does not know yet how high it will hang: a leaf's encoded path, and whether a branch needs an
/// extension above it, depend on which branches exist above.
struct Subtrie {
    SubtrieKind kind;
    bytes32 path; // LEAF: the trie key. BRANCH: its position, nibbles from the root on, then zeros
    uint256 depth; // BRANCH: how many nibbles of `path` count
    uint256 value; // LEAF: the slot's value. BRANCH: its reference, left-aligned
    uint256 size; // BRANCH: bytes of the reference: 32 for a hash, fewer for an embedded node
}

/// @title SubtrieLib
/// @notice Encodes a subtrie as the child of whatever position it turned out to hang at (Yellow Paper, appendices B to D).
/// @dev Writes to memory that the caller has laid out: `put` needs `ROOM` bytes from `ptr` on and returns where it stopped.
library SubtrieLib {
    /// @notice Bytes from `ptr` on that `put` may touch: a leaf node has at most 2 + 34 + 35 bytes, and whole words are stored.
    uint256 internal constant ROOM = 160;

    /// @notice keccak-256 of RLP(""), the root of the empty trie.
    bytes32 internal constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    uint256 private constant LEAF_FLAG = 0x20;

    /// @notice The root of the trie that consists of this subtrie: always a hash, also of a node under 32 bytes.
    function root(Subtrie memory self) internal pure returns (bytes32 hash) {
        if (self.kind == SubtrieKind.EMPTY) return EMPTY_ROOT;
        uint256 ptr = _free();
        uint256 length = put(self, 0, ptr) - ptr;
        // 33 bytes are 0xa0 and a hash; fewer are the node itself.
        return length == 33 ? _load(ptr + 1) : _keccak(ptr, length);
    }

    /// @notice Writes how a parent refers to this subtrie, as its child `depth` nibbles below the root.
    function put(Subtrie memory self, uint256 depth, uint256 ptr) internal pure returns (uint256 end) {
        if (self.kind == SubtrieKind.EMPTY) {
            _store8(ptr, 0x80);
            return ptr + 1;
        }
        if (self.kind == SubtrieKind.LEAF) return _seal(ptr, _putLeaf(self, depth, ptr));
        if (self.depth == depth) return _putReference(self, ptr);
        return _seal(ptr, _putExtension(self, depth, ptr));
    }

    /// @notice Completes a branch node whose sixteen references stand from `start` to `end`, and makes `self` refer to it.
    /// The three bytes before `start` are the caller's to overwrite.
    function setBranch(Subtrie memory self, bytes32 path, uint256 depth, uint256 start, uint256 end) internal pure {
        _store8(end, 0x80); // no value of its own: no trie key is the prefix of another
        uint256 length = end + 1 - start;
        uint256 node = start - _listHeaderSize(length);
        _putListHeader(node, length);
        length = end + 1 - node;
        self.kind = SubtrieKind.BRANCH;
        self.path = path;
        self.depth = depth;
        if (length < 32) {
            // Sixteen references in so few bytes: only at the very bottom of a trie, which no known keys reach.
            self.value = uint256(_load(node)) & ~(type(uint256).max >> (8 * length));
            self.size = length;
        } else {
            self.value = uint256(_keccak(node, length));
            self.size = 32;
        }
    }

    function _putReference(Subtrie memory self, uint256 ptr) private pure returns (uint256 end) {
        if (self.size == 32) {
            _store8(ptr, 0xa0);
            _store(ptr + 1, self.value);
            return ptr + 33;
        }
        _store(ptr, self.value);
        return ptr + self.size;
    }

    /// @dev [hex-prefix(path, leaf), RLP(value)]
    function _putLeaf(Subtrie memory self, uint256 depth, uint256 ptr) private pure returns (uint256 end) {
        uint256 valueSize = _byteLength(self.value);
        // One byte below 0x80 is its own RLP, and that again; else two headers stand before the bytes.
        uint256 itemSize = self.value < 0x80 ? 1 : valueSize + 2;
        uint256 length = _pathSize(64 - depth) + itemSize;
        _putListHeader(ptr, length);
        end = _putPath(self.path, depth, 64 - depth, LEAF_FLAG, ptr + _listHeaderSize(length));
        if (self.value < 0x80) {
            _store8(end, self.value);
            return end + 1;
        }
        _store8(end, 0x81 + valueSize);
        _store8(end + 1, 0x80 + valueSize);
        _store(end + 2, self.value << (256 - 8 * valueSize));
        return end + 2 + valueSize;
    }

    /// @dev [hex-prefix(path, extension), reference of the branch]
    function _putExtension(Subtrie memory self, uint256 depth, uint256 ptr) private pure returns (uint256 end) {
        uint256 nibbles = self.depth - depth;
        uint256 length = _pathSize(nibbles) + (self.size == 32 ? 33 : self.size);
        _putListHeader(ptr, length);
        end = _putPath(self.path, depth, nibbles, 0, ptr + _listHeaderSize(length));
        return _putReference(self, end);
    }

    /// @dev A node of 32 bytes or more is referred to by its hash.
    function _seal(uint256 ptr, uint256 end) private pure returns (uint256) {
        if (end - ptr < 32) return end;
        bytes32 hash = _keccak(ptr, end - ptr);
        _store8(ptr, 0xa0);
        _store(ptr + 1, uint256(hash));
        return ptr + 33;
    }

    /// @dev RLP of the hex-prefix of `nibbles` nibbles of `path` from `depth` on. An odd count puts its first nibble into
    /// the flag byte, whose bit 4 then is set.
    function _putPath(bytes32 path, uint256 depth, uint256 nibbles, uint256 flag, uint256 ptr)
        private
        pure
        returns (uint256 end)
    {
        uint256 rest = uint256(path) << (4 * depth);
        uint256 first = flag;
        if (nibbles & 1 == 1) {
            first |= 0x10 | (rest >> 252);
            rest <<= 4;
        }
        uint256 size = nibbles / 2;
        if (size > 0) {
            _store8(ptr, 0x81 + size);
            ++ptr;
        }
        _store8(ptr, first);
        _store(ptr + 1, rest);
        return ptr + 1 + size;
    }

    /// @dev Bytes that `_putPath` takes: a flag byte alone is below 0x80 and needs no header.
    function _pathSize(uint256 nibbles) private pure returns (uint256) {
        return nibbles < 2 ? 1 : 2 + nibbles / 2;
    }

    function _listHeaderSize(uint256 length) private pure returns (uint256) {
        return length < 56 ? 1 : length < 256 ? 2 : 3;
    }

    function _putListHeader(uint256 ptr, uint256 length) private pure {
        if (length < 56) {
            _store8(ptr, 0xc0 + length);
        } else if (length < 256) {
            _store8(ptr, 0xf8);
            _store8(ptr + 1, length);
        } else {
            _store8(ptr, 0xf9);
            _store8(ptr + 1, length >> 8);
            _store8(ptr + 2, length & 0xff);
        }
    }

    function _byteLength(uint256 value) private pure returns (uint256 size) {
        if (value >> 128 != 0) {
            value >>= 128;
            size = 16;
        }
        if (value >> 64 != 0) {
            value >>= 64;
            size += 8;
        }
        if (value >> 32 != 0) {
            value >>= 32;
            size += 4;
        }
        if (value >> 16 != 0) {
            value >>= 16;
            size += 2;
        }
        if (value >> 8 != 0) {
            value >>= 8;
            size += 1;
        }
        if (value != 0) size += 1;
    }

    // --- memory ---
    // Each of these is one instruction that Solidity has no expression for.

    function _free() private pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := mload(0x40)
        }
    }

    function _load(uint256 ptr) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(ptr)
        }
    }

    function _store(uint256 ptr, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(ptr, word)
        }
    }

    function _store8(uint256 ptr, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore8(ptr, value)
        }
    }

    function _keccak(uint256 ptr, uint256 length) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(ptr, length)
        }
    }
}
