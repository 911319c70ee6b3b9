// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";

/// @title TrieHost
/// @notice A storage, and nothing else, in which the engine works; as a replica, without the hub.
contract TrieHost is ITransitionEngine {
    address private immutable ENGINE;

    constructor(address engine) {
        ENGINE = engine;
    }

    function transition(bytes calldata) external returns (bytes32, bytes32) {
        (bool success, bytes memory result) = ENGINE.delegatecall(msg.data);
        if (success) return abi.decode(result, (bytes32, bytes32));
        assembly ("memory-safe") {
            // result ► | length (32) | what the engine reverted with |
            revert(add(result, 32), mload(result))
        }
    }
}
