// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Sample} from "./Sample.sol";

/// @notice An implementation for proxies of every kind: it can write the slot that its proxy reads.
contract UpgradableSample is Sample {
    uint256 public immutable VERSION;

    constructor(uint256 version) {
        VERSION = version;
    }

    /// @notice What an upgrade in the implementation comes to (UUPS).
    function upgradeTo(bytes32 slot, address implementation) external {
        assembly {
            sstore(slot, implementation)
        }
    }
}
