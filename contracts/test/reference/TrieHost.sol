// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title TrieHost
/// @notice A storage, and nothing else, in which an engine works; as a replica, without the hub. It answers as
/// `ITransitionEngine` does.
contract TrieHost {
    address private immutable ENGINE;

    constructor(address engine) {
        ENGINE = engine;
    }

    fallback(bytes calldata call_) external returns (bytes memory) {
        (bool success, bytes memory result) = ENGINE.delegatecall(call_);
        if (success) return result;
        assembly ("memory-safe") {
            // result ► | length (32) | what the engine reverted with |
            revert(add(result, 32), mload(result))
        }
    }
}
