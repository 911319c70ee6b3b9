// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Implementations} from "../src/Implementations.sol";
import {IAnchor, Level, SrcBlock, Status} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {IImplementations, ProxyKind} from "../src/interfaces/IImplementations.sol";
import {LogicCopy} from "../src/libraries/LogicCopy.sol";
import {TrieProof} from "../src/libraries/TrieProof.sol";
import {ProxyScene} from "./reference/ProxyScene.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {TestAnchor} from "./reference/TestAnchor.sol";

/// @notice `supply` and `copyOf`: what is refused, then what is kept.
contract ImplementationsTest is ProxyScene {
    // --- the block ---

    function test_supply_blockThatTheAnchorDoesNotAccept_reverts() public {
        Level[3] memory levels = [Level.UNKNOWN, Level.PENDING, Level.REVOKED];
        for (uint256 i = 0; i < levels.length; ++i) {
            put(FIRST, sampleCode);
            bytes32 hash = mine(10, levels[i]);
            _refused(hash, sampleCode, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, hash, levels[i]));
        }
    }

    function test_supply_blockZero_reverts() public {
        put(FIRST, sampleCode);
        mine(10);
        anchor.setBlock(0, ReferenceTrie.emptyRoot(), 10, Level.FINAL);
        _refused(0, sampleCode, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, 0, Level.UNKNOWN));
    }

    function test_supply_anchorStopped_reverts() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        Status[3] memory states = [Status.PAUSED, Status.EXPIRED, Status.FROZEN];
        for (uint256 i = 0; i < states.length; ++i) {
            anchor.setStatus(states[i]);
            _refused(hash, sampleCode, abi.encodeWithSelector(IHub.AnchorNotActive.selector, states[i]));
        }
    }

    function test_supply_anchorThatIsNone_reverts() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotAnAnchor.selector, address(1)));
        registry.supply(address(1), hash, FIRST, nodesOf(FIRST), sampleCode);
    }

    function test_supply_blockOfAnotherAnchor_reverts() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        anchor = new TestAnchor(CHAIN);
        _refused(hash, sampleCode, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, hash, Level.UNKNOWN));
    }

    function test_supply_olderBlock_reverts() public {
        supply(10, FIRST, sampleCode);
        put(FIRST, upgradeCode);
        bytes32 hash = mine(9);
        _refused(hash, upgradeCode, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, 9));
    }

    function test_supply_anotherBlockOfTheSameNumber_reverts() public {
        supply(10, FIRST, sampleCode);
        put(FIRST, upgradeCode);
        bytes32 hash = mine(10);
        _refused(hash, upgradeCode, abi.encodeWithSelector(IHub.BlockNotNewer.selector, 10, 10));
    }

    function test_supply_anchorHasForgottenTheRecordedBlock_reverts() public {
        supply(10, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        bytes32 hash = mine(11);
        anchor.setLevel(recorded, Level.UNKNOWN);
        _refused(hash, sampleCode, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, recorded, Level.UNKNOWN));
    }

    function test_supply_anchorAnswersForAnotherBlock_reverts() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        SrcBlock memory other = anchor.blockByHash(hash);
        other.blockHash = keccak256("other");
        vm.mockCall(
            address(anchor), abi.encodeCall(IAnchor.step, (0, hash)), abi.encode(Status.ACTIVE, 0, Level.UNKNOWN, other)
        );
        _refused(hash, sampleCode, abi.encodeWithSelector(IHub.BlockNotAccepted.selector, hash, Level.UNKNOWN));
    }

    // --- the proof ---

    function test_supply_proofOfAnotherAccount_reverts() public {
        put(FIRST, sampleCode);
        put(SECOND, sampleCode);
        bytes32 hash = mine(10);
        bytes memory proof = nodesOf(SECOND);
        vm.expectRevert();
        registry.supply(address(anchor), hash, FIRST, proof, sampleCode);
    }

    function test_supply_proofOfAnotherBlock_reverts() public {
        put(FIRST, sampleCode);
        mine(10);
        bytes memory proof = nodesOf(FIRST);
        put(SECOND, sampleCode);
        bytes32 hash = mine(11);
        (bool success, bytes memory reason) = address(registry)
            .call(abi.encodeCall(IImplementations.supply, (address(anchor), hash, FIRST, proof, sampleCode)));
        assertFalse(success);
        assertNamed(reason);
    }

    function testFuzz_supply_proofWithAByteChanged_reverts(uint256 index, uint8 flip) public {
        put(FIRST, sampleCode);
        put(SECOND, upgradeCode);
        bytes32 hash = mine(10);
        bytes memory proof = nodesOf(FIRST);
        proof[bound(index, 0, proof.length - 1)] ^= bytes1(uint8(bound(flip, 1, 255)));
        (bool success, bytes memory reason) = address(registry)
            .call(abi.encodeCall(IImplementations.supply, (address(anchor), hash, FIRST, proof, sampleCode)));
        assertFalse(success);
        assertNamed(reason);
        _assertUnknown(FIRST);
    }

    function test_supply_noProof_reverts() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        vm.expectPartialRevert(TrieProof.ProofTruncated.selector);
        registry.supply(address(anchor), hash, FIRST, "", sampleCode);
    }

    // --- the code ---

    function test_supply_otherCode_reverts() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        _refused(
            hash,
            upgradeCode,
            abi.encodeWithSelector(IHub.CodeMismatch.selector, keccak256(sampleCode), keccak256(upgradeCode))
        );
    }

    function test_supply_codeOfNoAccount_reverts() public {
        put(SECOND, sampleCode);
        put(address(3), sampleCode);
        bytes32 hash = mine(10);
        _refused(
            hash, sampleCode, abi.encodeWithSelector(IHub.CodeMismatch.selector, keccak256(""), keccak256(sampleCode))
        );
    }

    /// @dev As an account that delegates has (EIP-7702).
    function test_supply_codeThatNoCreationGives_reverts() public {
        bytes memory delegation = abi.encodePacked(hex"ef0100", address(7));
        put(FIRST, delegation);
        bytes32 hash = mine(10);
        _refused(hash, delegation, abi.encodeWithSelector(IHub.CodeNotDeployable.selector, 23));
    }

    function test_supply_codeTooLarge_reverts() public {
        bytes memory large = new bytes(LogicCopy.MAX_SIZE + 1);
        put(FIRST, large);
        bytes32 hash = mine(10);
        _refused(hash, large, abi.encodeWithSelector(IHub.CodeNotDeployable.selector, large.length));
    }

    /// @dev Its copy would delegate to an address where anybody may have put anything here.
    function test_supply_codeOfAClone_reverts() public {
        bytes[4] memory clones = [
            abi.encodePacked(hex"363d3d373d3d3d363d73", SECOND, hex"5af43d82803e903d91602b57fd5bf3"),
            abi.encodePacked(hex"3d3d3d3d363d3d37363d73", SECOND, hex"5af43d3d93803e602a57fd5bf3"),
            abi.encodePacked(hex"365f5f375f5f365f73", SECOND, hex"5af43d5f5f3e5f3d91602a57fd5bf3"),
            abi.encodePacked(hex"5f5f365f5f37365f73", SECOND, hex"5af43d5f5f3e6029573d5ffd5b3d5ff3")
        ];
        for (uint256 i = 0; i < clones.length; ++i) {
            put(FIRST, clones[i]);
            _refused(
                mine(10), clones[i], abi.encodeWithSelector(IImplementations.ImplementationIsClone.selector, SECOND)
            );
        }
    }

    /// @dev On source chains without EIP-6780 an implementation can become one: then there is no copy any more.
    function test_supply_clonesCodeWithoutGivingIt_endsTheCopy() public {
        supply(10, FIRST, sampleCode);
        put(FIRST, abi.encodePacked(hex"363d3d373d3d3d363d73", SECOND, hex"5af43d82803e903d91602b57fd5bf3"));
        assertEq(registry.supply(address(anchor), mine(11), FIRST, nodesOf(FIRST), ""), address(0));
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
    }

    function test_supply_largestCode_isCopied() public {
        bytes memory large = new bytes(LogicCopy.MAX_SIZE);
        assertEq(supply(10, FIRST, large).code, large);
    }

    // --- what is kept ---

    function test_supply_byAnyone_isCopiedByteForByte() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10, Level.SAFE);
        bytes memory proof = nodesOf(FIRST);
        address copy = _copyAddress(sampleCode);
        vm.expectEmit(address(registry));
        emit IImplementations.ImplementationSupplied(address(anchor), FIRST, hash, keccak256(sampleCode), copy);
        vm.prank(makeAddr("anybody"));
        assertEq(registry.supply(address(anchor), hash, FIRST, proof, sampleCode), copy);
        assertEq(copy.code, sampleCode);
        assertEq(registry.copyOf(address(anchor), FIRST), copy);
        assertEq(registry.requireCopy(address(anchor), FIRST), copy);
        (address deployed, bytes32 proven) = registry.supplied(address(anchor), FIRST);
        assertEq(deployed, copy);
        assertEq(proven, hash);
    }

    function test_copyOf_neverSupplied_isNone() public {
        _assertUnknown(FIRST);
        supply(10, FIRST, sampleCode);
        _assertUnknown(SECOND);
        _assertUnknown(address(0));
    }

    /// @dev An anchor is the affair of those who chose it: one that accepts anything has its own copies.
    function test_copyOf_underAnotherAnchor_isNone() public {
        supply(10, FIRST, sampleCode);
        TestAnchor other = new TestAnchor(CHAIN);
        assertEq(registry.copyOf(address(other), FIRST), address(0));
        TestAnchor honest = anchor;
        anchor = other;
        address lie = supply(99, FIRST, upgradeCode);
        assertEq(registry.copyOf(address(other), FIRST), lie);
        assertEq(registry.copyOf(address(honest), FIRST).code, sampleCode);
    }

    function test_supply_sameCodeElsewhere_isOneCopy() public {
        address copy = supply(10, FIRST, sampleCode);
        assertEq(supply(11, SECOND, sampleCode), copy);
        anchor = new TestAnchor(CHAIN);
        assertEq(supply(5, FIRST, sampleCode), copy);
    }

    function test_supply_sameCodeAtANewerBlock_movesTheBlock() public {
        address copy = supply(10, FIRST, sampleCode);
        bytes32 hash = mine(11);
        assertEq(registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), sampleCode), copy);
        (, bytes32 proven) = registry.supplied(address(anchor), FIRST);
        assertEq(proven, hash);
    }

    /// @dev The code is dear in calldata, and it is here.
    function test_supply_codeThatIsHereWithoutGivingIt_isFound() public {
        address copy = supply(10, FIRST, sampleCode);
        put(SECOND, sampleCode);
        assertEq(registry.supply(address(anchor), mine(11), SECOND, nodesOf(SECOND), ""), copy);
        assertEq(registry.copyOf(address(anchor), SECOND), copy);
    }

    function test_supply_sameBlockAgain_changesNothing() public {
        address copy = supply(10, FIRST, sampleCode);
        assertEq(supply(10, FIRST, sampleCode), copy);
    }

    /// @dev Else anybody could move a record onto a block that an ordinary reorganisation revokes.
    function test_supply_sameCodeAtASafeBlock_leavesTheFinalOne() public {
        address copy = supply(10, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        bytes32 safe = mine(20, Level.SAFE);
        assertEq(registry.supply(address(anchor), safe, FIRST, nodesOf(FIRST), ""), copy);
        assertEq(registry.supply(address(anchor), safe, FIRST, nodesOf(FIRST), sampleCode), copy);
        (, bytes32 proven) = registry.supplied(address(anchor), FIRST);
        assertEq(proven, recorded);
        anchor.setLevel(safe, Level.REVOKED);
        assertEq(registry.copyOf(address(anchor), FIRST), copy);
    }

    function test_supply_sameCodeAtASafeBlock_replacesARevokedOneAndASafeOne() public {
        supply(10, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        anchor.setLevel(recorded, Level.REVOKED);
        for (uint64 number = 11; number < 13; ++number) {
            bytes32 safe = mine(number, Level.SAFE);
            registry.supply(address(anchor), safe, FIRST, nodesOf(FIRST), "");
            (, bytes32 proven) = registry.supplied(address(anchor), FIRST);
            assertEq(proven, safe);
        }
    }

    /// @dev It is the newest that is known, and what a FINAL reader is told by `levelBehind`.
    function test_supply_otherCodeAtASafeBlock_replacesTheFinalOne() public {
        supply(10, FIRST, sampleCode);
        put(FIRST, upgradeCode);
        bytes32 safe = mine(20, Level.SAFE);
        registry.supply(address(anchor), safe, FIRST, nodesOf(FIRST), upgradeCode);
        (, bytes32 proven) = registry.supplied(address(anchor), FIRST);
        assertEq(proven, safe);
        assertEq(registry.copyOf(address(anchor), FIRST).code, upgradeCode);
    }

    /// @dev On source chains without EIP-6780.
    function test_supply_otherCodeAtANewerBlock_replacesTheCopy() public {
        address copy = supply(10, FIRST, sampleCode);
        address next = supply(11, FIRST, upgradeCode);
        assertTrue(next != copy);
        assertEq(registry.copyOf(address(anchor), FIRST), next);
    }

    function test_supply_otherCodeWithoutGivingIt_endsTheCopyUntilItIsGiven() public {
        supply(10, FIRST, sampleCode);
        put(FIRST, upgradeCode);
        bytes32 hash = mine(11);
        assertEq(registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), ""), address(0));
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
        registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), upgradeCode);
        assertEq(registry.copyOf(address(anchor), FIRST).code, upgradeCode);
    }

    function test_supply_implementationGone_endsTheCopyForGood() public {
        supply(10, FIRST, sampleCode);
        put(SECOND, upgradeCode);
        put(address(3), upgradeCode);
        bytes32 alive = mine(11);
        bytes memory proof = nodesOf(FIRST);
        drop(FIRST);
        bytes32 hash = mine(12);
        registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), "");
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockNotNewer.selector, 12, 11));
        registry.supply(address(anchor), alive, FIRST, proof, sampleCode);
    }

    /// @dev An account without code has the hash of nothing.
    function test_supply_accountWithoutCode_endsTheCopy() public {
        supply(10, FIRST, sampleCode);
        supply(11, FIRST, "");
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, FIRST));
        registry.requireCopy(address(anchor), FIRST);
    }

    // --- what is revoked ---

    function test_copyOf_blockRevoked_isNoneUntilProvenAtAnother() public {
        address copy = supply(10, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        anchor.setLevel(recorded, Level.REVOKED);
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
        put(SECOND, upgradeCode);
        bytes32 hash = mine(9); // also an older one
        assertEq(registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), ""), copy);
        assertEq(registry.copyOf(address(anchor), FIRST), copy);
    }

    function test_copyOf_levelsThatAreNone_isNone() public {
        supply(10, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        anchor.setLevel(recorded, Level.UNKNOWN);
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
        anchor.setLevel(recorded, Level.PENDING);
        assertEq(registry.copyOf(address(anchor), FIRST), address(0));
        anchor.setLevel(recorded, Level.SAFE);
        assertTrue(registry.copyOf(address(anchor), FIRST) != address(0));
    }

    /// @dev As a replica, which can be read then too.
    function test_copyOf_anchorStopped_staysUsable() public {
        address copy = supply(10, FIRST, sampleCode);
        anchor.setStatus(Status.FROZEN);
        assertEq(registry.copyOf(address(anchor), FIRST), copy);
    }

    // --- any history ---

    /// @dev What a model of the rules says of one implementation: of which code it has a copy, and by which block.
    struct Model {
        bytes32 recorded;
        uint64 number;
        bytes copied; // the code that its copy has; empty where it has none
        bool isRevoked;
        bool[3] isHere; // of which codes there is a copy
    }

    Model private model;

    /// @dev Blocks of any number come in any order, with the implementation's code changed, gone or the same, with the code given
    /// or not; blocks are revoked and come back. There is a copy where the model has one, of the code that this has.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_supply_anyHistory_isTheModels(uint256[24] memory steps) public {
        bytes[3] memory codes = [bytes(""), sampleCode, upgradeCode];
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 step = steps[i];
            if (step % 5 == 0 && model.recorded != 0) {
                anchor.setLevel(model.recorded, Level.REVOKED);
                model.isRevoked = true;
            } else {
                uint256 which = (step >> 8) % 3;
                bool isGiven = (step >> 16) % 2 == 0;
                // forge-lint: disable-next-line(unsafe-typecast)
                _offer(uint64(1 + (step >> 24) % 6), codes[which], which, isGiven);
            }
            bytes memory expected = model.isRevoked ? bytes("") : model.copied;
            assertEq(registry.copyOf(address(anchor), FIRST).code, expected);
        }
    }

    function _offer(uint64 number, bytes memory its, uint256 which, bool isGiven) private {
        if (which == 0) drop(FIRST);
        else put(FIRST, its);
        put(SECOND, proxyCode);
        bytes32 hash = mine(number);
        if (hash == model.recorded) model.isRevoked = false; // it stands again
        bool mayBe = model.recorded == 0 || hash == model.recorded || model.isRevoked || number > model.number;
        bytes memory call = abi.encodeCall(
            IImplementations.supply, (address(anchor), hash, FIRST, nodesOf(FIRST), isGiven ? its : bytes(""))
        );
        (bool success, bytes memory reason) = address(registry).call(call);
        assertEq(success, mayBe);
        if (!success) {
            assertEq(reason, abi.encodeWithSelector(IHub.BlockNotNewer.selector, model.number, number));
            return;
        }
        if (isGiven && which != 0) model.isHere[which] = true;
        (model.recorded, model.number, model.isRevoked) = (hash, number, false);
        model.copied = model.isHere[which] ? its : bytes("");
    }

    // --- gas ---

    function test_supply_anyGas_allOrNothingByName() public {
        put(FIRST, sampleCode);
        bytes32 hash = mine(10);
        bytes memory call =
            abi.encodeCall(IImplementations.supply, (address(anchor), hash, FIRST, nodesOf(FIRST), sampleCode));
        bool success;
        for (uint256 gas_ = 60_000; !success; gas_ += 10_001) {
            bytes memory reason;
            (success, reason) = address(registry).call{gas: gas_}(call);
            if (success) break;
            if (reason.length != 0) assertNamed(reason);
            _assertUnknown(FIRST);
        }
        assertEq(registry.copyOf(address(anchor), FIRST).code, sampleCode);
    }

    // --- resolvers ---

    function test_resolverHashOf_kindsAndAnchors_areAllDifferent() public {
        bytes memory clone = abi.encodePacked(hex"363d3d373d3d3d363d73", FIRST, hex"5af43d82803e903d91602b57fd5bf3");
        bytes32[] memory hashes = new bytes32[](6);
        for (uint8 kind = 1; kind <= uint8(type(ProxyKind).max); ++kind) {
            hashes[kind - 1] = registry.resolverHashOf(address(anchor), clone, ProxyKind(kind));
            assertEq(uint8(registry.kindOf(address(anchor), clone, hashes[kind - 1])), kind);
            for (uint8 other = 0; other < kind - 1; ++other) {
                assertTrue(hashes[other] != hashes[kind - 1]);
            }
            assertEq(uint8(registry.kindOf(address(hub), clone, hashes[kind - 1])), 0);
        }
        assertEq(uint8(registry.kindOf(address(anchor), "", hashes[0])), 0);
        assertEq(uint8(registry.kindOf(address(anchor), "", hashes[1])), uint8(ProxyKind.EIP1967));
        assertEq(uint8(registry.kindOf(address(anchor), clone, hub.logicHashOf(clone))), 0);
    }

    function test_resolverHashOf_ofNoKind_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IImplementations.NotOfThatKind.selector, ProxyKind.NONE));
        registry.resolverHashOf(address(anchor), proxyCode, ProxyKind.NONE);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.NotOfThatKind.selector, ProxyKind.CLONE));
        registry.resolverHashOf(address(anchor), proxyCode, ProxyKind.CLONE);
    }

    function test_resolverCreation_ofNoResolver_isEmpty() public view {
        assertEq(registry.resolverCreation(address(anchor), proxyCode, keccak256("")), "");
        assertEq(registry.resolverCreation(address(anchor), proxyCode, hub.logicHashOf(proxyCode)), "");
        assertEq(uint8(registry.kindOf(address(anchor), proxyCode, keccak256(""))), 0);
    }

    // --- parts of tests ---

    function _refused(bytes32 hash, bytes memory code_, bytes memory reason) private {
        (address copyBefore, bytes32 blockBefore) = registry.supplied(address(anchor), FIRST);
        bytes memory proof = nodesOf(FIRST);
        vm.expectRevert(reason);
        registry.supply(address(anchor), hash, FIRST, proof, code_);
        (address copy, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        assertEq(copy, copyBefore);
        assertEq(recorded, blockBefore);
    }

    function _assertUnknown(address implementation) private view {
        assertEq(registry.copyOf(address(anchor), implementation), address(0));
        (address copy, bytes32 recorded) = registry.supplied(address(anchor), implementation);
        assertEq(copy, address(0));
        assertEq(recorded, 0);
    }

    function _copyAddress(bytes memory code_) private view returns (address) {
        return LogicCopy.addressOf(address(registry), 0, hub.logicHashOf(code_));
    }
}
