// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "./IAnchor.sol";

/// @title IBftAnchor
/// @notice Trusts what the source chain trusts, that fewer than a third of its validators are faulty, for as long as
/// `trustingPeriod` after they validated: it verifies the seals in the chain's own headers. Every accepted block is FINAL.
///
/// - A header with the validators that the anchor knows needs the seals of ceil(2n/3) of them.
/// - One with other validators needs as many of its own, and of those that the anchor knows more than can be faulty:
///   floor((n - 1) / 3) + 1. They are the known ones from then on.
/// - A header that cannot be of one chain with an accepted one, sealed by a quorum of validators who are known or were so
///   within `trustingPeriod`, freezes it: a third of them, at least, is faulty. Two headers contradict each other that have
///   the same number, or of which the one with the higher number is the earlier one.
/// - Without a header for longer than `trustingPeriod` it is EXPIRED: those who validated once may have sold their keys since.
///   A checkpoint that old is refused.
///
/// @dev The `proof` of `update` is | RLP of the header | places | and, where the validators are others, further
/// | RLP list of the known validators, as the header before had it | places |. Places are one byte a seal, in the order of the
/// seals: whose it is, by the place in the header's list, strictly increasing; and in the known list, ff where he is not in it.
/// Seals can be left out and put in order, since no hash is over them: who sends a header keeps as many as are needed.
///
/// The `evidence` of `reportMisbehaviour` is | RLP of the accepted header | RLP of the other header | places |: whose the other
/// header's seals are, in its own list of validators. `StatusChanged` carries
/// `abi.encode(uint64 number, bytes32 acceptedHash, bytes32 otherHash)`.
///
/// Warning: such headers have no chain id. Validators who use their keys for another chain of the kind, of whatever network,
/// sign headers that pass here.
/// Warning: with three validators or fewer not one may be faulty.
/// Warning: only where the validators are voted for, or listed in the genesis block. Those who a contract names are not in
/// the headers.
interface IBftAnchor is IAnchor {
    /// @notice The validators are others from this block on.
    event ValidatorsChanged(uint64 indexed number, bytes32 validatorsHash);

    /// @notice The first block has to be the checkpoint.
    error NotCheckpoint(bytes32 expected, bytes32 actual);
    /// @notice The block is not newer than the newest accepted one; its ancestors are accepted by `extendAncestors`.
    error NumberNotNewer(uint64 headNumber, uint64 number);
    /// @notice What was sealed at this time, or by those who were known until then, was to be trusted until `until` (seconds on
    /// the source's clock, and the target's).
    error TooOldToTrust(uint64 timestamp, uint256 until);
    /// @notice There are no validators, or more than 255.
    error ValidatorCountOutOfRange(uint256 count);
    /// @notice The header's validators are not strictly increasing.
    error ValidatorsNotIncreasing(address previous, address next);
    /// @notice The list is not that of the known validators; of evidence, nor one that was.
    error NotKnownValidators(bytes32 expected, bytes32 actual);
    /// @notice Fewer seals by the header's validators than it needs.
    error TooFewSeals(uint256 needed, uint256 count);
    /// @notice Fewer seals by validators that the anchor knows than it needs.
    error TooFewKnownSeals(uint256 needed, uint256 count);
    /// @notice The seals' places are not strictly increasing, or beyond the list.
    error PlacesNotIncreasing(uint256 index);
    /// @notice Seal `index`, of this very header, is by `recovered`, and not by the validator at its place.
    error NotThatValidator(uint256 index, address expected, address recovered);

    /// @notice Hash of the first block, which is trusted as it is: whoever gives its header, without seals or with any, makes
    /// its validators the known ones.
    function checkpoint() external view returns (bytes32);

    /// @notice keccak-256 of the RLP list of the validators that the anchor knows; zero before the checkpoint's header came.
    function validatorsHash() external view returns (bytes32);

    /// @notice How many seconds after a header its validators are trusted.
    function trustingPeriod() external view returns (uint64);

    /// @notice How many seconds a block's time may be ahead of the target's clock.
    function maxDrift() external view returns (uint64);
}
