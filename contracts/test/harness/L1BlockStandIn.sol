// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IL1Block} from "../../src/interfaces/IL1Block.sol";

/// @title L1BlockStandIn
/// @notice The part of the OP-stack's predeploy that an anchor asks, with its slots: number and time packed into slot 0, the
/// hash in slot 2. A test puts the code at the predeploy's address and writes the slots, as the rollup's node does.
/// @dev Source: Optimism, packages/contracts-bedrock, `L1Block.sol`.
contract L1BlockStandIn is IL1Block {
    /// @inheritdoc IL1Block
    uint64 public number;
    /// @notice Its time, seconds.
    uint64 public timestamp;
    /// @notice Its base fee, wei.
    uint256 public basefee;
    /// @inheritdoc IL1Block
    bytes32 public hash;
}
