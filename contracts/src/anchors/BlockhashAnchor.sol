// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../interfaces/IAnchor.sol";
import {Anchor} from "./Anchor.sol";
import {NativeAnchor} from "./NativeAnchor.sol";

/// @title BlockhashAnchor
/// @notice Accepts the blocks of the chain that it is on: the last 256 by BLOCKHASH, the last 8,191 by the history contract of
/// EIP-2935 where there is one. For replicas on the source's own chain, and for tests that are to assume nothing.
///
/// Warning: not for rollups on which BLOCKHASH tells something else than the hash of a header of their own.
contract BlockhashAnchor is NativeAnchor {
    /// @notice The chain remembers no block of this number: the current or a later one, or too old.
    error BlockhashUnknown(uint256 number);

    /// @inheritdoc IAnchor
    bytes32 public constant kind = "blockhash/1";

    /// @dev EIP-2935. Asked with a number of 32 bytes it answers the hash, or reverts where it has none.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @param genesisHash Hash of this chain's block 0, which no contract can look up.
    constructor(bytes32 genesisHash) Anchor(block.chainid, genesisHash) {}

    /// @notice Writes down the hash of a recent block of this chain, whose header can be given to `update` at any time then.
    function keep(uint256 number) external returns (bytes32 blockHash) {
        blockHash = _hashOf(number);
        if (blockHash == 0) revert BlockhashUnknown(number);
        _keep(number, blockHash);
    }

    /// @inheritdoc NativeAnchor
    function _isNative(uint256 number, bytes32 blockHash) internal view override returns (bool) {
        return _hashOf(number) == blockHash;
    }

    /// @dev Zero where it is not known; no block has that hash.
    function _hashOf(uint256 number) private view returns (bytes32 found) {
        found = blockhash(number);
        if (found != 0 || number >= block.number) return found;
        // A chain without the contract answers nothing. Its interface has no selector, so none of Solidity's calls fits.
        // slither-disable-next-line low-level-calls
        (bool success, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        if (success && answer.length == 32) found = abi.decode(answer, (bytes32));
    }
}
