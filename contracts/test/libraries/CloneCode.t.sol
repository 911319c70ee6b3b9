// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {CloneCode} from "../../src/libraries/CloneCode.sol";

contract CloneCodeTest is Test {
    function target(bytes calldata code) external pure returns (address) {
        return CloneCode.target(code);
    }

    function fixedTarget(bytes calldata code) external pure returns (address) {
        return CloneCode.fixedTarget(code);
    }

    function fixedTargetAt(address place) external view returns (address) {
        return CloneCode.fixedTargetAt(place);
    }

    function clone(uint256 form, address to) private pure returns (bytes memory) {
        if (form == 0) return abi.encodePacked(hex"363d3d373d3d3d363d73", to, hex"5af43d82803e903d91602b57fd5bf3");
        if (form == 1) return abi.encodePacked(hex"3d3d3d3d363d3d37363d73", to, hex"5af43d3d93803e602a57fd5bf3");
        if (form == 2) return abi.encodePacked(hex"365f5f375f5f365f73", to, hex"5af43d5f5f3e5f3d91602a57fd5bf3");
        return abi.encodePacked(hex"5f5f365f5f37365f73", to, hex"5af43d5f5f3e6029573d5ffd5b3d5ff3");
    }

    /// @dev What is recognised also does so: its answers, and its refusals, are those of what it delegates to.
    function test_target_eachForm_isWhatItDelegatesTo() public {
        // CALLDATASIZE PUSH1 0e JUMPI | answers with 42 where nothing was given, else reverts with the calldata
        address to = makeAddr("implementation");
        vm.etch(to, hex"36600e57602a60005260206000f35b366000600037366000fd");
        for (uint256 form = 0; form < 4; ++form) {
            bytes memory code = clone(form, to);
            assertEq(this.target(code), to);
            address made = makeAddr("clone");
            vm.etch(made, code);
            (bool success, bytes memory answer) = made.call("");
            assertTrue(success);
            assertEq(answer, abi.encode(42));
            (success, answer) = made.call(hex"0102030405");
            assertFalse(success);
            assertEq(answer, hex"0102030405");
        }
    }

    function testFuzz_target_aByteChanged_isNoneOrAnotherAddress(uint256 form, uint160 to, uint256 index, uint8 flip)
        public
        view
    {
        vm.assume(to != 0);
        bytes memory code = clone(form % 4, address(to));
        assertEq(this.target(code), address(to));
        index = bound(index, 0, code.length - 1);
        code[index] ^= bytes1(uint8(bound(flip, 1, 255)));
        address found = this.target(code);
        assertTrue(found != address(to));
        if (found != address(0)) assertEq(abi.encode(code), abi.encode(clone(form % 4, found)));
    }

    function testFuzz_target_withArgumentsOrCutShort_isNone(uint256 form, address to, bytes memory more, uint256 length)
        public
        view
    {
        vm.assume(more.length != 0);
        bytes memory code = clone(form % 4, to);
        assertEq(this.target(bytes.concat(code, more)), address(0));
        length = bound(length, 0, code.length - 1);
        assembly ("memory-safe") {
            mstore(code, length)
        }
        assertEq(this.target(code), address(0));
    }

    function testFuzz_target_anyCode_isNone(bytes memory code) public view {
        vm.assume(code.length < 44 || code.length > 45 || code[0] == 0x60);
        assertEq(this.target(code), address(0));
    }

    function testFuzz_fixedTarget_eachFormWhateverFollows_isWhatItDelegatesTo(
        uint256 form,
        address to,
        bytes memory more
    ) public {
        bytes memory code = bytes.concat(clone(form % 4, to), more);
        vm.assume(to != address(0));
        assertEq(this.fixedTarget(code), to);
        address made = makeAddr("clone");
        vm.etch(made, code);
        assertEq(this.fixedTargetAt(made), to);
    }

    /// @dev PUSH1 to PUSH32: of what is pushed, DELEGATECALL takes the lower 160 bits.
    function testFuzz_fixedTarget_anyPush_isItsLowerBits(uint256 size, bytes32 pushed) public view {
        size = bound(size, 1, 32);
        bytes memory code = new bytes(size + 3);
        // forge-lint: disable-next-line(unsafe-typecast)
        (code[0], code[size + 1], code[size + 2]) = (bytes1(uint8(0x5f + size)), 0x5a, 0xf4);
        for (uint256 i = 0; i < size; ++i) {
            code[1 + i] = pushed[i];
        }
        assertEq(this.fixedTarget(code), address(uint160(uint256(pushed) >> (256 - 8 * size))));
    }

    /// @dev GAS DELEGATECALL within what is pushed is none, nor what stands behind the beginning, nor what is cut off.
    function test_fixedTarget_noDelegation_isNone() public view {
        bytes memory full = clone(0, address(0xb0b));
        assertEq(this.fixedTarget(abi.encodePacked(hex"6373b0b05af450")), address(0));
        assertEq(this.fixedTarget(abi.encodePacked(hex"60015af1")), address(0));
        assertEq(this.fixedTarget(abi.encodePacked(new bytes(120), full)), address(0));
        assertEq(this.fixedTarget(hex"61b0b05a"), address(0));
        assertEq(this.fixedTarget(hex"7f"), address(0));
        assertEq(this.fixedTarget(""), address(0));
        assertEq(this.fixedTargetAt(address(0xdead)), address(0));
    }

    /// @dev A delegation to nobody stands in front, which does nothing: the clone is found all the same.
    function testFuzz_fixedTarget_behindADelegationToNobody_isFound(uint256 form, address to) public view {
        vm.assume(to != address(0));
        assertEq(this.fixedTarget(bytes.concat(hex"60005af4", clone(form % 4, to))), to);
        assertEq(this.fixedTarget(hex"60005af4"), address(0));
    }
}
