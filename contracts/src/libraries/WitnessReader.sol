// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../interfaces/ITransitionEngine.sol";

/// @notice A cursor over a witness in calldata. Both fields are positions in the whole calldata.
struct WitnessReader {
    uint256 cursor;
    uint256 end;
    uint256 start;
}

/// @title WitnessReaderLib
/// @notice Reads the parts of a witness (`docs/reference/witness.md`), each in its one canonical form.
/// @dev CALLDATALOAD gives zeros beyond the end, so `_take` checks before every read that the bytes are there.
library WitnessReaderLib {
    function open(bytes calldata witness) internal pure returns (WitnessReader memory reader) {
        uint256 start;
        assembly ("memory-safe") {
            start := witness.offset
        }
        reader.start = start;
        reader.cursor = start;
        reader.end = start + witness.length;
    }

    /// @notice Reverts unless the witness has been read to its last byte.
    function close(WitnessReader memory self) internal pure {
        if (self.cursor != self.end) {
            revert ITransitionEngine.WitnessNotConsumed(self.cursor - self.start, self.end - self.start);
        }
    }

    /// @notice Bytes read so far.
    function offset(WitnessReader memory self) internal pure returns (uint256) {
        return self.cursor - self.start;
    }

    function readByte(WitnessReader memory self) internal pure returns (uint256) {
        return uint256(_take(self, 1)) >> 248;
    }

    function readHash(WitnessReader memory self) internal pure returns (bytes32) {
        return _take(self, 32);
    }

    /// @notice A number of `size` bytes without leading zeros; none means 0.
    function readWord(WitnessReader memory self, uint256 size) internal pure returns (uint256 word) {
        if (size == 0) return 0;
        uint256 here = offset(self);
        if (size > 32) revert ITransitionEngine.NonCanonicalWord(here);
        word = uint256(_take(self, size)) >> (256 - 8 * size);
        if (word >> (8 * size - 8) == 0) revert ITransitionEngine.NonCanonicalWord(here);
    }

    /// @notice Which of a branch's children are opaque, and which are items.
    function readMasks(WitnessReader memory self) internal pure returns (uint256 opaque, uint256 described) {
        uint256 here = offset(self);
        uint256 masks = uint256(_take(self, 4)) >> 224;
        opaque = masks >> 16;
        described = masks & 0xffff;
        if (opaque & described != 0) revert ITransitionEngine.ChildTwice(here);
        uint256 all = opaque | described;
        // A number without its lowest bit is 0 where it had at most one.
        if (all == 0 || all & (all - 1) == 0) revert ITransitionEngine.BranchTooNarrow(here);
    }

    /// @notice The path of a branch `nibbles` below `depth`; there must be a nibble left for its children.
    function readBranchPath(WitnessReader memory self, bytes32 path, uint256 depth, uint256 nibbles, uint256 item)
        internal
        pure
        returns (bytes32)
    {
        if (depth + nibbles > 63) revert ITransitionEngine.PathTooLong(item);
        return readPath(self, path, depth, nibbles);
    }

    /// @notice Extends `path`, which has `depth` nibbles, by `nibbles` more. They come as whole bytes of the trie key:
    ///
    ///   path      | p p | p p | p . |          depth 5
    ///   in bytes              | p n | n n | n 0 |   5 - 1 .. 5 + 4 nibbles
    ///
    /// A nibble that is known already must agree, one that is not used must be 0: one position, one encoding.
    function readPath(WitnessReader memory self, bytes32 path, uint256 depth, uint256 nibbles)
        internal
        pure
        returns (bytes32)
    {
        if (nibbles == 0) return path;
        uint256 here = offset(self);
        uint256 known = 8 * (depth / 2); // bits of whole bytes that are not repeated
        bytes32 read = _take(self, (depth + nibbles + 1) / 2 - depth / 2) >> known;
        bytes32 repeated = path << known >> known;
        if ((read ^ repeated) >> (256 - 4 * depth) != 0 || read << (4 * (depth + nibbles)) != 0) {
            revert ITransitionEngine.PathMismatch(here);
        }
        return path | read;
    }

    /// @dev The next `size` (1 to 32) bytes, left-aligned, then zeros.
    function _take(WitnessReader memory self, uint256 size) private pure returns (bytes32 word) {
        uint256 cursor = self.cursor;
        if (size > self.end - cursor) revert ITransitionEngine.WitnessTruncated(self.end - self.start);
        self.cursor = cursor + size;
        assembly ("memory-safe") {
            word := calldataload(cursor)
        }
        return word & ~bytes32(type(uint256).max >> (8 * size));
    }
}
