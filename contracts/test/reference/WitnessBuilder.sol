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

    /// @dev A part of the union, of two keys or more, and the branch that joins it.
    struct Part {
        uint256 low;
        uint256 high;
        uint256 fork; // nibbles that the keys have in common: the branch's depth
        bool collapses; // one side has only one child here, and so no branch
        bytes items; // the children that are not opaque
        uint256 opaque; // bit i: child i is opaque
        bytes hashes; // of the opaque ones, the highest child first
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
        if (_isUnchanged(union_, 0, union_.slots.length)) return "";
        return _items(union_, 0, union_.slots.length);
    }

    // --- one item ---

    /// @notice A write.
    function write(uint256 slot, uint256 newValue) internal pure returns (bytes memory) {
        bytes memory index = RlpWriter.minimal(slot);
        bytes memory value = RlpWriter.minimal(newValue);
        if (index.length == 32) return bytes.concat(_byte(0x80 + value.length), index, value);
        return bytes.concat(_byte(0xc1 + index.length), index, _byte(value.length), value);
    }

    /// @notice An unchanged leaf.
    function leaf(bytes32 key, uint256 value) internal pure returns (bytes memory) {
        bytes memory minimal = RlpWriter.minimal(value);
        return bytes.concat(_byte(0xa0 + minimal.length), key, minimal);
    }

    /// @notice An opaque branch below the first `depth` nibbles of `key`; at least one.
    function opaqueBranch(bytes32 key, uint256 depth, bytes32 hash) internal pure returns (bytes memory) {
        bytes memory path;
        for (uint256 i = 0; i < depth; i += 2) {
            uint256 low = i + 1 < depth ? ReferenceTrie.nibbleAt(key, i + 1) : 0;
            path = bytes.concat(path, _byte(ReferenceTrie.nibbleAt(key, i) * 16 + low));
        }
        return bytes.concat(_byte(0x40 + depth), path, hash);
    }

    /// @notice A branch that joins all that is pending below it.
    function branch(uint256 depth) internal pure returns (bytes memory) {
        return branch(depth, 0, "");
    }

    /// @notice A branch that has opaque children as well.
    /// @param opaque Which: bit i is child i.
    /// @param hashes Their hashes, the highest child first.
    function branch(uint256 depth, uint256 opaque, bytes memory hashes) internal pure returns (bytes memory) {
        bytes memory mask = new bytes(2);
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            // Child 0 is the most significant bit.
            if ((opaque >> nibble) & 1 == 1) mask[nibble / 8] |= bytes1(uint8(0x80 >> (nibble % 8)));
        }
        return bytes.concat(_byte(depth), mask, hashes);
    }

    /// @notice Where the item ends that starts at byte `start`; it may be behind the witness. Of an unknown one, anywhere.
    function endOf(bytes memory witness, uint256 start) internal pure returns (uint256) {
        uint256 tag = _at(witness, start);
        if (tag < 0x40) return start + 3 + 32 * _bitCount(_at(witness, start + 1) * 256 + _at(witness, start + 2));
        if (tag < 0x80) return start + 33 + (tag - 0x3f) / 2;
        if (tag <= 0xa0) return start + 33 + tag - 0x80;
        if (tag <= 0xc0) return start + 33 + tag - 0xa0;
        return start + 2 + (tag - 0xc1) + _at(witness, start + 1 + tag - 0xc1);
    }

    /// @notice Whether the item that starts at byte `start` is a write.
    function isWrite(bytes memory witness, uint256 start) internal pure returns (bool) {
        uint256 tag = uint8(witness[start]);
        return (tag >= 0x80 && tag <= 0xa0) || (tag >= 0xc1 && tag <= 0xe0);
    }

    // --- the union ---

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

    /// @dev The items of a part, which come to one pending subtrie.
    function _items(Union memory self, uint256 low, uint256 high) private pure returns (bytes memory) {
        if (high - low > 1) return _branch(self, low, high);
        if (self.oldValues[low] != self.newValues[low]) return write(self.slots[low], self.newValues[low]);
        return leaf(self.entries[low].key, self.oldValues[low]);
    }

    function _branch(Union memory self, uint256 low, uint256 high) private pure returns (bytes memory) {
        Part memory part;
        (part.low, part.high) = (low, high);
        part.fork = ReferenceTrie.commonNibbles(self.entries[low].key, self.entries[high - 1].key);
        part.collapses = _collapses(self, part);
        while (low < high) {
            uint256 end = _endOf(self, part, low);
            _addChild(self, part, low, end);
            low = end;
        }
        return bytes.concat(part.items, branch(part.fork, part.opaque, part.hashes));
    }

    function _addChild(Union memory self, Part memory part, uint256 low, uint256 high) private pure {
        if (!_mayHide(self, part, low, high)) {
            part.items = bytes.concat(part.items, _items(self, low, high));
            return;
        }
        bytes32 key = self.entries[low].key;
        uint256 nibble = ReferenceTrie.nibbleAt(key, part.fork);
        uint256 fork = ReferenceTrie.commonNibbles(key, self.entries[high - 1].key);
        if (part.collapses && fork > part.fork + 1) {
            // What is handed up is taken for a branch; so this one is told where it is.
            bytes memory node = ReferenceTrie.branch(self.entries, low, high, fork);
            part.items = bytes.concat(part.items, opaqueBranch(key, fork, keccak256(node)));
        } else {
            bytes memory node = ReferenceTrie.node(self.entries, low, high, part.fork + 1);
            part.opaque |= 1 << nibble;
            part.hashes = bytes.concat(keccak256(node), part.hashes);
        }
    }

    /// @dev Whether a child is given by its hash: where nothing in it changes, and its parent holds its hash and not itself,
    /// it may. A leaf that may be handed up stands in the open, and a branch must have a child that does.
    function _mayHide(Union memory self, Part memory part, uint256 low, uint256 high) private pure returns (bool) {
        if (!_isUnchanged(self, low, high) || !_isChosen(self, low, part.fork)) return false;
        if (part.low == low && _isUnchanged(self, part.low, part.high)) return false;
        if (high - low == 1 && part.collapses) return false;
        return ReferenceTrie.node(self.entries, low, high, part.fork + 1).length >= 32;
    }

    /// @dev Whether a side has exactly one child here, so that there is no branch on that side.
    function _collapses(Union memory self, Part memory part) private pure returns (bool) {
        uint256 oldCount = 0;
        uint256 newCount = 0;
        uint256 low = part.low;
        while (low < part.high) {
            uint256 oldAny = 0;
            uint256 newAny = 0;
            for (uint256 end = _endOf(self, part, low); low < end; ++low) {
                oldAny |= self.oldValues[low];
                newAny |= self.newValues[low];
            }
            if (oldAny != 0) ++oldCount;
            if (newAny != 0) ++newCount;
        }
        return oldCount == 1 || newCount == 1;
    }

    /// @dev Where the child ends that starts with entry `low`.
    function _endOf(Union memory self, Part memory part, uint256 low) private pure returns (uint256 end) {
        uint256 nibble = ReferenceTrie.nibbleAt(self.entries[low].key, part.fork);
        end = low;
        while (end < part.high && ReferenceTrie.nibbleAt(self.entries[end].key, part.fork) == nibble) ++end;
    }

    function _isUnchanged(Union memory self, uint256 low, uint256 high) private pure returns (bool) {
        for (uint256 i = low; i < high; ++i) {
            if (self.oldValues[i] != self.newValues[i]) return false;
        }
        return true;
    }

    function _isChosen(Union memory self, uint256 low, uint256 fork) private pure returns (bool) {
        if (self.choice == OPEN || self.choice == OPAQUE) return self.choice == OPAQUE;
        return uint256(keccak256(abi.encode(self.choice, low, fork))) & 1 == 1;
    }

    /// @dev The byte there, 0 behind the end.
    function _at(bytes memory witness, uint256 offset) private pure returns (uint256) {
        return offset < witness.length ? uint8(witness[offset]) : 0;
    }

    function _bitCount(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }

    function _byte(uint256 value) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(value)); // forge-lint: disable-line(unsafe-typecast)
    }
}
