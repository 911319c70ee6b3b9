// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../interfaces/IAnchor.sol";
import {IL1Block} from "../interfaces/IL1Block.sol";
import {Anchor} from "./Anchor.sol";
import {NativeAnchor} from "./NativeAnchor.sol";

/// @title L1BlockAnchor
/// @notice Accepts on an OP-stack rollup the L1 blocks that the rollup was derived from: whoever trusts the rollup trusts
/// them. The chain tells of the newest one only, for as long as it is the newest, some 12 seconds: `keep` it.
///
/// Warning: an L1 block that the rollup was derived from need not be final on L1. Should L1 drop it, the rollup drops the
/// replica's step with it; so what is read here is as final as the L2 block that it is read in.
contract L1BlockAnchor is NativeAnchor {
    /// @notice There is no L1Block predeploy: this chain is no OP-stack rollup.
    error NoL1Block();

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "op-l1block/1";

    IL1Block private constant L1_BLOCK = IL1Block(0x4200000000000000000000000000000000000015);

    /// @param l1ChainId EIP-155 chain id of the rollup's L1.
    /// @param l1GenesisHash Hash of its block 0.
    constructor(uint256 l1ChainId, bytes32 l1GenesisHash) Anchor(l1ChainId, l1GenesisHash) {
        if (address(L1_BLOCK).code.length == 0) revert NoL1Block();
    }

    /// @notice Writes down the hash of the newest L1 block that this chain knows; its header can be given to `update` at
    /// any time then.
    function keep() external returns (uint64 number, bytes32 blockHash) {
        (number, blockHash) = (L1_BLOCK.number(), L1_BLOCK.hash());
        _keep(number, blockHash);
    }

    /// @inheritdoc NativeAnchor
    function _isNative(uint256, bytes32 blockHash) internal view override returns (bool) {
        return L1_BLOCK.hash() == blockHash;
    }
}
