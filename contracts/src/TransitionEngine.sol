// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "./interfaces/ITransitionEngine.sol";
import {Subtrie, SubtrieKind, SubtrieLib} from "./libraries/Subtrie.sol";
import {WitnessReader, WitnessReaderLib} from "./libraries/WitnessReader.sol";

/// @title TransitionEngine
/// @notice One pass over the union of two tries, two roots. `src/smartsync/witness/evaluate.py` is the same in Python.
///
/// Each item yields a subtrie of the old and one of the new trie. At a branch of the union each side counts its children:
/// none makes nothing, one alone is handed upwards, two or more are a branch node. So inserts, deletes, splits, collapses,
/// growth from and to the empty trie are one rule without special cases.
///
/// Why the roots can be believed: an opaque hash stands at the same position on both sides, a node's hash commits to all
/// below it, and every other key is written here. So tries with these roots differ in exactly the writes. A hash handed
/// upwards is taken for a branch's; were it another node's, the root would be one that no trie has.
contract TransitionEngine is ITransitionEngine {
    using SubtrieLib for Subtrie;
    using WitnessReaderLib for WitnessReader;

    /// @dev A subtrie of the union as each side has it.
    struct Pair {
        Subtrie oldSide;
        Subtrie newSide;
    }

    /// @dev One side of a branch that is being walked.
    struct Side {
        uint256 start; // memory address of the first child's reference
        uint256 end; // where the next one goes
        uint256 count; // children that are there
        Subtrie only; // the first of them: what is handed upwards where it stays the only one
    }

    /// @dev A branch of the union that is being walked.
    struct Level {
        bytes32 path;
        uint256 depth;
        uint256 opaque; // bit i: child i is opaque
        uint256 described; // bit i: child i is an item
        Side oldSide;
        Side newSide;
        uint256 nibble; // the child that is being read,
        bytes32 childPath; // where it hangs,
        uint256 childDepth;
        Pair child; // and what it came to
    }

    /// @dev The longest RLP header of a branch node.
    uint256 private constant HEADER_SIZE = 3;

    /// @dev Memory for one side of a branch: the header, sixteen references of up to 33 bytes, and the room that the last of
    /// them may touch while it is made; whole words.
    uint256 private constant SIDE_SIZE = (HEADER_SIZE + 16 * 33 + SubtrieLib.ROOM + 31) / 32 * 32;

    address private immutable SELF = address(this);

    /// @inheritdoc ITransitionEngine
    function transition(bytes calldata witness) external returns (bytes32 oldRoot, bytes32 newRoot) {
        if (address(this) == SELF) revert OnlyDelegatecall();
        WitnessReader memory reader = WitnessReaderLib.open(witness);
        Level memory top; // not a branch: above the root, which is its only child
        _item(reader, top);
        reader.close();
        return (top.child.oldSide.root(), top.child.newSide.root());
    }

    // --- items ---
    // A trie can be 64 branches deep and the EVM's stack has 1,024 words: `_item` and `_branch`, which call each other, must
    // take less than 16 words together. So what they know of a position is in memory, in the level above.

    /// @dev Reads the item that hangs at `above.childPath` into `above.child`.
    function _item(WitnessReader memory reader, Level memory above) private {
        uint256 offset = reader.offset();
        uint256 tag = reader.readByte();
        if (tag < 0x40) _branch(reader, above, tag, offset);
        else if (tag < 0x80) _opaque(reader, above, tag - 0x40, offset);
        else if (tag < 0xc0) _write(reader, above, tag - 0x80);
        else _leaf(reader, above, tag - 0xc0, offset);
    }

    function _opaque(WitnessReader memory reader, Level memory above, uint256 nibbles, uint256 offset) private pure {
        bytes32 path = reader.readBranchPath(above.childPath, above.childDepth, nibbles, offset);
        _setBoth(above.child, SubtrieKind.BRANCH, path, above.childDepth + nibbles, uint256(reader.readHash()));
    }

    function _leaf(WitnessReader memory reader, Level memory above, uint256 valueSize, uint256 offset) private pure {
        bytes32 key = reader.readPath(above.childPath, above.childDepth, 64 - above.childDepth);
        uint256 value = reader.readWord(valueSize);
        if (value == 0) revert NonCanonicalWord(offset);
        _setBoth(above.child, SubtrieKind.LEAF, key, 64, value);
    }

    function _write(WitnessReader memory reader, Level memory above, uint256 slotSize) private {
        bytes32 slot = bytes32(reader.readWord(slotSize));
        uint256 newValue = reader.readWord(reader.readByte());
        bytes32 key = _trieKey(slot);
        if ((key ^ above.childPath) >> (256 - 4 * above.childDepth) != 0) revert SlotMisplaced(slot, above.childDepth);
        uint256 oldValue;
        assembly ("memory-safe") {
            oldValue := sload(slot)
        }
        if (oldValue == newValue) revert NoOpWrite(slot);
        assembly ("memory-safe") {
            sstore(slot, newValue)
        }
        _setLeaf(above.child.oldSide, key, oldValue);
        _setLeaf(above.child.newSide, key, newValue);
    }

    function _branch(WitnessReader memory reader, Level memory above, uint256 nibbles, uint256 offset) private {
        uint256 memoryBefore;
        assembly ("memory-safe") {
            memoryBefore := mload(0x40)
        }
        Level memory level;
        level.path = reader.readBranchPath(above.childPath, above.childDepth, nibbles, offset);
        level.depth = above.childDepth + nibbles;
        (level.opaque, level.described) = reader.readMasks();
        _open(level.oldSide);
        _open(level.newSide);
        for (; level.nibble < 16; ++level.nibble) {
            if (_isDescribed(reader, level)) _item(reader, level);
            _append(level.oldSide, level.child.oldSide, level.childDepth);
            _append(level.newSide, level.child.newSide, level.childDepth);
        }
        _close(level.oldSide, level.path, level.depth, above.child.oldSide);
        _close(level.newSide, level.path, level.depth, above.child.newSide);
        // Nothing of this level is referred to any more; a sibling may use its memory.
        assembly ("memory-safe") {
            mstore(0x40, memoryBefore)
        }
    }

    /// @dev Moves on to the child `level.nibble`; reads it too, unless it is an item.
    function _isDescribed(WitnessReader memory reader, Level memory level) private pure returns (bool) {
        uint256 bit = 1 << level.nibble;
        level.childPath = level.path | bytes32(level.nibble << (252 - 4 * level.depth));
        level.childDepth = level.depth + 1;
        if (level.described & bit != 0) return true;
        if (level.opaque & bit != 0) {
            uint256 hash = uint256(reader.readHash());
            _setBoth(level.child, SubtrieKind.BRANCH, level.childPath, level.childDepth, hash);
        } else {
            level.child.oldSide.kind = SubtrieKind.EMPTY;
            level.child.newSide.kind = SubtrieKind.EMPTY;
        }
        return false;
    }

    // --- one side of a branch ---

    function _open(Side memory side) private pure {
        uint256 buffer;
        uint256 size = SIDE_SIZE;
        assembly ("memory-safe") {
            buffer := mload(0x40)
            mstore(0x40, add(buffer, size))
        }
        side.start = buffer + HEADER_SIZE;
        side.end = side.start;
    }

    function _append(Side memory side, Subtrie memory child, uint256 depth) private pure {
        side.end = child.put(depth, side.end);
        if (child.kind == SubtrieKind.EMPTY) return;
        if (side.count == 0) _copy(child, side.only);
        ++side.count;
    }

    function _close(Side memory side, bytes32 path, uint256 depth, Subtrie memory out) private pure {
        if (side.count < 2) _copy(side.only, out);
        else out.setBranch(path, depth, side.start, side.end);
    }

    // --- subtries ---

    function _setBoth(Pair memory out, SubtrieKind kind, bytes32 path, uint256 depth, uint256 value) private pure {
        _set(out.oldSide, kind, path, depth, value);
        _set(out.newSide, kind, path, depth, value);
    }

    function _setLeaf(Subtrie memory out, bytes32 key, uint256 value) private pure {
        _set(out, value == 0 ? SubtrieKind.EMPTY : SubtrieKind.LEAF, key, 64, value);
    }

    function _set(Subtrie memory out, SubtrieKind kind, bytes32 path, uint256 depth, uint256 value) private pure {
        out.kind = kind;
        out.path = path;
        out.depth = depth;
        out.value = value;
        out.size = 32;
    }

    function _copy(Subtrie memory from, Subtrie memory to) private pure {
        to.kind = from.kind;
        to.path = from.path;
        to.depth = from.depth;
        to.value = from.value;
        to.size = from.size;
    }

    function _trieKey(bytes32 slot) private pure returns (bytes32 key) {
        // Scratch space (0x00..0x20) holds the preimage: no allocation for each write.
        assembly ("memory-safe") {
            mstore(0x00, slot)
            key := keccak256(0x00, 0x20)
        }
    }
}
