// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Level, Status} from "../../src/interfaces/IAnchor.sol";
import {IHub, ReplicaRecord, ReplicaStatus} from "../../src/interfaces/IHub.sol";
import {IHubsReplica} from "../../src/interfaces/IReplica.sol";
import {ITransitionEngine} from "../../src/interfaces/ITransitionEngine.sol";
import {HubTest} from "../reference/HubTest.sol";
import {Bystander, SampleSource} from "../reference/SampleSource.sol";
import {TestAnchor} from "../reference/TestAnchor.sol";
import {WitnessBuilder} from "../reference/WitnessBuilder.sol";
import {WitnessParts} from "../reference/WitnessParts.sol";

/// @title HubHandler
/// @notice Random histories of two anchors and three replicas of one source, driven by honest and hostile callers. For each
/// call it knows beforehand whether it has to succeed, and counts what is not as it should be.
contract HubHandler is HubTest {
    enum Kind {
        LIVE,
        ABSENT,
        OTHER_CODE
    }

    enum Due {
        REFUSED,
        ACCEPTED,
        EITHER
    }

    struct Mined {
        Block block_;
        uint256[4] values;
        Kind kind;
    }

    /// @notice A call to the hub about one replica, and what has to become of it.
    struct Attempt {
        string action;
        address replica;
        address caller;
        bytes data;
        Due due;
        uint256 gas_; // 0 where it is enough
    }

    /// @notice A transition in parts, which anybody carries on.
    struct Session {
        address replica;
        uint256 target; // the block that it is meant to lead to
        bytes witness;
        uint256 done; // bytes of the witness
        Part part;
        uint256[4] built; // the old values that the witness was made for
        uint256[4] seen; // the old values that it describes: of each written slot the one at the time of its part
    }

    uint256 private constant SESSIONS = 6;

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
    address[] private _replicas; // the first two are at the first anchor
    address[] private _callers;
    Mined[] private _blocks;
    Session[] private _sessions;
    Part private _outcome; // of the last `prepare` that succeeded
    Bystander private _bystander = new Bystander();
    mapping(address replica => uint256[4]) private _values;
    mapping(address replica => uint256) private _filledTo;

    /// @dev For what is no entry of the hub: whatever happens, all replicas and the hub's words about them stay as they are.
    modifier changesNothing() {
        bytes32 before = fingerprintOfAll();
        _;
        if (fingerprintOfAll() != before || _bystander.count() != 0) ++changedWithoutRight;
    }

    constructor() {
        _anchors = [anchor, new TestAnchor(CHAIN)];
        address second = makeAddr("second creator");
        _callers = [creator, second, makeAddr("stranger"), address(this)];
        _mine(1, [uint256(1), 0, 300, 7], Kind.LIVE, Level.FINAL);
        _replicas.push(created());
        (creator, firstBlock) = (second, 3);
        _replicas.push(created());
        (creator, firstBlock) = (_callers[0], 0);
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

    function mine(uint256 seed) external changesNothing {
        if (_blocks.length > 200) return;
        // Most often a block on top of the last one, at times a fork.
        Mined memory parent = seed % 5 == 0 ? _pick(seed >> 8) : _blocks[_blocks.length - 1];
        uint256[4] memory values = parent.values;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 dice = _roll(seed, i);
            if (dice % 2 == 0) values[i] = dice % 3 == 0 ? 0 : dice >> (dice % 31 * 8);
        }
        Kind kind = (seed >> 8) % 3 == 0 ? Kind((seed >> 16) % 3) : Kind.LIVE;
        uint64 number = parent.block_.number + 1 + uint64((seed >> 24) % 3); // forge-lint: disable-line(unsafe-typecast)
        _mine(number, values, kind, (seed >> 32) % 8 == 0 ? Level.PENDING : Level.SAFE);
    }

    /// @dev Revocations among them. An anchor does not forget a block that it has known.
    function setLevel(uint256 which, uint256 place, uint256 level) external changesNothing {
        bytes32 hash = _pick(place).block_.hash;
        _anchors[which % 2].setLevel(hash, level % 3 == 0 ? Level(1 + (level >> 8) % 4) : Level.FINAL);
    }

    function setStatus(uint256 which, uint256 status) external changesNothing {
        _anchors[which % 2].setStatus(status % 16 > 0 ? Status.ACTIVE : Status(1 + (status >> 8) % 3));
    }

    // --- what callers do to the hub ---

    function fill(uint256 which, uint256 place, uint256 who) external {
        address replica = _replicas[which % 3];
        ReplicaRecord memory rec = hub.record(replica);
        address caller = who % 2 == 0 ? rec.key.creator : _caller(who);
        uint256[4] memory values = _pick(place).values;
        bytes memory witness = witnessOf(_values[replica], values);
        bool right = caller == rec.key.creator && rec.status == ReplicaStatus.FILLING;
        bytes memory data = abi.encodeCall(IHub.fill, (replica, rec.storageRoot, witness));
        Due due = right && witness.length != 0 ? Due.ACCEPTED : Due.REFUSED;
        bool success = _call(Attempt("fill", replica, caller, data, due, _gas(who)));
        if (success && !right) ++wronglyAllowed;
        if (success) (_values[replica], _filledTo[replica]) = (values, _index(place));
    }

    function activate(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        address replica = _replicas[which % 3];
        Mined memory mined = place % 4 == 0 ? _pick(place) : _blocks[_filledTo[replica]];
        ReplicaRecord memory rec = hub.record(replica);
        bool right = rec.status == ReplicaStatus.FILLING && _acceptable(rec, mined) && mined.kind == Kind.LIVE
            && rec.storageRoot == rootOf(mined.values) && mined.block_.number >= rec.firstBlock;
        bytes memory runtime = code;
        if (damage % 8 == 1) (runtime, right) = (_damaged(runtime, damage), false);
        if (damage % 8 == 2) (mined.block_.proof, right) = (_damaged(mined.block_.proof, damage), false);
        bytes memory data = abi.encodeCall(IHub.activate, (replica, mined.block_.hash, mined.block_.proof, runtime));
        _call(Attempt("activate", replica, _caller(who), data, _due(right), 0));
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
        bool success = _call(Attempt("sync", replica, _caller(who), data, _due(right), _gas(damage)));
        if (success) _values[replica] = mined.values;
    }

    /// @notice Begins a session, or proves the next items of one.
    function prepare(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        Session storage session = _session(which, place, damage);
        if (session.witness.length == 0) return;
        uint256 end = _endOfPart(session, damage);
        bytes memory items = WitnessParts.slice(session.witness, session.done, end);
        (uint256[4] memory seen, bool changes) = _read(session, items);
        bool right = hub.record(session.replica).status != ReplicaStatus.FILLING && changes;
        Attempt memory attempt = Attempt("prepare", session.replica, _caller(who), "", _due(right), _gas(damage));
        bool isDamaged = (damage >> 8) % 4 == 1;
        attempt.data = isDamaged ? _damagedPrepare(session, items, attempt, damage) : _prepareOf(session, items);
        if (!_call(attempt) || isDamaged) return;
        (session.part, session.done, session.seen) = (_outcome, end, seen);
    }

    function commit(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        if (_sessions.length == 0) return;
        Session memory session = _sessions[which % _sessions.length];
        Mined memory mined = _pickKind(place, true);
        // Most of the time one that is ready for its block, if there is one.
        for (uint256 i = 0; i < _sessions.length && place % 4 != 0; ++i) {
            session = _sessions[(which % _sessions.length + i) % _sessions.length];
            mined = _blocks[session.target];
            if (_dueOf(session, mined) == Due.ACCEPTED) break;
        }
        bytes memory writes = WitnessParts.writes(session.witness);
        Due due = _dueOf(session, mined);
        if (damage % 8 == 1) (writes, due) = (_damaged(writes, damage), Due.REFUSED);
        if (damage % 8 == 2) (mined.block_.proof, due) = (_damaged(mined.block_.proof, damage), Due.REFUSED);
        if (damage % 8 == 3) (session.part.pending, due) = (_damaged(session.part.pending, damage), Due.REFUSED);
        bytes memory data = abi.encodeCall(
            IHub.commit, (session.replica, mined.block_.hash, mined.block_.proof, session.part.pending, writes)
        );
        bool success = _call(Attempt("commit", session.replica, _caller(who), data, due, _gas(damage)));
        if (success) _values[session.replica] = mined.values;
    }

    function halt(uint256 which, uint256 place, uint256 who, uint256 damage) external {
        address replica = _replicas[which % 3];
        Mined memory mined = _pickKind(place, false);
        ReplicaRecord memory rec = hub.record(replica);
        bool right = rec.status != ReplicaStatus.FILLING && _reachable(rec, mined) && mined.kind != Kind.LIVE
            && !_isBeforeTheEnd(rec, mined);
        if (damage % 8 == 1) (mined.block_.nodes, right) = (_damaged(mined.block_.nodes, damage), false);
        bytes memory data = abi.encodeCall(IHub.halt, (replica, mined.block_.hash, mined.block_.nodes));
        _call(Attempt("halt", replica, _caller(who), data, _due(right), _gas(damage)));
    }

    function restoreLogic(uint256 which, uint256 who) external {
        bytes memory data = abi.encodeCall(IHub.restoreLogic, (_replicas[which % 3], code));
        _call(Attempt("restoreLogic", _replicas[which % 3], _caller(who), data, Due.REFUSED, 0));
    }

    // --- what callers do to a replica or a hub: nothing of it may stay ---

    function read(uint256 which, uint256 who, uint256 how, uint256 place, uint256 value) external changesNothing {
        address replica = _replicas[which % 3];
        bytes memory data = abi.encodeCall(SampleSource.stored, ());
        if (how % 7 == 1) data = abi.encodeCall(SampleSource.write, (value));
        if (how % 7 == 2) data = abi.encodeCall(SampleSource.writeSlot, (value % 5, value));
        if (how % 7 == 3) data = abi.encodeCall(SampleSource.touch, (_bystander));
        if (how % 7 == 4) data = _engineCall(replica, place, value);
        if (how % 7 == 5) data = abi.encodeCall(SampleSource.forward, (address(hub), _syncTo(replica, _pick(place))));
        if (how % 7 == 6) data = abi.encodePacked(value, value);
        if (how % 14 > 7) data = abi.encodePacked(keccak256("smartsync.replica.inner"), data);
        vm.prank(_caller(who));
        (bool success, bytes memory answer) = replica.call(data);
        if (!success) return;
        ++succeeded["read"];
        if (how % 7 == 0 && abi.decode(answer, (uint256)) != _values[replica][0]) ++changedWithoutRight;
        if (hub.record(replica).status == ReplicaStatus.FILLING) ++wronglyAllowed;
    }

    /// @dev The engine's functions, of the hub itself; and bytes behind the name of any of the hub's.
    function garbage(uint256 which, uint256 who, uint256 place, uint256 how, bytes memory some)
        external
        changesNothing
    {
        address replica = _replicas[which % 3];
        bytes4[8] memory names = [
            IHub.create.selector,
            IHub.fill.selector,
            IHub.activate.selector,
            IHub.sync.selector,
            IHub.prepare.selector,
            IHub.commit.selector,
            IHub.halt.selector,
            IHub.restoreLogic.selector
        ];
        bool isEngines = how % 2 == 0;
        bytes memory data = isEngines
            ? _engineCall(replica, place, how >> 8)
            : abi.encodePacked(names[(how >> 8) % 8], abi.encode(replica, how, some, some, some));
        uint256 gas_ = _gas(how);
        vm.prank(_caller(who));
        (bool success,) = address(hub).call{gas: gas_ == 0 ? gasleft() : gas_}(data);
        if (success) ++wronglyAccepted;
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
    /// recorded block has been revoked; at once and in parts. Returns how many could not be reached.
    function unreachable(address replica) external returns (uint256 count) {
        ReplicaRecord memory rec = hub.record(replica);
        TestAnchor its = TestAnchor(rec.key.anchor);
        its.setStatus(Status.ACTIVE);
        for (uint256 i = 0; i < _blocks.length; ++i) {
            Mined memory mined = _blocks[i];
            if (mined.kind != Kind.LIVE || mined.block_.hash == rec.blockHash || !_acceptable(rec, mined)) continue;
            if (mined.block_.number < rec.firstBlock) continue;
            uint256 snapshot = vm.snapshotState();
            if (mined.block_.number <= _numberOf(rec, rec.blockHash)) its.setLevel(rec.blockHash, Level.REVOKED);
            if (rec.haltHash != 0 && mined.block_.number == _numberOf(rec, rec.haltHash)) {
                its.setLevel(rec.haltHash, Level.REVOKED);
            }
            bytes memory witness = witnessOf(_values[replica], mined.values);
            bytes memory data = i % 2 == 0 || witness.length == 0
                ? _syncTo(replica, mined)
                : _commitTo(mined, prepareAll(replica, 0, witness, 1), witness, replica);
            (bool success,) = address(hub).call(data);
            if (!success || hub.record(replica).storageRoot != rootOf(mined.values)) ++count;
            vm.revertToState(snapshot);
        }
    }

    function fingerprintOfAll() public view returns (bytes32) {
        return keccak256(abi.encode(fingerprint(_replicas[0]), fingerprint(_replicas[1]), fingerprint(_replicas[2])));
    }

    // --- a call, and what it has to leave alone ---

    /// @dev Calls the hub about one replica, and holds the outcome to what it has to be.
    function _call(Attempt memory attempt) private returns (bool success) {
        bytes32 before = fingerprint(attempt.replica);
        bytes32 others = _fingerprintOfOthers(attempt.replica);
        bytes memory answer;
        vm.record();
        vm.prank(attempt.caller);
        (success, answer) = address(hub).call{gas: attempt.gas_ == 0 ? gasleft() : attempt.gas_}(attempt.data);
        if (_fingerprintOfOthers(attempt.replica) != others) ++changedWithoutRight;
        if (success && attempt.due == Due.REFUSED) ++wronglyAccepted;
        if (!success && attempt.due == Due.ACCEPTED && attempt.gas_ == 0) ++wronglyRefused;
        bool isProof = keccak256(bytes(attempt.action)) == keccak256("prepare");
        if (success) {
            ++succeeded[attempt.action];
            _lookAtWrites(attempt.replica, isProof);
            if (isProof) (_outcome.pending, _outcome.writesHash) = abi.decode(answer, (bytes, bytes32));
        } else if (attempt.gas_ == 0) {
            _lookAtReason(answer);
        }
        if ((!success || isProof) && fingerprint(attempt.replica) != before) ++changedWithoutRight;
    }

    /// @dev Of the hub a call about a replica writes the words about that one, or, where it proves, one of another kind; of
    /// the replica the source's slots.
    function _lookAtWrites(address replica, bool isProof) private {
        (, bytes32[] memory written) = vm.accesses(address(hub));
        bytes32[6] memory words = hubSlots(replica);
        uint256 strange = 0;
        for (uint256 i = 0; i < written.length; ++i) {
            bool isKnown = false;
            for (uint256 k = 0; k < 6; ++k) {
                if (written[i] == words[k]) isKnown = true;
            }
            if (!isKnown) ++strange;
        }
        if (strange != (isProof ? 1 : 0) || (isProof && written.length != 1)) ++changedWithoutRight;
        for (uint256 i = 0; i < 3; ++i) {
            (, written) = vm.accesses(_replicas[i]);
            if ((_replicas[i] != replica || isProof) && written.length != 0) ++changedWithoutRight;
            for (uint256 k = 0; k < written.length; ++k) {
                if (uint256(written[k]) > 3) ++changedWithoutRight;
            }
        }
    }

    function _lookAtReason(bytes memory reason) private {
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

    // --- sessions ---

    /// @dev A session that is there, most of the time one that can still lead somewhere; or one that begins, in place of
    /// another one where there are many.
    function _session(uint256 which, uint256 place, uint256 seed) private returns (Session storage session) {
        uint256 dice = _roll(seed, 1);
        uint256 count = _sessions.length;
        if (count != 0 && dice % 3 != 0) {
            session = _sessions[which % count];
            for (uint256 i = 1; i < count && dice % 5 != 0 && !_isGoingOn(session); ++i) {
                session = _sessions[(which % count + i) % count];
            }
            return session;
        }
        session = count < SESSIONS ? _sessions.push() : _sessions[which % SESSIONS];
        session.replica = _replicas[(which >> 8) % 3];
        session.target = _indexOfKind(place | 1, true); // a late one
        session.built = _values[session.replica];
        session.seen = session.built;
        session.witness = witnessOf(session.built, _blocks[session.target].values, dice >> 8);
        (session.done, session.part) = (0, Part("", 0));
    }

    function _isGoingOn(Session memory session) private view returns (bool) {
        return session.done < session.witness.length && rootOf(session.seen) == rootOf(_values[session.replica])
            && hub.record(session.replica).status != ReplicaStatus.FILLING;
    }

    /// @dev All that is left, or up to three items.
    function _endOfPart(Session storage session, uint256 seed) private view returns (uint256 end) {
        bytes memory witness = session.witness;
        end = session.done;
        for (uint256 i = seed % 3 == 0 ? 99 : seed % 4; i > 0 && end < witness.length; --i) {
            end = WitnessBuilder.endOf(witness, end);
        }
    }

    function _prepareOf(Session memory session, bytes memory items) private view returns (bytes memory) {
        return abi.encodeCall(
            IHub.prepare,
            (session.replica, _blocks[session.target].block_.hash, session.part.pending, session.part.writesHash, items)
        );
    }

    /// @dev Damaged items may be another true thing, which leads nowhere; damaged pending subtries are nothing.
    function _damagedPrepare(Session memory session, bytes memory items, Attempt memory attempt, uint256 seed)
        private
        view
        returns (bytes memory)
    {
        bool isInItems = (seed >> 16) % 2 == 0;
        bool isFilling = hub.record(session.replica).status == ReplicaStatus.FILLING;
        attempt.due = isInItems && !isFilling ? Due.EITHER : Due.REFUSED;
        if (isInItems) items = _damaged(items, seed);
        else session.part.pending = _damaged(session.part.pending, seed);
        return _prepareOf(session, items);
    }

    /// @dev What a part reads of the replica, and whether each of its writes changes something.
    function _read(Session storage session, bytes memory part)
        private
        view
        returns (uint256[4] memory seen, bool changes)
    {
        seen = session.seen;
        changes = true;
        uint256[4] memory current = _values[session.replica];
        uint256[4] memory target = _blocks[session.target].values;
        bytes[] memory items = WitnessParts.items(part);
        for (uint256 i = 0; i < items.length; ++i) {
            if (!WitnessBuilder.isWrite(items[i], 0)) continue;
            // c1, no byte of slot: slot 0; c2 and one byte: slots 1 to 3
            uint256 slot = items[i][0] == 0xc1 ? 0 : uint8(items[i][1]);
            seen[slot] = current[slot];
            if (current[slot] == target[slot]) changes = false;
        }
    }

    /// @dev What has to become of a commit: it needs the whole of the witness, a block that `sync` would take and that the
    /// witness leads to, and that the old values are those that the parts have read. A witness that was made for other ones
    /// may be none of the transition: then either is right.
    function _dueOf(Session memory session, Mined memory mined) private view returns (Due) {
        ReplicaRecord memory rec = hub.record(session.replica);
        bool right = session.witness.length != 0 && session.done == session.witness.length
            && rec.status != ReplicaStatus.FILLING && _reachable(rec, mined) && mined.kind == Kind.LIVE
            && rootOf(mined.values) == rootOf(_blocks[session.target].values)
            && rootOf(session.seen) == rootOf(_values[session.replica]);
        if (!right) return Due.REFUSED;
        return rootOf(session.built) == rootOf(session.seen) ? Due.ACCEPTED : Due.EITHER;
    }

    // --- blocks ---

    function _acceptable(ReplicaRecord memory rec, Mined memory mined) private view returns (bool) {
        TestAnchor its = TestAnchor(rec.key.anchor);
        (Status status,,) = its.status();
        Level level = its.blockByHash(mined.block_.hash).level;
        return status == Status.ACTIVE && (level == Level.SAFE || level == Level.FINAL);
    }

    function _reachable(ReplicaRecord memory rec, Mined memory mined) private view returns (bool) {
        uint64 number = mined.block_.number;
        bool isHalted = rec.haltHash != 0;
        bool isOrphanedEnd = isHalted && _isRevoked(rec, rec.haltHash);
        bool isEndOver = isOrphanedEnd || (isHalted && number > _numberOf(rec, rec.haltHash));
        if (isHalted && number == _numberOf(rec, rec.haltHash) && !isOrphanedEnd) return false;
        if (!_acceptable(rec, mined)) return false;
        if (number > _numberOf(rec, rec.blockHash)) return true;
        bool isWayBack = _isRevoked(rec, rec.blockHash) || (isEndOver && mined.block_.hash == rec.blockHash);
        return isWayBack && number >= rec.firstBlock;
    }

    /// @dev The source has ended later than at this block, and that stands.
    function _isBeforeTheEnd(ReplicaRecord memory rec, Mined memory mined) private view returns (bool) {
        return rec.haltHash != 0 && mined.block_.number < _numberOf(rec, rec.haltHash) && !_isRevoked(rec, rec.haltHash);
    }

    function _isRevoked(ReplicaRecord memory rec, bytes32 hash) private view returns (bool) {
        return TestAnchor(rec.key.anchor).blockByHash(hash).level == Level.REVOKED;
    }

    function _numberOf(ReplicaRecord memory rec, bytes32 hash) private view returns (uint64) {
        return TestAnchor(rec.key.anchor).blockByHash(hash).number;
    }

    function _mine(uint64 number, uint256[4] memory values, Kind kind, Level level) private {
        Mined memory mined = Mined(Block(0, 0, 0, "", ""), values, kind);
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
    function _indexOfKind(uint256 place, bool isLive) private view returns (uint256 index) {
        index = _index(place);
        for (uint256 i = 1; i < 4 && (_blocks[index].kind == Kind.LIVE) != isLive; ++i) {
            index = _index((place >> 8) + i);
        }
    }

    function _pickKind(uint256 place, bool isLive) private view returns (Mined memory) {
        return _blocks[_indexOfKind(place, isLive)];
    }

    // --- calls ---

    function _syncTo(address replica, Mined memory to) private view returns (bytes memory) {
        bytes memory witness = witnessOf(_values[replica], to.values);
        return abi.encodeCall(IHub.sync, (replica, to.block_.hash, to.block_.proof, witness));
    }

    function _commitTo(Mined memory to, Part memory part, bytes memory witness, address replica)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(
            IHub.commit, (replica, to.block_.hash, to.block_.proof, part.pending, WitnessParts.writes(witness))
        );
    }

    /// @dev What only the hub may ask a replica for, and a replica the hub.
    function _engineCall(address replica, uint256 place, uint256 how) private view returns (bytes memory) {
        bytes memory witness = witnessOf(_values[replica], _pick(place).values);
        if (how % 4 == 0) return abi.encodeCall(ITransitionEngine.transition, (witness));
        if (how % 4 == 1) return abi.encodeCall(ITransitionEngine.prove, ("", 0, witness));
        if (how % 4 == 2) return abi.encodeCall(ITransitionEngine.conclude, (new bytes(160), witness));
        return abi.encodeCall(IHubsReplica.key, ());
    }

    // --- dice ---

    function _caller(uint256 who) private view returns (address) {
        return _callers[who % _callers.length];
    }

    function _due(bool right) private pure returns (Due) {
        return right ? Due.ACCEPTED : Due.REFUSED;
    }

    /// @dev At times too little, or just enough.
    function _gas(uint256 seed) private pure returns (uint256) {
        uint256 dice = _roll(seed, 2);
        return dice % 6 == 0 ? 25_000 + (dice >> 8) % 250_000 : 0;
    }

    function _roll(uint256 seed, uint256 turn) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, turn)));
    }

    /// @dev One byte changed, or one more.
    function _damaged(bytes memory data, uint256 seed) private pure returns (bytes memory) {
        bytes1 bits = bytes1(uint8(1 + (seed >> 8) % 255)); // forge-lint: disable-line(unsafe-typecast)
        if (data.length == 0 || seed % 5 == 0) return bytes.concat(data, bits);
        data[(seed >> 16) % data.length] ^= bits;
        return data;
    }
}
