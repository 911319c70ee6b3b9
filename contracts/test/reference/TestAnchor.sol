// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";

/// @title TestAnchor
/// @notice An anchor that believes whatever the test tells it.
contract TestAnchor is IAnchor {
    uint256 private immutable CHAIN_ID;

    Status private _status;
    uint64 private _since;
    bytes32[] private _hashes;
    mapping(bytes32 blockHash => SrcBlock) private _blocks;

    constructor(uint256 chainId) {
        CHAIN_ID = chainId;
    }

    // --- what the test says ---

    /// @dev Source time runs 12 seconds a block.
    function setBlock(bytes32 blockHash, bytes32 stateRoot, uint64 number, Level level) external {
        setBlockOf(blockHash, stateRoot, number, number * 12, level);
    }

    function setBlockOf(bytes32 blockHash, bytes32 stateRoot, uint64 number, uint64 timestamp, Level level) public {
        if (_blocks[blockHash].blockHash == 0) _hashes.push(blockHash);
        _blocks[blockHash] = SrcBlock(blockHash, stateRoot, number, timestamp, uint64(block.timestamp), level);
        emit BlockAccepted(blockHash, number, stateRoot, timestamp, level);
    }

    function setLevel(bytes32 blockHash, Level level) external {
        _blocks[blockHash].level = level;
    }

    function setStatus(Status status_) external {
        (_status, _since) = (status_, uint64(block.timestamp));
        emit StatusChanged(status_, "");
    }

    // --- IAnchor ---

    function kind() external pure returns (bytes32) {
        return "test/1";
    }

    function source() external view returns (uint256 chainId, bytes32 genesisHash) {
        return (CHAIN_ID, keccak256("genesis"));
    }

    function status() external view returns (Status current, uint64 since, uint64 canonicalEpoch) {
        return (_status, _since, 0);
    }

    function head(Level min) external view returns (SrcBlock memory best) {
        for (uint256 i = 0; i < _hashes.length; ++i) {
            SrcBlock memory found = _blocks[_hashes[i]];
            if (found.level < min || found.level == Level.REVOKED) continue;
            if (best.blockHash == 0 || found.number > best.number) best = found;
        }
    }

    function blockByHash(bytes32 blockHash) external view returns (SrcBlock memory) {
        return _blocks[blockHash];
    }

    function step(bytes32 from, bytes32 to)
        external
        view
        returns (Status current, uint64 fromNumber, Level fromLevel, SrcBlock memory offered)
    {
        return (_status, _blocks[from].number, _blocks[from].level, _blocks[to]);
    }

    function canonicalAt(uint64 number) external view returns (SrcBlock memory none) {
        for (uint256 i = 0; i < _hashes.length; ++i) {
            SrcBlock memory found = _blocks[_hashes[i]];
            if (found.number == number && (found.level == Level.SAFE || found.level == Level.FINAL)) return found;
        }
        return none;
    }

    function update(bytes calldata proof) external view returns (bytes32 blockHash, Level level) {
        blockHash = abi.decode(proof, (bytes32));
        return (blockHash, _blocks[blockHash].level);
    }

    function extendAncestors(bytes32, bytes[] calldata) external {}

    function reportMisbehaviour(bytes calldata) external {}
}
