// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReplica} from "./interfaces/IReplica.sol";

/// @title Replica
/// @notice The source's code and the source's storage on another chain, and nothing else: no storage variable may ever be
/// declared here, so that `eth_getProof` of this account equals that of the source.
///
///   hub          ── transition(witness) ──►  delegatecall the engine
///   anyone else  ── the source's function ─►  [outer frame] delegatecall itself, marked
///                                                [inner frame] delegatecall the logic copy, then ALWAYS revert with the outcome
///                                             [outer frame] return or revert with that outcome
///
/// The inner frame's revert undoes every effect of the source's code: storage, logs, calls, creations. So a read is read-only
/// in a CALL, a STATICCALL and an eth_call alike, by construction and not by inspection of the code, and keeps `msg.sender`.
contract Replica is IReplica {
    /// @dev What makes a frame the inner one. Anybody may send it: he then gets the outcome as a revert, and nothing else.
    bytes32 private constant INNER = keccak256("smartsync.replica.inner");

    address private immutable HUB;
    address private immutable ENGINE;
    address private immutable LOGIC;

    constructor(address engine, address logic) {
        HUB = msg.sender;
        ENGINE = engine;
        LOGIC = logic;
    }

    /// @dev Payable only to refuse value by name; a frame without it would revert without a reason.
    fallback() external payable {
        if (msg.sender == HUB) _transition();
        if (msg.data.length >= 32 && bytes32(msg.data[:32]) == INNER) _runAndUndo();
        if (msg.value != 0) revert ValueRefused(msg.value);
        _read();
    }

    /// @dev The engine works in this contract's storage. The hub checks the roots that it returns, or reverts.
    function _transition() private {
        address engine = ENGINE;
        assembly ("memory-safe") {
            // free ► | calldata |, then | result |
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), engine, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if success { return(free, returndatasize()) }
            if returndatasize() { revert(free, returndatasize()) }
        }
        // The engine names every other reason. Without this a node would report a revert for no reason, and nobody could
        // tell that a smaller witness would do.
        revert OutOfGas();
    }

    /// @dev The outer frame. The inner frame's outcome is its data and one byte: 1 where the source's code returned.
    function _read() private {
        bytes32 marker = INNER;
        uint256 size;
        assembly ("memory-safe") {
            // free ► | marker (32) | calldata |, then | data | flag (1) |
            let free := mload(0x40)
            mstore(free, marker)
            calldatacopy(add(free, 32), 0, calldatasize())
            // Never succeeds: the inner frame always reverts.
            pop(delegatecall(gas(), address(), free, add(32, calldatasize()), 0, 0))
            size := returndatasize()
            if size {
                returndatacopy(free, 0, size)
                size := sub(size, 1)
                if byte(0, mload(add(free, size))) { return(free, size) }
                revert(free, size)
            }
        }
        // Not even the flag came back.
        revert OutOfGas();
    }

    /// @dev The inner frame.
    function _runAndUndo() private {
        address logic = LOGIC;
        bytes4 notActive = NotActive.selector;
        assembly ("memory-safe") {
            // free ► | calldata without the marker |, then | data | flag (1) |
            let free := mload(0x40)
            let size := sub(calldatasize(), 32)
            calldatacopy(free, 32, size)
            let success := delegatecall(gas(), logic, free, size, 0, 0)
            size := returndatasize()
            returndatacopy(free, 0, size)
            // An account without code answers everything with nothing.
            if iszero(size) {
                if iszero(extcodesize(logic)) {
                    mstore(free, notActive)
                    size := 4
                    success := 0
                }
            }
            mstore8(add(free, size), success)
            revert(free, add(size, 1))
        }
    }
}
