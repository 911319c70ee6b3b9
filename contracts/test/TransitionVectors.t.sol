// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {EngineHarness} from "./harness/EngineHarness.sol";

/// @notice `tests/vectors/transitions.json`, which `tests/unit/witness/test_vectors.py` holds the Python package to as well.
/// Its roots come from py-trie.
contract TransitionVectorsTest is Test {
    string private constant PATH = "tests/vectors/transitions.json";
    string private constant ACCEPTED =
        "Accepted(string name,uint256[2][] old,bytes witness,bytes32 oldRoot,bytes32 newRoot,uint256[3][] writes)";
    string private constant REFUSED = "Refused(string name,uint256[2][] old,bytes witness,string refusedBy)";
    string private constant FORGED =
        "Forged(string name,uint256[2][] old,bytes witness,bytes32 oldRoot,bytes32 newRoot,bytes32 givesOldRoot,bytes32 givesNewRoot)";

    struct Accepted {
        string name;
        uint256[2][] old; // slot, value
        bytes witness;
        bytes32 oldRoot;
        bytes32 newRoot;
        uint256[3][] writes; // slot, old value, new value
    }

    struct Refused {
        string name;
        uint256[2][] old;
        bytes witness;
        string refusedBy;
    }

    struct Forged {
        string name;
        uint256[2][] old;
        bytes witness;
        bytes32 oldRoot;
        bytes32 newRoot;
        bytes32 givesOldRoot;
        bytes32 givesNewRoot;
    }

    EngineHarness private harness = new EngineHarness();
    string private json;
    mapping(string name => bytes4 selector) private selectors;

    function setUp() public {
        json = vm.readFile(PATH);
        selectors["WitnessTruncated"] = ITransitionEngine.WitnessTruncated.selector;
        selectors["WitnessNotConsumed"] = ITransitionEngine.WitnessNotConsumed.selector;
        selectors["PathMismatch"] = ITransitionEngine.PathMismatch.selector;
        selectors["PathTooLong"] = ITransitionEngine.PathTooLong.selector;
        selectors["BranchTooNarrow"] = ITransitionEngine.BranchTooNarrow.selector;
        selectors["ChildTwice"] = ITransitionEngine.ChildTwice.selector;
        selectors["SlotMisplaced"] = ITransitionEngine.SlotMisplaced.selector;
        selectors["NoOpWrite"] = ITransitionEngine.NoOpWrite.selector;
        selectors["NonCanonicalWord"] = ITransitionEngine.NonCanonicalWord.selector;
    }

    function test_transition_acceptedVectors_giveRootsAndStorage() public {
        Accepted[] memory vectors = acceptedVectors();
        assertGt(vectors.length, 150);
        for (uint256 i; i < vectors.length; ++i) {
            Accepted memory vector = vectors[i];
            (bytes32[] memory slots, bytes32[] memory values) = storageAfter(vector);
            EngineHarness.Outcome memory outcome = tried(vector.old, vector.witness, slots);
            assertTrue(outcome.applied, vector.name);
            assertEq(
                outcome.data,
                abi.encode(vector.oldRoot, vector.newRoot, keccak256(abi.encodePacked(values))),
                vector.name
            );
        }
    }

    function test_transition_acceptedVectorsCutAnywhere_revert() public {
        Accepted[] memory vectors = acceptedVectors();
        for (uint256 i; i < vectors.length; ++i) {
            this.cutAnywhere(vectors[i]);
        }
    }

    /// @dev About twenty cuts, the last byte always among them. A frame of its own, whose memory is gone after it.
    function cutAnywhere(Accepted calldata vector) external {
        store(vector.old, true);
        for (uint256 end; end < vector.witness.length; end = next(end, vector.witness.length)) {
            EngineHarness.Outcome memory outcome = harness.attempt(vector.witness[:end], new bytes32[](0));
            assertFalse(outcome.applied, vector.name);
            bytes memory expected = abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, end);
            assertEq(outcome.data, expected, vector.name);
        }
        store(vector.old, false);
    }

    function test_transition_acceptedVectorsWithSurplusByte_revert() public {
        Accepted[] memory vectors = acceptedVectors();
        for (uint256 i; i < vectors.length; ++i) {
            uint256 length = vectors[i].witness.length;
            EngineHarness.Outcome memory outcome =
                tried(vectors[i].old, bytes.concat(vectors[i].witness, hex"00"), new bytes32[](0));
            assertFalse(outcome.applied, vectors[i].name);
            assertEq(
                outcome.data,
                abi.encodeWithSelector(ITransitionEngine.WitnessNotConsumed.selector, length, length + 1),
                vectors[i].name
            );
        }
    }

    function test_transition_refusedVectors_revertByName() public {
        Refused[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, ".refused", REFUSED), (Refused[]));
        assertGt(vectors.length, 30);
        for (uint256 i; i < vectors.length; ++i) {
            bytes4 expected = selectors[vectors[i].refusedBy];
            assertTrue(expected != 0, vectors[i].refusedBy);
            EngineHarness.Outcome memory outcome = tried(vectors[i].old, vectors[i].witness, new bytes32[](0));
            assertFalse(outcome.applied, vectors[i].name);
            assertEq(bytes32(bytes4(outcome.data)), bytes32(expected), vectors[i].name);
        }
    }

    function test_transition_forgedVectors_giveOtherRoots() public {
        Forged[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, ".forged", FORGED), (Forged[]));
        assertGt(vectors.length, 10);
        for (uint256 i; i < vectors.length; ++i) {
            Forged memory vector = vectors[i];
            EngineHarness.Outcome memory outcome = tried(vector.old, vector.witness, new bytes32[](0));
            assertTrue(outcome.applied, vector.name);
            bytes memory given = abi.encode(vector.givesOldRoot, vector.givesNewRoot, keccak256(""));
            assertEq(outcome.data, given, vector.name);
            assertTrue(vector.oldRoot != vector.givesOldRoot || vector.newRoot != vector.givesNewRoot, vector.name);
        }
    }

    // --- vectors ---

    function acceptedVectors() private view returns (Accepted[] memory) {
        return abi.decode(vm.parseJsonTypeArray(json, ".accepted", ACCEPTED), (Accepted[]));
    }

    /// @dev Lets the engine try a witness on a storage, which is empty again afterwards.
    function tried(uint256[2][] memory old, bytes memory witness, bytes32[] memory watched)
        private
        returns (EngineHarness.Outcome memory outcome)
    {
        store(old, true);
        outcome = harness.attempt(witness, watched);
        store(old, false);
    }

    function store(uint256[2][] memory old, bool there) private {
        bytes32[] memory slots = new bytes32[](old.length);
        bytes32[] memory values = new bytes32[](old.length);
        for (uint256 i; i < old.length; ++i) {
            slots[i] = bytes32(old[i][0]);
            if (there) values[i] = bytes32(old[i][1]);
        }
        harness.store(slots, values);
    }

    /// @dev All slots of a vector, with their values after its writes. A slot that was stored and is written stands there
    /// twice, both times with its new value.
    function storageAfter(Accepted memory vector)
        private
        pure
        returns (bytes32[] memory slots, bytes32[] memory values)
    {
        uint256 stored = vector.old.length;
        slots = new bytes32[](stored + vector.writes.length);
        values = new bytes32[](slots.length);
        for (uint256 i; i < slots.length; ++i) {
            (uint256 slot, uint256 value) = i < stored
                ? (vector.old[i][0], vector.old[i][1])
                : (vector.writes[i - stored][0], vector.writes[i - stored][2]);
            slots[i] = bytes32(slot);
            values[i] = bytes32(value);
            for (uint256 j; j < vector.writes.length; ++j) {
                if (vector.writes[j][0] == slot) values[i] = bytes32(vector.writes[j][2]);
            }
        }
    }

    function next(uint256 end, uint256 length) private pure returns (uint256) {
        uint256 step = length / 20 + 1;
        return end + 1 < length && end + step >= length ? length - 1 : end + step;
    }
}
