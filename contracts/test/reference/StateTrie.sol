// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReferenceTrie} from "./ReferenceTrie.sol";
import {RlpWriter} from "./RlpWriter.sol";

/// @title StateTrie
/// @notice State roots of a small source chain and the account proofs in it: one source among a few other accounts.
library StateTrie {
    uint256 private constant NEIGHBOURS = 5;

    /// @notice A state in which `source` has this storage and code.
    function present(address source, bytes32 storageRoot, bytes32 codeHash)
        internal
        pure
        returns (bytes32 stateRoot, bytes memory proof)
    {
        ReferenceTrie.Entry[] memory entries = _neighbours(NEIGHBOURS + 1);
        entries[NEIGHBOURS] = ReferenceTrie.Entry(_key(source), account(1, 0, storageRoot, codeHash));
        return (ReferenceTrie.root(entries), ReferenceTrie.proof(entries, _key(source)));
    }

    /// @notice A state in which there is no account `source`, and the proof of that.
    function absent(address source) internal pure returns (bytes32 stateRoot, bytes memory proof) {
        ReferenceTrie.Entry[] memory entries = _neighbours(NEIGHBOURS);
        return (ReferenceTrie.root(entries), ReferenceTrie.proof(entries, _key(source)));
    }

    /// @notice An account as it stands in its leaf (Yellow Paper, section 4.1).
    function account(uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash)
        internal
        pure
        returns (bytes memory)
    {
        return RlpWriter.list(
            bytes.concat(
                RlpWriter.scalar(nonce),
                RlpWriter.scalar(balance),
                RlpWriter.word(storageRoot),
                RlpWriter.word(codeHash)
            )
        );
    }

    function _neighbours(uint256 length) private pure returns (ReferenceTrie.Entry[] memory entries) {
        entries = new ReferenceTrie.Entry[](length);
        for (uint160 i = 0; i < NEIGHBOURS; ++i) {
            bytes memory value = account(i, 1 ether * i, ReferenceTrie.emptyRoot(), keccak256(""));
            entries[i] = ReferenceTrie.Entry(_key(address(0x1000 + i)), value);
        }
    }

    function _key(address who) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(who));
    }
}
