// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Resolver} from "./Resolver.sol";
import {IAnchor, Level, SrcBlock, Status} from "./interfaces/IAnchor.sol";
import {IHub, ReplicaKey, ReplicaRecord, ReplicaStatus} from "./interfaces/IHub.sol";
import {IBeacon, IImplementations, ProxyKind} from "./interfaces/IImplementations.sol";
import {AccountProof} from "./libraries/AccountProof.sol";
import {CloneCode} from "./libraries/CloneCode.sol";
import {LogicCopy} from "./libraries/LogicCopy.sol";

/// @title Implementations
/// @notice Proven copies of what proxies delegate to. See `IImplementations`.
/// @dev It calls anchors, its hub and replicas of its hub, and those with STATICCALL only; what it creates is `LogicCopy`'s
/// fixed code. So there is no moment at which it could be entered again half way.
contract Implementations is IImplementations {
    /// @dev What was proven last. A block without a copy says that the copy before is not to be used any more.
    struct Supplied {
        address copy;
        bytes32 blockHash;
    }

    /// @dev A block at which something may be recorded, beside the one that is.
    struct Offer {
        bytes32 stateRoot;
        uint64 number;
        uint64 recordedNumber;
        bool isLessFinal; // it is SAFE only, and newer than a FINAL one
        bool isOlder; // it is FINAL, and not newer than a SAFE one
    }

    // The slots of EIP-1967 and EIP-1822, and of OpenZeppelin's proxies from before.
    bytes32 private constant IMPLEMENTATION_SLOT = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant BEACON_SLOT = bytes32(uint256(keccak256("eip1967.proxy.beacon")) - 1);
    bytes32 private constant PROXIABLE_SLOT = keccak256("PROXIABLE");
    bytes32 private constant ZEPPELINOS_SLOT = keccak256("org.zeppelinos.proxy.implementation");

    IHub private immutable HUB;

    mapping(address anchor => mapping(address implementation => Supplied)) private _supplied;
    mapping(address anchor => mapping(address beacon => address replica)) private _beacons;
    mapping(bytes32 codeHash => address copy) private _copies; // of equal code there is one copy, whoever's it is

    constructor() {
        HUB = IHub(msg.sender);
    }

    // --- copies ---

    /// @inheritdoc IImplementations
    function supply(
        address anchor,
        bytes32 blockHash,
        address implementation,
        bytes calldata accountProof,
        bytes calldata code
    ) external returns (address copy) {
        Supplied storage known = _supplied[anchor][implementation];
        Offer memory offer = _offerOf(anchor, known.blockHash, blockHash);
        (bool exists,, bytes32 codeHash) = AccountProof.verify(offer.stateRoot, implementation, accountProof);
        if (!exists) codeHash = keccak256("");
        copy = _copyWith(codeHash, code);
        // What a FINAL block says stays, also where a SAFE one that says the same is revoked later on; and is taken, also
        // where somebody proves the same at each SAFE block before a FINAL one gets there.
        bool isSame = copy != address(0) && copy == known.copy;
        if (offer.isLessFinal && isSame) return copy;
        if (offer.isOlder && !isSame) revert IHub.BlockNotNewer(offer.recordedNumber, offer.number);
        known.copy = copy;
        known.blockHash = blockHash;
        emit ImplementationSupplied(anchor, implementation, blockHash, codeHash, copy);
    }

    /// @inheritdoc IImplementations
    function copyOf(address anchor, address implementation) public view returns (address copy) {
        Supplied storage known = _supplied[anchor][implementation];
        copy = known.copy;
        // A DELEGATECALL to nothing succeeds with nothing; and on another branch another contract may have got this address.
        if (copy.code.length == 0 || !_isUsable(_levelOf(anchor, known.blockHash))) return address(0);
    }

    /// @inheritdoc IImplementations
    function requireCopy(address anchor, address implementation) public view returns (address copy) {
        copy = copyOf(anchor, implementation);
        if (copy == address(0)) revert ImplementationNotReplicated(implementation);
    }

    /// @inheritdoc IImplementations
    function supplied(address anchor, address implementation) external view returns (address copy, bytes32 blockHash) {
        Supplied storage known = _supplied[anchor][implementation];
        return (known.copy, known.blockHash);
    }

    // --- beacons ---

    /// @inheritdoc IImplementations
    function nameBeacon(address replica) external {
        ReplicaRecord memory rec = HUB.record(replica);
        if (rec.status != ReplicaStatus.ACTIVE) revert IHub.WrongStatus(rec.status);
        if (!_isPlain(rec.key)) revert ReplicaNotPlain(replica);
        address target = CloneCode.fixedTargetAt(HUB.logicOf(rec.key));
        if (target != address(0)) revert BeaconIsClone(replica, target);
        (address anchor, address beacon) = (rec.key.anchor, rec.key.source);
        Level level = _levelOf(anchor, rec.blockHash);
        if (!_isUsable(level)) revert IHub.BlockNotAccepted(rec.blockHash, level);

        address named = _beacons[anchor][beacon];
        if (named != address(0)) {
            rec = HUB.record(named);
            bool answers = rec.status == ReplicaStatus.ACTIVE && _isUsable(_levelOf(anchor, rec.blockHash));
            if (answers) revert BeaconAnswered(beacon, named);
        }
        _beacons[anchor][beacon] = replica;
        emit BeaconNamed(anchor, beacon, replica);
    }

    /// @inheritdoc IImplementations
    function beaconReplicaOf(address anchor, address beacon) external view returns (address) {
        return _beacons[anchor][beacon];
    }

    /// @inheritdoc IImplementations
    function requireCopyBehind(address anchor, address beacon, address replica) external view returns (address) {
        return requireCopy(anchor, implementationBehind(anchor, beacon, replica));
    }

    /// @inheritdoc IImplementations
    function implementationBehind(address anchor, address beacon, address replica) public view returns (address) {
        address named = _beacons[anchor][beacon];
        if (named == address(0)) revert BeaconNotReplicated(beacon);
        ReplicaRecord memory rec = HUB.record(named);
        if (rec.status != ReplicaStatus.ACTIVE) revert BeaconNotReplicated(beacon);
        bytes32 blockHash = HUB.record(replica).blockHash;
        if (rec.blockHash != blockHash) {
            (, uint64 number, Level level, SrcBlock memory read) = IAnchor(anchor).step(rec.blockHash, blockHash);
            if (number < read.number || !_isUsable(level)) revert BeaconBehind(beacon, named);
        }
        return _askBeacon(beacon, named);
    }

    // --- levels ---

    /// @inheritdoc IImplementations
    function levelBehind(address replica) external view returns (Level) {
        ReplicaKey memory key = HUB.record(replica).key;
        if (_isPlain(key)) return Level.FINAL;
        // To the book a resolver tells what it would ask the book about.
        (address named, bool isBeacon) = abi.decode(_answerOf(replica), (address, bool));
        Level level = Level.FINAL;
        if (isBeacon) {
            address beacon = named;
            named = implementationBehind(key.anchor, beacon, replica);
            level = _levelOf(key.anchor, HUB.record(_beacons[key.anchor][beacon]).blockHash);
            if (!_isUsable(level)) return level; // both stand at one block, which is not any more
        }
        requireCopy(key.anchor, named);
        Level proven = _levelOf(key.anchor, _supplied[key.anchor][named].blockHash);
        return proven < level ? proven : level;
    }

    // --- resolvers ---

    /// @inheritdoc IImplementations
    function resolverHashOf(address anchor, bytes calldata code, ProxyKind kind) external view returns (bytes32) {
        bytes memory creation = _creation(anchor, code, kind);
        if (creation.length == 0) revert NotOfThatKind(kind);
        return keccak256(creation);
    }

    /// @inheritdoc IImplementations
    function kindOf(address anchor, bytes calldata code, bytes32 logicHash) external view returns (ProxyKind kind) {
        (kind,) = _find(anchor, code, logicHash);
    }

    /// @inheritdoc IImplementations
    function resolverCreation(address anchor, bytes calldata code, bytes32 logicHash)
        external
        view
        returns (bytes memory creation)
    {
        (, creation) = _find(anchor, code, logicHash);
    }

    // --- parts: copies ---

    /// @dev A block at which something may be recorded: the rule of `IHub.sync`, and again at the same block; and a FINAL one
    /// that is older than a SAFE one, where it says the same.
    function _offerOf(address anchor, bytes32 recorded, bytes32 blockHash) private view returns (Offer memory offer) {
        if (anchor.code.length == 0) revert IHub.NotAnAnchor(anchor);
        (Status current, uint64 number, Level level, SrcBlock memory accepted) =
            IAnchor(anchor).step(recorded, blockHash);
        if (current != Status.ACTIVE) revert IHub.AnchorNotActive(current);
        if (!_isUsable(accepted.level)) revert IHub.BlockNotAccepted(blockHash, accepted.level);
        // Zero stands for "never" here; and the answer has to be about the block that was asked for.
        if (accepted.blockHash != blockHash || blockHash == 0) revert IHub.BlockNotAccepted(blockHash, Level.UNKNOWN);
        if (recorded != 0 && recorded != blockHash) {
            if (level == Level.UNKNOWN) revert IHub.BlockNotAccepted(recorded, Level.UNKNOWN);
            if (accepted.number <= number && level != Level.REVOKED) {
                offer.isOlder = level == Level.SAFE && accepted.level == Level.FINAL;
                if (!offer.isOlder) revert IHub.BlockNotNewer(number, accepted.number);
            }
        }
        (offer.stateRoot, offer.number, offer.recordedNumber) = (accepted.stateRoot, accepted.number, number);
        offer.isLessFinal = level == Level.FINAL && accepted.level == Level.SAFE;
    }

    /// @dev The copy with this code hash, from the code given or from before; zero where neither has it.
    function _copyWith(bytes32 codeHash, bytes calldata code) private returns (address copy) {
        copy = _copies[codeHash];
        if (code.length == 0) return copy;
        if (keccak256(code) != codeHash) revert IHub.CodeMismatch(codeHash, keccak256(code));
        // With SELFDESTRUCT a copy can be destroyed in the transaction that made it (EIP-6780): then it is put back.
        if (copy.code.length != 0) return copy;
        if (!LogicCopy.isDeployable(code)) revert IHub.CodeNotDeployable(code.length);
        // Its copy would delegate to an address of the source chain, where anybody may have put anything here.
        address target = CloneCode.fixedTarget(code);
        if (target != address(0)) revert ImplementationIsClone(target);
        copy = LogicCopy.deploy(0, code);
        if (copy == address(0)) revert IHub.DeploymentFailed();
        _copies[codeHash] = copy;
    }

    // --- parts: replicas ---

    function _isPlain(ReplicaKey memory key) private view returns (bool) {
        return HUB.logicOf(key).codehash == key.codeHash;
    }

    /// @dev What a replica answers to nothing, or its reason.
    function _answerOf(address replica) private view returns (bytes memory answer) {
        bool success;
        // Whoever is asked tells by who asks.
        // slither-disable-next-line low-level-calls
        (success, answer) = replica.staticcall("");
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    // --- parts: beacons ---

    /// @dev As proxies do: an answer of less than a word, or of more than an address, is none.
    function _askBeacon(address beacon, address named) private view returns (address implementation) {
        bytes memory question = abi.encodeCall(IBeacon.implementation, ());
        bool success;
        uint256 answer;
        assembly ("memory-safe") {
            // Only one word is taken, however long the answer is, to the scratch space.
            success := staticcall(gas(), named, add(question, 32), mload(question), 0, 32)
            success := and(success, gt(returndatasize(), 31))
            answer := mload(0)
        }
        if (!success || answer > type(uint160).max) revert BeaconWithoutAnswer(beacon, named);
        return address(uint160(answer));
    }

    // --- parts: anchors ---

    function _levelOf(address anchor, bytes32 blockHash) private view returns (Level) {
        return IAnchor(anchor).blockByHash(blockHash).level;
    }

    function _isUsable(Level level) private pure returns (bool) {
        return level == Level.SAFE || level == Level.FINAL;
    }

    // --- parts: resolvers ---

    function _find(address anchor, bytes calldata code, bytes32 logicHash)
        private
        view
        returns (ProxyKind, bytes memory creation)
    {
        for (uint8 kind = uint8(type(ProxyKind).max); kind != 0; --kind) {
            creation = _creation(anchor, code, ProxyKind(kind));
            if (creation.length != 0 && keccak256(creation) == logicHash) return (ProxyKind(kind), creation);
        }
        return (ProxyKind.NONE, "");
    }

    function _creation(address anchor, bytes calldata code, ProxyKind kind) private view returns (bytes memory) {
        bytes32 slot = _slotOf(kind);
        address target = kind == ProxyKind.CLONE ? CloneCode.target(code) : address(0);
        if (slot == 0 && target == address(0)) return "";
        bool isBeacon = kind == ProxyKind.EIP1967_BEACON;
        // The creation code is no literal.
        // slither-disable-next-line too-many-digits
        return abi.encodePacked(type(Resolver).creationCode, abi.encode(this, anchor, slot, isBeacon, target));
    }

    function _slotOf(ProxyKind kind) private pure returns (bytes32) {
        if (kind == ProxyKind.EIP1967) return IMPLEMENTATION_SLOT;
        if (kind == ProxyKind.EIP1967_BEACON) return BEACON_SLOT;
        if (kind == ProxyKind.EIP1822) return PROXIABLE_SLOT;
        if (kind == ProxyKind.ZEPPELINOS) return ZEPPELINOS_SLOT;
        return 0;
    }
}
