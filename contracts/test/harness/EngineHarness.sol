// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITransitionEngine, ITransitionProver} from "../../src/interfaces/ITransitionEngine.sol";
import {TransitionEngine} from "../../src/TransitionEngine.sol";

/// @title EngineHarness
/// @notice Lets the engine work in this contract's own storage, any number of witnesses from the same start, in one call:
/// each runs in a frame that always reverts with its outcome. So nothing stays, and one `eth_call` tries a whole case.
/// @dev No storage variable may ever be declared here: all slots are the test's.
contract EngineHarness {
    /// @notice What one call tries.
    struct Trial {
        bytes32[] slots; // the storage before: these slots ...
        bytes32[] values; // ... have these values
        bytes32[] watched; // the slots whose values afterwards make an outcome's digest
        Attempt[] attempts;
        Claim[] claims;
    }

    /// @notice A witness, done at once and done in parts.
    struct Attempt {
        bytes witness;
        uint256[] cuts; // where the parts end, but for the last
        bytes writes; // what is concluded with
    }

    /// @notice An account proof, and of whom.
    struct Claim {
        address account;
        bytes32 storageRoot;
        bytes32 codeHash;
        bytes accountProof;
    }

    /// @notice What became of it.
    struct Outcome {
        bool applied; // whether the engine returned
        bytes data; // applied: words, see there; else the engine's revert data
    }

    ITransitionEngine public immutable ENGINE = new TransitionEngine();

    /// @notice The engine's functions, in the storage of this contract.
    fallback(bytes calldata input) external returns (bytes memory) {
        (bool success, bytes memory output) = address(ENGINE).delegatecall(input);
        if (success) return output;
        assembly ("memory-safe") {
            revert(add(output, 32), mload(output))
        }
    }

    /// @notice Tries everything, each from the same storage.
    /// @return atOnce Of `transition` for each attempt: old root, new root, digest.
    /// @return inParts Of `prove` for each part, and `conclude`: old root, new root, hash of the writes as proven, the same
    /// as concluded, hash over what `prove` gave for all parts, digest.
    /// @return climbed Of `stateRootOf` for each claim: state root.
    function run(Trial calldata trial)
        external
        returns (Outcome[] memory atOnce, Outcome[] memory inParts, Outcome[] memory climbed)
    {
        store(trial.slots, trial.values);
        atOnce = new Outcome[](trial.attempts.length);
        inParts = new Outcome[](trial.attempts.length);
        for (uint256 i; i < trial.attempts.length; ++i) {
            Attempt calldata attempt = trial.attempts[i];
            bytes memory call = abi.encodeCall(ITransitionEngine.transition, (attempt.witness));
            atOnce[i] = outcomeOf(abi.encodeCall(this.callAndRevert, (call, trial.watched)));
            call = abi.encodeCall(this.walk, (attempt));
            inParts[i] = outcomeOf(abi.encodeCall(this.callAndRevert, (call, trial.watched)));
        }
        climbed = new Outcome[](trial.claims.length);
        for (uint256 i; i < trial.claims.length; ++i) {
            climbed[i] = climb(trial.claims[i]);
        }
    }

    /// @notice The frame that undoes itself: calls this contract and reverts with the ABI encoding of an `Outcome`.
    function callAndRevert(bytes calldata call, bytes32[] calldata watched) external {
        (bool applied, bytes memory data) = address(this).call(call);
        if (applied) data = bytes.concat(data, digest(watched));
        bytes memory outcome = abi.encode(Outcome(applied, data));
        assembly ("memory-safe") {
            revert(add(outcome, 32), mload(outcome))
        }
    }

    /// @notice Proves a witness part by part, and concludes it.
    function walk(Attempt calldata attempt)
        external
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32 proven, bytes32 concluded, bytes32 trace)
    {
        bytes memory pending;
        uint256 start;
        for (uint256 i; i <= attempt.cuts.length; ++i) {
            uint256 end = i < attempt.cuts.length ? attempt.cuts[i] : attempt.witness.length;
            // A STATICCALL: a write would fail.
            (pending, proven) = ITransitionProver(address(this)).prove(pending, proven, attempt.witness[start:end]);
            trace = keccak256(bytes.concat(trace, proven, pending));
            start = end;
        }
        (oldRoot, newRoot, concluded) = ITransitionEngine(address(this)).conclude(pending, attempt.writes);
    }

    /// @notice Tries one account proof.
    function climb(Claim calldata claim) private view returns (Outcome memory) {
        try ITransitionProver(address(ENGINE))
            .stateRootOf(claim.account, claim.storageRoot, claim.codeHash, claim.accountProof) returns (
            bytes32 root
        ) {
            return Outcome(true, abi.encode(root));
        } catch (bytes memory reason) {
            return Outcome(false, reason);
        }
    }

    /// @notice What a frame that undoes itself says.
    function outcomeOf(bytes memory frame) private returns (Outcome memory) {
        (bool success, bytes memory outcome) = address(this).call(frame);
        assert(!success);
        // Out of gas has no outcome; it must not pass for a refusal.
        if (outcome.length == 0) return Outcome(false, "");
        return abi.decode(outcome, (Outcome));
    }

    function store(bytes32[] calldata slots, bytes32[] calldata values) private {
        for (uint256 i; i < slots.length; ++i) {
            bytes32 slot = slots[i];
            bytes32 value = values[i];
            assembly ("memory-safe") {
                sstore(slot, value)
            }
        }
    }

    /// @notice keccak256 of the values of `watched`, one after the other.
    function digest(bytes32[] calldata watched) private view returns (bytes32) {
        bytes32[] memory values = new bytes32[](watched.length);
        for (uint256 i; i < watched.length; ++i) {
            bytes32 slot = watched[i];
            bytes32 value;
            assembly ("memory-safe") {
                value := sload(slot)
            }
            values[i] = value;
        }
        return keccak256(abi.encodePacked(values));
    }
}
