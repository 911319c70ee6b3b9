// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {IImplementations, ProxyKind} from "../src/interfaces/IImplementations.sol";
import {IReplica} from "../src/interfaces/IReplica.sol";
import {ProxyScene, SampleUpgrade} from "./reference/ProxyScene.sol";
import {Bystander, SampleSource} from "./reference/SampleSource.sol";
import {TestAnchor} from "./reference/TestAnchor.sol";

/// @notice Replicas of proxies, as their readers see them.
contract ResolverTest is ProxyScene {
    uint256[2] private first = [uint256(7), word(FIRST)];
    uint256[2] private second = [uint256(8), word(SECOND)];

    address private replica;
    SampleSource private sample; // the replica, as its readers see it

    function setUp() public {
        replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, first);
        sample = SampleSource(payable(replica));
    }

    // --- refused ---

    function test_read_notSupplied_revertsWithTheImplementation() public {
        _refused(FIRST);
    }

    function test_read_suppliedUnderAnotherAnchor_reverts() public {
        TestAnchor own = anchor;
        anchor = new TestAnchor(CHAIN);
        supply(10, FIRST, sampleCode);
        anchor = own;
        _refused(FIRST);
    }

    function test_read_anotherImplementationSupplied_reverts() public {
        supply(11, SECOND, sampleCode);
        _refused(FIRST);
    }

    function test_read_slotEmpty_revertsWithZero() public {
        supply(11, FIRST, sampleCode);
        move(replica, SOURCE, proxyCode, 12, IMPLEMENTATION_SLOT, first, [uint256(7), 0]);
        _refused(address(0));
    }

    function test_read_afterAnUpgrade_revertsUntilAnyoneSupplies() public {
        supply(11, FIRST, sampleCode);
        assertEq(sample.stored(), 7);
        bytes32 hash = move(replica, SOURCE, proxyCode, 12, IMPLEMENTATION_SLOT, first, second);
        _refused(SECOND);
        put(SECOND, upgradeCode);
        hash = mine(13);
        vm.prank(makeAddr("anybody"));
        registry.supply(address(anchor), hash, SECOND, nodesOf(SECOND), upgradeCode);
        assertEq(sample.stored(), 8000);
        assertEq(SampleUpgrade(replica).version(), 2);
    }

    function test_read_blockOfTheCopyRevoked_reverts() public {
        supply(11, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        anchor.setLevel(recorded, Level.REVOKED);
        _refused(FIRST);
    }

    /// @dev The upgrade was on a branch that the source chain has dropped: back to the code from before.
    function test_read_upgradeOrphaned_isTheOneFromBefore() public {
        supply(11, FIRST, sampleCode);
        bytes32 orphan = move(replica, SOURCE, proxyCode, 12, IMPLEMENTATION_SLOT, first, second);
        supply(12, SECOND, upgradeCode);
        assertEq(sample.stored(), 8000);
        anchor.setLevel(orphan, Level.REVOKED);
        move(replica, SOURCE, proxyCode, 11, IMPLEMENTATION_SLOT, second, first);
        assertEq(sample.stored(), 7);
    }

    function test_read_implementationGone_reverts() public {
        supply(11, FIRST, sampleCode);
        drop(FIRST);
        registry.supply(address(anchor), mine(12), FIRST, nodesOf(FIRST), "");
        _refused(FIRST);
    }

    function test_read_notActivated_revertsNotActive() public {
        supply(11, FIRST, sampleCode);
        creator = makeAddr("another creator");
        bytes32 logicHash = registry.resolverHashOf(address(anchor), proxyCode, ProxyKind.EIP1967);
        address young = filled(SOURCE, proxyCode, logicHash, IMPLEMENTATION_SLOT, first);
        vm.expectRevert(IReplica.NotActive.selector);
        SampleSource(payable(young)).stored();
    }

    function test_activate_resolverOfAnotherAnchor_reverts() public {
        bytes32 logicHash = registry.resolverHashOf(address(new TestAnchor(CHAIN)), proxyCode, ProxyKind.EIP1967);
        creator = makeAddr("another creator");
        address young = filled(SOURCE, proxyCode, logicHash, IMPLEMENTATION_SLOT, first);
        bytes32 hash = mine(11);
        bytes memory proof = ascentOf(SOURCE);
        vm.expectRevert(abi.encodeWithSelector(IHub.LogicHashMismatch.selector, logicHash, hub.logicHashOf(proxyCode)));
        hub.activate(young, hash, proof, proxyCode);
    }

    /// @dev A clone's resolver is made for its code, which the account proof holds the source to.
    function test_activate_cloneOfAnotherImplementation_reverts() public {
        bytes32 logicHash = registry.resolverHashOf(address(anchor), _clone(SECOND), ProxyKind.CLONE);
        bytes memory clone = _clone(FIRST);
        uint256[2] memory values = [uint256(7), 0];
        address young = filled(address(0x51), clone, logicHash, 1, values);
        put(address(0x51), rootOf(1, values), clone);
        bytes32 hash = mine(11);
        bytes memory proof = ascentOf(address(0x51));
        vm.expectRevert(abi.encodeWithSelector(IHub.LogicHashMismatch.selector, logicHash, hub.logicHashOf(clone)));
        hub.activate(young, hash, proof, clone);
    }

    /// @dev An anchor is the affair of those who chose it.
    function test_read_anchorReverts_revertsWithItsReasonAndHarmsNobodyElse() public {
        supply(11, FIRST, sampleCode);
        TestAnchor broken = anchor;
        anchor = new TestAnchor(CHAIN);
        address honest = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, first);
        supply(11, FIRST, sampleCode);
        vm.mockCallRevert(
            address(broken), abi.encodeWithSelector(IAnchor.blockByHash.selector), abi.encodeWithSignature("Broken()")
        );
        (bool success, bytes memory reason) = replica.call(abi.encodeCall(SampleSource.stored, ()));
        assertFalse(success);
        assertEq(reason, abi.encodeWithSignature("Broken()"));
        assertEq(SampleSource(payable(honest)).stored(), 7);
    }

    function test_activate_resolverWithAnyGas_allOrNothingByName() public {
        creator = makeAddr("another creator");
        bytes32 logicHash = registry.resolverHashOf(address(anchor), proxyCode, ProxyKind.EIP1967);
        address young = filled(SOURCE, proxyCode, logicHash, IMPLEMENTATION_SLOT, first);
        bytes32 hash = mine(11);
        bytes memory call = abi.encodeCall(IHub.activate, (young, hash, ascentOf(SOURCE), proxyCode));
        bool success;
        for (uint256 gas_ = 20_000; !success; gas_ += 3_001) {
            bytes memory reason;
            (success, reason) = address(hub).call{gas: gas_}(call);
            if (success) break;
            if (reason.length != 0) assertNamed(reason);
            assertEq(hub.record(young).blockHash, 0);
            assertEq(hub.logicOf(hub.record(young).key).code.length, 0);
        }
        supply(12, FIRST, sampleCode);
        assertEq(SampleSource(payable(young)).stored(), 7);
    }

    // --- read ---

    function test_read_slotsOfEachKind_delegate() public {
        supply(11, FIRST, sampleCode);
        uint256[3] memory slots = [IMPLEMENTATION_SLOT, PROXIABLE_SLOT, ZEPPELINOS_SLOT];
        ProxyKind[3] memory kinds = [ProxyKind.EIP1967, ProxyKind.EIP1822, ProxyKind.ZEPPELINOS];
        for (uint256 i = 0; i < 3; ++i) {
            creator = address(uint160(0xc0 + i));
            assertEq(SampleSource(payable(resolving(kinds[i], slots[i], first))).stored(), 7);
            // No other kind reads that slot.
            creator = address(uint160(0xd0 + i));
            address other = resolving(kinds[(i + 1) % 3], slots[i], first);
            vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, address(0)));
            SampleSource(payable(other)).stored();
        }
    }

    function test_read_clone_delegatesToWhatIsInItsCode() public {
        bytes memory clone = _clone(FIRST);
        bytes32 logicHash = registry.resolverHashOf(address(anchor), clone, ProxyKind.CLONE);
        // Its storage may name something else: that is not what the clone reads.
        address young = active(address(0x51), clone, logicHash, 11, IMPLEMENTATION_SLOT, [uint256(7), word(SECOND)]);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, FIRST));
        SampleSource(payable(young)).stored();
        supply(12, FIRST, sampleCode);
        assertEq(SampleSource(payable(young)).stored(), 7);
    }

    /// @dev As a proxy does: DELEGATECALL takes the lower 160 bits.
    function test_read_wordWithUpperBits_isTheAddressBelow() public {
        supply(11, FIRST, sampleCode);
        uint256[2] memory dirty = [uint256(7), word(FIRST) | (0xdeadbeef << 224)];
        move(replica, SOURCE, proxyCode, 12, IMPLEMENTATION_SLOT, first, dirty);
        assertEq(sample.stored(), 7);
    }

    function test_read_byCallStaticcallAndSender_areTheSame() public {
        supply(11, FIRST, sampleCode);
        bytes memory call = abi.encodeCall(SampleSource.stored, ());
        (bool success, bytes memory answer) = replica.call(call);
        assertTrue(success);
        assertEq(answer, abi.encode(7));
        (success, answer) = replica.staticcall(call);
        assertTrue(success);
        assertEq(answer, abi.encode(7));
        address reader = makeAddr("reader");
        vm.prank(reader, reader); // as an eth_call
        assertEq(sample.sender(), reader);
    }

    function test_read_refusalsByCallAndStaticcall_areTheSame() public {
        bytes memory reason = abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, FIRST);
        bytes memory call = abi.encodeCall(SampleSource.stored, ());
        (bool success, bytes memory answer) = replica.call(call);
        assertFalse(success);
        assertEq(answer, reason);
        (success, answer) = replica.staticcall(call);
        assertFalse(success);
        assertEq(answer, reason);
    }

    function testFuzz_read_anyAnswer_isThatOfTheImplementation(bytes memory data, bool succeeds) public {
        supply(11, FIRST, sampleCode);
        (bool success, bytes memory answer) = replica.call(abi.encodeCall(SampleSource.answer, (data, succeeds)));
        assertEq(success, succeeds);
        assertEq(answer, data);
    }

    function test_read_withValue_reverts() public {
        supply(11, FIRST, sampleCode);
        vm.expectRevert(abi.encodeWithSelector(IReplica.ValueRefused.selector, 1));
        (bool success,) = replica.call{value: 1}("");
        success;
    }

    /// @dev Which of the two it is, is in the key, and so in the address.
    function test_create_plainReplicaOfTheSameSource_isAnother() public {
        address plain = active(SOURCE, proxyCode, hub.logicHashOf(proxyCode), 11, IMPLEMENTATION_SLOT, first);
        assertTrue(plain != replica);
        assertEq(hub.logicOf(hub.record(plain).key).code, proxyCode);
    }

    function test_verify_storageAndRecord_areThoseOfAnyReplica() public view {
        assertEq(vm.load(replica, bytes32(IMPLEMENTATION_SLOT)), bytes32(word(FIRST)));
        assertEq(hub.record(replica).storageRoot, rootOf(IMPLEMENTATION_SLOT, first));
        assertEq(hub.record(replica).key.codeHash, keccak256(proxyCode));
    }

    // --- hostile implementations ---

    function test_read_codeThatWrites_leavesNothing() public {
        supply(11, FIRST, sampleCode);
        Bystander bystander = new Bystander();
        bytes32 before = _fingerprint();
        (uint256 was, uint256 is_) = sample.write(99);
        assertEq(was, 7);
        assertEq(is_, 99);
        sample.writeSlot(IMPLEMENTATION_SLOT, word(SECOND));
        assertEq(sample.touch(bystander), 1);
        assertEq(bystander.count(), 0);
        assertEq(address(sample.create()).code.length, 0);
        sample.writeSlot(5, 1);
        assertEq(sample.transientSlot(5), 0);
        assertEq(_fingerprint(), before);
        assertEq(sample.stored(), 7);
    }

    function test_read_codeThatPays_leavesNothing() public {
        supply(11, FIRST, sampleCode);
        vm.deal(replica, 1 ether);
        address payable thief = payable(makeAddr("thief"));
        assertTrue(sample.pay(thief, 1 ether));
        assertEq(thief.balance, 0);
        assertEq(replica.balance, 1 ether);
    }

    /// @dev All that anybody may do, done by the replica itself: undone with the rest.
    function test_read_codeThatReentersHubRegistryAndReplica_leavesNothing() public {
        supply(11, FIRST, sampleCode);
        put(SOURCE, rootOf(IMPLEMENTATION_SLOT, second), proxyCode);
        put(SECOND, upgradeCode);
        bytes32 hash = mine(12);
        bytes32 before = _fingerprint();
        bytes[2] memory calls = [
            abi.encodeCall(IHub.sync, (replica, hash, ascentOf(SOURCE), witnessOf(IMPLEMENTATION_SLOT, first, second))),
            abi.encodeCall(IImplementations.supply, (address(anchor), hash, SECOND, nodesOf(SECOND), upgradeCode))
        ];
        (bool success,) = sample.forward(address(hub), calls[0]);
        assertTrue(success, "it did sync");
        (success,) = sample.forward(address(registry), calls[1]);
        assertTrue(success, "it did supply");
        bytes memory answer;
        (success, answer) = sample.forward(replica, abi.encodeCall(SampleSource.stored, ()));
        assertTrue(success);
        assertEq(answer, abi.encode(7));
        assertEq(_fingerprint(), before);
        assertEq(registry.copyOf(address(anchor), SECOND), address(0));
        assertEq(sample.stored(), 7);
    }

    function test_read_codeThatDestroysItself_leavesNothing() public {
        supply(11, FIRST, hex"33ff"); // CALLER SELFDESTRUCT
        (bool success,) = replica.call("");
        assertTrue(success);
        assertGt(replica.code.length, 0);
        assertEq(vm.load(replica, 0), bytes32(uint256(7)));
    }

    /// @dev Called by itself it is an ordinary contract, whose slots are empty.
    function test_resolver_calledDirectly_namesNothing() public {
        supply(11, FIRST, sampleCode);
        address resolver = hub.logicOf(hub.record(replica).key);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, address(0)));
        SampleSource(payable(resolver)).stored();
    }

    /// @dev As any logic copy, a copy has a storage of its own.
    function test_copy_calledDirectly_isNotTheReplica() public {
        address copy = supply(11, FIRST, sampleCode);
        SampleSource(payable(copy)).write(99);
        assertEq(sample.stored(), 7);
    }

    function test_read_anyGas_isTheAnswerOrARefusal() public {
        supply(11, FIRST, sampleCode);
        bytes memory call = abi.encodeCall(SampleSource.stored, ());
        bool success;
        for (uint256 gas_ = 1_000; !success; gas_ += 97) {
            bytes memory answer;
            (success, answer) = replica.call{gas: gas_}(call);
            if (success) assertEq(answer, abi.encode(7));
            else if (answer.length != 0) assertNamed(answer);
        }
    }

    // --- parts of tests ---

    function _refused(address implementation) private {
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, implementation));
        sample.stored();
    }

    function _clone(address to) private pure returns (bytes memory) {
        return abi.encodePacked(hex"363d3d373d3d3d363d73", to, hex"5af43d82803e903d91602b57fd5bf3");
    }

    function _fingerprint() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                hub.record(replica),
                vm.load(replica, 0),
                vm.load(replica, bytes32(IMPLEMENTATION_SLOT)),
                vm.load(replica, bytes32(uint256(5))),
                replica.code,
                registry.copyOf(address(anchor), FIRST),
                registry.copyOf(address(anchor), SECOND)
            )
        );
    }
}

