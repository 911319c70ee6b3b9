// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockhashAnchor} from "../../src/anchors/BlockhashAnchor.sol";
import {L1BlockAnchor} from "../../src/anchors/L1BlockAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {IL1Block} from "../../src/interfaces/IL1Block.sol";
import {INativeAnchor} from "../../src/interfaces/INativeAnchor.sol";
import {BlockHeader} from "../../src/libraries/BlockHeader.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";

/// @notice What the anchors have in common that take hashes from the chain that they are on. The tests against a real chain's
/// own headers are in tests/integration.
abstract contract NativeAnchorTest is NamedErrors {
    bytes32 internal constant GENESIS = keccak256("genesis");
    uint64 internal constant NOW = 1_800_000_000;

    INativeAnchor internal anchor;

    /// @notice Makes the chain know this hash as that of its, or its L1's, block of this number.
    function tell(uint256 number, bytes32 blockHash) internal virtual;

    /// @notice Makes the chain forget it.
    function forget(uint256 number) internal virtual;

    function keep(uint256 number) internal virtual;

    function header(uint256 number) internal pure returns (bytes memory) {
        return child(number, keccak256("parent"));
    }

    function child(uint256 number, bytes32 parentHash) internal pure returns (bytes memory) {
        return HeaderWriter.header(parentHash, keccak256(abi.encode("state", number)), number, NOW - 1000 + number);
    }

    function test_update_knownHash_isFinal() public {
        bytes memory raw = header(90);
        tell(90, keccak256(raw));
        (bytes32 hash, Level level) = anchor.update(raw);
        assertEq(hash, keccak256(raw));
        assertEq(uint8(level), uint8(Level.FINAL));
        SrcBlock memory found = anchor.canonicalAt(90);
        assertEq(found.blockHash, hash);
        assertEq(found.stateRoot, keccak256(abi.encode("state", 90)));
        assertEq(found.timestamp, NOW - 910);
        assertEq(anchor.head(Level.FINAL).number, 90);
        // Once more, after the chain has forgotten it.
        forget(90);
        (, level) = anchor.update(raw);
        assertEq(uint8(level), uint8(Level.FINAL));
    }

    function test_update_hashKept_isAcceptedAtAnyTime() public {
        bytes memory raw = header(90);
        tell(90, keccak256(raw));
        vm.expectEmit(address(anchor));
        emit INativeAnchor.HashKept(90, keccak256(raw));
        keep(90);
        assertTrue(anchor.isKept(keccak256(raw)));
        forget(90);
        anchor.update(raw);
        assertEq(anchor.head(Level.FINAL).number, 90);
    }

    function test_update_hashForgotten_reverts() public {
        bytes memory raw = header(90);
        tell(90, keccak256(raw));
        forget(90);
        vm.expectRevert(abi.encodeWithSelector(INativeAnchor.NotNative.selector, 90, keccak256(raw)));
        anchor.update(raw);
    }

    function test_update_anotherHeader_reverts() public {
        tell(90, keccak256(header(90)));
        bytes memory other = child(90, keccak256("other parent"));
        vm.expectRevert(abi.encodeWithSelector(INativeAnchor.NotNative.selector, 90, keccak256(other)));
        anchor.update(other);
    }

    function test_update_surplusByte_reverts() public {
        bytes memory raw = header(90);
        tell(90, keccak256(raw));
        vm.expectRevert(abi.encodeWithSelector(BlockHeader.HeaderNotConsumed.selector, raw.length, raw.length + 1));
        anchor.update(bytes.concat(raw, hex"80"));
    }

    function testFuzz_update_byteChanged_isNamed(uint256 index, uint8 flip) public {
        bytes memory raw = header(90);
        tell(90, keccak256(raw));
        index = bound(index, 0, raw.length - 1);
        raw[index] ^= bytes1(uint8(bound(flip, 1, 255)));
        (bool success, bytes memory reason) = address(anchor).call(abi.encodeCall(IAnchor.update, (raw)));
        assertFalse(success);
        assertNamed(reason);
    }

    function test_extendAncestors_downToAnOlderBlock() public {
        bytes memory oldest = header(88);
        bytes memory middle = child(89, keccak256(oldest));
        bytes memory newest = child(90, keccak256(middle));
        tell(90, keccak256(newest));
        anchor.update(newest);
        bytes[] memory headers = new bytes[](3);
        (headers[0], headers[1], headers[2]) = (newest, middle, oldest);
        anchor.extendAncestors(keccak256(newest), headers);
        assertEq(anchor.canonicalAt(88).blockHash, keccak256(oldest));
        assertEq(uint8(anchor.blockByHash(keccak256(middle)).level), uint8(Level.FINAL));
        assertEq(anchor.head(Level.FINAL).number, 90, "the head stays");
    }

    function test_extendAncestors_gap_reverts() public {
        bytes memory oldest = header(88);
        bytes memory newest = child(90, keccak256(child(89, keccak256(oldest))));
        tell(90, keccak256(newest));
        anchor.update(newest);
        bytes[] memory headers = new bytes[](2);
        (headers[0], headers[1]) = (newest, oldest);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.NotThatBlock.selector, 1, keccak256(child(89, keccak256(oldest))), keccak256(oldest)
            )
        );
        anchor.extendAncestors(keccak256(newest), headers);
    }

    function test_extendAncestors_notFromTheBlock_reverts() public {
        bytes memory newest = header(90);
        tell(90, keccak256(newest));
        anchor.update(newest);
        bytes[] memory headers = new bytes[](1);
        headers[0] = header(89);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.NotThatBlock.selector, 0, keccak256(newest), keccak256(header(89)))
        );
        anchor.extendAncestors(keccak256(newest), headers);
    }

    function test_extendAncestors_fromAnUnknownBlock_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, GENESIS, Level.UNKNOWN));
        anchor.extendAncestors(GENESIS, new bytes[](0));
    }

    function test_reportMisbehaviour_thereIsNone() public {
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour("");
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(Status.ACTIVE));
    }
}

