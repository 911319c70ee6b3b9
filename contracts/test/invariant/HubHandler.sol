// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "../../src/interfaces/IAnchor.sol";
import {IHub, ReplicaRecord, ReplicaStatus} from "../../src/interfaces/IHub.sol";
import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "../reference/HubTest.sol";
import {Bystander, SampleSource} from "../reference/SampleSource.sol";
import {TestAnchor} from "../reference/TestAnchor.sol";

/// @title HubHandler
/// @notice Random histories of two anchors and three replicas of one source, driven by honest and hostile callers. For each
/// call it knows beforehand whether it has to succeed, and counts what is not as it should be.
contract HubHandler is HubTest {
    enum Kind {
        LIVE,
        ABSENT,
        OTHER_CODE
    }

    struct Mined {
        Block block_;
        uint256[4] values;
        Kind kind;
    }

    /// @notice Calls that succeeded, by name; a campaign in which one stays at zero has shown nothing.
    mapping(string action => uint256) public succeeded;
    /// @notice A failed call, a read or a call about another replica changed something ("All or nothing", "Read-only").
    uint256 public changedWithoutRight;
    /// @notice Something succeeded that must not: a damaged witness or proof, a block that is not acceptable ("Complete").
    uint256 public wronglyAccepted;
    /// @notice A right that the caller must not have ("No door").
    uint256 public wronglyAllowed;
    /// @notice An honest call was refused ("Recoverable").
    uint256 public wronglyRefused;
    /// @notice Refused without an error that names the cause ("Fail closed").
    uint256 public refusedWithoutName;

    TestAnchor[2] private _anchors;
    address[] private _replicas;
    address[] private _callers;
    Mined[] private _blocks;
    Bystander private _bystander = new Bystander();
    mapping(address replica => uint256[4]) private _values;
    mapping(address replica => uint256) private _filledTo;

    constructor() {
        _anchors = [anchor, new TestAnchor(CHAIN)];
        address second = makeAddr("second creator");
        _callers = [creator, second, makeAddr("stranger"), address(this)];
        _mine(1, [uint256(1), 0, 300, 7], Kind.LIVE, Level.FINAL);
        _replicas.push(created());
        creator = second;
        _replicas.push(created());
        creator = _callers[0];
        anchor = _anchors[1];
        _replicas.push(created());
        _callers.push(_replicas[0]);
        _callers.push(hub.logicOf(keyOfReplica()));
    }

    /// @notice Brings one replica to work; the others are filled when chance has it.
    function start() external {
        this.fill(0, 0, 0);
        this.activate(0, 0, 0, 0);
    }

    // --- what happens on the source chain and at the anchors ---

    function mine(uint256 seed) external {
        if (_blocks.length > 100) return;
        // Most often a block on top of the last one, at times a fork.
        Mined memory parent = seed % 5 == 0 ? _pick(seed >> 8) : _blocks[_blocks.length - 1];
        uint256[4] memory values = parent.values;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            if (dice % 2 == 0) values[i] = dice % 3 == 0 ? 0 : dice >> (dice % 31 * 8);
        }
        Kind kind = (seed >> 8) % 3 == 0 ? Kind((seed >> 16) % 3) : Kind.LIVE;
        uint64 number = parent.block_.number + 1 + uint64((seed >> 24) % 3); // forge-lint: disable-line(unsafe-typecast)
        _mine(number, values, kind, (seed >> 32) % 8 == 0 ? Level.PENDING : Level.SAFE);
    }

    function setLevel(uint256 which, uint256 place, uint256 level) external {
        _anchors[which % 2].setLevel(_pick(place).block_.hash, level % 3 == 0 ? Level((level >> 8) % 5) : Level.FINAL);
    }

    function setStatus(uint256 which, uint256 status) external {
        _anchors[which % 2].setStatus(status % 8 > 0 ? Status.ACTIVE : Status(1 + (status >> 8) % 3));
    }

    // --- what callers do to the hub ---

    function fill(uint256 which, uint256 place, uint256 who) external {
        address replica = _replicas[which % 3];
        ReplicaRecord memory rec = hub.record(replica);
        address caller = who % 2 == 0 ? rec.key.creator : _callers[who % _callers.length];
        uint256[4] memory values = _pick(place).values;
        bytes memory witness = witnessOf(_values[replica], values);
        bool right = caller == rec.key.creator && rec.status == ReplicaStatus.FILLING;
        bytes memory data = abi.encodeCall(IHub.fill, (replica, rec.storageRoot, witness));
        bool success = _call("fill", replica, caller, data, right && witness.length != 0);
        if (success && !right) ++wronglyAllowed;
        if (success) (_values[replica], _filledTo[replica]) = (values, _index(place));
    }

    function activate(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        address replica = _replicas[which % 3];
        Mined memory mined = place % 4 == 0 ? _pick(place) : _blocks[_filledTo[replica]];
        ReplicaRecord memory rec = hub.record(replica);
        bool right = rec.status == ReplicaStatus.FILLING && _acceptable(rec, mined) && mined.kind == Kind.LIVE
            && rec.storageRoot == rootOf(mined.values);
        bytes memory runtime = code;
        if (damage % 8 == 1) (runtime, right) = (_damaged(runtime, damage), false);
        if (damage % 8 == 2) (mined.block_.proof, right) = (_damaged(mined.block_.proof, damage), false);
        bytes memory data = abi.encodeCall(IHub.activate, (replica, mined.block_.hash, mined.block_.proof, runtime));
        _call("activate", replica, _callers[who % _callers.length], data, right);
    }

    function sync(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        address replica = _replicas[which % 3];
        Mined memory mined = _pickKind(place, true);
        ReplicaRecord memory rec = hub.record(replica);
        bytes memory witness = witnessOf(_values[replica], mined.values);
        bool right = rec.status != ReplicaStatus.FILLING && _reachable(rec, mined) && mined.kind == Kind.LIVE;
        if (damage % 8 == 1) (witness, right) = (_damaged(witness, damage), false);
        if (damage % 8 == 2) (mined.block_.proof, right) = (_damaged(mined.block_.proof, damage), false);
        bytes memory data = abi.encodeCall(IHub.sync, (replica, mined.block_.hash, mined.block_.proof, witness));
        if (_call("sync", replica, _callers[who % _callers.length], data, right)) _values[replica] = mined.values;
    }

    function halt(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        address replica = _replicas[which % 3];
        Mined memory mined = _pickKind(place, false);
        ReplicaRecord memory rec = hub.record(replica);
        bool right = rec.status != ReplicaStatus.FILLING && _reachable(rec, mined) && mined.kind != Kind.LIVE;
        if (damage % 8 == 1) (mined.block_.proof, right) = (_damaged(mined.block_.proof, damage), false);
        bytes memory data = abi.encodeCall(IHub.halt, (replica, mined.block_.hash, mined.block_.proof));
        _call("halt", replica, _callers[who % _callers.length], data, right);
    }

    function restoreLogic(uint256 which, uint256 who) external {
        bytes memory data = abi.encodeCall(IHub.restoreLogic, (_replicas[which % 3], code));
        _call("restoreLogic", _replicas[which % 3], _callers[who % _callers.length], data, false);
    }

    // --- what callers do to a replica: nothing of it may stay ---

    function read(uint256 which, uint256 who, uint256 how, uint256 place, uint256 value) external {
        address replica = _replicas[which % 3];
        bytes memory data = abi.encodeCall(SampleSource.stored, ());
        if (how % 7 == 1) data = abi.encodeCall(SampleSource.write, (value));
        if (how % 7 == 2) data = abi.encodeCall(SampleSource.writeSlot, (value % 5, value));
        if (how % 7 == 3) data = abi.encodeCall(SampleSource.touch, (_bystander));
        if (how % 7 == 4) data = _transitionTo(replica, _pick(place));
        if (how % 7 == 5) data = abi.encodeCall(SampleSource.forward, (address(hub), _syncTo(replica, _pick(place))));
        if (how % 7 == 6) data = abi.encodePacked(value, value);
        if (how % 14 > 7) data = abi.encodePacked(keccak256("smartsync.replica.inner"), data);
        bytes32 before = fingerprintOfAll();
        vm.prank(_callers[who % _callers.length]);
        (bool success, bytes memory answer) = replica.call(data);
        if (fingerprintOfAll() != before || _bystander.count() != 0) ++changedWithoutRight;
        if (!success) return;
        ++succeeded["read"];
        if (how % 7 == 0 && abi.decode(answer, (uint256)) != _values[replica][0]) ++changedWithoutRight;
        if (hub.record(replica).status == ReplicaStatus.FILLING) ++wronglyAllowed;
    }

    // --- for the invariants ---

    function replicas() external view returns (address[] memory) {
        return _replicas;
    }

    /// @notice What the source was at the recorded block of a replica.
    function sourceAt(bytes32 blockHash)
        external
        view
        returns (uint256[4] memory values, bytes32 storageRoot, Kind kind)
    {
        for (uint256 i = 0; i < _blocks.length; ++i) {
            if (_blocks[i].block_.hash == blockHash) {
                return (_blocks[i].values, rootOf(_blocks[i].values), _blocks[i].kind);
            }
        }
        revert("no such block");
    }

    function recordOf(address replica) external view returns (ReplicaRecord memory) {
        return hub.record(replica);
    }

    function rootOfValues(uint256[4] memory values) external pure returns (bytes32) {
        return rootOf(values);
    }

    /// @notice What was last applied to a replica.
    function valuesOf(address replica) external view returns (uint256[4] memory) {
        return _values[replica];
    }

    /// @notice Tries every block that the replica's anchor accepts, from where the replica is now: a lower one after its
    /// recorded block has been revoked. Returns how many could not be reached.
    function unreachable(address replica) external returns (uint256 count) {
        ReplicaRecord memory rec = hub.record(replica);
        TestAnchor its = TestAnchor(rec.key.anchor);
        its.setStatus(Status.ACTIVE);
        for (uint256 i = 0; i < _blocks.length; ++i) {
            Mined memory mined = _blocks[i];
            if (mined.kind != Kind.LIVE || mined.block_.hash == rec.blockHash || !_acceptable(rec, mined)) continue;
            uint256 snapshot = vm.snapshotState();
            if (mined.block_.number <= rec.number) its.setLevel(rec.blockHash, Level.REVOKED);
            if (rec.haltHash != 0 && mined.block_.number <= rec.haltNumber) its.setLevel(rec.haltHash, Level.REVOKED);
            (bool success,) = address(hub).call(_syncTo(replica, mined));
            if (!success || hub.record(replica).storageRoot != rootOf(mined.values)) ++count;
            vm.revertToState(snapshot);
        }
    }

    function fingerprintOfAll() public view returns (bytes32) {
        return keccak256(abi.encode(fingerprint(_replicas[0]), fingerprint(_replicas[1]), fingerprint(_replicas[2])));
    }

    // --- parts ---

    /// @dev Calls the hub about one replica, and holds the outcome to what it has to be.
    function _call(string memory action, address replica, address caller, bytes memory data, bool right)
        private
        returns (bool success)
    {
        bytes32 before = fingerprintOfAll();
        bytes32 others = _fingerprintOfOthers(replica);
        bytes memory reason;
        vm.prank(caller);
        (success, reason) = address(hub).call(data);
        if (_fingerprintOfOthers(replica) != others) ++changedWithoutRight;
        if (success && !right) ++wronglyAccepted;
        if (!success && right) ++wronglyRefused;
        if (success) {
            ++succeeded[action];
            return true;
        }
        if (fingerprintOfAll() != before) ++changedWithoutRight;
        bytes4 name = bytes4(reason); // forge-lint: disable-line(unsafe-typecast)
        bool isNamed = reason.length >= 4 && name != bytes4(keccak256("Panic(uint256)"))
            && name != bytes4(keccak256("Error(string)"));
        if (!isNamed) ++refusedWithoutName;
    }

    function _fingerprintOfOthers(address replica) private view returns (bytes32 digest) {
        for (uint256 i = 0; i < 3; ++i) {
            if (_replicas[i] != replica) digest = keccak256(abi.encode(digest, fingerprint(_replicas[i])));
        }
    }

    function _acceptable(ReplicaRecord memory rec, Mined memory mined) private view returns (bool) {
        TestAnchor its = TestAnchor(rec.key.anchor);
        (Status status,) = its.status();
        Level level = its.blockByHash(mined.block_.hash).level;
        return status == Status.ACTIVE && (level == Level.SAFE || level == Level.FINAL);
    }

    function _reachable(ReplicaRecord memory rec, Mined memory mined) private view returns (bool) {
        uint64 number = mined.block_.number;
        bool isHalted = rec.haltHash != 0;
        if (isHalted && number <= rec.haltNumber && !_isRevoked(rec, rec.haltHash)) return false;
        bool isNewer = number > rec.number || (isHalted && mined.block_.hash == rec.blockHash);
        return _acceptable(rec, mined) && (isNewer || _isRevoked(rec, rec.blockHash));
    }

    function _isRevoked(ReplicaRecord memory rec, bytes32 hash) private view returns (bool) {
        return TestAnchor(rec.key.anchor).blockByHash(hash).level == Level.REVOKED;
    }

    function _mine(uint64 number, uint256[4] memory values, Kind kind, Level level) private {
        Mined memory mined = Mined(Block(0, 0, 0, ""), values, kind);
        anchor = _anchors[0];
        if (kind == Kind.ABSENT) {
            mined.block_ = absentBlock(number);
        } else {
            mined.block_ = presentBlock(number, values, kind == Kind.LIVE ? keccak256(code) : keccak256("other"), level);
        }
        for (uint256 i = 0; i < _blocks.length; ++i) {
            if (_blocks[i].block_.hash == mined.block_.hash) return; // the same block twice
        }
        _anchors[1].setBlock(
            mined.block_.hash, mined.block_.stateRoot, number, number % 8 == 0 ? Level.UNKNOWN : Level.FINAL
        );
        _blocks.push(mined);
    }

    /// @dev Half of the time one of the last three blocks.
    function _index(uint256 place) private view returns (uint256) {
        uint256 count = _blocks.length;
        return place % 2 == 0 || count < 3 ? (place / 2) % count : count - 1 - (place / 2) % 3;
    }

    function _pick(uint256 place) private view returns (Mined memory) {
        return _blocks[_index(place)];
    }

    /// @dev Most of the time one that suits: in which the source is what it was, or is not.
    function _pickKind(uint256 place, bool isLive) private view returns (Mined memory mined) {
        mined = _pick(place);
        for (uint256 i = 1; i < 4 && (mined.kind == Kind.LIVE) != isLive; ++i) {
            mined = _pick((place >> 8) + i);
        }
    }

    function _syncTo(address replica, Mined memory to) private view returns (bytes memory) {
        bytes memory witness = witnessOf(_values[replica], to.values);
        return abi.encodeCall(IHub.sync, (replica, to.block_.hash, to.block_.proof, witness));
    }

    function _transitionTo(address replica, Mined memory to) private view returns (bytes memory) {
        return abi.encodeCall(ITransitionEngine.transition, (witnessOf(_values[replica], to.values)));
    }

    /// @dev One byte changed, or one more.
    function _damaged(bytes memory data, uint256 seed) private pure returns (bytes memory) {
        bytes1 bits = bytes1(uint8(1 + (seed >> 8) % 255)); // forge-lint: disable-line(unsafe-typecast)
        if (data.length == 0 || seed % 5 == 0) return bytes.concat(data, bits);
        data[(seed >> 16) % data.length] ^= bits;
        return data;
    }
}
