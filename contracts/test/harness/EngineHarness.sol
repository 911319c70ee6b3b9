// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {TransitionEngine} from "../../src/TransitionEngine.sol";

/// @title EngineHarness
/// @notice Lets the engine work in this contract's own storage, any number of witnesses from the same start, in one call:
/// each runs in a frame that always reverts with its outcome. So nothing stays, and one `eth_call` tries a whole case.
/// @dev No storage variable may ever be declared here: all slots are the test's.
contract EngineHarness {
    /// @notice What became of one witness.
    struct Outcome {
        bool applied; // whether the engine returned
        bytes data; // applied: abi.encode(old root, new root, digest of the watched slots); else the engine's revert data
    }

    ITransitionEngine public immutable ENGINE = new TransitionEngine();

    /// @notice Stores `values` at `slots`, then tries each witness.
    /// @param watched The slots whose values make an outcome's digest: keccak256 of the values one after the other.
    function run(
        bytes32[] calldata slots,
        bytes32[] calldata values,
        bytes32[] calldata watched,
        bytes[] calldata witnesses
    ) external returns (Outcome[] memory outcomes) {
        store(slots, values);
        outcomes = new Outcome[](witnesses.length);
        for (uint256 i; i < witnesses.length; ++i) {
            outcomes[i] = attempt(witnesses[i], watched);
        }
    }

    /// @notice Stores `values` at `slots`, for good where the transaction is.
    function store(bytes32[] calldata slots, bytes32[] calldata values) public {
        for (uint256 i; i < slots.length; ++i) {
            bytes32 slot = slots[i];
            bytes32 value = values[i];
            assembly ("memory-safe") {
                sstore(slot, value)
            }
        }
    }

    /// @notice Tries one witness on the storage as it is, and leaves it as it is.
    function attempt(bytes calldata witness, bytes32[] calldata watched) public returns (Outcome memory outcome) {
        (bool success, bytes memory reason) =
            address(this).call(abi.encodeCall(this.applyAndRevert, (witness, watched)));
        assert(!success);
        // Out of gas has no outcome; it must not pass for a refusal.
        if (reason.length == 0) return Outcome(false, "");
        return abi.decode(reason, (Outcome));
    }

    /// @notice The frame that undoes itself: reverts with the ABI encoding of an `Outcome`.
    function applyAndRevert(bytes calldata witness, bytes32[] calldata watched) external {
        (bool applied, bytes memory data) =
            address(ENGINE).delegatecall(abi.encodeCall(ITransitionEngine.transition, (witness)));
        if (applied) {
            (bytes32 oldRoot, bytes32 newRoot) = abi.decode(data, (bytes32, bytes32));
            data = abi.encode(oldRoot, newRoot, digest(watched));
        }
        bytes memory outcome = abi.encode(Outcome(applied, data));
        assembly ("memory-safe") {
            revert(add(outcome, 32), mload(outcome))
        }
    }

    /// @notice keccak256 of the values of `watched`, one after the other.
    function digest(bytes32[] calldata watched) public view returns (bytes32) {
        bytes32[] memory values = new bytes32[](watched.length);
        for (uint256 i; i < watched.length; ++i) {
            bytes32 slot = watched[i];
            bytes32 value;
            assembly ("memory-safe") {
                value := sload(slot)
            }
            values[i] = value;
        }
        return keccak256(abi.encodePacked(values));
    }
}
