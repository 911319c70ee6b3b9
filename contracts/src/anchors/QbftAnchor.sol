// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../interfaces/IAnchor.sol";
import {BftHeader} from "../libraries/BftHeader.sol";
import {BftAnchor} from "./BftAnchor.sol";

/// @title QbftAnchor
/// @notice Accepts the blocks of a Besu chain of QBFT by their validators' seals. See `IBftAnchor` for what that trusts.
contract QbftAnchor is BftAnchor {
    /// @inheritdoc IAnchor
    bytes32 public constant kind = "qbft/1";

    /// @param sourceChainId EIP-155 chain id of the source chain.
    /// @param sourceGenesisHash Hash of its block 0.
    /// @param checkpoint_ Hash of a block that is trusted as it is, whose validators are the first known ones.
    /// @param trustingPeriod_ Seconds.
    /// @param maxDrift_ Seconds.
    constructor(
        uint256 sourceChainId,
        bytes32 sourceGenesisHash,
        bytes32 checkpoint_,
        uint64 trustingPeriod_,
        uint64 maxDrift_
    ) BftAnchor(sourceChainId, sourceGenesisHash, checkpoint_, trustingPeriod_, maxDrift_) {}

    /// @inheritdoc BftAnchor
    function _blockHash(bytes calldata header, BftHeader.Parts memory parts) internal pure override returns (bytes32) {
        return BftHeader.hashWith(header, parts, parts.round, hex"80c0", 2);
    }

    /// @inheritdoc BftAnchor
    function _sealedHash(bytes calldata header, BftHeader.Parts memory parts) internal pure override returns (bytes32) {
        return BftHeader.hashWith(header, parts, parts.seals, hex"c0", 1);
    }
}
