// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "./interfaces/ITransitionEngine.sol";

/// @title TransitionEngine
/// @notice One pass over the union of two tries, two roots. `docs/reference/witness.md` has the items,
/// `docs/explain/how-a-transition-is-proven.md` why the roots can be believed, and `docs/explain/the-engine.md` what holds
/// before and after each function here, why no stale byte is hashed, and what each check stops.
///
/// A witness is a list of items in the order of trie keys, children before their branch. The engine is a stack machine: a
/// write, a leaf and an opaque branch push a pending subtrie; a branch joins those at the top that lie below it into one.
/// Each pending subtrie has an old and a new side, and both are *lazy*: a leaf does not know yet how much of its path its node
/// carries, and a branch not whether it needs an extension, because the branch above may not exist on its side. A branch of the
/// union counts its children on each side: none makes nothing, one alone is handed upwards, two or more are a branch node. So
/// inserts, deletes, splits, collapses, growth from and to the empty trie are one rule without special cases.
///
/// @dev In assembly, because a third of a large synchronisation's price is made here, beside the writes, and Solidity has no
/// expression for memory that is laid out by hand: the same in plain Solidity (`contracts/test/reference/PlainEngine.sol`,
/// which the tests hold this against) takes several times the gas. Memory, from 0x80 on, where Solidity has allocated
/// nothing yet:
///
///   0x000   a slot or an address to be hashed, or an error; 0x20: what `join` compares word 3 with
///   0x080 ┌ OLD node ──────────────┐  A branch node is built from its end backwards, child 15 first: so its header, whose
///   0x2c0 ├ NEW node ──────────────┤  size depends on the rest, comes last, in front, and nothing is ever moved.
///   0x500 ├ short node ────────────┤  A leaf or an extension: the path ends at 0x580 and the value starts there. An
///         │                        │  account's leaf runs on to 0x5f0: there are no writes then.
///   0x5c0 ├ writes hash, slot, value ┤ What the hash of the writes is made of.
///   0x620 ├ start of the witness ──┤  Later the stack's length: so the stack is the `bytes memory` that `prove` returns.
///   0x640 └ stack of pending subtries, five words each ►
///
///     word 0  a trie key below the subtrie: the old side's, and the new side's too unless the flag is set
///     word 1  old side: the leaf's value or the branch's hash; 0 where there is nothing
///     word 2  new side: likewise
///     word 3  flag << 24 | byte length of word 2, if known << 16 | old depth << 8 | new depth; 64 is a leaf's, or nothing's
///     word 4  the new side's key where the flag is set, else 0
///
/// It is two things, what nodes look like and the walk that builds them, in one assembly block and so in one file: a Yul
/// function is seen in its own block only, and a second one would have to write the first half again. First come errors, short
/// nodes and branch nodes, then the branch item, the other items, and the walk.
///
/// No memory is taken to be zero, and nothing that was not written in the same walk decides anything. (Word 4 may be unwritten
/// where the flag is 0, and does not count there; the word below the stack may be read, and is dropped.)
contract TransitionEngine is ITransitionEngine {
    // What is done with a write.
    uint256 private constant APPLY = 0;
    uint256 private constant PROVE = 1;
    uint256 private constant CONCLUDE = 2;
    uint256 private constant ASCEND = 3; // there is none: from an account up to the state root

    // The logarithms of the powers of two below 2^16, at their remainders by 19, which are all different.
    uint256 private constant PLACES = 0x0000010d02000e060308000c0f05070b040a0900000000000000000000000000;

    address private immutable SELF = address(this);

    modifier onlyDelegatecall() {
        if (address(this) == SELF) revert OnlyDelegatecall();
        _;
    }

    /// @inheritdoc ITransitionEngine
    function transition(bytes calldata witness) external onlyDelegatecall returns (bytes32 oldRoot, bytes32 newRoot) {
        (oldRoot, newRoot) = _walk(APPLY, msg.data[:0], 0, witness);
    }

    /// @inheritdoc ITransitionEngine
    function prove(bytes calldata pending, bytes32 writesHash, bytes calldata witness)
        external
        onlyDelegatecall
        returns (bytes memory pendingAfter, bytes32 writesHashAfter)
    {
        _walk(PROVE, pending, writesHash, witness);
        assembly ("memory-safe") {
            pendingAfter := 0x620
            writesHashAfter := mload(0x5c0)
        }
    }

    /// @inheritdoc ITransitionEngine
    function conclude(bytes calldata pending, bytes calldata writes)
        external
        onlyDelegatecall
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32 writesHash)
    {
        (oldRoot, newRoot) = _walk(CONCLUDE, pending, 0, writes);
        assembly ("memory-safe") {
            writesHash := mload(0x5c0)
        }
    }

    /// @inheritdoc ITransitionEngine
    function stateRootOf(address account, bytes32 storageRoot, bytes32 codeHash, bytes calldata accountProof)
        external
        returns (bytes32 stateRoot)
    {
        assembly ("memory-safe") {
            // For `accountLeaf`: | address | storage root | code hash |, where the leaf's subtrie will be.
            mstore(0x640, shl(96, account))
            mstore(0x660, storageRoot)
            mstore(0x680, codeHash)
        }
        (stateRoot,) = _walk(ASCEND, msg.data[:0], 0, accountProof);
    }

    // Slither sees only in the hub, which inherits them, that these functions are used.
    // slither-disable-start dead-code

    /// @dev The machine. `pending` and `writesHash` are what the parts before left. The roots are zero where `mode` is PROVE;
    /// the stack is memory of its own then, and in any mode but ASCEND the hash of the writes is left where it is.
    ///
    /// Not "memory-safe": it takes all memory from 0x80 on. Said to be, the compiler's IR pipeline would keep variables of
    /// its own there.
    function _walk(uint256 mode, bytes calldata pending, bytes32 writesHash, bytes calldata witness)
        private
        returns (bytes32 oldRoot, bytes32 newRoot)
    {
        assembly {
            // --- errors: `ITransitionEngine`'s selectors, each with one word ---

            function fail(selector, argument) {
                mstore(0, shl(224, selector))
                mstore(4, argument)
                revert(0, 36)
            }

            // Where the item starts is told as an offset in the witness.
            function failAt(selector, item) {
                fail(selector, sub(item, mload(0x620)))
            }

            // --- short nodes: leaf and extension ---

            // Puts the hex-prefix string of `nibbles` nibbles, the lowest of `path`, in front of 0x580, and returns where
            // it starts. `flag` is 0x20 for a leaf, 0 for an extension. Right-aligned, so that no nibble is shifted:
            //
            //   | 0x80 + bytes | flag, or flag | 1, n | n n | ... | n n | 0x580
            function putPath(path, nibbles, flag) -> start {
                let whole := shr(1, nibbles)
                mstore(0x560, path)
                if and(nibbles, 1) { flag := or(add(flag, 0x10), and(byte(sub(31, whole), path), 15)) }
                // One byte alone is below 0x80 and has no header.
                start := sub(0x57f, whole)
                if whole {
                    flag := or(shl(8, add(0x81, whole)), flag)
                    start := sub(start, 1)
                }
                // Its last byte is the flag's; what it clears before is not in use yet.
                mstore(sub(0x560, whole), flag)
            }

            // Puts the list's header in front of `start`, where a payload of `size` bytes starts.
            function putHeader(start, size) -> node {
                switch lt(size, 56)
                case 1 {
                    node := sub(start, 1)
                    mstore8(node, add(0xc0, size))
                }
                default {
                    node := sub(start, 2)
                    mstore8(node, 0xf8)
                    mstore8(add(node, 1), size)
                }
            }

            // Completes the leaf whose path starts at `path`: RLP of RLP of `value`, at 0x580.
            function putLeaf(path, value) -> node, length {
                let end
                switch lt(value, 0x80)
                case 1 {
                    // Such a byte is its own RLP, and that again.
                    mstore8(0x580, value)
                    end := 0x581
                }
                default {
                    let size := byteLength(value)
                    // 0x81 + size, 0x80 + size, the bytes
                    mstore(0x580, shl(240, add(0x8180, mul(0x101, size))))
                    mstore(0x582, shl(sub(256, shl(3, size)), value))
                    end := add(0x582, size)
                }
                node := putHeader(path, sub(end, path))
                length := sub(end, node)
            }

            function byteLength(value) -> size {
                size := shl(4, gt(value, 0xffffffffffffffffffffffffffffffff))
                size := or(size, shl(3, gt(shr(shl(3, size), value), 0xffffffffffffffff)))
                size := or(size, shl(2, gt(shr(shl(3, size), value), 0xffffffff)))
                size := or(size, shl(1, gt(shr(shl(3, size), value), 0xffff)))
                size := or(size, gt(shr(shl(3, size), value), 0xff))
                size := add(size, 1)
            }

            // The extension over the nibbles of `key` from `from` to `depth`, above the branch with this hash.
            function putExtension(key, from, depth, hash) -> node, length {
                let path := putPath(shr(sub(256, shl(2, depth)), key), sub(depth, from), 0)
                mstore8(0x580, 0xa0)
                mstore(0x581, hash)
                node := putHeader(path, sub(0x5a1, path))
                length := sub(0x5a1, node)
            }

            // --- branch nodes ---
            // `gap` tells how far a node is built. It starts at the node's end - 33 and falls by 32 with every hash: then
            // the hash of the child `right` places left of child 15 belongs at gap - right, whatever children are absent.
            //
            //   ... 80 80 80 80 80 80 | a0 hash of one | 80 80 | a0 hash of another | 80 | end      80: an absent child
            //                         ^ gap + 32 - r: all that is right of the child r places left of child 15 is done
            //
            // The 31 bytes in front of what is done are 0x80: each reference that is written puts them in front of itself,
            // and there are never more than 16 absent children in a row. `apart` is what the new node's gap is more.

            // Puts a reference by hash; the word in front ends with its header, 0xa0.
            function putHash(gap, right, hash) -> after_ {
                let at := sub(gap, right)
                mstore(at, hash)
                mstore(sub(at, 32), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                after_ := sub(gap, 32)
            }

            // Puts a reference to the node of `length` bytes at `node`: its hash, or itself where it is shorter than one.
            function putNode(gap, right, node, length) -> after_ {
                switch lt(length, 32)
                case 0 { after_ := putHash(gap, right, keccak256(node, length)) }
                default {
                    let at := sub(sub(add(gap, 32), right), length)
                    mcopy(at, node, length)
                    mstore(sub(at, 32), 0x8080808080808080808080808080808080808080808080808080808080808080)
                    after_ := sub(add(gap, 1), length)
                }
            }

            // Puts a leaf whose path stands in front of 0x580, if it is there.
            function putValue(gap, right, path, value) -> after_ {
                after_ := gap
                if value {
                    let node, length := putLeaf(path, value)
                    after_ := putNode(gap, right, node, length)
                }
            }

            // Puts one side of the pending subtrie at `entry` as a child at depth `from`, whatever it is. `side` is 32 or 64,
            // where its value is.
            function putChild(gap, right, from, entry, side) -> after_ {
                let depth := mload(add(entry, 96))
                let key := mload(add(entry, shl(7, and(byte(28, depth), shr(6, side)))))
                depth := byte(add(29, shr(5, side)), depth)
                let value := mload(add(entry, side))
                switch eq(depth, 64)
                case 1 { after_ := putValue(gap, right, putPath(key, sub(64, from), 0x20), value) }
                default {
                    switch eq(depth, from)
                    case 1 { after_ := putHash(gap, right, value) }
                    default {
                        let node, length := putExtension(key, from, depth, value)
                        after_ := putNode(gap, right, node, length)
                    }
                }
            }

            // How many places left of child 15 a mask of one bit tells: its logarithm.
            function placesLeft(bit) -> places {
                places := byte(mod(bit, 19), PLACES)
            }

            // Puts opaque children on both sides; their hashes are at `cursor`. They lie from `least` places left of child 15 on
            // and right of the one that is `most` places left of it; `bits` tells which (bit i is i places left). The new
            // node's gap is `apart` from the old node's, before and after.
            function putOpaque(bits, least, most, cursor, gap, apart) -> after_ {
                let at := sub(gap, least)
                let end := add(at, 32)
                switch eq(bits, sub(shl(most, 1), shl(least, 1)))
                case 1 {
                    // All of them, as in the upper levels of a large trie: each reference is the 33 bytes in front of the last.
                    least := sub(most, least)
                    after_ := sub(gap, shl(5, least))
                    least := sub(at, mul(33, least))
                    for {} gt(sub(at, least), 66) { at := sub(at, 99) } {
                        mstore(at, calldataload(cursor))
                        mstore(sub(at, 32), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        mstore(sub(at, 33), calldataload(add(cursor, 32)))
                        mstore(sub(at, 65), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        mstore(sub(at, 66), calldataload(add(cursor, 64)))
                        mstore(sub(at, 98), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        cursor := add(cursor, 96)
                    }
                    for {} gt(at, least) { at := sub(at, 33) } {
                        mstore(at, calldataload(cursor))
                        mstore(sub(at, 32), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        cursor := add(cursor, 32)
                    }
                    at := add(at, 1)
                }
                default {
                    gap := add(gap, cursor)
                    for {} bits {} {
                        // `placesLeft` of the lowest bit, without the call; and what the gap loses the cursor gains.
                        at := sub(sub(gap, cursor), byte(mod(and(bits, sub(0, bits)), 19), PLACES))
                        mstore(sub(at, 32), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        mstore(at, calldataload(cursor))
                        cursor := add(cursor, 32)
                        bits := and(bits, sub(bits, 1))
                    }
                    at := sub(at, 32)
                    after_ := sub(gap, cursor)
                }
                // Both sides have these bytes, and the 0x80s in front.
                mcopy(add(at, apart), at, sub(end, at))
            }

            // The branch node that ends at `end`; its payload, of more than 55 bytes, starts at gap + 16: with the absent
            // children that are left, which are 0x80s.
            function branchHash(gap, end) -> hash {
                let size := sub(sub(end, 16), gap)
                let isLong := gt(size, 255)
                // f8 and one byte of length, or f9 and two
                mstore(sub(gap, 16), add(add(0xf800, mul(0xf80800, isLong)), size))
                hash := keccak256(sub(add(gap, 14), isLong), add(add(size, 2), isLong))
            }

            // --- the branch item ---

            // One side of the branch item at `item`, whose pending subtries lie from `base` to `top`; any count of children.
            // `side` is 32 or 64, where their value is; `key` is a key below the branch.
            function settle(item, base, top, side, key, gap) -> itsKey, itsDepth, value {
                let end := add(0x80, mul(18, side)) // 0x2c0 or 0x500
                itsKey := key
                itsDepth := 64
                let taken := sub(sub(end, 33), gap)
                // Not a byte more than sixteen absent children have: there is nothing ...
                if iszero(taken) { leave }
                itsDepth := byte(0, calldataload(item))
                if gt(taken, 38) {
                    // ... two children or more, and a node of more than 55 bytes ...
                    // slither-disable-next-line write-after-write
                    value := branchHash(gap, end)
                    leave
                }
                value, itsKey, itsDepth := alone(item, base, top, side, key)
                if iszero(value) {
                    // ... two or more all the same, short ones.
                    itsKey := key
                    itsDepth := byte(0, calldataload(item))
                    let start := add(gap, 16)
                    // The hash of a node of fewer than 32 bytes is in no trie: its parent holds the node itself.
                    if lt(sub(end, start), 31) { failAt(0x7779b783, item) } // EmbeddedBranch
                    switch lt(sub(end, start), 56)
                    case 0 { value := branchHash(gap, end) }
                    default {
                        start := putHeader(start, sub(end, start))
                        value := keccak256(start, sub(end, start))
                    }
                }
            }

            // The only child of this side; the value is 0 where there are more.
            function alone(item, base, top, side, key) -> value, itsKey, itsDepth {
                let count := 0
                for { let entry := base } lt(entry, top) { entry := add(entry, 160) } {
                    if mload(add(entry, side)) {
                        count := add(count, 1)
                        value := mload(add(entry, side))
                        let meta := mload(add(entry, 96))
                        itsKey := mload(add(entry, shl(7, and(byte(28, meta), shr(6, side)))))
                        itsDepth := byte(add(29, shr(5, side)), meta)
                    }
                }
                let bits := and(shr(232, calldataload(item)), 0xffff)
                if bits {
                    // One bit or more; of more it is enough to know that they make two children.
                    count := add(add(count, 1), gt(and(bits, sub(bits, 1)), 0))
                    // The highest bit is child 0: the path ends with 15 less the bit's number.
                    let right := placesLeft(bits)
                    itsDepth := add(1, byte(0, calldataload(item)))
                    let shift := sub(256, shl(2, itsDepth))
                    itsKey := or(shl(add(shift, 4), shr(add(shift, 4), key)), shl(shift, sub(15, right)))
                    value := calldataload(add(item, 3))
                    // It would pass for nothing.
                    if lt(value, eq(count, 1)) { failAt(0x431f7dc5, item) } // NonCanonicalWord
                }
                if gt(count, 1) { value := 0 }
            }

            // Joins what `settle` makes of both sides, where one of them may be no branch, into the subtrie at `base`.
            function settleBoth(item, base, top, oldGap, newGap) {
                let key := mload(sub(top, 160))
                let oldKey, oldDepth, oldValue := settle(item, base, top, 32, key, oldGap)
                let newKey, newDepth, newValue := settle(item, base, top, 64, key, newGap)
                // A side that was handed up has a key of its own; any other shares all that counts of every key below.
                let depth := byte(0, calldataload(item))
                let flag := 0
                if and(gt(newValue, 0), gt(newDepth, depth)) {
                    key := newKey
                    flag := 1
                }
                // Of the key that the old side may bring along, the flag tells that it is not the new side's.
                switch and(gt(oldValue, 0), gt(oldDepth, depth))
                case 0 { flag := 0 }
                default {
                    flag := and(flag, iszero(eq(oldKey, newKey)))
                    key := oldKey
                }
                mstore(base, key)
                mstore(add(base, 32), oldValue)
                mstore(add(base, 64), newValue)
                mstore(add(base, 96), or(or(shl(24, flag), shl(8, oldDepth)), newDepth))
                mstore(add(base, 128), mul(flag, newKey))
            }

            // Puts one entry, at `entry` - 160 in the end, in place of those at the top that begin like the topmost, in seven
            // steps: fill, then for each entry its place, the opaque children right of it, itself; the opaque ones that are
            // left; were there two; hash. In one piece, for what a call would cost every branch.
            // slither-disable-next-line cyclomatic-complexity
            function join(item, top) -> cursor, entry {
                cursor := add(item, 3)
                entry := top
                let gap := 0x29f // 0x2c0 - 33
                let apart := 0x240
                mstore(0x2a0, 0x8080808080808080808080808080808080808080808080808080808080808080)
                mstore(0x4e0, 0x8080808080808080808080808080808080808080808080808080808080808080)
                {
                    let bits := and(shr(232, calldataload(item)), 0xffff)
                    let shift := sub(252, shl(2, byte(0, calldataload(item)))) // what of a key is below its child here
                    // Word 3 of two branches right below; below depth 63 there is none, and depth 64 means a leaf.
                    mstore(0x20, or(shl(32, iszero(shift)), mul(0x101, sub(64, shr(2, shift)))))
                    let last := or(shr(shift, mload(sub(top, 160))), 15) // child 15
                    let least := 0
                    for {} 1 {} {
                        entry := sub(entry, 160)
                        let right := sub(last, shr(shift, mload(entry)))
                        // It wraps, or is larger, where the key does not follow the branch's path.
                        if or(gt(right, 15), lt(entry, 0x640)) { break }
                        if lt(right, least) { failAt(0x16833a5b, item) } // ChildOutOfOrder
                        let before := and(bits, sub(shl(right, 2), 1))
                        if before {
                            if shr(right, before) { failAt(0xd507de91, item)} // ChildTwice
                            bits := xor(bits, before)
                            before := putOpaque(before, least, right, cursor, gap, apart)
                            cursor := add(cursor, sub(gap, before))
                            gap := before
                        }
                        least := add(right, 1)
                        let oldHash := mload(add(entry, 32))
                        let newHash := mload(add(entry, 64))
                        if sub(mload(add(entry, 96)), mload(0x20)) {
                            oldHash, newHash := leafHashes(entry, shift)
                            if or(iszero(oldHash), iszero(newHash)) {
                                switch or(oldHash, newHash)
                                case 0 { gap, apart := putOther(entry, right, gap, apart, item) }
                                default {
                                    // One side has it, and the other one's gap stays where it is.
                                    switch newHash
                                    case 0 {
                                        gap := putHash(gap, right, oldHash)
                                        apart := add(apart, 32)
                                    }
                                    default { apart := sub(putHash(add(gap, apart), right, newHash), gap) }
                                }
                                continue
                            }
                        }
                        right := sub(gap, right)
                        mstore(right, oldHash)
                        mstore(add(right, apart), newHash)
                        right := sub(right, 32)
                        mstore(right, 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        mstore(add(right, apart), 0x80808080808080808080808080808080808080808080808080808080808080a0)
                        gap := sub(gap, 32)
                    }
                    if bits {
                        bits := putOpaque(bits, least, 16, cursor, gap, apart)
                        cursor := add(cursor, sub(gap, bits))
                        gap := bits
                    }
                }
                entry := add(entry, 320)
                if iszero(lt(entry, top)) {
                    if gt(entry, top) { failAt(0xb23f5971, item) } // NothingToJoin
                    if eq(cursor, add(item, 3)) { failAt(0x4364f43c, item) } // BranchTooNarrow
                }
                let newGap := add(gap, apart)
                // Fallen by more than 38: two or more children, and a node of more than 55 bytes.
                switch and(lt(gap, 0x279), lt(newGap, 0x4b9))
                case 0 { settleBoth(item, sub(entry, 160), top, gap, newGap) }
                default {
                    mstore(sub(entry, 160), mload(sub(top, 160)))
                    mstore(sub(entry, 128), branchHash(gap, 0x2c0))
                    mstore(sub(entry, 96), branchHash(newGap, 0x500))
                    mstore(sub(entry, 64), mul(0x101, byte(0, calldataload(item))))
                }
            }

            // The hashes of the leaves of one key as children of a branch whose path and child's nibble leave `shift` bits; 0
            // where there is none. It does what nearly every write needs: values of one size, from 2 to 20 bytes, so that
            // every header is one byte, in leaves that are not embedded. For anything else both are 0.
            //
            //   | list | path | flag, 1. | n n | ... | n n | 0x580 value | string | string | bytes |
            function leafHashes(entry, shift) -> oldHash, newHash {
                let size := mload(add(entry, 96))
                if eq(and(size, 0xff00ffff), 0x4040) {
                    size := shr(16, size)
                    let old := mload(add(entry, 32))
                    if iszero(mload(add(entry, 64))) { size := byteLength(old) } // of a deletion the item tells none
                    let whole := shr(3, shift)
                    // The first byte of the old value is none more and none less.
                    if and(
                        and(lt(sub(size, 2), 19), gt(add(whole, size), 26)),
                        or(lt(sub(shr(sub(shl(3, size), 8), old), 1), 255), iszero(old))
                    ) {
                        {
                            let key := mload(entry)
                            mstore(0x560, key)
                            // 0x20, or 0x30 and the nibble that is left over
                            let header := add(add(0xc48120, shl(16, size)), mul(0x10100, whole))
                            if and(shift, 4) {
                                header := or(header, or(0x10, and(byte(sub(31, whole), key), 15)))
                            }
                            mstore(sub(0x560, whole), header)
                        }
                        mstore(0x580, shl(240, add(0x8180, mul(0x101, size))))
                        let length := add(add(whole, size), 5)
                        whole := sub(0x57d, whole)
                        size := sub(256, shl(3, size))
                        if old {
                            mstore(0x582, shl(size, old))
                            oldHash := keccak256(whole, length)
                        }
                        old := mload(add(entry, 64))
                        if old {
                            mstore(0x582, shl(size, old))
                            newHash := keccak256(whole, length)
                        }
                    }
                }
            }

            // Puts both sides of a pending subtrie as a child of the branch item at `item`, whatever they are.
            function putOther(entry, right, gap, apart, item) -> gap_, apart_ {
                let from := add(1, byte(0, calldataload(item)))
                {
                    // Both sides' keys lead here, and their branches lie below.
                    let meta := mload(add(entry, 96))
                    let differ := mul(byte(28, meta), xor(mload(entry), mload(add(entry, 128))))
                    if or(or(lt(byte(30, meta), from), lt(byte(31, meta), from)), shr(sub(256, shl(2, from)), differ)) {
                        failAt(0x69832eb8, item) // BranchMisplaced
                    }
                }
                gap_ := putChild(gap, right, from, entry, 32)
                apart_ := sub(putChild(add(gap, apart), right, from, entry, 64), gap_)
            }

            // The root of the trie that one side of the last pending subtrie is; always a hash, also of a short node.
            function root(key, depth, value) -> hash {
                hash := 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421 // of the empty trie
                if value {
                    hash := value
                    if depth {
                        let node, length
                        switch eq(depth, 64)
                        case 1 { node, length := putLeaf(putPath(key, 64, 0x20), value) }
                        default { node, length := putExtension(key, 0, depth, value) }
                        hash := keccak256(node, length)
                    }
                }
            }

            // --- the other items ---

            // Pushes a pending subtrie that is the same kind of thing on both sides.
            function push(top, key, oldValue, newValue, meta) -> newTop {
                mstore(top, key)
                mstore(add(top, 32), oldValue)
                mstore(add(top, 64), newValue)
                mstore(add(top, 96), meta)
                mstore(add(top, 128), 0)
                newTop := add(top, 160)
            }

            function opaqueBranch(item, top) -> cursor, newTop {
                let depth := sub(byte(0, calldataload(item)), 0x40)
                if iszero(depth) { failAt(0x282e5885, item) } // UnknownItem
                let path := calldataload(add(item, 1))
                let shift := sub(256, shl(2, depth))
                // An odd path leaves half a byte.
                if and(byte(shr(1, depth), path), mul(15, and(depth, 1))) { failAt(0x45f363b4, item) } // PathNotCanonical
                cursor := add(item, add(33, shr(1, add(depth, 1))))
                let hash := calldataload(sub(cursor, 32))
                if iszero(hash) { failAt(0x431f7dc5, item) } // NonCanonicalWord: it would pass for nothing
                newTop := push(top, shl(shift, shr(shift, path)), hash, hash, mul(0x101, depth))
            }

            // Adds a write to the hash of all of them.
            function commitTo(slot, value) {
                mstore(0x5e0, slot)
                mstore(0x600, value)
                mstore(0x5c0, keccak256(0x5c0, 96))
            }

            // The two words of a write or a leaf, a slot or a key and a value, each in its one canonical form.
            function words(item, tag) -> cursor, first, value, size {
                first := calldataload(add(item, 1))
                size := sub(tag, 0x80)
                cursor := add(item, 33)
                switch gt(tag, 0xc0)
                case 0 {
                    let isLeaf := gt(size, 32)
                    size := sub(size, shl(5, isLeaf))
                    // The short form is for slots that start with a zero byte.
                    if iszero(or(isLeaf, byte(0, first))) { failAt(0x431f7dc5, item) } // NonCanonicalWord
                }
                default {
                    // a slot of fewer than 32 bytes, and a byte that tells the value's
                    if gt(tag, 0xe0) { failAt(0x282e5885, item) } // UnknownItem
                    cursor := add(item, sub(tag, 0xbf))
                    if lt(byte(0, first), gt(tag, 0xc1)) { failAt(0x431f7dc5, item) } // NonCanonicalWord
                    first := shr(shl(3, sub(0xe1, tag)), first)
                    size := byte(31, calldataload(sub(cursor, 32)))
                    if gt(size, 32) { failAt(0x431f7dc5, item) } // NonCanonicalWord
                }
                value := calldataload(cursor)
                if lt(byte(0, value), gt(size, 0)) { failAt(0x431f7dc5, item) } // NonCanonicalWord
                value := shr(sub(256, shl(3, size)), value)
                cursor := add(cursor, size)
            }

            // All items but branches and long writes; and of long writes those that are not applied at once.
            function other(purpose, item, tag, top) -> cursor, newTop {
                if eq(purpose, 3) { failAt(0x282e5885, item) } // UnknownItem: ASCEND takes branches only
                if lt(tag, 0x80) {
                    // `leave` is between this and the next assignment.
                    // slither-disable-next-line write-after-write
                    cursor, newTop := opaqueBranch(item, top)
                    leave
                }
                let first, value, size
                cursor, first, value, size := words(item, tag)
                if lt(sub(tag, 0xa1), 32) {
                    // a leaf
                    newTop := push(top, first, value, value, or(0x4040, shl(16, size)))
                    leave
                }
                let old := sload(first)
                if eq(old, value) { fail(0x1570c572, first) } // NoOpWrite
                switch purpose
                case 0 { sstore(first, value) }
                default { commitTo(first, value) }
                mstore(0, first)
                newTop := push(top, keccak256(0, 32), old, value, or(0x4040, shl(16, size)))
            }

            // Performs a list of writes; `prove` has looked at their old values.
            function perform(start, length) {
                let cursor := start
                let end := add(start, length)
                for {} lt(cursor, end) {} {
                    let item := cursor
                    let tag := byte(0, calldataload(item))
                    if or(lt(tag, 0x80), lt(sub(tag, 0xa1), 32)) { failAt(0x282e5885, item) } // UnknownItem
                    let slot, value, size
                    cursor, slot, value, size := words(item, tag)
                    commitTo(slot, value)
                    sstore(slot, value)
                }
                if iszero(eq(cursor, end)) { fail(0x03654178, length) } // WitnessTruncated
            }

            // The first pending subtrie of an account proof: the account's leaf, as the child of the branch that comes next.
            //
            //   | list | path | 0x580 string, list | nonce, balance | a0 | storage root | a0 | code hash |
            //
            // Only the RLP of nonce and balance is in the proof, behind its length. Nothing of it has to be looked at:
            // bytes that are not the account's make another hash.
            function accountLeaf(start, end) -> cursor {
                let size := byte(0, calldataload(start))
                if gt(size, 42) { failAt(0x431f7dc5, start) } // NonCanonicalWord: a nonce has 9 bytes at most, a balance 33
                cursor := add(start, add(size, 1))
                mstore(0, mload(0x640))
                let key := keccak256(0, 20)
                let depth := 0
                if lt(cursor, end) { depth := add(1, and(byte(0, calldataload(cursor)), 63)) }
                let path := putPath(key, sub(64, depth), 0x20)
                mstore(0x580, shl(224, or(0xb800f800, mul(0x10001, add(size, 66)))))
                mstore8(0x581, add(size, 68))
                calldatacopy(0x584, add(start, 1), size)
                mstore8(add(0x584, size), 0xa0)
                mstore(add(0x585, size), mload(0x660))
                mstore8(add(0x5a5, size), 0xa0)
                mstore(add(0x5a6, size), mload(0x680))
                end := add(0x5c6, size)
                start := putHeader(path, sub(end, path))
                start := keccak256(start, sub(end, start))
                // As a branch it would need an extension; at the root nothing is above it.
                pop(push(0x640, key, start, start, mul(0x101, depth)))
            }

            // --- the walk ---

            function walk(purpose, start, length, stack) -> top {
                top := stack
                let cursor := start
                let end := add(start, length)
                if eq(purpose, 3) {
                    cursor := accountLeaf(start, end)
                    top := 0x6e0
                }
                // An item may reach beyond the end: then it is the last, and the cursor is not at the end but behind it.
                for {} lt(cursor, end) {} {
                    let tag := byte(0, calldataload(cursor))
                    // What nearly all items are is done right here.
                    if lt(tag, 0x40) {
                        cursor, top := join(cursor, top)
                        continue
                    }
                    if or(purpose, gt(sub(tag, 0x80), 32)) {
                        cursor, top := other(purpose, cursor, tag, top)
                        continue
                    }
                    let slot := calldataload(add(cursor, 1))
                    let value := calldataload(add(cursor, 33))
                    tag := sub(tag, 0x80) // the value's size
                    if lt(mul(byte(0, slot), or(byte(0, value), iszero(tag))), 1) { failAt(0x431f7dc5, cursor) } // NonCanonicalWord
                    value := shr(sub(256, shl(3, tag)), value)
                    cursor := add(add(cursor, 33), tag)
                    {
                        let old := sload(slot)
                        if eq(old, value) { fail(0x1570c572, slot) } // NoOpWrite
                        sstore(slot, value)
                        mstore(add(top, 32), old)
                    }
                    mstore(0, slot)
                    mstore(top, keccak256(0, 32))
                    mstore(add(top, 64), value)
                    mstore(add(top, 96), or(0x4040, shl(16, tag)))
                    top := add(top, 160)
                }
                if iszero(eq(cursor, end)) { fail(0x03654178, length) } // WitnessTruncated
            }

            mstore(0x5c0, writesHash)
            mstore(0x620, witness.offset)
            let top := add(0x640, pending.length)
            calldatacopy(0x640, pending.offset, pending.length)
            switch mode
            case 2 { perform(witness.offset, witness.length) }
            default { top := walk(mode, witness.offset, witness.length, top) }
            switch mode
            case 1 {
                // What does not count was not always written.
                for { let entry := 0x640 } lt(entry, top) { entry := add(entry, 160) } {
                    if iszero(byte(28, mload(add(entry, 96)))) { mstore(add(entry, 128), 0) }
                }
                mstore(0x620, sub(top, 0x640))
                mstore(0x40, top)
            }
            default {
                if iszero(eq(top, 0x6e0)) { fail(0x98f82490, div(sub(top, 0x640), 160)) } // WitnessIncomplete
                let meta := mload(0x6a0)
                oldRoot := root(mload(0x640), byte(30, meta), mload(0x660))
                newRoot := root(mload(add(0x640, shl(7, byte(28, meta)))), byte(31, meta), mload(0x680))
            }
        }
    }
    // slither-disable-end dead-code
}
