// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

interface IOther {
    function answer() external view returns (uint256);
    function poke() external;
}

/// @notice Each view asks for one thing that a replica answers otherwise, and its name says which.
contract Asking {
    IOther private constant CONSTANT = IOther(0x1111111111111111111111111111111111111111);
    IOther private immutable PEER;
    uint256 public stored;
    IOther private _other;
    // Opcodes that are none: TIMESTAMP, NUMBER and CALL behind a JUMPDEST, in data that is copied.
    bytes private constant DATA =
        hex"5b424342434243f15b4243424342434243f15b424342434243f15b4243424342434243f15b42434243424342f1";

    constructor(IOther peer) {
        PEER = peer;
    }

    // --- opcodes ---

    function timestamp() external view returns (uint256) {
        return block.timestamp;
    }

    function number() external view returns (uint256) {
        return block.number;
    }

    function chainid() external view returns (uint256) {
        return block.chainid;
    }

    function basefee() external view returns (uint256) {
        return block.basefee;
    }

    function blobbasefee() external view returns (uint256) {
        return block.blobbasefee;
    }

    function blobhash_() external view returns (bytes32) {
        return blobhash(0);
    }

    function prevrandao() external view returns (uint256) {
        return block.prevrandao;
    }

    function coinbase() external view returns (address) {
        return block.coinbase;
    }

    function gaslimit() external view returns (uint256) {
        return block.gaslimit;
    }

    function gasprice() external view returns (uint256) {
        return tx.gasprice;
    }

    function blockhash_(uint256 at) external view returns (bytes32) {
        return blockhash(at);
    }

    function selfbalance() external view returns (uint256) {
        return address(this).balance;
    }

    function balance(address of_) external view returns (uint256) {
        return of_.balance;
    }

    function address_() external view returns (address) {
        return address(this);
    }

    function extcodesize(address of_) external view returns (uint256) {
        return of_.code.length;
    }

    function extcodehash(address of_) external view returns (bytes32) {
        return of_.codehash;
    }

    function extcodecopy(address of_) external view returns (bytes memory) {
        return of_.code;
    }

    // --- calls ---

    function callsConstant() external view returns (uint256) {
        return CONSTANT.answer();
    }

    function callsImmutable() external view returns (uint256) {
        return PEER.answer();
    }

    function callsStorage() external view returns (uint256) {
        return _other.answer();
    }

    function callsArgument(IOther other) external view returns (uint256) {
        return other.answer();
    }

    function callsCaller() external view returns (uint256) {
        return IOther(msg.sender).answer();
    }

    function callsItself() external view returns (uint256) {
        return this.stored();
    }

    function callsPrecompile(bytes calldata data) external pure returns (bytes32) {
        return sha256(data);
    }

    function delegatesToConstant() external returns (bool done) {
        (done,) = address(CONSTANT).delegatecall("");
    }

    // --- what answers as on the source ---

    function data() external pure returns (bytes memory) {
        return DATA;
    }

    function sharing(uint256 n) external view returns (uint256) {
        return _shared(n) + 1;
    }

    function sharingBeforeTime(uint256 n) external view returns (uint256) {
        return _shared(n) + block.timestamp;
    }

    // --- what writes ---

    function touch() external {
        stored = block.timestamp;
    }

    function poke() external {
        CONSTANT.poke();
        stored += 1;
    }

    /// @dev Long enough not to be inlined.
    function _shared(uint256 n) private view returns (uint256 sum) {
        for (uint256 i = 0; i < n; ++i) {
            sum += uint256(keccak256(abi.encode(i, sum, stored)));
            if (sum % 7 == 3) sum ^= stored << 3;
        }
    }
}
