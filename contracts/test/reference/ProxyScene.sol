// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Implementations} from "../../src/Implementations.sol";
import {Level} from "../../src/interfaces/IAnchor.sol";
import {ProxyKind} from "../../src/interfaces/IImplementations.sol";
import {HubTest} from "./HubTest.sol";
import {ReferenceTrie} from "./ReferenceTrie.sol";
import {SampleSource} from "./SampleSource.sol";
import {StateTrie} from "./StateTrie.sol";
import {WitnessBuilder} from "./WitnessBuilder.sol";

/// @notice What a proxy was upgraded to: it tells so, and reads what the one before wrote.
contract SampleUpgrade {
    uint256 private _stored; // slot 0

    function stored() external view returns (uint256) {
        return _stored * 1000;
    }

    function version() external pure returns (uint256) {
        return 2;
    }
}

/// @title ProxyScene
/// @notice A source chain with proxies: any number of accounts, of which tests say what they are, in one state.
/// A contract here has two slots, slot 0 and one that is the proxy's own.
abstract contract ProxyScene is HubTest {
    address internal constant FIRST = address(0x1111); // an implementation
    address internal constant SECOND = address(0x2222); // another one
    address internal constant BEACON = address(0xbeac);

    uint256 internal constant IMPLEMENTATION_SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    uint256 internal constant BEACON_SLOT = 0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50;
    uint256 internal constant PROXIABLE_SLOT = 0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7;
    uint256 internal constant ZEPPELINOS_SLOT = 0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3;

    /// @notice PUSH1 1 SLOAD PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN: a beacon that answers everything with its slot 1.
    bytes internal constant BEACON_CODE = hex"60015460005260206000f3";

    bytes internal proxyCode = hex"36600080376000"; // any: the resolver does not run it
    bytes internal sampleCode = type(SampleSource).runtimeCode;
    bytes internal upgradeCode = type(SampleUpgrade).runtimeCode;

    Implementations internal registry = Implementations(vm.computeCreateAddress(address(hub), 1));

    ReferenceTrie.Entry[] private _accounts;
    address[] private _addresses;

    // --- the source chain ---

    /// @notice The account has this storage and code from now on.
    function put(address who, bytes32 storageRoot, bytes memory itsCode) internal {
        ReferenceTrie.Entry memory entry =
            ReferenceTrie.Entry(StateTrie.keyOf(who), StateTrie.account(1, 0, storageRoot, keccak256(itsCode)));
        for (uint256 i = 0; i < _addresses.length; ++i) {
            if (_addresses[i] == who) {
                _accounts[i] = entry;
                return;
            }
        }
        _addresses.push(who);
        _accounts.push(entry);
    }

    /// @notice There is an implementation with this code at the address.
    function put(address who, bytes memory itsCode) internal {
        put(who, ReferenceTrie.emptyRoot(), itsCode);
    }

    /// @notice The account is not there any more.
    function drop(address who) internal {
        for (uint256 i = 0; i < _addresses.length; ++i) {
            if (_addresses[i] != who) continue;
            uint256 last = _addresses.length - 1;
            (_addresses[i], _accounts[i]) = (_addresses[last], _accounts[last]);
            _addresses.pop();
            _accounts.pop();
            return;
        }
    }

    /// @notice The block of this number, accepted: it has the accounts as they are now.
    function mine(uint64 number) internal returns (bytes32 hash) {
        return mine(number, Level.FINAL);
    }

    function mine(uint64 number, Level level) internal returns (bytes32 hash) {
        bytes32 stateRoot = ReferenceTrie.root(_accounts);
        hash = keccak256(abi.encode(number, stateRoot));
        anchor.setBlock(hash, stateRoot, number, level);
    }

    /// @notice What proves an account's storage and code in the newest block.
    function ascentOf(address who) internal view returns (bytes memory) {
        return StateTrie.ascent(_accounts, StateTrie.keyOf(who), 1, 0);
    }

    /// @notice What proves an account in the newest block, or that it is not there.
    function nodesOf(address who) internal view returns (bytes memory) {
        return ReferenceTrie.proof(_accounts, StateTrie.keyOf(who));
    }

    // --- storage of two slots ---

    function rootOf(uint256 slot, uint256[2] memory values) internal pure returns (bytes32) {
        return ReferenceTrie.storageRoot(_pair(0, slot), _pair(values[0], values[1]));
    }

    function witnessOf(uint256 slot, uint256[2] memory before, uint256[2] memory next)
        internal
        pure
        returns (bytes memory)
    {
        return WitnessBuilder.build(
            _pair(0, slot), _pair(before[0], before[1]), _pair(next[0], next[1]), WitnessBuilder.OPAQUE
        );
    }

    function word(address named) internal pure returns (uint256) {
        return uint160(named);
    }

    function _pair(uint256 one, uint256 other) private pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (one, other);
    }

    // --- replicas ---

    /// @notice A replica of a proxy that resolves, active at a block which is accepted for it. What it names is not supplied.
    function resolving(ProxyKind kind, uint256 slot, uint256[2] memory values) internal returns (address replica) {
        replica = active(SOURCE, proxyCode, registry.resolverHashOf(address(anchor), proxyCode, kind), 10, slot, values);
    }

    /// @notice A replica of any contract of two slots, active at a block of this number.
    function active(
        address source,
        bytes memory itsCode,
        bytes32 logicHash,
        uint64 number,
        uint256 slot,
        uint256[2] memory values
    ) internal returns (address replica) {
        replica = filled(source, itsCode, logicHash, slot, values);
        put(source, rootOf(slot, values), itsCode);
        bytes32 hash = mine(number);
        hub.activate(replica, hash, ascentOf(source), itsCode);
    }

    /// @notice A replica that has its values and is not active yet.
    function filled(address source, bytes memory itsCode, bytes32 logicHash, uint256 slot, uint256[2] memory values)
        internal
        returns (address replica)
    {
        vm.startPrank(creator);
        replica = hub.create(CHAIN, source, address(anchor), keccak256(itsCode), logicHash, firstBlock);
        uint256[2] memory none;
        bytes memory witness = witnessOf(slot, none, values);
        if (witness.length != 0) hub.fill(replica, ReferenceTrie.emptyRoot(), witness);
        vm.stopPrank();
    }

    /// @notice The beacon's replica, active at a block of this number.
    function beaconReplica(uint64 number, address named) internal returns (address replica) {
        bytes32 logicHash = hub.logicHashOf(BEACON_CODE);
        return active(BEACON, BEACON_CODE, logicHash, number, 1, [uint256(0), word(named)]);
    }

    /// @notice Has the source change and the replica follow, in a block of this number.
    function move(
        address replica,
        address source,
        bytes memory itsCode,
        uint64 number,
        uint256 slot,
        uint256[2] memory before,
        uint256[2] memory next
    ) internal returns (bytes32 hash) {
        put(source, rootOf(slot, next), itsCode);
        hash = mine(number);
        bool same = rootOf(slot, before) == rootOf(slot, next);
        hub.sync(replica, hash, ascentOf(source), same ? bytes("") : witnessOf(slot, before, next));
    }

    // --- implementations ---

    /// @notice Puts an implementation onto the source chain, and supplies it at a block of this number.
    function supply(uint64 number, address who, bytes memory itsCode) internal returns (address copy) {
        put(who, itsCode);
        return registry.supply(address(anchor), mine(number), who, nodesOf(who), itsCode);
    }
}
