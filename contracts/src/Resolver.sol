// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IImplementations, ProxyKind} from "./interfaces/IImplementations.sol";

/// @title Resolver
/// @notice What stands at the place of the logic copy of a proxy's replica. The replica's inner frame delegatecalls it; so it
/// reads the replica's storage, which is the proxy's, and delegates to the proven copy of the implementation named there:
///
///   inner frame ── delegatecall ──► resolver ── delegatecall ──► copy of the implementation
///                                      └── asks ──► Implementations: which copy? or reverts with the reason
///
/// @dev It has no storage variables and no function of its own: whatever is called is the implementation's. Only the book is
/// told what the proxy names, since nobody else can look into a replica's storage here. Which slot it
/// reads is fixed at its creation: a proxy reads one, and another may hold something else (an implementation for UUPS behind
/// a proxy from before EIP-1967 writes the one that this proxy does not read).
contract Resolver {
    IImplementations private immutable IMPLEMENTATIONS;
    address private immutable ANCHOR;
    bytes32 private immutable SLOT; // zero for a clone
    bool private immutable IS_BEACON; // what the slot names
    address private immutable TARGET; // a clone's implementation

    // What makes it, checks what it is: `Implementations.resolverCreation`.
    // slither-disable-next-line missing-zero-check
    constructor(IImplementations implementations, address anchor, bytes32 slot, bool isBeacon, address target) {
        IMPLEMENTATIONS = implementations;
        ANCHOR = anchor;
        SLOT = slot;
        IS_BEACON = isBeacon;
        TARGET = target;
    }

    /// @dev Payable as the proxies are: the replica refuses value before it comes here.
    fallback() external payable {
        address named = TARGET;
        bytes32 slot = SLOT;
        if (slot != 0) {
            // Proxies use the lower 160 bits, by the rules of DELEGATECALL or of Solidity's `address`; so does this.
            assembly ("memory-safe") {
                named := and(sload(slot), 0xffffffffffffffffffffffffffffffffffffffff)
            }
        }
        if (msg.sender == address(IMPLEMENTATIONS)) {
            bool isBeacon = IS_BEACON;
            assembly ("memory-safe") {
                mstore(0, named)
                mstore(32, isBeacon)
                return(0, 64)
            }
        }
        address copy = IS_BEACON
            ? IMPLEMENTATIONS.requireCopyBehind(ANCHOR, named, address(this))
            : IMPLEMENTATIONS.requireCopy(ANCHOR, named);
        assembly ("memory-safe") {
            // free ► | calldata |, then | result |
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), copy, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if success { return(free, returndatasize()) }
            revert(free, returndatasize())
        }
    }
}
