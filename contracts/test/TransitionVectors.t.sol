// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine} from "../src/interfaces/ITransitionEngine.sol";
import {TransitionTest} from "./reference/TransitionTest.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";

/// @notice `tests/vectors/transitions.json`, which `tests/unit/witness/test_vectors.py` holds the Python package to as well.
/// Its roots come from py-trie.
contract TransitionVectorsTest is TransitionTest {
    string private constant PATH = "tests/vectors/transitions.json";
    string private constant ACCEPTED =
        "Accepted(string name,uint256[2][] old,bytes witness,bytes32 oldRoot,bytes32 newRoot,uint256[3][] writes)";
    string private constant REFUSED = "Refused(string name,uint256[2][] old,bytes witness,string refusedBy)";
    string private constant FORGED =
        "Forged(string name,uint256[2][] old,bytes witness,bytes32 oldRoot,bytes32 newRoot,bytes32 givesOldRoot,bytes32 givesNewRoot)";
    string private constant WALKED =
        "Walked(string name,uint256[2][] old,bytes before,bytes32 hashBefore,bytes witness,bytes pending,bytes32 writesHash)";

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

    struct Walked {
        string name;
        uint256[2][] old;
        bytes before;
        bytes32 hashBefore;
        bytes witness; // one item
        bytes pending;
        bytes32 writesHash;
    }

    string private json;
    mapping(string name => bytes4 selector) private selectors;

    function setUp() public {
        json = vm.readFile(PATH);
        selectors["WitnessTruncated"] = ITransitionEngine.WitnessTruncated.selector;
        selectors["WitnessIncomplete"] = ITransitionEngine.WitnessIncomplete.selector;
        selectors["UnknownItem"] = ITransitionEngine.UnknownItem.selector;
        selectors["NothingToJoin"] = ITransitionEngine.NothingToJoin.selector;
        selectors["BranchTooNarrow"] = ITransitionEngine.BranchTooNarrow.selector;
        selectors["ChildOutOfOrder"] = ITransitionEngine.ChildOutOfOrder.selector;
        selectors["ChildTwice"] = ITransitionEngine.ChildTwice.selector;
        selectors["BranchMisplaced"] = ITransitionEngine.BranchMisplaced.selector;
        selectors["EmbeddedBranch"] = ITransitionEngine.EmbeddedBranch.selector;
        selectors["PathNotCanonical"] = ITransitionEngine.PathNotCanonical.selector;
        selectors["NonCanonicalWord"] = ITransitionEngine.NonCanonicalWord.selector;
        selectors["NoOpWrite"] = ITransitionEngine.NoOpWrite.selector;
    }

    function test_transition_acceptedVectors_giveRootsAndStorage() public {
        Accepted[] memory vectors = acceptedVectors();
        assertGt(vectors.length, 150);
        for (uint256 i; i < vectors.length; ++i) {
            this.accept(vectors[i]);
        }
    }

    /// @dev A frame of its own, whose memory is gone after it; so are those below.
    function accept(Accepted calldata vector) external {
        Hosts memory hosts = hostsOf(vector.old);
        (bytes32 oldRoot, bytes32 newRoot) = transition(hosts, vector.witness);
        assertEq(oldRoot, vector.oldRoot, vector.name);
        assertEq(newRoot, vector.newRoot, vector.name);
        for (uint256 i; i < vector.writes.length; ++i) {
            bytes32 value = vm.load(address(hosts.engine), bytes32(vector.writes[i][0]));
            assertEq(uint256(value), vector.writes[i][2], vector.name);
        }
    }

    function test_transition_acceptedVectorsCutAnywhere_areRefused() public {
        Accepted[] memory vectors = acceptedVectors();
        for (uint256 i; i < vectors.length; ++i) {
            this.cutAnywhere(vectors[i]);
        }
    }

    /// @dev A few cuts, the last byte always among them. One between two items may leave a witness, of other roots.
    function cutAnywhere(Accepted calldata vector) external {
        Hosts memory hosts = hostsOf(vector.old);
        uint256 length = vector.witness.length;
        for (uint256 end; end < length; end = next(end, length)) {
            Outcome memory outcome = tried(hosts, vector.witness[:end]);
            bytes memory roots = abi.encode(vector.oldRoot, vector.newRoot);
            if (outcome.success) assertTrue(keccak256(outcome.data) != keccak256(roots), vector.name);
            else assertNamed(outcome.data);
        }
    }

    function test_transition_acceptedVectorsWithSurplusItem_revert() public {
        Accepted[] memory vectors = acceptedVectors();
        bytes memory surplus = WitnessBuilder.leaf(bytes32(type(uint256).max), 1);
        for (uint256 i; i < vectors.length; ++i) {
            Outcome memory outcome = tried(hostsOf(vectors[i].old), bytes.concat(vectors[i].witness, surplus));
            assertFalse(outcome.success, vectors[i].name);
            bytes memory reason = abi.encodeWithSelector(ITransitionEngine.WitnessIncomplete.selector, 2);
            assertEq(outcome.data, reason, vectors[i].name);
        }
    }

    function test_transition_refusedVectors_revertByName() public {
        Refused[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, ".refused", REFUSED), (Refused[]));
        assertGt(vectors.length, 30);
        for (uint256 i; i < vectors.length; ++i) {
            bytes4 expected = selectors[vectors[i].refusedBy];
            assertTrue(expected != 0, vectors[i].refusedBy);
            Outcome memory outcome = tried(hostsOf(vectors[i].old), vectors[i].witness);
            assertFalse(outcome.success, vectors[i].name);
            assertEq(bytes32(selectorOf(outcome.data)), bytes32(expected), vectors[i].name);
        }
    }

    function test_transition_forgedVectors_giveOtherRoots() public {
        Forged[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, ".forged", FORGED), (Forged[]));
        assertGt(vectors.length, 10);
        for (uint256 i; i < vectors.length; ++i) {
            Forged memory vector = vectors[i];
            Outcome memory outcome = tried(hostsOf(vector.old), vector.witness);
            assertTrue(outcome.success, vector.name);
            assertEq(outcome.data, abi.encode(vector.givesOldRoot, vector.givesNewRoot), vector.name);
            assertTrue(vector.oldRoot != vector.givesOldRoot || vector.newRoot != vector.givesNewRoot, vector.name);
        }
    }

    function test_prove_walkedVectors_givePending() public {
        Walked[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, ".walked", WALKED), (Walked[]));
        assertGt(vectors.length, 100);
        for (uint256 i; i < vectors.length; ++i) {
            Walked memory vector = vectors[i];
            bytes memory call_ =
                abi.encodeCall(ITransitionEngine.prove, (vector.before, vector.hashBefore, vector.witness));
            Outcome memory outcome = run(hostsOf(vector.old), call_);
            assertTrue(outcome.success, vector.name);
            assertEq(outcome.data, abi.encode(vector.pending, vector.writesHash), vector.name);
        }
    }

    // --- vectors ---

    function acceptedVectors() private view returns (Accepted[] memory) {
        return abi.decode(vm.parseJsonTypeArray(json, ".accepted", ACCEPTED), (Accepted[]));
    }

    function hostsOf(uint256[2][] memory old) private returns (Hosts memory hosts) {
        hosts = newHosts();
        for (uint256 i; i < old.length; ++i) {
            store(hosts, old[i][0], old[i][1]);
        }
    }

    function tried(Hosts memory hosts, bytes memory whole) private returns (Outcome memory outcome) {
        uint256 before = vm.snapshotState();
        outcome = run(hosts, abi.encodeCall(ITransitionEngine.transition, (whole)));
        vm.revertToStateAndDelete(before);
    }

    function next(uint256 end, uint256 length) private pure returns (uint256) {
        uint256 step = length / 6 + 1;
        return end + 1 < length && end + step >= length ? length - 1 : end + step;
    }
}
