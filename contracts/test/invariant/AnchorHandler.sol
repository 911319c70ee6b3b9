// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {QuorumAnchor} from "../../src/anchors/QuorumAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {BlockAttestation} from "../../src/interfaces/IQuorumAnchor.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";

/// @title AnchorHandler
/// @notice A source that grows a tree of blocks, signers who attest to them in any order, revoke, and now and then sign two
/// blocks of one number; strangers who extend ancestors; a guardian. Beside the anchor stands a model of it that marks each block.
contract AnchorHandler is Test {
    /// @dev A source block, and what the model holds of it.
    struct Node {
        bytes raw;
        uint256 parent;
        uint64 number;
        Level level; // UNKNOWN until it is accepted
    }

    uint64 private constant NOW = 1_800_000_000;
    uint256 private constant GROWTH = 40; // blocks at most

    QuorumAnchor public immutable ANCHOR;
    Node[] public nodes;
    bool public frozen; // the model
    uint256 public epoch; // the model
    uint256[3] private _keys;
    mapping(string what => uint256) public calls;
    string public surprise; // what went otherwise than the model has it: a failing assertion would only undo the call

    constructor() {
        vm.warp(NOW);
        for (uint256 i = 0; i < 3; ++i) {
            _keys[i] = uint256(keccak256(abi.encode("signer", i)));
        }
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                if (vm.addr(_keys[j]) > vm.addr(_keys[j + 1])) (_keys[j], _keys[j + 1]) = (_keys[j + 1], _keys[j]);
            }
        }
        _grow(0, 0);
        ANCHOR = new QuorumAnchor(1, keccak256(nodes[0].raw), signers(), 2, 0, 0, address(this));
    }

    // --- what happens ---

    function mine(uint256 parent) external {
        if (nodes.length == GROWTH) return;
        // Near the top, so that branches are long.
        uint256 size = nodes.length;
        parent = size - 1 - bound(parent, 0, size < 4 ? size - 1 : 3);
        _grow(parent, nodes[parent].number + 1);
    }

    function attest(uint256 index, bool asFinal) external {
        index = bound(index, 0, nodes.length - 1);
        Node storage node = nodes[index];
        Level level = asFinal ? Level.FINAL : Level.SAFE;
        bytes32 hash = keccak256(node.raw);
        BlockAttestation memory attestation =
            BlockAttestation(node.number, hash, level, ANCHOR.setEpoch(), uint64(epoch));
        bytes memory proof =
            abi.encodePacked(uint8(level), node.raw, _signatures(ANCHOR.attestationDigest(attestation)));
        if (frozen) return _mustRevert(abi.encodeCall(IAnchor.update, (proof)));
        (bool isOther, uint256 standing) = _standing(node.number);
        isOther = isOther && standing != index;
        if (isOther && !asFinal) return _mustRevert(abi.encodeCall(IAnchor.update, (proof)));
        bool areFinal = isOther && nodes[standing].level == Level.FINAL;
        // Rarely: it ends the anchor until the guardian comes.
        if (areFinal && uint256(hash) % 4 != 0) return;
        (bool success,) = address(ANCHOR).call(abi.encodeCall(IAnchor.update, (proof)));
        _expect(success, "attests");
        ++calls["attest"];
        if (areFinal) {
            frozen = true;
            return;
        }
        if (isOther) _displace(standing);
        if (!_isUsable(node.level) || node.level < level) node.level = level;
    }

    function extend(uint256 index, uint256 depth) external {
        index = bound(index, 0, nodes.length - 1);
        depth = bound(depth, 1, 6);
        uint256[] memory path = new uint256[](depth + 1);
        path[0] = index;
        uint256 size = 1;
        for (; size <= depth && nodes[path[size - 1]].number != 0; ++size) {
            path[size] = nodes[path[size - 1]].parent;
        }
        bytes[] memory headers = new bytes[](size);
        for (uint256 i = 0; i < size; ++i) {
            headers[i] = nodes[path[i]].raw;
        }
        bytes memory call = abi.encodeCall(IAnchor.extendAncestors, (keccak256(headers[0]), headers));
        Level level = nodes[index].level;
        if (frozen || !_isUsable(level)) return _mustRevert(call);
        for (uint256 i = 1; i < size; ++i) {
            (bool isOther, uint256 standing) = _standing(nodes[path[i]].number);
            if (isOther && standing != path[i] && level != Level.FINAL) return _mustRevert(call);
        }
        (bool success,) = address(ANCHOR).call(call);
        _expect(success, "extends");
        ++calls["extend"];
        for (uint256 i = 1; i < size; ++i) {
            Node storage node = nodes[path[i]];
            (bool isOther, uint256 standing) = _standing(node.number);
            if (isOther && standing != path[i]) {
                if (nodes[standing].level == Level.FINAL) {
                    frozen = true;
                    return;
                }
                _displace(standing);
            }
            if (!_isUsable(node.level) || node.level < level) node.level = level;
        }
    }

    function revoke(uint256 index) external {
        index = bound(index, 0, nodes.length - 1);
        bytes32 hash = keccak256(nodes[index].raw);
        bytes memory call =
            abi.encodeCall(QuorumAnchor.revoke, (hash, NOW, _signatures(ANCHOR.revocationDigest(hash, NOW))));
        if (frozen || !_isUsable(nodes[index].level) || _finalAbove(nodes[index].number)) return _mustRevert(call);
        (bool success,) = address(ANCHOR).call(call);
        _expect(success, "revokes");
        ++calls["revoke"];
        _revokeAbove(nodes[index].number);
    }

    function recover(uint256 index) external {
        if (!frozen) return;
        index = bound(index, 0, nodes.length - 1);
        if (!_isUsable(nodes[index].level)) return;
        bytes32 hash = keccak256(nodes[index].raw);
        (bool scheduled,) = address(ANCHOR).call(abi.encodeCall(QuorumAnchor.scheduleRecovery, (signers(), 2, hash)));
        (bool recovered,) = address(ANCHOR).call(abi.encodeCall(QuorumAnchor.recover, (signers(), 2, hash)));
        _expect(scheduled && recovered, "recovers");
        ++calls["recover"];
        frozen = false;
        _revokeAbove(nodes[index].number);
        nodes[index].level = Level.FINAL;
    }

    // --- what is looked at ---

    function count() external view returns (uint256) {
        return nodes.length;
    }

    function hashOf(uint256 index) public view returns (bytes32) {
        return keccak256(nodes[index].raw);
    }

    function levelOf(uint256 index) external view returns (Level) {
        return nodes[index].level;
    }

    function numberOf(uint256 index) external view returns (uint64) {
        return nodes[index].number;
    }

    /// @notice The highest block of at least this level, by the model.
    function head(Level min) external view returns (bytes32 hash) {
        uint64 highest = 0;
        for (uint256 i = 0; i < nodes.length; ++i) {
            Level level = nodes[i].level;
            if (!_isUsable(level) || level < min || nodes[i].number < highest) continue;
            (highest, hash) = (nodes[i].number, hashOf(i));
        }
    }

    function signers() public view returns (address[] memory list) {
        list = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            list[i] = vm.addr(_keys[i]);
        }
    }

    // --- private ---

    function _grow(uint256 parent, uint64 number) private {
        bytes32 parentHash = number == 0 ? bytes32(0) : keccak256(nodes[parent].raw);
        bytes32 state = keccak256(abi.encode(nodes.length));
        bytes memory raw = HeaderWriter.header(parentHash, state, number, NOW - 1000 + uint256(number) * 10);
        nodes.push(Node(raw, parent, number, Level.UNKNOWN));
    }

    function _signatures(bytes32 digest) private view returns (bytes memory both) {
        for (uint256 i = 0; i < 2; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[i], digest);
            both = bytes.concat(both, abi.encodePacked(r, s, v));
        }
    }

    function _mustRevert(bytes memory call) private {
        (bool success, bytes memory reason) = address(ANCHOR).call(call);
        _expect(!success, "refuses");
        // By a name, and no panic.
        _expect(reason.length >= 4 && bytes4(reason) != bytes4(keccak256("Panic(uint256)")), "names it");
        ++calls["refused"];
    }

    function _expect(bool fact, string memory what) private {
        if (!fact) surprise = what;
    }

    function _standing(uint64 number) private view returns (bool found, uint256 index) {
        for (; index < nodes.length; ++index) {
            if (nodes[index].number == number && _isUsable(nodes[index].level)) return (true, index);
        }
    }

    function _displace(uint256 standing) private {
        nodes[standing].level = Level.REVOKED;
        ++epoch;
        ++calls["displace"];
    }

    function _finalAbove(uint64 number) private view returns (bool) {
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (nodes[i].number > number && nodes[i].level == Level.FINAL) return true;
        }
        return false;
    }

    function _revokeAbove(uint64 number) private {
        ++epoch;
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (nodes[i].number > number && nodes[i].level != Level.UNKNOWN) nodes[i].level = Level.REVOKED;
        }
    }

    function _isUsable(Level level) private pure returns (bool) {
        return level == Level.SAFE || level == Level.FINAL;
    }
}
