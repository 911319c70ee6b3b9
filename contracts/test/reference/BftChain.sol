// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HeaderWriter} from "./HeaderWriter.sol";
import {NamedErrors} from "./NamedErrors.sol";
import {RlpWriter} from "./RlpWriter.sol";

/// @title BftChain
/// @notice Makes the headers of a chain of QBFT or IBFT 2.0, and seals them. A header is written anew for each of its two
/// hashes, so nothing is shared with `BftHeader`, which cuts a header up.
abstract contract BftChain is NamedErrors {
    enum Protocol {
        QBFT,
        IBFT2
    }

    /// @dev What a header is made of.
    struct Draft {
        bytes32 parentHash;
        bytes32 stateRoot;
        uint64 number;
        uint64 timestamp;
        uint256 round;
        uint256[] keys; // of the validators, sorted by address
        uint256[] sealing; // places of those who seal, in their order
    }

    bytes32 internal constant MIX_HASH = 0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365;
    bytes internal constant NOTHING = hex"c0";

    Protocol internal protocol;

    /// @notice `count` keys sorted by address, of those with the numbers from `first` on.
    function keysFrom(uint256 first, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            keys[i] = uint256(keccak256(abi.encode("validator", first + i)));
        }
        return sorted(keys);
    }

    function sorted(uint256[] memory keys) internal pure returns (uint256[] memory) {
        for (uint256 i = 1; i < keys.length; ++i) {
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
        return keys;
    }

    /// @notice The first `count` places.
    function firstOf(uint256 count) internal pure returns (uint256[] memory places) {
        places = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            places[i] = i;
        }
    }

    function sealedHeader(Draft memory draft) internal view returns (bytes memory) {
        return headerOf(draft, sealsOf(draft));
    }

    function sealsOf(Draft memory draft) internal view returns (bytes memory seals) {
        bytes32 digest = sealedHashOf(draft);
        for (uint256 i = 0; i < draft.sealing.length; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(draft.keys[draft.sealing[i]], digest);
            seals = bytes.concat(seals, RlpWriter.str(abi.encodePacked(r, s, v - 27)));
        }
    }

    /// @notice The header with these seals, encoded one after the other.
    function headerOf(Draft memory draft, bytes memory seals) internal view returns (bytes memory) {
        return withExtra(draft, itemsOf(draft, seals));
    }

    /// @notice The header's extraData with these seals.
    function extraOf(Draft memory draft, bytes memory seals) internal view returns (bytes memory) {
        return RlpWriter.list(itemsOf(draft, seals));
    }

    function itemsOf(Draft memory draft, bytes memory seals) internal view returns (bytes memory) {
        return bytes.concat(common(draft), roundOf(draft), RlpWriter.list(seals));
    }

    function sealedHashOf(Draft memory draft) internal view returns (bytes32) {
        bytes memory tail = protocol == Protocol.QBFT ? NOTHING : bytes("");
        return keccak256(withExtra(draft, bytes.concat(common(draft), roundOf(draft), tail)));
    }

    function blockHashOf(Draft memory draft) internal view returns (bytes32) {
        bytes memory tail = protocol == Protocol.QBFT ? bytes.concat(RlpWriter.scalar(0), NOTHING) : bytes("");
        return keccak256(withExtra(draft, bytes.concat(common(draft), tail)));
    }

    /// @notice The RLP list of the validators.
    function listOf(uint256[] memory keys) internal pure returns (bytes memory items) {
        for (uint256 i = 0; i < keys.length; ++i) {
            items = bytes.concat(items, RlpWriter.str(abi.encodePacked(vm.addr(keys[i]))));
        }
        return RlpWriter.list(items);
    }

    function common(Draft memory draft) internal view returns (bytes memory) {
        bytes memory noVote = protocol == Protocol.QBFT ? NOTHING : RlpWriter.scalar(0);
        return bytes.concat(RlpWriter.word(bytes32("vanity")), listOf(draft.keys), noVote);
    }

    function roundOf(Draft memory draft) internal view returns (bytes memory) {
        if (protocol == Protocol.QBFT) return RlpWriter.scalar(draft.round);
        // forge-lint: disable-next-line(unsafe-typecast)
        return RlpWriter.str(abi.encodePacked(uint32(draft.round)));
    }

    function withExtra(Draft memory draft, bytes memory extra) internal pure returns (bytes memory) {
        bytes[] memory fields = HeaderWriter.fields(draft.parentHash, draft.stateRoot, draft.number, draft.timestamp);
        fields[12] = RlpWriter.str(RlpWriter.list(extra));
        fields[13] = RlpWriter.word(MIX_HASH);
        return HeaderWriter.join(fields);
    }

    function placesOf(uint256[] memory places) internal pure returns (bytes memory out) {
        for (uint256 i = 0; i < places.length; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast)
            out = bytes.concat(out, bytes1(uint8(places[i])));
        }
    }

    /// @notice The proof of a header that the known validators have sealed.
    function proofOf(Draft memory draft) internal view returns (bytes memory) {
        return bytes.concat(sealedHeader(draft), placesOf(draft.sealing));
    }

    /// @notice The proof of a header with other validators than the `known` ones.
    function proofOf(Draft memory draft, uint256[] memory known) internal view returns (bytes memory) {
        bytes memory places;
        for (uint256 i = 0; i < draft.sealing.length; ++i) {
            uint256 place = 0xff;
            for (uint256 k = 0; k < known.length; ++k) {
                if (known[k] == draft.keys[draft.sealing[i]]) place = k;
            }
            // forge-lint: disable-next-line(unsafe-typecast)
            places = bytes.concat(places, bytes1(uint8(place)));
        }
        return bytes.concat(proofOf(draft), listOf(known), places);
    }
}
