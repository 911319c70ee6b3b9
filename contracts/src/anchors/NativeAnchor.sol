// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock} from "../interfaces/IAnchor.sol";
import {INativeAnchor} from "../interfaces/INativeAnchor.sol";
import {Anchor} from "./Anchor.sol";

/// @title NativeAnchor
/// @notice Accepts the blocks whose hash the target chain itself knows. Which those are is the subclass's. See `INativeAnchor`.
abstract contract NativeAnchor is Anchor, INativeAnchor {
    /// @inheritdoc INativeAnchor
    mapping(bytes32 blockHash => bool) public isKept;

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        _requireActive();
        (SrcBlock memory offered,) = _read(proof);
        blockHash = offered.blockHash;
        level = _block(blockHash).level;
        if (_isUsable(level)) return (blockHash, level);
        if (!isKept[blockHash] && !_isNative(offered.number, blockHash)) revert NotNative(offered.number, blockHash);
        offered.level = Level.FINAL;
        return (blockHash, _accept(offered));
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata) external pure {
        revert NoMisbehaviour();
    }

    function _keep(uint256 number, bytes32 blockHash) internal {
        isKept[blockHash] = true;
        emit HashKept(number, blockHash);
    }

    /// @dev Whether the target chain knows this as the hash of the source's block of this number.
    function _isNative(uint256 number, bytes32 blockHash) internal view virtual returns (bool);
}
