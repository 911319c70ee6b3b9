// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {HubLifeTest} from "./HubLife.t.sol";
import {HubPrepareTest} from "./HubPrepare.t.sol";
import {TransitionEngineAccountsTest} from "./TransitionEngineAccounts.t.sol";
import {TransitionEngineForgeriesTest} from "./TransitionEngineForgeries.t.sol";
import {TransitionEngineLimitsTest} from "./TransitionEngineLimits.t.sol";
import {TransitionEnginePartsTest} from "./TransitionEngineParts.t.sol";
import {TransitionEngineRefusalsTest} from "./TransitionEngineRefusals.t.sol";
import {TransitionVectorsTest} from "./TransitionVectors.t.sol";
import {DirtyMemory} from "./reference/DirtyMemory.sol";

/// @notice Tells what is in its memory before it has written there.
contract MemoryProbe {
    /// @return digest keccak256 of `size` bytes from 0x80 on.
    /// @return zeros How many of them are zero.
    /// @return scratch How many of the 64 bytes of the scratch space are zero.
    function probe(uint256 size) external pure returns (bytes32 digest, uint256 zeros, uint256 scratch) {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 64) { i := add(i, 1) } { scratch := add(scratch, iszero(byte(0, mload(i)))) }
            for { let i := 0 } lt(i, size) { i := add(i, 1) } {
                zeros := add(zeros, iszero(byte(0, mload(add(0x80, i)))))
            }
            digest := keccak256(0x80, size)
        }
    }
}

/// @notice That the tests below do run in dirty memory.
contract DirtyMemoryTest is Test {
    function test_pollute_probe_findsTheGarbage() public {
        MemoryProbe target = new MemoryProbe();
        (, uint256 zeros, uint256 scratch) = target.probe(DirtyMemory.SIZE);
        assertEq(zeros, DirtyMemory.SIZE, "clean before");
        assertEq(scratch, 64, "clean before");
        bytes memory code = address(target).code;
        uint256[3] memory seeds = [uint256(0), 1, 256];
        for (uint256 i = 0; i < 3; ++i) {
            vm.etch(address(target), code);
            DirtyMemory.pollute(address(target), seeds[i]);
            bytes32 digest;
            (digest, zeros, scratch) = target.probe(DirtyMemory.SIZE);
            assertEq(digest, keccak256(DirtyMemory.garbage(seeds[i])));
            assertEq(zeros, 0);
            assertEq(scratch, 0);
        }
    }
}

// Every test of the engine again, with the engine in memory without a zero byte: the twin runs in clean memory beside it, and
// both must do the same. Garbage of ones reads as an enormous number; of 0x01, in the stack's words, as a flag that is set and
// as depths; the rest is random.

contract DirtyRefusalsTest is TransitionEngineRefusalsTest {
    constructor() {
        DirtyMemory.pollute(ENGINE, 256);
    }
}

contract DirtyForgeriesTest is TransitionEngineForgeriesTest {
    constructor() {
        DirtyMemory.pollute(ENGINE, 0);
    }
}

contract DirtyLimitsTest is TransitionEngineLimitsTest {
    constructor() {
        DirtyMemory.pollute(ENGINE, 1);
    }
}

contract DirtyPartsTest is TransitionEnginePartsTest {
    constructor() {
        DirtyMemory.pollute(ENGINE, 1);
    }
}

contract DirtyAccountsTest is TransitionEngineAccountsTest {
    constructor() {
        DirtyMemory.pollute(address(engine), 260);
    }
}

contract DirtyVectorsTest is TransitionVectorsTest {
    constructor() {
        DirtyMemory.pollute(ENGINE, 261);
    }
}

/// @notice The hub with all that it does itself, in each of its frames and in those in which replicas run its engine.
contract DirtyHubLifeTest is HubLifeTest {
    constructor() {
        DirtyMemory.pollute(address(hub), 262);
    }
}

contract DirtyHubPrepareTest is HubPrepareTest {
    constructor() {
        DirtyMemory.pollute(address(hub), 263);
    }
}
