// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReferenceTrie} from "./ReferenceTrie.sol";
import {RlpWriter} from "./RlpWriter.sol";

/// @title WitnessBuilder
/// @notice Makes witnesses (`docs/reference/witness.md`) out of the whole old and new storage, which a test knows.
library WitnessBuilder {
    /// @notice Everything unchanged stands in the open, leaf by leaf.
    uint256 internal constant OPEN = 0;
    /// @notice Everything unchanged is opaque wherever that is allowed.
    uint256 internal constant OPAQUE = type(uint256).max;

    /// @dev The union of both tries, sorted by key.
    struct Union {
        ReferenceTrie.Entry[] entries; // key, and RLP of the old value
        uint256[] slots;
        uint256[] oldValues;
        uint256[] newValues;
        uint256 choice; // OPEN, OPAQUE, or a seed that chooses at each place
    }

    /// @dev A part of the union whose keys have `depth` nibbles in common, and the branch in it.
    struct Part {
        uint256 low;
        uint256 high;
        uint256 depth;
        uint256 fork; // nibbles that the keys have in common
        uint256 cursor;
        uint256 opaqueMask;
        uint256 describedMask;
        bytes children;
    }

    /// @notice The witness of `slots` going from `oldValues` to `newValues`; empty where nothing changes.
    /// @param slots All slots of both sides, each once; 0 as a value means that the slot is not there.
    function build(uint256[] memory slots, uint256[] memory oldValues, uint256[] memory newValues, uint256 choice)
        internal
        pure
        returns (bytes memory)
    {
        Union memory union_ = _union(slots, oldValues, newValues);
        union_.choice = choice;
        if (_changed(union_, 0, union_.slots.length) == 0) return "";
        return _item(union_, 0, union_.slots.length, 0);
    }

    /// @notice A write item.
    function write(uint256 slot, uint256 newValue) internal pure returns (bytes memory) {
        bytes memory index = RlpWriter.minimal(slot);
        bytes memory value = RlpWriter.minimal(newValue);
        return bytes.concat(_byte(0x80 + index.length), index, _byte(value.length), value);
    }

    /// @notice An unchanged leaf, `depth` nibbles below the root.
    function leaf(bytes32 key, uint256 depth, uint256 value) internal pure returns (bytes memory) {
        bytes memory minimal = RlpWriter.minimal(value);
        return bytes.concat(_byte(0xc0 + minimal.length), pathBytes(key, depth, 64 - depth), minimal);
    }

    /// @notice The head of a branch that hangs `nibbles` below `depth`; its children follow.
    function branch(bytes32 key, uint256 depth, uint256 nibbles, uint256 opaqueMask, uint256 describedMask)
        internal
        pure
        returns (bytes memory)
    {
        return bytes.concat(
            _byte(nibbles),
            pathBytes(key, depth, nibbles),
            _byte(opaqueMask >> 8),
            _byte(opaqueMask & 0xff),
            _byte(describedMask >> 8),
            _byte(describedMask & 0xff)
        );
    }

    /// @notice An opaque branch that hangs `nibbles` below `depth`.
    function opaque(bytes32 key, uint256 depth, uint256 nibbles, bytes32 hash) internal pure returns (bytes memory) {
        return bytes.concat(_byte(0x40 + nibbles), pathBytes(key, depth, nibbles), hash);
    }

    /// @notice `nibbles` nibbles of a key from `depth` on, as whole bytes of it; a last nibble that is not meant is 0.
    function pathBytes(bytes32 key, uint256 depth, uint256 nibbles) internal pure returns (bytes memory out) {
        if (nibbles == 0) return "";
        for (uint256 i = depth / 2; i < (depth + nibbles + 1) / 2; ++i) {
            uint256 low = 2 * i + 1 < depth + nibbles ? ReferenceTrie.nibbleAt(key, 2 * i + 1) : 0;
            out = bytes.concat(out, _byte(ReferenceTrie.nibbleAt(key, 2 * i) * 16 + low));
        }
    }

    function _union(uint256[] memory slots, uint256[] memory oldValues, uint256[] memory newValues)
        private
        pure
        returns (Union memory out)
    {
        uint256 count = 0;
        bytes32[] memory keys = new bytes32[](slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            keys[i] = ReferenceTrie.keyOf(slots[i]);
            if (oldValues[i] | newValues[i] != 0) ++count;
        }
        uint256[] memory order = ReferenceTrie.order(keys);
        out.entries = new ReferenceTrie.Entry[](count);
        out.slots = new uint256[](count);
        out.oldValues = new uint256[](count);
        out.newValues = new uint256[](count);
        count = 0;
        for (uint256 k = 0; k < slots.length; ++k) {
            uint256 i = order[k];
            if (oldValues[i] | newValues[i] == 0) continue;
            out.entries[count] = ReferenceTrie.Entry(keys[i], RlpWriter.scalar(oldValues[i]));
            (out.slots[count], out.oldValues[count], out.newValues[count]) = (slots[i], oldValues[i], newValues[i]);
            ++count;
        }
    }

    function _item(Union memory self, uint256 low, uint256 high, uint256 depth) private pure returns (bytes memory) {
        if (high - low > 1) return _branch(self, low, high, depth);
        if (self.oldValues[low] != self.newValues[low]) return write(self.slots[low], self.newValues[low]);
        return leaf(self.entries[low].key, depth, self.oldValues[low]);
    }

    function _branch(Union memory self, uint256 low, uint256 high, uint256 depth) private pure returns (bytes memory) {
        Part memory part;
        (part.low, part.high, part.depth, part.cursor) = (low, high, depth, low);
        part.fork = ReferenceTrie.commonNibbles(self.entries[low].key, self.entries[high - 1].key);
        bool collapses = _collapses(self, part);
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            _child(self, part, nibble, collapses);
        }
        bytes memory head = branch(self.entries[low].key, depth, part.fork - depth, part.opaqueMask, part.describedMask);
        return bytes.concat(head, part.children);
    }

    function _child(Union memory self, Part memory part, uint256 nibble, bool collapses) private pure {
        uint256 low = part.cursor;
        uint256 high = _endOf(self, part, nibble);
        part.cursor = high;
        if (low == high) return;
        bytes memory child;
        if (_changed(self, low, high) == 0 && _mayHide(self, low, part.fork)) {
            child = collapses ? _inTheOpen(self, low, high, part.fork + 1) : _hash(self, low, high, part.fork + 1);
            if (child.length == 32) part.opaqueMask |= 1 << nibble;
        }
        if (child.length == 0) child = _item(self, low, high, part.fork + 1);
        if (child.length != 32 || part.opaqueMask & (1 << nibble) == 0) part.describedMask |= 1 << nibble;
        part.children = bytes.concat(part.children, child);
    }

    /// @dev The hash by which a parent refers to an unchanged part; nothing where it is embedded.
    function _hash(Union memory self, uint256 low, uint256 high, uint256 depth) private pure returns (bytes memory) {
        bytes memory node = ReferenceTrie.node(self.entries, low, high, depth);
        return node.length < 32 ? bytes("") : abi.encodePacked(keccak256(node));
    }

    /// @dev An unchanged part that may be handed upwards: a branch with the way to it; nothing where that is no use.
    function _inTheOpen(Union memory self, uint256 low, uint256 high, uint256 depth)
        private
        pure
        returns (bytes memory)
    {
        if (high - low == 1) return "";
        bytes32 key = self.entries[low].key;
        uint256 fork = ReferenceTrie.commonNibbles(key, self.entries[high - 1].key);
        bytes memory node = ReferenceTrie.branch(self.entries, low, high, fork);
        return node.length < 32 ? bytes("") : opaque(key, depth, fork - depth, keccak256(node));
    }

    /// @dev Whether a side has exactly one child here, so that there is no branch on that side.
    function _collapses(Union memory self, Part memory part) private pure returns (bool) {
        uint256 oldCount = 0;
        uint256 newCount = 0;
        uint256 low = part.low;
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            part.cursor = low;
            uint256 high = _endOf(self, part, nibble);
            uint256 oldAny = 0;
            uint256 newAny = 0;
            for (; low < high; ++low) {
                oldAny |= self.oldValues[low];
                newAny |= self.newValues[low];
            }
            if (oldAny != 0) ++oldCount;
            if (newAny != 0) ++newCount;
        }
        part.cursor = part.low;
        return oldCount == 1 || newCount == 1;
    }

    function _endOf(Union memory self, Part memory part, uint256 nibble) private pure returns (uint256 end) {
        end = part.cursor;
        while (end < part.high && ReferenceTrie.nibbleAt(self.entries[end].key, part.fork) == nibble) ++end;
    }

    function _changed(Union memory self, uint256 low, uint256 high) private pure returns (uint256 count) {
        for (uint256 i = low; i < high; ++i) {
            if (self.oldValues[i] != self.newValues[i]) ++count;
        }
    }

    function _mayHide(Union memory self, uint256 low, uint256 fork) private pure returns (bool) {
        if (self.choice == OPEN || self.choice == OPAQUE) return self.choice == OPAQUE;
        return uint256(keccak256(abi.encode(self.choice, low, fork))) & 1 == 1;
    }

    function _byte(uint256 value) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(value)); // forge-lint: disable-line(unsafe-typecast)
    }
}
