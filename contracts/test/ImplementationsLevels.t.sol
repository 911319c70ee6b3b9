// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReaderGuard} from "../src/ReaderGuard.sol";
import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {IImplementations, ProxyKind} from "../src/interfaces/IImplementations.sol";
import {FreshReplica} from "../src/libraries/FreshReplica.sol";
import {ProxyScene} from "./reference/ProxyScene.sol";
import {SampleSource} from "./reference/SampleSource.sol";

/// @notice How final the code is that a proxy's replica answers by, and guards that ask for it.
contract ImplementationsLevelsTest is ProxyScene {
    uint64 private constant AGE = 1 hours;

    uint256[2] private direct = [uint256(7), word(FIRST)];
    uint256[2] private values = [uint256(7), word(BEACON)];
    uint256[2] private naming = [uint256(0), word(FIRST)];
    uint256[2] private upgraded = [uint256(0), word(SECOND)];

    function setUp() public {
        vm.warp(10 * 12 + 60); // source time runs 12 seconds a block
    }

    // --- refused ---

    /// @dev The code of an orphaned branch at the address that the canonical storage names.
    function test_guard_implementationOfASafeBlock_reverts() public {
        address replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct);
        supply(9, FIRST, sampleCode);
        ReaderGuard guard = _guard(replica, Level.FINAL);
        assertEq(_read(guard), 7);
        put(FIRST, upgradeCode);
        registry.supply(address(anchor), mine(12, Level.SAFE), FIRST, nodesOf(FIRST), upgradeCode);
        put(FIRST, sampleCode);
        hub.sync(replica, mine(13), ascentOf(SOURCE), "");
        _refused(guard, _tooLow(replica, Level.SAFE));
        vm.expectRevert(_tooLow(replica, Level.SAFE));
        new ReaderGuard(hub, replica, AGE, Level.FINAL);
        assertEq(_read(_guard(replica, Level.SAFE)), 7000); // who takes SAFE gets it
        registry.supply(address(anchor), mine(14), FIRST, nodesOf(FIRST), "");
        assertEq(_read(guard), 7);
    }

    /// @dev Anybody can bring a beacon's replica to a SAFE block.
    function test_guard_beaconAtASafeBlock_reverts() public {
        supply(9, FIRST, sampleCode);
        supply(9, SECOND, upgradeCode);
        address beacon = beaconReplica(10, FIRST);
        registry.nameBeacon(beacon);
        address replica = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, values);
        ReaderGuard guard = _guard(replica, Level.FINAL);
        assertEq(_read(guard), 7);
        put(BEACON, rootOf(1, upgraded), BEACON_CODE);
        bytes32 safe = mine(11, Level.SAFE);
        hub.sync(beacon, safe, ascentOf(BEACON), witnessOf(1, naming, upgraded));
        _refused(guard, _tooLow(replica, Level.SAFE));
        anchor.setLevel(safe, Level.FINAL);
        assertEq(_read(guard), 7000);
    }

    function test_guard_implementationNotSupplied_revertsAsTheReplicaDoes() public {
        address replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, FIRST));
        new ReaderGuard(hub, replica, AGE, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, FIRST));
        registry.levelBehind(replica);
    }

    function test_levelBehind_noBeacon_revertsAsTheReplicaDoes() public {
        address replica = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, values);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconNotReplicated.selector, BEACON));
        registry.levelBehind(replica);
    }

    function test_levelBehind_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        registry.levelBehind(address(1));
    }

    /// @dev For readers that need no guard: any replica may be asked about.
    function test_requireFreshProxy_implementationOfASafeBlock_reverts() public {
        address plain = beaconReplica(10, FIRST);
        address replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct);
        supply(9, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        this.requireFreshProxy(replica, Level.FINAL);
        this.requireFreshProxy(plain, Level.FINAL);
        anchor.setLevel(recorded, Level.SAFE);
        this.requireFreshProxy(replica, Level.SAFE);
        this.requireFreshProxy(plain, Level.FINAL);
        vm.expectRevert(_tooLow(replica, Level.SAFE));
        this.requireFreshProxy(replica, Level.FINAL);
        anchor.setLevel(hub.record(replica).blockHash, Level.SAFE);
        vm.expectRevert(abi.encodeWithSelector(FreshReplica.LevelTooLow.selector, replica, Level.SAFE, Level.FINAL));
        this.requireFreshProxy(replica, Level.FINAL);
    }

    function requireFreshProxy(address replica, Level min) external view {
        FreshReplica.requireFreshProxy(hub, replica, AGE, min);
    }

    // --- told ---

    function test_levelBehind_plainReplica_isFinal() public {
        assertEq(uint8(registry.levelBehind(beaconReplica(10, FIRST))), uint8(Level.FINAL));
    }

    function test_levelBehind_slotsOfEachKindAndAClone_areTheRecords() public {
        supply(9, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        bytes memory clone = abi.encodePacked(hex"363d3d373d3d3d363d73", FIRST, hex"5af43d82803e903d91602b57fd5bf3");
        bytes32 hash = registry.resolverHashOf(address(anchor), clone, ProxyKind.CLONE);
        address[4] memory replicas = [
            resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct),
            resolving(ProxyKind.EIP1822, PROXIABLE_SLOT, direct),
            resolving(ProxyKind.ZEPPELINOS, ZEPPELINOS_SLOT, direct),
            active(address(0x51), clone, hash, 10, 1, [uint256(7), 0])
        ];
        for (uint256 i = 0; i < replicas.length; ++i) {
            anchor.setLevel(recorded, Level.FINAL);
            assertEq(uint8(registry.levelBehind(replicas[i])), uint8(Level.FINAL));
            anchor.setLevel(recorded, Level.SAFE);
            assertEq(uint8(registry.levelBehind(replicas[i])), uint8(Level.SAFE));
        }
    }

    /// @dev The lower one of the two, whichever it is; and what is revoked is not the highest.
    function test_levelBehind_beacon_isTheLowerOne() public {
        supply(9, FIRST, sampleCode);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        address beacon = beaconReplica(10, FIRST);
        registry.nameBeacon(beacon);
        address replica = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, values);
        bytes32 hash = move(beacon, BEACON, BEACON_CODE, 12, 1, naming, naming);
        hub.sync(replica, hash, ascentOf(SOURCE), "");
        assertEq(uint8(registry.levelBehind(replica)), uint8(Level.FINAL));
        anchor.setLevel(recorded, Level.SAFE);
        assertEq(uint8(registry.levelBehind(replica)), uint8(Level.SAFE));
        anchor.setLevel(recorded, Level.FINAL);
        anchor.setLevel(hash, Level.SAFE);
        assertEq(uint8(registry.levelBehind(replica)), uint8(Level.SAFE));
        anchor.setLevel(hash, Level.REVOKED);
        assertEq(uint8(registry.levelBehind(replica)), uint8(Level.REVOKED));
    }

    /// @dev Only the book is told; an implementation of the same address on the source sees its own caller.
    function test_resolver_askedByAnyoneElse_delegates() public {
        supply(9, FIRST, sampleCode);
        address replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct);
        vm.prank(address(registry));
        (bool success, bytes memory told) = replica.staticcall("");
        assertTrue(success);
        assertEq(told, abi.encode(FIRST, false));
        (, bytes memory answer) = replica.staticcall(abi.encodeCall(SampleSource.stored, ()));
        assertEq(answer, abi.encode(7));
    }

    // --- parts of tests ---

    function _guard(address replica, Level min) private returns (ReaderGuard) {
        return new ReaderGuard(hub, replica, AGE, min);
    }

    function _read(ReaderGuard guard) private view returns (uint256) {
        return SampleSource(payable(address(guard))).stored();
    }

    function _refused(ReaderGuard guard, bytes memory reason) private {
        vm.expectRevert(reason);
        _read(guard);
    }

    function _tooLow(address replica, Level level) private pure returns (bytes memory) {
        return abi.encodeWithSelector(FreshReplica.LevelBehindTooLow.selector, replica, level, Level.FINAL);
    }
}
