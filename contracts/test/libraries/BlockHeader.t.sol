// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "../../src/libraries/BlockHeader.sol";
import {Rlp} from "../../src/libraries/Rlp.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {LibraryHarness} from "../reference/LibraryHarness.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";
import {RlpWriter} from "../reference/RlpWriter.sol";

contract BlockHeaderTest is NamedErrors {
    bytes32 private constant PARENT = keccak256("parent");
    bytes32 private constant STATE = keccak256("state");

    LibraryHarness private harness = new LibraryHarness();

    function sample() private pure returns (bytes[] memory) {
        return HeaderWriter.fields(PARENT, STATE, 12_345_678, 1_700_000_000);
    }

    /// @dev A copy of the fields with `count` more or fewer at the end; more are empty strings.
    function resized(bytes[] memory fields, uint256 count) private pure returns (bytes[] memory out) {
        out = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            out[i] = i < fields.length ? fields[i] : bytes(hex"80");
        }
    }

    function assertReads(bytes memory header) private view {
        (bytes32 hash, bytes32 state, uint64 number, uint64 timestamp, bytes32 parent) = harness.readHeader(header);
        assertEq(hash, keccak256(header));
        assertEq(state, STATE);
        assertEq(number, 12_345_678);
        assertEq(timestamp, 1_700_000_000);
        assertEq(parent, PARENT);
    }

    /* -------------------------------------------------- accepted ------------------------------------------------ */

    function test_read_frontierHeader_isRead() public view {
        assertReads(HeaderWriter.join(sample()));
    }

    function test_read_laterFields_areRead() public view {
        bytes[] memory fields = resized(sample(), 21);
        fields[15] = RlpWriter.scalar(7); // base fee
        fields[16] = RlpWriter.word(keccak256("withdrawals"));
        fields[19] = RlpWriter.word(keccak256("beacon root"));
        fields[20] = RlpWriter.word(keccak256("requests"));
        assertReads(HeaderWriter.join(fields));
    }

    function test_read_unknownLaterFields_areRead() public view {
        assertReads(HeaderWriter.join(resized(sample(), 40)));
    }

    function test_read_authorityRoundSeals_areRead() public view {
        bytes[] memory fields = sample();
        fields[13] = RlpWriter.scalar(331_234_567); // step
        fields[14] = RlpWriter.str(new bytes(65)); // signature
        assertReads(HeaderWriter.join(fields));
    }

    function test_read_longExtraData_isRead() public view {
        bytes[] memory fields = sample();
        fields[12] = RlpWriter.str(new bytes(5000));
        assertReads(HeaderWriter.join(fields));
    }

    /// @dev The genesis block of mainnet, hash as in EELS and every client.
    function test_read_mainnetGenesis_hasItsHash() public view {
        bytes[] memory fields =
            HeaderWriter.fields(bytes32(0), 0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544, 0, 0);
        fields[1] = RlpWriter.word(0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347);
        fields[2] = RlpWriter.str(abi.encodePacked(address(0)));
        fields[4] = RlpWriter.word(0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421);
        fields[5] = fields[4];
        fields[7] = RlpWriter.scalar(17_179_869_184);
        fields[9] = RlpWriter.scalar(5000);
        fields[10] = RlpWriter.scalar(0);
        fields[12] = RlpWriter.word(0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa);
        fields[13] = RlpWriter.word(bytes32(0));
        fields[14] = RlpWriter.str(abi.encodePacked(uint64(0x42)));
        (bytes32 hash, bytes32 state, uint64 number, uint64 timestamp, bytes32 parent) =
            harness.readHeader(HeaderWriter.join(fields));
        assertEq(hash, 0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3);
        assertEq(state, 0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544);
        assertEq(number, 0);
        assertEq(timestamp, 0);
        assertEq(parent, 0);
    }

    /// @dev A real header of a Besu QBFT chain. (Its block hash is another than the hash of the header.)
    function test_read_realBesuHeader_isRead() public {
        string memory path = "../shared/fixtures/besu_qbft_7528.rlp";
        bool present;
        // Where the folder is absent, forge does not let a test look into it.
        try vm.exists(path) returns (bool answer) {
            present = answer;
        } catch {}
        if (!present) {
            vm.skip(true, "../shared/fixtures is absent");
            return;
        }
        bytes memory header = vm.readFileBinary(path);
        (bytes32 hash,, uint64 number, uint64 timestamp,) = harness.readHeader(header);
        assertEq(number, 7528);
        assertEq(hash, keccak256(header));
        assertGt(timestamp, 1_500_000_000);
    }

    function testFuzz_read_written_isRead(
        bytes32 parent,
        bytes32 state,
        uint64 number,
        uint64 timestamp,
        bytes memory extra
    ) public view {
        bytes[] memory fields = HeaderWriter.fields(parent, state, number, timestamp);
        fields[12] = RlpWriter.str(extra);
        bytes memory header = HeaderWriter.join(fields);
        (bytes32 hash, bytes32 state_, uint64 number_, uint64 timestamp_, bytes32 parent_) = harness.readHeader(header);
        assertEq(hash, keccak256(header));
        assertEq(state_, state);
        assertEq(number_, number);
        assertEq(timestamp_, timestamp);
        assertEq(parent_, parent);
    }

    /* -------------------------------------------------- refused ------------------------------------------------- */

    function test_read_empty_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpHeaderTruncated.selector, 0));
        harness.readHeader("");
    }

    function test_read_string_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpNotList.selector, 0));
        harness.readHeader(RlpWriter.str(HeaderWriter.join(sample())));
    }

    function test_read_trailingByte_reverts() public {
        bytes memory header = HeaderWriter.join(sample());
        vm.expectRevert(
            abi.encodeWithSelector(BlockHeader.HeaderNotConsumed.selector, header.length, header.length + 1)
        );
        harness.readHeader(bytes.concat(header, hex"00"));
    }

    function test_read_fieldDroppedAtEnd_reverts() public {
        bytes memory header = HeaderWriter.join(resized(sample(), 14));
        vm.expectRevert(abi.encodeWithSelector(BlockHeader.HeaderTooShort.selector, 14));
        harness.readHeader(header);
    }

    function test_read_noFields_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(BlockHeader.HeaderTooShort.selector, 0));
        harness.readHeader(hex"c0");
    }

    function test_read_fieldDroppedInside_reverts() public {
        bytes[] memory fields = sample();
        fields[2] = "";
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 69, 20, 32));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_fieldAddedInside_reverts() public {
        bytes[] memory fields = sample();
        fields[2] = bytes.concat(fields[2], hex"80");
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 90, 32, 0));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_fieldsReordered_reverts() public {
        bytes[] memory fields = sample();
        (fields[2], fields[3]) = (fields[3], fields[2]);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 69, 20, 32));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_bloomOfOtherSize_reverts() public {
        bytes[] memory fields = sample();
        fields[6] = RlpWriter.str(new bytes(255));
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpWrongLength.selector, 189, 256, 255));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_numberWithLeadingZero_reverts() public {
        bytes[] memory fields = sample();
        fields[8] = hex"820001";
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpScalarLeadingZero.selector, 449));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_numberOf65Bits_reverts() public {
        bytes[] memory fields = sample();
        fields[8] = RlpWriter.scalar(uint256(1) << 64);
        vm.expectRevert(abi.encodeWithSelector(BlockHeader.HeaderScalarTooLarge.selector, 8, uint256(1) << 64));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_timestampOf65Bits_reverts() public {
        bytes[] memory fields = sample();
        fields[11] = RlpWriter.scalar(uint256(1) << 64);
        vm.expectRevert(abi.encodeWithSelector(BlockHeader.HeaderScalarTooLarge.selector, 11, uint256(1) << 64));
        harness.readHeader(HeaderWriter.join(fields));
    }

    function test_read_listAsField_reverts() public {
        bytes[] memory fields = resized(sample(), 16);
        fields[15] = hex"c0";
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpNotString.selector, HeaderWriter.join(fields).length - 1));
        harness.readHeader(HeaderWriter.join(fields));
    }

    /// @dev The last field's payload lies behind the list's end: it must be looked for inside the list only.
    function test_read_lastFieldBeyondList_reverts() public {
        bytes[] memory fields = resized(sample(), 16);
        fields[15] = hex"82";
        bytes memory header = HeaderWriter.join(fields);
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpPayloadTruncated.selector, header.length - 1, 2, 0));
        harness.readHeader(header);
    }

    function testFuzz_read_truncated_reverts(uint256 length) public {
        bytes memory header = HeaderWriter.join(sample());
        length = bound(length, 0, header.length - 1);
        assembly ("memory-safe") {
            mstore(header, length) // a shorter length in place
        }
        try harness.readHeader(header) {
            assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            bytes4 selector = assertNamed(reason);
            assertTrue(
                selector == Rlp.RlpHeaderTruncated.selector || selector == Rlp.RlpPayloadTruncated.selector, "cause"
            );
        }
    }

    function testFuzz_read_byteChanged_changesHashOrReverts(uint256 index, uint8 flip) public view {
        bytes memory header = HeaderWriter.join(sample());
        bytes32 hash = keccak256(header);
        index = bound(index, 0, header.length - 1);
        header[index] ^= bytes1(uint8(bound(flip, 1, 255)));
        try harness.readHeader(header) returns (bytes32 changed, bytes32, uint64, uint64, bytes32) {
            assertTrue(changed != hash);
        } catch (bytes memory reason) {
            assertNamed(reason);
        }
    }
}
