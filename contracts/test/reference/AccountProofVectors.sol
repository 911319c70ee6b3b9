// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// @notice One of `tests/vectors/account_proof.json`, which Python's verifier reads too.
struct AccountProofVector {
    string name;
    bytes32 stateRoot;
    address account;
    bytes proof;
    string refusedBy; // signature of an error; empty where the proof is valid
    bool exists;
    bytes32 storageRoot;
    bytes32 codeHash;
}

/// @title AccountProofVectors
/// @notice Reads them.
library AccountProofVectors {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    string private constant TYPE =
        "AccountProofVector(string name,bytes32 stateRoot,address account,bytes proof,string refusedBy,bool exists,bytes32 storageRoot,bytes32 codeHash)";

    /// @notice All of them, in the order of the file.
    function read() internal view returns (AccountProofVector[] memory) {
        string memory json = VM.readFile("tests/vectors/account_proof.json");
        return abi.decode(VM.parseJsonTypeArray(json, ".cases", TYPE), (AccountProofVector[]));
    }
}
