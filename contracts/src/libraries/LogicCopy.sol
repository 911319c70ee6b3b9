// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title LogicCopy
/// @notice Deploys runtime code, byte for byte, at an address that is known before (CREATE2, EIP-1014).
library LogicCopy {
    /// @dev Creation code that returns all that follows it:
    ///
    ///   60 0b  PUSH1 11     | 11             59  MSIZE     | 11 0
    ///   81     DUP2         | 11 0 11        38  CODESIZE  | 11 0 11 size
    ///   03     SUB          | 11 0 len       80  DUP1      | 11 0 len len
    ///   92     SWAP3        | len 0 len 11   59  MSIZE     | len 0 len 11 0
    ///   39     CODECOPY     | len 0          f3  RETURN    |
    bytes11 internal constant PREFIX = 0x600b5981380380925939f3;

    /// @notice EIP-170.
    uint256 internal constant MAX_SIZE = 24_576;

    /// @notice Whether code of this kind can stand at an address: not empty, not too large, not reserved (EIP-3541).
    function isDeployable(bytes calldata code) internal pure returns (bool) {
        return code.length != 0 && code.length <= MAX_SIZE && code[0] != 0xef;
    }

    /// @notice The creation code.
    function creation(bytes calldata code) internal pure returns (bytes memory) {
        return abi.encodePacked(PREFIX, code);
    }

    /// @notice keccak-256 of the creation code.
    function creationHash(bytes calldata code) internal pure returns (bytes32) {
        return keccak256(creation(code));
    }

    /// @notice The address at which `deploy` by `deployer` with this salt puts the code of this creation hash.
    function addressOf(address deployer, bytes32 salt, bytes32 hash) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), deployer, salt, hash)))));
    }

    /// @notice Deploys the code; zero where the chain refuses it.
    function deploy(bytes32 salt, bytes calldata code) internal returns (address) {
        return create2(salt, creation(code));
    }

    /// @notice Runs creation code (EIP-1014); zero where the chain refuses it.
    function create2(bytes32 salt, bytes memory creation_) internal returns (address deployed) {
        assembly ("memory-safe") {
            deployed := create2(0, add(creation_, 32), mload(creation_), salt)
        }
    }
}
