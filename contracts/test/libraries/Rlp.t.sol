// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "../../src/libraries/Rlp.sol";
import {LibraryHarness} from "../reference/LibraryHarness.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";

contract RlpTest is NamedErrors {
    LibraryHarness private rlp = new LibraryHarness();

    function assertItem(bytes memory data, bool isList, uint256 start, uint256 end) private view {
        (bool list_, uint256 start_, uint256 end_) = rlp.readItem(data, 0);
        assertEq(list_, isList, "isList");
        assertEq(start_, start, "start");
        assertEq(end_, end, "end");
    }

    /* -------------------------------------------------- readItem ------------------------------------------------ */

    function test_readItem_byteBelow80_isItself() public view {
        assertItem(hex"00", false, 0, 1);
        assertItem(hex"7f", false, 0, 1);
    }

    function test_readItem_shortString_isRead() public view {
        assertItem(hex"80", false, 1, 1);
        assertItem(hex"8180", false, 1, 2);
        assertItem(hex"820000", false, 1, 3);
        assertItem(bytes.concat(hex"b7", new bytes(55)), false, 1, 56);
    }

    function test_readItem_longString_isRead() public view {
        assertItem(bytes.concat(hex"b838", new bytes(56)), false, 2, 58);
        assertItem(bytes.concat(hex"b8ff", new bytes(255)), false, 2, 257);
        assertItem(bytes.concat(hex"b90100", new bytes(256)), false, 3, 259);
    }

    function test_readItem_list_isRead() public view {
        assertItem(hex"c0", true, 1, 1);
        assertItem(hex"c105", true, 1, 2); // a list of one short byte is no case of the byte that stands for itself
        assertItem(bytes.concat(hex"f7", new bytes(55)), true, 1, 56);
        assertItem(bytes.concat(hex"f838", new bytes(56)), true, 2, 58);
        assertItem(bytes.concat(hex"f90100", new bytes(256)), true, 3, 259);
    }

    function test_readItem_emptyData_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 0));
        rlp.readItem("", 0);
    }

    function test_readItem_offsetBeyondEnd_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 3));
        rlp.readItem(hex"0102", 3);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, type(uint256).max));
        rlp.readItem(hex"0102", type(uint256).max);
    }

    function test_readItem_lengthBytesMissing_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 0));
        rlp.readItem(hex"b8", 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 0));
        rlp.readItem(hex"fb010203", 0);
    }

    function test_readItem_payloadMissing_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 0, 1, 0));
        rlp.readItem(hex"81", 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 0, 2, 1));
        rlp.readItem(hex"8261", 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 0, 56, 55));
        rlp.readItem(bytes.concat(hex"b838", new bytes(55)), 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 1, 2, 1));
        rlp.readItem(hex"00c261", 1);
    }

    function test_readItem_hugeLength_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 0, type(uint64).max, 3));
        rlp.readItem(hex"bfffffffffffffffff616161", 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, 0, type(uint64).max, 0));
        rlp.readItem(hex"ffffffffffffffffff", 0);
    }

    function test_readItem_lowByteWithHeader_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpByteNotMinimal.selector, 0));
        rlp.readItem(hex"8100", 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpByteNotMinimal.selector, 0));
        rlp.readItem(hex"817f", 0);
    }

    function test_readItem_longFormOfShort_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpLengthNotMinimal.selector, 0, 55));
        rlp.readItem(bytes.concat(hex"b837", new bytes(55)), 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpLengthNotMinimal.selector, 0, 1));
        rlp.readItem(hex"f80105", 0);
    }

    function test_readItem_lengthWithLeadingZero_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpLengthLeadingZero.selector, 0));
        rlp.readItem(bytes.concat(hex"b90038", new bytes(56)), 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpLengthLeadingZero.selector, 0));
        rlp.readItem(bytes.concat(hex"fa000038", new bytes(56)), 0);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpLengthLeadingZero.selector, 0));
        rlp.readItem(hex"b800", 0);
    }

    /// @dev The rest of an item lies right behind the part that may be read, and must not be taken.
    function testFuzz_readItem_cutShort_reverts(bytes memory payload, uint256 end, bool asList) public {
        bytes memory item = asList ? RlpWriter.list(payload) : RlpWriter.str(payload);
        end = bound(end, 0, item.length - 1);
        try rlp.readItemWithin(item, 0, end) {
            assertTrue(false, "read beyond the end");
        } catch (bytes memory reason) {
            bytes4 selector = assertNamed(reason);
            assertTrue(
                selector == Rlp.RlpHeaderTruncated.selector || selector == Rlp.RlpPayloadTruncated.selector, "cause"
            );
        }
    }

    /// @dev Whatever is accepted is what a writer would have written: no second encoding of anything.
    function testFuzz_readItem_anyBytes_isCanonicalOrRefused(bytes memory data) public view {
        try rlp.readItem(data, 0) returns (bool isList, uint256 start, uint256 end) {
            bytes memory payload = slice(data, start, end);
            bytes memory written = isList ? RlpWriter.list(payload) : RlpWriter.str(payload);
            assertEq(written, slice(data, 0, end));
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    /// @dev As above, with headers that make the interesting cases frequent.
    function testFuzz_readItem_anyLongHeader_isCanonicalOrRefused(uint8 tag, uint16 size, uint8 extra) public view {
        bytes memory data = abi.encodePacked(uint8(bound(tag, 0xb6, 0xff)), size, new bytes(extra));
        try rlp.readItem(data, 0) returns (bool isList, uint256 start, uint256 end) {
            bytes memory payload = slice(data, start, end);
            bytes memory written = isList ? RlpWriter.list(payload) : RlpWriter.str(payload);
            assertEq(written, slice(data, 0, end));
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }

    function testFuzz_readItem_written_isRead(bytes memory before, bytes memory payload, bool asList) public view {
        bytes memory item = asList ? RlpWriter.list(payload) : RlpWriter.str(payload);
        bytes memory data = bytes.concat(before, item, hex"ff");
        (bool isList, uint256 start, uint256 end) = rlp.readItem(data, before.length);
        assertEq(isList, asList);
        assertEq(end, before.length + item.length);
        assertEq(slice(data, start, end), payload);
    }

    /* ---------------------------------------------- lists and strings ------------------------------------------- */

    function test_readList_string_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpNotList.selector, 1));
        rlp.readList(hex"0080", 1);
    }

    function test_readString_list_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpNotString.selector, 0));
        rlp.readString(hex"c0", 0);
    }

    function test_readFixed_otherLength_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 0, 20, 2));
        rlp.readFixed(hex"820000", 0, 20);
    }

    function test_readWord_31Bytes_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 0, 32, 31));
        rlp.readWord(bytes.concat(hex"9f", new bytes(31)), 0);
    }

    function test_readWord_33Bytes_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 0, 32, 33));
        rlp.readWord(bytes.concat(hex"a1", new bytes(33)), 0);
    }

    function testFuzz_readWord_written_isRead(bytes32 value) public view {
        (bytes32 read, uint256 end) = rlp.readWord(bytes.concat(RlpWriter.word(value), hex"ff"), 0);
        assertEq(read, value);
        assertEq(end, 33);
    }

    /* ------------------------------------------------- scalars -------------------------------------------------- */

    function test_readScalar_zero_isEmptyString() public view {
        (uint256 value, uint256 end) = rlp.readScalar(hex"80", 0);
        assertEq(value, 0);
        assertEq(end, 1);
    }

    function test_readScalar_zeroByte_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpScalarLeadingZero.selector, 0));
        rlp.readScalar(hex"00", 0);
    }

    function test_readScalar_leadingZero_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpScalarLeadingZero.selector, 0));
        rlp.readScalar(hex"820080", 0);
    }

    function test_readScalar_33Bytes_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpScalarTooLong.selector, 0, 33));
        rlp.readScalar(bytes.concat(hex"a101", new bytes(32)), 0);
    }

    function test_readScalar_list_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpNotString.selector, 0));
        rlp.readScalar(hex"c105", 0);
    }

    function testFuzz_readScalar_written_isRead(uint256 value, uint8 shift) public view {
        value >>= shift;
        bytes memory written = RlpWriter.scalar(value);
        (uint256 read, uint256 end) = rlp.readScalar(bytes.concat(written, hex"ff"), 0);
        assertEq(read, value);
        assertEq(end, written.length);
    }

    function slice(bytes memory data, uint256 start, uint256 end) private pure returns (bytes memory out) {
        out = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) {
            out[i - start] = data[i];
        }
    }
}