/// @notice Code that destroys itself when it is called with data, in the very transaction of its deployment, which here is
/// `setUp` (EIP-6780): a copy of an implementation, and a clone's resolver.
contract ResolverSelfdestructTest is ProxyScene {
    // CALLDATASIZE PUSH1 0b JUMPI | PUSH0 SLOAD PUSH0 MSTORE MSIZE PUSH0 RETURN | JUMPDEST CALLER SELFDESTRUCT
    bytes private constant DESTROYING = hex"36600b575f545f52595ff35b33ff";

    uint256[2] private values = [uint256(7), word(FIRST)];
    bytes private clone = abi.encodePacked(hex"363d3d373d3d3d363d73", SECOND, hex"5af43d82803e903d91602b57fd5bf3");
    address private replica;
    address private copy;
    address private cloned; // the clone's replica
    address private resolver;

    function setUp() public {
        copy = supply(9, SECOND, DESTROYING);
        bytes32 logicHash = registry.resolverHashOf(address(anchor), clone, ProxyKind.CLONE);
        cloned = active(address(0x51), clone, logicHash, 10, 1, values);
        resolver = hub.logicOf(hub.record(cloned).key);
        (bool success,) = resolver.call(hex"01");
        assertTrue(success);
        replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, [uint256(7), word(SECOND)]);
        (success,) = copy.call(hex"01");
        assertTrue(success);
    }

    function test_read_copyDestroyed_revertsByName() public {
        assertEq(copy.code.length, 0, "the attack has worked");
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, SECOND));
        (bool success,) = replica.call("");
        success;
    }

    function test_supply_copyDestroyed_isPutBack() public {
        supply(10, SECOND, DESTROYING);
        assertEq(copy.code, DESTROYING);
        _assertReads(replica);
    }

    function test_restoreLogic_resolverDestroyed_readersAreBack() public {
        supply(10, SECOND, DESTROYING);
        assertEq(resolver.code.length, 0, "the attack has worked");
        vm.expectRevert(IReplica.NotActive.selector);
        (bool success,) = cloned.call("");
        success;
        vm.prank(makeAddr("anybody"));
        hub.restoreLogic(cloned, clone);
        _assertReads(cloned);
    }

    function test_restoreLogic_resolverOfOtherCode_reverts() public {
        bytes32 logicHash = hub.record(cloned).key.logicHash;
        vm.expectRevert(abi.encodeWithSelector(IHub.LogicHashMismatch.selector, logicHash, hub.logicHashOf(proxyCode)));
        hub.restoreLogic(cloned, proxyCode);
    }

    function _assertReads(address of_) private {
        (bool success, bytes memory answer) = of_.call("");
        assertTrue(success);
        assertEq(answer, abi.encode(7));
    }
}
