// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// @title DirtyMemory
/// @notice Makes a contract run in memory that is full of garbage: in each of its frames, before its first instruction.
/// @dev solc's code starts with five bytes that set the free memory pointer. They become a jump to the end of the code, where
/// the garbage is copied into memory, the pointer is set, and a jump leads back to the sixth byte. Every other byte stays where
/// it was, so what runs is the contract itself:
///
///   61 hhhh  PUSH2 behind | 56 JUMP | 5b JUMPDEST     in place of 60 80 60 40 52, PUSH1 0x80 PUSH1 0x40 MSTORE
///   ... the code, and zeros, so that no PUSH at its end takes what follows for its data
///   5b       JUMPDEST, at `behind`
///   62 62 60 PUSH3 SIZE  PUSH3 from  PUSH1 0x80   39 CODECOPY     memory from 0x80 on
///   60 62 5f PUSH1 0x40  PUSH3 from  PUSH0        39 CODECOPY     the scratch space, 0x00 to 0x3f
///   60 80 60 40 52  60 04 56                      the five bytes, and back
///   ... the garbage, at `from`
///
/// The zero slot at 0x60 stays zero: that solc promises. Everything else it leaves to whoever allocates.
library DirtyMemory {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice How much of memory is garbage, from 0x80 on: three times what the deepest stack of pending subtries takes.
    uint256 internal constant SIZE = 0x8000;

    bytes5 private constant PROLOGUE = 0x6080604052;
    uint256 private constant ROUTINE = 28; // bytes

    /// @notice Gives a deployed contract such a start.
    /// @param seed Of the garbage: 0 for ones in all bits, 1 to 255 for this byte everywhere, more for any bytes but zeros.
    function pollute(address target, uint256 seed) internal {
        VM.etch(target, polluted(target.code, garbage(seed)));
    }

    /// @notice `SIZE` bytes, none of them zero.
    function garbage(uint256 seed) internal pure returns (bytes memory out) {
        out = new bytes(SIZE);
        bytes32 dice;
        for (uint256 i = 0; i < SIZE; ++i) {
            if (i % 32 == 0) dice = keccak256(abi.encode(seed, i));
            uint8 any = uint8(dice[i % 32]);
            if (seed < 256) any = uint8(seed);
            out[i] = any == 0 ? bytes1(0xff) : bytes1(any);
        }
    }

    function polluted(bytes memory code, bytes memory dirt) internal pure returns (bytes memory) {
        require(bytes5(code) == PROLOGUE, "solc starts contracts in another way now");
        bytes memory whole = bytes.concat(code, new bytes(33));
        uint256 behind = whole.length;
        require(behind < 0x10000, "too far for PUSH2");
        bytes memory start = abi.encodePacked(hex"61", uint16(behind), hex"565b");
        for (uint256 i = 0; i < 5; ++i) {
            whole[i] = start[i];
        }
        uint24 from = uint24(behind + ROUTINE);
        bytes memory routine = abi.encodePacked(hex"5b62", uint24(SIZE), hex"62", from, hex"608039");
        routine = bytes.concat(routine, abi.encodePacked(hex"604062", from, hex"5f39", PROLOGUE, hex"600456"));
        require(routine.length == ROUTINE, "the garbage starts elsewhere");
        return bytes.concat(whole, routine, dirt);
    }
}
