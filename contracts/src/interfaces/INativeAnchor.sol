// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "./IAnchor.sol";

/// @title INativeAnchor
/// @notice Trusts nobody but the target chain: it takes the source's block hashes from where the chain's own rules put them.
/// Should the source drop such a block, then the target chain drops with it whatever was built on it, this anchor's word
/// included; so every accepted block is FINAL.
/// @dev The `proof` of `update` is the RLP of the header, nothing before and nothing after it. There is no misbehaviour to be
/// reported.
///
/// The chain knows a hash for a while only. `keep` writes it down, which is cheap, and the header can come later.
interface INativeAnchor is IAnchor {
    /// @notice The hash of this source block was written down.
    event HashKept(uint256 indexed number, bytes32 indexed blockHash);

    /// @notice The target chain does not know this as the hash of the source's block of this number, not now or not any more.
    error NotNative(uint256 number, bytes32 blockHash);

    /// @notice Whether this hash was written down.
    function isKept(bytes32 blockHash) external view returns (bool);
}
