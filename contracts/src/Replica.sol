// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReplicaKey} from "./interfaces/IHub.sol";
import {IHubsReplica, IReplica} from "./interfaces/IReplica.sol";

/// @title Replica
/// @notice The source's code and the source's storage on another chain, and nothing else: no storage variable may ever be
/// declared here, so that `eth_getProof` of this account equals that of the source.
///
///   hub          ── key() ──────────────────►  what identifies the replica, out of its code
///   hub          ── anything else ──────────►  delegatecall the hub, which is the engine
///   anyone else  ── the source's function ──►  [outer frame] delegatecall itself, marked
///                                                 [inner frame] delegatecall the logic copy, then ALWAYS revert with the outcome
///                                              [outer frame] return or revert with that outcome
///
/// The inner frame's revert undoes every effect of the source's code: storage, logs, calls, creations. So a read is read-only
/// in a CALL, a STATICCALL and an eth_call alike, by construction and not by inspection of the code, and keeps `msg.sender`.
contract Replica is IReplica {
    /// @dev keccak256("smartsync.replica.inner"): what makes a frame the inner one. Anybody may send it: he then gets the
    /// outcome as a revert, and nothing else. It ends with no zero byte, so that no shorter calldata reads like it.
    uint256 private constant INNER = 0xf1f096b8606060742f9bda68f5a8bb3e69efa939329b0f5f55b7081e969aec34;

    address private immutable HUB;
    address private immutable LOGIC;

    // The key, field by field: an immutable is one word.
    uint256 private immutable SOURCE_CHAIN_ID;
    address private immutable SOURCE;
    address private immutable ANCHOR;
    address private immutable CREATOR;
    bytes32 private immutable CODE_HASH;
    bytes32 private immutable LOGIC_HASH;

    // Only the hub makes replicas, with an address that it computed.
    // slither-disable-next-line missing-zero-check
    constructor(ReplicaKey memory key, address logic) {
        HUB = msg.sender;
        LOGIC = logic;
        SOURCE_CHAIN_ID = key.sourceChainId;
        SOURCE = key.source;
        ANCHOR = key.anchor;
        CREATOR = key.creator;
        CODE_HASH = key.codeHash;
        LOGIC_HASH = key.logicHash;
    }

    /// @dev Payable only to refuse value by name; a frame without it would revert without a reason. The order is that of
    /// how often it happens: every reader pays for what stands before his case.
    fallback() external payable {
        address logic = LOGIC;
        assembly ("memory-safe") {
            if eq(calldataload(0), INNER) {
                // free ► | calldata without the marker |, then | data | flag (1) |: 1 where the source's code returned
                let free := mload(0x40)
                let size := sub(calldatasize(), 32)
                calldatacopy(free, 32, size)
                let success := delegatecall(gas(), logic, free, size, 0, 0)
                returndatacopy(free, 0, returndatasize())
                mstore8(add(free, returndatasize()), success)
                revert(free, add(returndatasize(), 1))
            }
        }
        if (msg.sender == HUB) _serveHub();
        if (msg.value != 0) revert ValueRefused(msg.value);
        // An account without code would answer everything with nothing. And what the inner frame touches is cold again after
        // its revert: touched here, the logic copy is paid for once in a transaction that reads several times.
        if (logic.code.length == 0) revert NotActive();
        assembly ("memory-safe") {
            // free ► | marker (32) | calldata |, then | data | flag (1) |
            let free := mload(0x40)
            mstore(free, INNER)
            calldatacopy(add(free, 32), 0, calldatasize())
            // Never succeeds: the inner frame always reverts.
            pop(delegatecall(gas(), address(), free, add(32, calldatasize()), 0, 0))
            let size := returndatasize()
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

    function _serveHub() private {
        if (msg.sig == IHubsReplica.key.selector) _key();
        _transition();
    }

    // Both end the whole call on purpose. Slither tells of one of them, and not always of the same.
    // slither-disable-start incorrect-return

    function _key() private view {
        bytes memory key = abi.encode(ReplicaKey(SOURCE_CHAIN_ID, SOURCE, ANCHOR, CREATOR, CODE_HASH, LOGIC_HASH));
        assembly ("memory-safe") {
            return(add(key, 32), mload(key))
        }
    }

    /// @dev The engine works in this contract's storage. The hub checks the roots that it returns, or reverts.
    function _transition() private {
        assembly ("memory-safe") {
            // free ► | calldata |, then | result |
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), caller(), free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if success { return(free, returndatasize()) }
            if returndatasize() { revert(free, returndatasize()) }
        }
        // The engine names every other reason. Without this a node would report a revert for no reason, and nobody could
        // tell that a smaller witness would do.
        revert OutOfGas();
    }
    // slither-disable-end incorrect-return
}
