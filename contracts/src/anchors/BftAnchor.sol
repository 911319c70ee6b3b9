// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor, Level, SrcBlock, Status} from "../interfaces/IAnchor.sol";
import {IBftAnchor} from "../interfaces/IBftAnchor.sol";
import {BftHeader} from "../libraries/BftHeader.sol";
import {Rlp} from "../libraries/Rlp.sol";
import {Anchor} from "./Anchor.sol";

/// @title BftAnchor
/// @notice Accepts the blocks that the source chain's own validators have sealed. How the two protocols write what is sealed
/// is the subclass's. See `IBftAnchor`.
abstract contract BftAnchor is Anchor, IBftAnchor {
    uint256 private constant MAX_VALIDATORS = 255;
    bytes1 private constant NOWHERE = 0xff;

    /// @inheritdoc IBftAnchor
    uint64 public immutable trustingPeriod;
    /// @inheritdoc IBftAnchor
    uint64 public immutable maxDrift;

    /// @inheritdoc IBftAnchor
    bytes32 public immutable checkpoint;

    /// @inheritdoc IBftAnchor
    bytes32 public validatorsHash;

    /// @dev Until when others were the known ones: the time of the first header without them, by keccak-256 of their list.
    mapping(bytes32 validatorsHash => uint64 timestamp) private _knownUntil;

    /// @param sourceChainId EIP-155 chain id of the source chain.
    /// @param sourceGenesisHash Hash of its block 0.
    /// @param checkpoint_ Hash of a block that is trusted as it is, whose validators are the first known ones.
    /// @param trustingPeriod_ Seconds.
    /// @param maxDrift_ Seconds.
    constructor(
        uint256 sourceChainId,
        bytes32 sourceGenesisHash,
        bytes32 checkpoint_,
        uint64 trustingPeriod_,
        uint64 maxDrift_
    ) Anchor(sourceChainId, sourceGenesisHash) {
        checkpoint = checkpoint_;
        trustingPeriod = trustingPeriod_;
        maxDrift = maxDrift_;
    }

    // --- external ---

    /// @inheritdoc IAnchor
    function update(bytes calldata proof) external returns (bytes32 blockHash, Level level) {
        (uint64 newest, uint64 timestamp) = _newest();
        {
            (Status current, uint64 since,) = _statusAt(timestamp);
            if (current != Status.ACTIVE) revert AnchorStopped(current, since);
        }
        (, uint256 end) = Rlp.readList(proof, 0);
        bytes calldata header = proof[:end];
        BftHeader.Parts memory parts = BftHeader.read(header);
        SrcBlock memory offered = _offered(header, parts);
        blockHash = offered.blockHash;
        bytes32 known = validatorsHash;
        if (known == 0) {
            if (blockHash != checkpoint) revert NotCheckpoint(checkpoint, blockHash);
            if (proof.length != end) revert ProofNotCanonical(proof.length);
            _requireTrusted(offered.timestamp);
            _know(header, parts);
        } else {
            if (offered.number <= newest) {
                level = _block(blockHash).level;
                if (_isUsable(level)) return (blockHash, level);
                revert NumberNotNewer(newest, offered.number);
            }
            _requireTimestamp(offered, maxDrift, newest, timestamp);
            _requireSealed(header, parts, proof[end:], known);
        }
        offered.level = Level.FINAL;
        return (blockHash, _accept(offered));
    }

    /// @inheritdoc IAnchor
    function reportMisbehaviour(bytes calldata evidence) external {
        _requireActive();
        (, uint256 middle) = Rlp.readList(evidence, 0);
        (, uint256 end) = Rlp.readList(evidence, middle);
        bytes calldata accepted = evidence[:middle];
        bytes calldata other = evidence[middle:end];
        bytes calldata places = evidence[end:];

        (SrcBlock memory one,) = _read(accepted);
        bytes32 canonical = canonicalAt(one.number).blockHash;
        if (one.blockHash != canonical) revert NotThatBlock(0, canonical, one.blockHash);
        BftHeader.Parts memory parts = BftHeader.read(other);
        SrcBlock memory two = _offered(other, parts);
        if (!_contradict(one.number, one.timestamp, one.blockHash, two.number, two.timestamp, two.blockHash)) {
            revert NoMisbehaviour();
        }

        // Whoever has validated lately is answerable for what he seals.
        bytes32 sealing = keccak256(other[parts.validators:parts.vote]);
        bytes32 known = validatorsHash;
        if (sealing != known) {
            uint64 until = _knownUntil[sealing];
            if (until == 0) revert NotKnownValidators(known, sealing);
            _requireTrusted(until);
        }
        _requireQuorum(other, parts, places, false);
        _freeze(abi.encode(one.number, one.blockHash, two.blockHash));
    }

    /// @inheritdoc IAnchor
    function status()
        public
        view
        override(Anchor, IAnchor)
        returns (Status current, uint64 since, uint64 canonicalEpoch)
    {
        (, uint64 timestamp) = _newest();
        return _statusAt(timestamp);
    }

    /// @dev The status where the newest block is of this time.
    function _statusAt(uint64 timestamp) private view returns (Status current, uint64 since, uint64 canonicalEpoch) {
        (current, since, canonicalEpoch) = super.status();
        if (current != Status.ACTIVE) return (current, since, canonicalEpoch);
        uint256 until = uint256(timestamp) + trustingPeriod;
        // forge-lint: disable-next-line(unsafe-typecast)
        if (timestamp != 0 && block.timestamp > until) (current, since) = (Status.EXPIRED, uint64(until)); // it is past
    }

    // --- internal: how the protocol writes it ---

    /// @dev The block's hash.
    function _blockHash(bytes calldata header, BftHeader.Parts memory parts) internal pure virtual returns (bytes32);

    /// @dev What the validators have sealed.
    function _sealedHash(bytes calldata header, BftHeader.Parts memory parts) internal pure virtual returns (bytes32);

    /// @inheritdoc Anchor
    function _read(bytes calldata header) internal view override returns (SrcBlock memory offered, bytes32 parentHash) {
        BftHeader.Parts memory parts = BftHeader.read(header);
        return (_offered(header, parts), parts.fields.parentHash);
    }

    // --- private ---

    function _offered(bytes calldata header, BftHeader.Parts memory parts)
        private
        view
        returns (SrcBlock memory offered)
    {
        // Nobody has sealed the genesis block; its hash is that of the header as it is.
        offered.blockHash = parts.fields.number == 0 ? keccak256(header) : _blockHash(header, parts);
        offered.stateRoot = parts.fields.stateRoot;
        offered.number = parts.fields.number;
        offered.timestamp = parts.fields.timestamp;
        offered.acceptedAt = uint64(block.timestamp);
    }

    /// @dev What was sealed at this time, or by those who were known until then, is not too old to be trusted.
    function _requireTrusted(uint64 timestamp) private view {
        uint256 until = uint256(timestamp) + trustingPeriod;
        if (block.timestamp > until) revert TooOldToTrust(timestamp, until);
    }

    function _requireSealed(bytes calldata header, BftHeader.Parts memory parts, bytes calldata rest, bytes32 known)
        private
    {
        uint256 sealCount = parts.sealCount;
        if (rest.length < sealCount) revert ProofNotCanonical(rest.length);
        bool isKnown = keccak256(header[parts.validators:parts.vote]) == known;
        address[] memory sealers = _requireQuorum(header, parts, rest[:sealCount], !isKnown);
        if (isKnown) {
            if (rest.length != sealCount) revert ProofNotCanonical(rest.length);
            return;
        }
        _requireOverlap(sealers, rest[sealCount:], known);
        _knownUntil[known] = parts.fields.timestamp;
        _know(header, parts);
    }

    /// @dev Every seal of the header must be by the validator at its place in the header's list, each at another place; and they
    /// must be enough. Whose they are is told where it is asked for.
    function _requireQuorum(bytes calldata header, BftHeader.Parts memory parts, bytes calldata places, bool isTold)
        private
        view
        returns (address[] memory sealers)
    {
        if (places.length != parts.sealCount) revert ProofNotCanonical(places.length);
        bytes calldata validators = BftHeader.validatorsOf(header, parts);
        uint256 count = BftHeader.countOf(validators);
        // A header of a time when a contract named the validators has none.
        if (count == 0) revert ValidatorCountOutOfRange(0);
        if (places.length < _quorum(count)) revert TooFewSeals(_quorum(count), places.length);
        bytes32 digest = _sealedHash(header, parts);
        sealers = new address[](isTold ? places.length : 0);
        uint256 next = 0;
        // Nothing wraps: places are bytes, and there are no more of them than validators.
        unchecked {
            for (uint256 i = 0; i < places.length; ++i) {
                uint256 place = uint8(places[i]);
                if (place < next || place >= count) revert PlacesNotIncreasing(i);
                next = place + 1;
                address sealer = BftHeader.sealerOf(header, parts, i, digest);
                address expected = BftHeader.validatorAt(validators, place);
                if (expected == address(0) || sealer != expected) revert NotThatValidator(i, expected, sealer);
                if (isTold) sealers[i] = sealer;
            }
        }
    }

    /// @dev Of those who sealed, more must be known than can be faulty. `rest` is the known list, and their places in that.
    function _requireOverlap(address[] memory sealers, bytes calldata rest, bytes32 known) private pure {
        (bytes calldata others, bytes calldata places) = BftHeader.validatorsIn(rest);
        bytes32 given = keccak256(rest[:rest.length - places.length]);
        if (given != known) revert NotKnownValidators(known, given);
        if (places.length != sealers.length) revert ProofNotCanonical(places.length);
        uint256 found = 0;
        for (uint256 i = 0; i < sealers.length; ++i) {
            if (places[i] == NOWHERE) continue;
            uint256 place = uint8(places[i]);
            if (place >= BftHeader.countOf(others)) revert PlacesNotIncreasing(i);
            address expected = BftHeader.validatorAt(others, place);
            if (sealers[i] != expected) revert NotThatValidator(i, expected, sealers[i]);
            // None is counted twice: all sealers are different.
            ++found;
        }
        uint256 needed = (BftHeader.countOf(others) - 1) / 3 + 1;
        if (found < needed) revert TooFewKnownSeals(needed, found);
    }

    /// @dev The header's validators are the known ones from now on.
    function _know(bytes calldata header, BftHeader.Parts memory parts) private {
        bytes calldata validators = BftHeader.validatorsOf(header, parts);
        uint256 count = BftHeader.countOf(validators);
        if (count == 0 || count > MAX_VALIDATORS) revert ValidatorCountOutOfRange(count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address next = BftHeader.validatorAt(validators, i);
            if (next <= previous) revert ValidatorsNotIncreasing(previous, next);
            previous = next;
        }
        validatorsHash = keccak256(header[parts.validators:parts.vote]);
        emit ValidatorsChanged(parts.fields.number, validatorsHash);
    }

    /// @dev ceil(2n / 3).
    function _quorum(uint256 count) private pure returns (uint256) {
        return (2 * count + 2) / 3;
    }
}