contract BlockhashAnchorTest is NativeAnchorTest {
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    function setUp() public {
        vm.warp(NOW);
        vm.roll(100);
        anchor = new BlockhashAnchor(GENESIS);
    }

    function tell(uint256 number, bytes32 blockHash) internal override {
        vm.setBlockhash(number, blockHash);
    }

    function forget(uint256 number) internal override {
        vm.roll(number + 10_000);
    }

    function keep(uint256 number) internal override {
        BlockhashAnchor(address(anchor)).keep(number);
    }

    function test_source_isThisChain() public view {
        (uint256 chainId, bytes32 genesisHash) = anchor.source();
        assertEq(chainId, block.chainid);
        assertEq(genesisHash, GENESIS);
    }

    function test_keep_unknownNumbers_revert() public {
        uint256[3] memory numbers = [block.number, block.number + 1, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(BlockhashAnchor.BlockhashUnknown.selector, numbers[i]));
            keep(numbers[i]);
        }
        vm.roll(10_000);
        vm.expectRevert(abi.encodeWithSelector(BlockhashAnchor.BlockhashUnknown.selector, 90));
        keep(90);
    }

    /// @dev EIP-2935 remembers what BLOCKHASH has forgotten.
    function test_keep_byTheHistoryContract() public {
        bytes memory raw = header(90);
        vm.roll(90 + 5000);
        vm.mockCall(HISTORY, abi.encode(uint256(90)), abi.encode(keccak256(raw)));
        keep(90);
        anchor.update(raw);
        assertEq(anchor.head(Level.FINAL).number, 90);
    }
}

contract L1BlockAnchorTest is NativeAnchorTest {
    address private constant L1_BLOCK = 0x4200000000000000000000000000000000000015;

    function setUp() public {
        vm.warp(NOW);
        vm.etch(L1_BLOCK, hex"00");
        anchor = new L1BlockAnchor(1, GENESIS);
        tell(1, keccak256("some block"));
    }

    function tell(uint256 number, bytes32 blockHash) internal override {
        // forge-lint: disable-next-line(unsafe-typecast)
        vm.mockCall(L1_BLOCK, abi.encodeCall(IL1Block.number, ()), abi.encode(uint64(number)));
        vm.mockCall(L1_BLOCK, abi.encodeCall(IL1Block.hash, ()), abi.encode(blockHash));
    }

    /// @dev It knows the newest only.
    function forget(uint256 number) internal override {
        tell(number + 1, keccak256("the next block"));
    }

    function keep(uint256) internal override {
        L1BlockAnchor(address(anchor)).keep();
    }

    function test_constructor_noPredeploy_reverts() public {
        vm.etch(L1_BLOCK, "");
        vm.expectRevert(L1BlockAnchor.NoL1Block.selector);
        new L1BlockAnchor(1, GENESIS);
    }
}
