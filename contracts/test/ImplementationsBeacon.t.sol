// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub, ReplicaStatus} from "../src/interfaces/IHub.sol";
import {IImplementations, ProxyKind} from "../src/interfaces/IImplementations.sol";
import {ProxyScene} from "./reference/ProxyScene.sol";
import {SampleSource} from "./reference/SampleSource.sol";
import {TestAnchor} from "./reference/TestAnchor.sol";

/// @notice Proxies that ask a beacon, whose own replica answers here.
contract ImplementationsBeaconTest is ProxyScene {
    uint256[2] private values = [uint256(7), word(BEACON)];
    uint256[2] private naming = [uint256(0), word(FIRST)];
    uint256[2] private upgraded = [uint256(0), word(SECOND)];

    address private replica; // of the proxy
    address private beacon; // the beacon's replica

    function setUp() public {
        supply(9, FIRST, sampleCode);
        beacon = beaconReplica(10, FIRST);
        replica = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, values);
    }

    // --- nameBeacon ---

    function test_nameBeacon_unknownReplica_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        registry.nameBeacon(address(1));
    }

    function test_nameBeacon_notActive_reverts() public {
        creator = makeAddr("another creator");
        address young = filled(BEACON, BEACON_CODE, hub.logicHashOf(BEACON_CODE), 1, naming);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.FILLING));
        registry.nameBeacon(young);
    }

    function test_nameBeacon_halted_reverts() public {
        _end(beacon, 11);
        vm.expectRevert(abi.encodeWithSelector(IHub.WrongStatus.selector, ReplicaStatus.SOURCE_DESTROYED));
        registry.nameBeacon(beacon);
    }

    /// @dev What a replica that resolves answers depends on more than its own storage.
    function test_nameBeacon_replicaThatResolves_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ReplicaNotPlain.selector, replica));
        registry.nameBeacon(replica);
    }

    /// @dev It would ask whoever stands at that address on this chain.
    function test_nameBeacon_clone_reverts() public {
        address there = address(0xb0b);
        bytes memory clone = abi.encodePacked(hex"363d3d373d3d3d363d73", there, hex"5af43d82803e903d91602b57fd5bf3");
        address named = active(address(0xbead), clone, hub.logicHashOf(clone), 11, 1, naming);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconIsClone.selector, named, there));
        registry.nameBeacon(named);
    }

    function test_nameBeacon_atARevokedBlock_reverts() public {
        bytes32 recorded = hub.record(beacon).blockHash;
        anchor.setLevel(recorded, Level.REVOKED);
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockNotAccepted.selector, recorded, Level.REVOKED));
        registry.nameBeacon(beacon);
    }

    function test_nameBeacon_whereOneAnswers_reverts() public {
        registry.nameBeacon(beacon);
        creator = makeAddr("another creator");
        address other = beaconReplica(11, FIRST);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconAnswered.selector, BEACON, beacon));
        registry.nameBeacon(other);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconAnswered.selector, BEACON, beacon));
        registry.nameBeacon(beacon);
    }

    function test_nameBeacon_byAnyone_answers() public {
        vm.expectEmit(address(registry));
        emit IImplementations.BeaconNamed(address(anchor), BEACON, beacon);
        vm.prank(makeAddr("anybody"));
        registry.nameBeacon(beacon);
        assertEq(registry.beaconReplicaOf(address(anchor), BEACON), beacon);
        assertEq(registry.implementationBehind(address(anchor), BEACON, replica), FIRST);
        assertEq(SampleSource(payable(replica)).stored(), 7);
    }

    function test_nameBeacon_afterTheEndOfTheOneBefore_replacesIt() public {
        registry.nameBeacon(beacon);
        _end(beacon, 11);
        creator = makeAddr("another creator");
        address other = beaconReplica(12, FIRST);
        registry.nameBeacon(other);
        assertEq(registry.beaconReplicaOf(address(anchor), BEACON), other);
        assertEq(SampleSource(payable(replica)).stored(), 7);
    }

    /// @dev Its creator may have set a first block that no way back leads below.
    function test_nameBeacon_whereTheBlockOfTheOneBeforeIsRevoked_replacesIt() public {
        registry.nameBeacon(beacon);
        creator = makeAddr("another creator");
        address other = beaconReplica(11, FIRST);
        anchor.setLevel(hub.record(beacon).blockHash, Level.REVOKED);
        registry.nameBeacon(other);
        assertEq(registry.beaconReplicaOf(address(anchor), BEACON), other);
    }

    // --- read ---

    function test_read_noReplicaNamed_reverts() public {
        _refused(abi.encodeWithSelector(IImplementations.BeaconNotReplicated.selector, BEACON));
    }

    function test_read_beaconOfAnotherAnchor_reverts() public {
        TestAnchor own = anchor;
        anchor = new TestAnchor(CHAIN);
        registry.nameBeacon(beaconReplica(10, FIRST));
        anchor = own;
        _refused(abi.encodeWithSelector(IImplementations.BeaconNotReplicated.selector, BEACON));
    }

    function test_read_beaconEnded_reverts() public {
        registry.nameBeacon(beacon);
        _end(beacon, 11);
        _refused(abi.encodeWithSelector(IImplementations.BeaconNotReplicated.selector, BEACON));
    }

    /// @dev A beacon's upgrade does not show in its proxies' storage: without this a replica at the newest block would answer
    /// with the code from before.
    function test_read_beaconBehind_revertsUntilItIsSynced() public {
        registry.nameBeacon(beacon);
        move(replica, SOURCE, proxyCode, 12, BEACON_SLOT, values, values);
        _refused(abi.encodeWithSelector(IImplementations.BeaconBehind.selector, BEACON, beacon));
        move(beacon, BEACON, BEACON_CODE, 12, 1, naming, naming);
        assertEq(SampleSource(payable(replica)).stored(), 7);
    }

    /// @dev Of one number and yet not one block.
    function test_read_beaconAtARevokedBlock_reverts() public {
        registry.nameBeacon(beacon);
        anchor.setLevel(hub.record(beacon).blockHash, Level.REVOKED);
        _refused(abi.encodeWithSelector(IImplementations.BeaconBehind.selector, BEACON, beacon));
    }

    function test_read_beaconAhead_isReadAllTheSame() public {
        registry.nameBeacon(beacon);
        move(beacon, BEACON, BEACON_CODE, 20, 1, naming, naming);
        assertEq(SampleSource(payable(replica)).stored(), 7);
    }

    /// @dev Both at a block that the source has dropped: as with any replica, the head tells.
    function test_read_bothAtOneRevokedBlock_isReadAllTheSame() public {
        registry.nameBeacon(beacon);
        bytes32 hash = move(beacon, BEACON, BEACON_CODE, 12, 1, naming, naming);
        hub.sync(replica, hash, ascentOf(SOURCE), "");
        anchor.setLevel(hash, Level.REVOKED);
        assertEq(SampleSource(payable(replica)).stored(), 7);
    }

    function test_read_beaconUpgraded_revertsUntilAnyoneSupplies() public {
        registry.nameBeacon(beacon);
        move(beacon, BEACON, BEACON_CODE, 12, 1, naming, upgraded);
        _refused(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, SECOND));
        supply(13, SECOND, upgradeCode);
        assertEq(SampleSource(payable(replica)).stored(), 7000);
    }

    function test_read_beaconNamesNothing_reverts() public {
        registry.nameBeacon(beacon);
        move(beacon, BEACON, BEACON_CODE, 12, 1, naming, [uint256(1), 0]);
        _refused(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, address(0)));
    }

    function test_read_answerThatIsNoAddress_reverts() public {
        registry.nameBeacon(beacon);
        uint256[2] memory large = [uint256(0), uint256(1) << 160];
        move(beacon, BEACON, BEACON_CODE, 12, 1, naming, large);
        _refused(abi.encodeWithSelector(IImplementations.BeaconWithoutAnswer.selector, BEACON, beacon));
    }

    function test_read_beaconsThatDoNotAnswer_revert() public {
        // STOP; 31 bytes; REVERT; INVALID; its own logic gone is the first
        bytes[4] memory codes = [bytes(hex"00"), hex"601f6000f3", hex"60206000fd", hex"fe"];
        for (uint160 i = 0; i < 4; ++i) {
            address source = address(0xbead00 + i);
            address mute = active(source, codes[i], hub.logicHashOf(codes[i]), 11, 1, naming);
            registry.nameBeacon(mute);
            creator = address(0xc0 + i);
            uint256[2] memory asking = [uint256(7), word(source)];
            address proxy = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, asking);
            vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconWithoutAnswer.selector, source, mute));
            SampleSource(payable(proxy)).stored{gas: 3_000_000}();
        }
    }

    /// @dev More than a word is an answer all the same, as it is to a proxy.
    function test_read_answerThatGoesOn_isItsFirstWord() public {
        bytes memory long = hex"6001546000526103e86000f3";
        address source = address(0xbead);
        registry.nameBeacon(active(source, long, hub.logicHashOf(long), 11, 1, naming));
        creator = makeAddr("another creator");
        address proxy = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, [uint256(7), word(source)]);
        assertEq(SampleSource(payable(proxy)).stored(), 7);
    }

    /// @dev A proxy that is its own beacon: its replica does not answer for itself, however it is turned.
    function test_read_beaconIsTheProxyItself_reverts() public {
        uint256[2] memory own = [uint256(7), word(SOURCE)];
        creator = makeAddr("another creator");
        address proxy = resolving(ProxyKind.EIP1967_BEACON, BEACON_SLOT, own);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.ReplicaNotPlain.selector, proxy));
        registry.nameBeacon(proxy);
        vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconNotReplicated.selector, SOURCE));
        SampleSource(payable(proxy)).stored();
    }

    function test_implementationBehind_forNoReplica_reverts() public {
        registry.nameBeacon(beacon);
        vm.expectRevert(abi.encodeWithSelector(IHub.UnknownReplica.selector, address(1)));
        registry.implementationBehind(address(anchor), BEACON, address(1));
    }

    // --- parts of tests ---

    function _refused(bytes memory reason) private {
        vm.expectRevert(reason);
        SampleSource(payable(replica)).stored();
    }

    function _end(address ended, uint64 number) private {
        drop(BEACON);
        bytes32 hash = mine(number);
        hub.halt(ended, hash, nodesOf(BEACON));
    }
}
