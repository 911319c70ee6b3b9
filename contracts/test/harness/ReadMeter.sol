// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ReadMeter
/// @notice Measures what a view call costs a contract that makes it, from one GAS instruction to the next.
/// @dev The instructions around the STATICCALL cost the same for every callee: they cancel where two are compared.
contract ReadMeter {
    /// @notice Makes the same view call twice. What it touches must be cold when this is called.
    /// @return cold Gas of the first call.
    /// @return warm Gas of the second call.
    /// @return word The first 32 bytes of the answer, which must be the same both times.
    function measure(address callee, bytes calldata message)
        external
        view
        returns (uint256 cold, uint256 warm, bytes32 word)
    {
        bytes memory data = message;
        bytes32 again;
        (cold, word) = _call(callee, data);
        (warm, again) = _call(callee, data);
        assert(again == word);
    }

    function _call(address callee, bytes memory data) private view returns (uint256 used, bytes32 word) {
        bool success;
        assembly ("memory-safe") {
            // The answer goes to the scratch space: | word (32) |
            used := gas()
            success := staticcall(gas(), callee, add(data, 32), mload(data), 0, 32)
            used := sub(used, gas())
            word := mload(0)
        }
        assert(success);
    }
}
