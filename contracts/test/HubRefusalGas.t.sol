// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../src/interfaces/IHub.sol";
import {HubTest} from "./reference/HubTest.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice A proof that fails costs its work, and not the gas limit that its sender gave.
contract HubRefusalGasTest is HubTest {
    uint256 private constant GIVEN = 15_000_000;

    uint256[4] private _old = [uint256(1), 2, 0, 40_000];
    uint256[4] private _new = [uint256(5), 0, 3, 50_000];
    address private _replica;
    Block private _to;
    bytes private _witness;

    function setUp() public {
        _replica = activeAt(10, _old);
        _to = acceptedBlock(11, _new);
        _witness = witnessOf(_old, _new);
    }

    function test_sync_anyBitOfWitnessFlipped_costsItsWork() public {
        for (uint256 bit = 0; bit < 8 * _witness.length; ++bit) {
            _assertCheap(abi.encodeCall(IHub.sync, (_replica, _to.hash, _to.proof, _flipped(_witness, bit))));
        }
    }

    function test_sync_anyBitOfAccountProofFlipped_costsItsWork() public {
        for (uint256 bit = 0; bit < 8 * _to.proof.length; ++bit) {
            _assertCheap(abi.encodeCall(IHub.sync, (_replica, _to.hash, _flipped(_to.proof, bit), _witness)));
        }
    }

    function test_halt_anyBitOfNodesFlipped_costsItsWork() public {
        // Every bit's copy would fill the test's own memory.
        for (uint256 bit = 0; bit < 8 * _to.nodes.length; bit += 11) {
            _assertCheap(abi.encodeCall(IHub.halt, (_replica, _to.hash, _flipped(_to.nodes, bit))));
        }
    }

    function test_prepare_anyBitFlipped_costsItsWork() public {
        // A part alone proves nothing about a block, so most of these are taken; what they cost is bounded all the same.
        for (uint256 bit = 0; bit < 8 * _witness.length; ++bit) {
            bytes memory call = abi.encodeCall(IHub.prepare, (_replica, _to.hash, "", 0, _flipped(_witness, bit)));
            assertLt(_used(call), GIVEN / 20, "gas");
        }
    }

    function test_commit_anyBitOfPendingFlipped_costsItsWork() public {
        Part memory part = prepareAll(_replica, _to.hash, _witness, 100);
        bytes memory writes = WitnessParts.writes(_witness);
        for (uint256 bit = 0; bit < 8 * part.pending.length; bit += 3) {
            bytes memory pending = _flipped(part.pending, bit);
            _assertCheap(abi.encodeCall(IHub.commit, (_replica, _to.hash, _to.proof, pending, writes)));
        }
    }

    function test_fill_anyBitOfWitnessFlipped_costsItsWork() public {
        creator = makeAddr("another creator");
        address young = created();
        bytes memory image = witnessOf([uint256(0), 0, 0, 0], _new);
        bytes32 root = hub.record(young).storageRoot;
        for (uint256 bit = 0; bit < 8 * image.length; ++bit) {
            uint256 before = vm.snapshotState();
            vm.prank(creator);
            assertLt(_used(abi.encodeCall(IHub.fill, (young, root, _flipped(image, bit)))), GIVEN / 20, "gas");
            assertTrue(vm.revertToStateAndDelete(before)); // his own replica he may fill with anything
        }
    }

    function test_activate_anyBitOfAccountProofFlipped_costsItsWork() public {
        creator = makeAddr("another creator");
        address young = created();
        fill(young, nothing(), _new);
        for (uint256 bit = 0; bit < 8 * _to.proof.length; bit += 3) {
            _assertCheap(abi.encodeCall(IHub.activate, (young, _to.hash, _flipped(_to.proof, bit), code)));
        }
    }

    function _assertCheap(bytes memory call) private {
        bytes32 before = fingerprint(_replica);
        assertLt(_used(call), GIVEN / 20, "gas");
        assertEq(fingerprint(_replica), before, "something has changed");
    }

    function _used(bytes memory call) private returns (uint256 used) {
        uint256 before = gasleft();
        (bool success,) = address(hub).call{gas: GIVEN}(call);
        used = before - gasleft();
        // Some flips make another encoding of the same: those are no refusals, and not looked at.
        if (success) used = 0;
    }

    function _flipped(bytes memory data, uint256 bit) private pure returns (bytes memory copy) {
        copy = bytes.concat(data);
        copy[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
    }
}
