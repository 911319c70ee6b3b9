// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {HubTest} from "./reference/HubTest.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice Block hashes that no block has. The hub writes 0 for "not active yet" and 1 for "the source has ended" where a
/// block hash stands otherwise; an anchor can only be made to say such a thing, never the Keccak function.
contract HubSentinelTest is HubTest {
    uint256[4] private first = [uint256(1), 0, 300, 7];
    uint256[4] private second = [uint256(2), 5, 0, 7];

    address private replica;

    function setUp() public {
        replica = activeAt(10, first);
    }

    /// @dev Otherwise a readable replica would be one that its creator may fill.
    function test_sync_blockHashZero_reverts() public {
        _assertSyncRefused(0);
    }

    /// @dev Otherwise it would have ended without an end.
    function test_sync_blockHashOne_reverts() public {
        _assertSyncRefused(bytes32(uint256(1)));
    }

    function test_commit_blockHashZeroOrOne_reverts() public {
        bytes memory witness = witnessOf(first, second);
        Part memory part = prepareAll(replica, 0, witness, 2);
        bytes memory writes = WitnessParts.writes(witness);
        for (uint256 i = 0; i < 2; ++i) {
            Block memory to = _at(bytes32(i), acceptedBlock(11, second));
            _assertNotAccepted(abi.encodeCall(IHub.commit, (replica, to.hash, to.proof, part.pending, writes)), to.hash);
        }
    }

    function test_activate_blockHashZeroOrOne_reverts() public {
        creator = makeAddr("another creator");
        replica = created();
        fill(replica, nothing(), first);
        for (uint256 i = 0; i < 2; ++i) {
            Block memory to = _at(bytes32(i), acceptedBlock(11, first));
            _assertNotAccepted(abi.encodeCall(IHub.activate, (replica, to.hash, to.proof, code)), to.hash);
        }
    }

    function test_halt_blockHashZeroOrOne_reverts() public {
        for (uint256 i = 0; i < 2; ++i) {
            Block memory to = _at(bytes32(i), absentBlock(11));
            _assertNotAccepted(abi.encodeCall(IHub.halt, (replica, to.hash, to.nodes)), to.hash);
        }
    }

    function _assertSyncRefused(bytes32 hash) private {
        Block memory to = _at(hash, acceptedBlock(11, second));
        _assertNotAccepted(abi.encodeCall(IHub.sync, (replica, hash, to.proof, witnessOf(first, second))), hash);
    }

    function _assertNotAccepted(bytes memory call, bytes32 hash) private {
        assertRefused(replica, call, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, hash, Level.UNKNOWN));
    }

    /// @dev The block, by another name.
    function _at(bytes32 hash, Block memory made) private returns (Block memory) {
        anchor.setBlock(hash, made.stateRoot, made.number, Level.FINAL);
        made.hash = hash;
        return made;
    }
}
