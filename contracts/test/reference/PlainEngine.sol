// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {ReferenceTrie} from "./ReferenceTrie.sol";
import {RlpWriter} from "./RlpWriter.sol";

/// @title PlainEngine
/// @notice `TransitionEngine` in plain Solidity: what it does, without how it saves gas. Tests hold the one against the
/// other. Read this first.
///
/// A witness is a list of items in the order of trie keys, children before their branch. A write, a leaf and an opaque
/// branch push a pending subtrie on a stack; a branch joins those at the top that lie below it into one. A pending subtrie
/// has an old and a new side; each knows what it is, but not yet how high it will hang: that is settled by the next branch
/// above that exists *on its side*.
contract PlainEngine is ITransitionEngine {
    /// @dev One side of a pending subtrie.
    struct Side {
        bytes32 key; // a trie key below it
        uint256 depth; // 64: a leaf, or nothing; less: the branch below the first `depth` nibbles of `key`
        bytes32 value; // the leaf's value, or the branch's hash; 0 where there is nothing
    }

    /// @dev What waits for a branch above it. The sides' keys differ only where each side is another child of the branch
    /// that joined them: then `newSide` has a key of its own.
    struct Subtrie {
        Side oldSide;
        Side newSide;
        uint256 size; // byte length of the new value as a write or a leaf told it; 0 in all others
    }

    /// @dev The sixteen children that one side has at a branch.
    struct Children {
        Side[16] sides;
        uint256 there; // bit i: there is a child i
        uint256 opaque; // bit i: it is given by its hash, whatever it is
    }

    /// @dev A walk over a witness.
    struct Walk {
        Subtrie[] stack;
        uint256 height; // subtries on the stack
        uint256 cursor; // bytes read
        uint256 item; // where the item that is being read starts
    }

    /// @dev A write of `value` to `slot`, if the item was one.
    struct Write {
        bool given;
        bytes32 slot;
        bytes32 value;
        uint256 size; // bytes of `value` in the witness
    }

    uint256 private constant LEAF_DEPTH = 64;
    uint256 private constant ENTRY_SIZE = 160;

    address private immutable SELF = address(this);

    modifier onlyDelegatecall() {
        if (address(this) == SELF) revert OnlyDelegatecall();
        _;
    }

    /// @inheritdoc ITransitionEngine
    function transition(bytes calldata witness) external onlyDelegatecall returns (bytes32 oldRoot, bytes32 newRoot) {
        Walk memory walk = _start(msg.data[:0]);
        while (walk.cursor < witness.length) {
            Write memory write = _step(walk, witness);
            if (write.given) _store(write);
        }
        return _roots(walk);
    }

    /// @inheritdoc ITransitionEngine
    function prove(bytes calldata pending, bytes32 writesHash, bytes calldata witness)
        external
        view
        onlyDelegatecall
        returns (bytes memory pendingAfter, bytes32 writesHashAfter)
    {
        Walk memory walk = _start(pending);
        while (walk.cursor < witness.length) {
            Write memory write = _step(walk, witness);
            if (write.given) writesHash = _commitTo(writesHash, write);
        }
        return (_packAll(walk), writesHash);
    }

    /// @inheritdoc ITransitionEngine
    function conclude(bytes calldata pending, bytes calldata writes)
        external
        onlyDelegatecall
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32 writesHash)
    {
        Walk memory walk = _start(pending);
        while (walk.cursor < writes.length) {
            uint256 tag = _readTag(walk, writes);
            if (!_isWrite(tag)) revert UnknownItem(walk.item);
            Write memory write = _readWrite(walk, writes, tag);
            writesHash = _commitTo(writesHash, write);
            _store(write);
        }
        if (pending.length != ENTRY_SIZE) revert WitnessIncomplete(pending.length / ENTRY_SIZE);
        (oldRoot, newRoot) = _roots(walk);
    }

    /// @inheritdoc ITransitionEngine
    function stateRootOf(address account, bytes32 storageRoot, bytes32 codeHash, bytes calldata accountProof)
        external
        pure
        returns (bytes32 stateRoot)
    {
        Walk memory walk = _start(msg.data[:0]);
        bytes memory leaf = _readAccount(walk, accountProof, storageRoot, codeHash);
        _pushAccount(walk, accountProof, keccak256(abi.encodePacked(account)), leaf);
        while (walk.cursor < accountProof.length) {
            uint256 tag = _readTag(walk, accountProof);
            if (tag >= 0x40) revert UnknownItem(walk.item);
            _join(walk, accountProof, tag);
        }
        (stateRoot,) = _roots(walk);
    }

    // --- items ---

    /// @dev Reads an item and does what it says, but for the writing.
    function _step(Walk memory walk, bytes calldata witness) private view returns (Write memory write) {
        uint256 tag = _readTag(walk, witness);
        if (tag < 0x40) {
            _join(walk, witness, tag);
        } else if (tag < 0x80) {
            _opaque(walk, witness, tag - 0x40);
        } else if (_isWrite(tag)) {
            write = _readWrite(walk, witness, tag);
            _write(walk, write);
        } else {
            _leaf(walk, witness, tag - 0xa0);
        }
    }

    function _write(Walk memory walk, Write memory write) private view {
        bytes32 oldValue;
        bytes32 slot = write.slot;
        assembly ("memory-safe") {
            oldValue := sload(slot)
        }
        if (oldValue == write.value) revert NoOpWrite(slot);
        bytes32 key = keccak256(abi.encode(slot));
        _push(walk, Side(key, LEAF_DEPTH, oldValue), Side(key, LEAF_DEPTH, write.value), write.size);
    }

    function _leaf(Walk memory walk, bytes calldata witness, uint256 size) private pure {
        bytes32 key = _leftAligned(_take(walk, witness, 32));
        Side memory side = Side(key, LEAF_DEPTH, _word(walk, _take(walk, witness, size)));
        _push(walk, side, side, size);
    }

    function _opaque(Walk memory walk, bytes calldata witness, uint256 depth) private pure {
        bytes32 path = _leftAligned(_take(walk, witness, (depth + 1) / 2));
        bytes32 hash = _leftAligned(_take(walk, witness, 32));
        if (path != _front(path, depth)) revert PathNotCanonical(walk.item);
        if (hash == 0) revert NonCanonicalWord(walk.item);
        Side memory side = Side(path, depth, hash);
        _push(walk, side, side, 0);
    }

    function _join(Walk memory walk, bytes calldata witness, uint256 depth) private pure {
        uint256 opaque = _readMask(walk, witness);
        bytes calldata hashes = _take(walk, witness, 32 * _count(opaque));
        if (walk.height == 0) revert NothingToJoin(walk.item);
        bytes32 key = walk.stack[walk.height - 1].oldSide.key;

        Children memory oldChildren;
        Children memory newChildren;
        uint256 described = _joinPending(walk, oldChildren, newChildren, depth, opaque);
        if (_count(opaque | described) < 2) revert BranchTooNarrow(walk.item);
        _joinOpaque(oldChildren, key, depth, opaque, hashes);
        _joinOpaque(newChildren, key, depth, opaque, hashes);
        Side memory oldSide = _branch(walk, oldChildren, key, depth);
        Side memory newSide = _branch(walk, newChildren, key, depth);
        _shareKey(oldSide, newSide, depth);
        _push(walk, oldSide, newSide, 0);
    }

    // --- an account ---

    /// @dev What the account's leaf holds: [nonce, balance, storage root, code hash], the first two as the proof has them.
    function _readAccount(Walk memory walk, bytes calldata accountProof, bytes32 storageRoot, bytes32 codeHash)
        private
        pure
        returns (bytes memory)
    {
        uint256 size = uint8(_take(walk, accountProof, 1)[0]);
        if (size > 42) revert NonCanonicalWord(0);
        bytes calldata nonceAndBalance = _take(walk, accountProof, size);
        return RlpWriter.list(bytes.concat(nonceAndBalance, RlpWriter.word(storageRoot), RlpWriter.word(codeHash)));
    }

    /// @dev Pushes the leaf's hash, as that of a branch right below the first branch, where no extension comes between.
    function _pushAccount(Walk memory walk, bytes calldata accountProof, bytes32 key, bytes memory value) private pure {
        bool isRoot = walk.cursor == accountProof.length;
        uint256 depth = isRoot ? 0 : uint8(accountProof[walk.cursor]) % 0x40 + 1;
        bytes memory path = RlpWriter.str(ReferenceTrie.hexPrefix(key, depth, 64, true));
        bytes memory leaf = RlpWriter.list(bytes.concat(path, RlpWriter.str(value)));
        Side memory side = Side(key, depth, keccak256(leaf));
        _push(walk, side, side, 0);
    }

    // --- a branch ---

    /// @dev Takes the pending subtries at the top whose keys start as that of the topmost does: they are children.
    function _joinPending(
        Walk memory walk,
        Children memory oldChildren,
        Children memory newChildren,
        uint256 depth,
        uint256 opaque
    ) private pure returns (uint256 described) {
        bytes32 front = _front(walk.stack[walk.height - 1].oldSide.key, depth);
        uint256 before = 16;
        for (; walk.height > 0; --walk.height) {
            Subtrie memory subtrie = walk.stack[walk.height - 1];
            if (_front(subtrie.oldSide.key, depth) != front) break;
            uint256 nibble = ReferenceTrie.nibbleAt(subtrie.oldSide.key, depth);
            if (nibble >= before) revert ChildOutOfOrder(walk.item);
            if (opaque & (1 << nibble) != 0) revert ChildTwice(walk.item);
            if (!_liesBelow(subtrie, depth)) revert BranchMisplaced(walk.item);
            _setChild(oldChildren, nibble, subtrie.oldSide);
            _setChild(newChildren, nibble, subtrie.newSide);
            described |= 1 << nibble;
            before = nibble;
        }
    }

    function _setChild(Children memory children, uint256 nibble, Side memory side) private pure {
        children.sides[nibble] = side;
        if (side.value != 0) children.there |= 1 << nibble;
    }

    /// @dev Whether both sides can hang below a branch at `depth`, and below the same child of it.
    function _liesBelow(Subtrie memory subtrie, uint256 depth) private pure returns (bool) {
        if (subtrie.oldSide.depth <= depth || subtrie.newSide.depth <= depth) return false;
        return _front(subtrie.oldSide.key, depth + 1) == _front(subtrie.newSide.key, depth + 1);
    }

    /// @dev The hashes are given from child 15 down.
    function _joinOpaque(Children memory children, bytes32 key, uint256 depth, uint256 opaque, bytes calldata hashes)
        private
        pure
    {
        for (uint256 after_ = 16; after_ > 0; --after_) {
            uint256 nibble = after_ - 1;
            if (opaque & (1 << nibble) == 0) continue;
            bytes32 path = _front(key, depth) | bytes32(nibble << (252 - 4 * depth));
            children.sides[nibble] = Side(path, depth + 1, _leftAligned(hashes[:32]));
            hashes = hashes[32:];
        }
        children.there |= opaque;
        children.opaque = opaque;
    }

    /// @dev What one side has at this branch: of no child nothing, of one this child, of more a branch node.
    function _branch(Walk memory walk, Children memory children, bytes32 key, uint256 depth)
        private
        pure
        returns (Side memory)
    {
        uint256 count = _count(children.there);
        if (count == 0) return Side(key, LEAF_DEPTH, 0);
        if (count == 1) return _handUp(walk, children);
        bytes memory items;
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            items = bytes.concat(items, _childReference(children, nibble, depth + 1));
        }
        bytes memory node = RlpWriter.list(bytes.concat(items, hex"80"));
        if (node.length < 32) revert EmbeddedBranch(walk.item);
        return Side(key, depth, keccak256(node));
    }

    /// @dev The only child of a branch that this side does not have.
    function _handUp(Walk memory walk, Children memory children) private pure returns (Side memory side) {
        uint256 nibble = 0;
        while (children.there >> nibble != 1) ++nibble;
        side = children.sides[nibble];
        if (side.value == 0) revert NonCanonicalWord(walk.item); // an opaque child's, which would pass for nothing
    }

    /// @dev The branch itself, and nothing, may have any key below; so they take that of a side that was handed up.
    function _shareKey(Side memory oldSide, Side memory newSide, uint256 depth) private pure {
        if (!_isHandedUp(newSide, depth)) newSide.key = oldSide.key;
        else if (!_isHandedUp(oldSide, depth)) oldSide.key = newSide.key;
    }

    function _isHandedUp(Side memory side, uint256 depth) private pure returns (bool) {
        return side.value != 0 && side.depth != depth;
    }

    // --- nodes (Yellow Paper, appendices B to D) ---

    /// @dev How a branch refers to a child, which hangs `depth` nibbles below the root.
    function _childReference(Children memory children, uint256 nibble, uint256 depth)
        private
        pure
        returns (bytes memory)
    {
        Side memory side = children.sides[nibble];
        if (children.there & (1 << nibble) == 0) return hex"80";
        bool isOpaque = children.opaque & (1 << nibble) != 0;
        bool isBranchHere = side.depth == depth && depth < LEAF_DEPTH;
        return isOpaque || isBranchHere ? RlpWriter.word(side.value) : ReferenceTrie.referTo(_shortNode(side, depth));
    }

    /// @dev A leaf, or the extension above a branch: [path from `depth` on, value or reference].
    function _shortNode(Side memory side, uint256 depth) private pure returns (bytes memory) {
        bool isLeaf = side.depth == LEAF_DEPTH;
        bytes memory path = RlpWriter.str(ReferenceTrie.hexPrefix(side.key, depth, side.depth, isLeaf));
        bytes memory below = isLeaf ? RlpWriter.str(RlpWriter.scalar(uint256(side.value))) : RlpWriter.word(side.value);
        return RlpWriter.list(bytes.concat(path, below));
    }

    /// @dev The roots of the one subtrie that is left.
    function _roots(Walk memory walk) private pure returns (bytes32 oldRoot, bytes32 newRoot) {
        if (walk.height != 1) revert WitnessIncomplete(walk.height);
        return (_root(walk.stack[0].oldSide), _root(walk.stack[0].newSide));
    }

    function _root(Side memory side) private pure returns (bytes32) {
        if (side.value == 0) return keccak256(hex"80");
        return side.depth == 0 ? side.value : keccak256(_shortNode(side, 0));
    }

    // --- writes ---

    function _store(Write memory write) private {
        (bytes32 slot, bytes32 value) = (write.slot, write.value);
        assembly ("memory-safe") {
            sstore(slot, value)
        }
    }

    function _commitTo(bytes32 writesHash, Write memory write) private pure returns (bytes32) {
        return keccak256(abi.encode(writesHash, write.slot, write.value));
    }

    // --- the stack ---

    /// @dev A walk that starts with these pending subtries.
    function _start(bytes calldata pending) private pure returns (Walk memory walk) {
        for (uint256 end = ENTRY_SIZE; end <= pending.length; end += ENTRY_SIZE) {
            _pushSubtrie(walk, _unpack(pending[end - ENTRY_SIZE:end]));
        }
    }

    function _push(Walk memory walk, Side memory oldSide, Side memory newSide, uint256 size) private pure {
        _pushSubtrie(walk, Subtrie(oldSide, newSide, size));
    }

    function _pushSubtrie(Walk memory walk, Subtrie memory subtrie) private pure {
        if (walk.height == walk.stack.length) walk.stack = _twiceAsLong(walk.stack);
        walk.stack[walk.height++] = subtrie;
    }

    function _twiceAsLong(Subtrie[] memory stack) private pure returns (Subtrie[] memory longer) {
        longer = new Subtrie[](2 * stack.length + 1);
        for (uint256 i = 0; i < stack.length; ++i) {
            longer[i] = stack[i];
        }
    }

    function _packAll(Walk memory walk) private pure returns (bytes memory packed) {
        for (uint256 i = 0; i < walk.height; ++i) {
            packed = bytes.concat(packed, _pack(walk.stack[i]));
        }
    }

    /// @dev | the old side's key | old value | new value | 28 zeros, flag, size, old depth, new depth | the new side's key,
    /// where the flag says that it is another |
    function _pack(Subtrie memory self) private pure returns (bytes memory) {
        bool differs = self.oldSide.key != self.newSide.key;
        uint256 depths = self.oldSide.depth << 8 | self.newSide.depth;
        uint256 meta = (differs ? 1 << 24 : 0) | self.size << 16 | depths;
        bytes32 newKey = differs ? self.newSide.key : bytes32(0);
        return abi.encode(self.oldSide.key, self.oldSide.value, self.newSide.value, meta, newKey);
    }

    function _unpack(bytes calldata entry) private pure returns (Subtrie memory self) {
        (bytes32 oldKey, bytes32 oldValue, bytes32 newValue, uint256 meta, bytes32 newKey) =
            abi.decode(entry, (bytes32, bytes32, bytes32, uint256, bytes32));
        bool differs = meta >> 24 == 1;
        self.oldSide = Side(oldKey, meta >> 8 & 0xff, oldValue);
        self.newSide = Side(differs ? newKey : oldKey, meta & 0xff, newValue);
        self.size = meta >> 16 & 0xff;
    }

    // --- the witness's bytes ---

    function _readTag(Walk memory walk, bytes calldata witness) private pure returns (uint256 tag) {
        walk.item = walk.cursor;
        tag = uint8(_take(walk, witness, 1)[0]);
        if (tag == 0x40 || tag > 0xe0) revert UnknownItem(walk.item);
    }

    function _isWrite(uint256 tag) private pure returns (bool) {
        return (tag >= 0x80 && tag <= 0xa0) || tag > 0xc0;
    }

    function _readWrite(Walk memory walk, bytes calldata witness, uint256 tag)
        private
        pure
        returns (Write memory write)
    {
        bool isShort = tag > 0xc0;
        bytes calldata slot = _take(walk, witness, isShort ? tag - 0xc1 : 32);
        write.size = isShort ? uint8(_take(walk, witness, 1)[0]) : tag - 0x80;
        bytes calldata value = _take(walk, witness, write.size);
        (write.given, write.slot, write.value) = (true, _word(walk, slot), _word(walk, value));
    }

    /// @dev Which children are opaque: in the witness child 0 is the most significant bit, here the least.
    function _readMask(Walk memory walk, bytes calldata witness) private pure returns (uint256 mask) {
        uint256 given = uint256(_leftAligned(_take(walk, witness, 2)) >> 240);
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            mask |= (given >> (15 - nibble) & 1) << nibble;
        }
    }

    function _take(Walk memory walk, bytes calldata witness, uint256 size) private pure returns (bytes calldata taken) {
        if (size > witness.length - walk.cursor) revert WitnessTruncated(witness.length);
        taken = witness[walk.cursor:walk.cursor + size];
        walk.cursor += size;
    }

    /// @dev A number of at most 32 bytes without leading zeros; none means 0.
    function _word(Walk memory walk, bytes calldata digits) private pure returns (bytes32) {
        if (digits.length == 0) return 0;
        if (digits.length > 32 || digits[0] == 0) revert NonCanonicalWord(walk.item);
        return _leftAligned(digits) >> (256 - 8 * digits.length);
    }

    /// @dev Up to 32 bytes, then zeros.
    function _leftAligned(bytes calldata data) private pure returns (bytes32) {
        return bytes32(data); // forge-lint: disable-line(unsafe-typecast)
    }

    // --- bits and nibbles ---

    /// @dev The first `nibbles` nibbles of a key, then zeros.
    function _front(bytes32 key, uint256 nibbles) private pure returns (bytes32) {
        return key & ~bytes32(type(uint256).max >> (4 * nibbles));
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }
}
