// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransitionEngine} from "../src/TransitionEngine.sol";
import {ITransitionEngine, ITransitionProver} from "../src/interfaces/ITransitionEngine.sol";
import {NamedErrors} from "./reference/NamedErrors.sol";
import {ReferenceTrie} from "./reference/ReferenceTrie.sol";
import {StateTrie} from "./reference/StateTrie.sol";
import {WitnessBuilder} from "./reference/WitnessBuilder.sol";
import {WitnessParts} from "./reference/WitnessParts.sol";

/// @notice `stateRootOf`: from what an account is, and what stands beside its path, up to the state root.
contract TransitionEngineAccountsTest is NamedErrors {
    address private constant SOURCE = address(0x5b); // its key starts with 0: there is room beside it
    bytes32 private constant STORAGE = keccak256("storage");
    bytes32 private constant CODE = keccak256("code");

    ITransitionProver internal engine = ITransitionProver(address(new TransitionEngine()));

    // --- what is so ---

    function test_stateRootOf_onlyAccount_isItsLeaf() public view {
        ReferenceTrie.Entry[] memory entries = _state(new uint256[](0), 1, 2);
        assertEq(_rootBy(_proofIn(entries, 1, 2)), ReferenceTrie.root(entries));
    }

    /// @dev The longest that nonce and balance can be, and the shortest.
    function test_stateRootOf_extremeNonceAndBalance_isTheRoot() public view {
        uint256[2] memory nonces = [uint256(0), type(uint64).max];
        uint256[2] memory balances = [uint256(0), type(uint256).max];
        for (uint256 i = 0; i < 4; ++i) {
            (uint256 nonce, uint256 balance) = (nonces[i % 2], balances[i / 2]);
            ReferenceTrie.Entry[] memory entries = _state(_depths(0, 7, 31), nonce, balance);
            bytes memory proof = _proofIn(entries, nonce, balance);
            assertEq(_rootBy(proof), ReferenceTrie.root(entries));
            if (i == 3) assertEq(uint8(proof[0]), 42);
        }
    }

    /// @dev Neighbours at every depth, so that there are branches and extensions of any length.
    function test_stateRootOf_neighbourAtAnyDepth_isTheRoot() public view {
        for (uint256 depth = 0; depth < 63; ++depth) {
            ReferenceTrie.Entry[] memory entries = _state(_depths(depth, depth, depth), 1, 2);
            assertEq(_rootBy(_proofIn(entries, 1, 2)), ReferenceTrie.root(entries));
            entries = _state(_depths(0, depth, 62), 1, 2);
            assertEq(_rootBy(_proofIn(entries, 1, 2)), ReferenceTrie.root(entries));
        }
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_stateRootOf_anyState_isTheRoot(uint256 seed, uint64 nonce, uint256 balance) public view {
        uint256[] memory depths = new uint256[](seed % 24);
        for (uint256 i = 0; i < depths.length; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            depths[i] = dice % 4 == 0 ? (dice >> 8) % 63 : (dice >> 8) % 6;
        }
        ReferenceTrie.Entry[] memory entries = _state(depths, nonce, balance);
        assertEq(_rootBy(_proofIn(entries, nonce, balance)), ReferenceTrie.root(entries));
    }

    // --- what is not so ---

    function test_stateRootOf_otherAccount_isNotTheRoot() public view {
        (bytes memory proof, bytes32 root) = _some();
        assertEq(engine.stateRootOf(SOURCE, STORAGE, CODE, proof), root);
        assertTrue(engine.stateRootOf(SOURCE, keccak256("other"), CODE, proof) != root);
        assertTrue(engine.stateRootOf(SOURCE, STORAGE, keccak256("other"), proof) != root);
        assertTrue(engine.stateRootOf(SOURCE, CODE, STORAGE, proof) != root);
        // Of another account the path is another: that its own bit is an opaque child may show first.
        (bool success, bytes memory data) = address(engine)
            .staticcall(abi.encodeCall(ITransitionEngine.stateRootOf, (address(0x51), STORAGE, CODE, proof)));
        if (success) assertTrue(abi.decode(data, (bytes32)) != root);
        else assertEq(assertNamed(data), ITransitionEngine.ChildTwice.selector);
    }

    /// @dev A state in which there is no such account: whatever its proof would be, it does not lead there.
    function test_stateRootOf_absentAccount_isNotTheRoot() public view {
        (bytes32 stateRoot, bytes memory proof,) = StateTrie.absent(SOURCE);
        assertTrue(_rootBy(proof) != stateRoot);
    }

    function testFuzz_stateRootOf_bitFlipped_isNotTheRoot(uint256 bit) public view {
        (bytes memory proof, bytes32 root) = _some();
        proof[(bit / 8) % proof.length] ^= bytes1(uint8(1 << (bit % 8))); // forge-lint: disable-line
        _assertNoProofOf(root, proof);
    }

    function test_stateRootOf_cutOrLonger_isNotTheRoot() public view {
        (bytes memory proof, bytes32 root) = _some();
        for (uint256 length = 0; length < proof.length; ++length) {
            _assertNoProofOf(root, WitnessParts.slice(proof, 0, length));
        }
        for (uint256 tag = 0; tag < 256; ++tag) {
            _assertNoProofOf(root, bytes.concat(proof, abi.encodePacked(uint8(tag)))); // forge-lint: disable-line
        }
    }

    function testFuzz_stateRootOf_anyBytes_isNotTheRoot(bytes memory proof) public view {
        (, bytes32 root) = _some();
        _assertNoProofOf(root, proof);
    }

    /// @dev An order is one only from the lowest to the highest.
    function test_stateRootOf_branchesReordered_reverts() public view {
        (bytes memory proof, bytes32 root) = _some();
        uint256 start = 1 + uint8(proof[0]);
        bytes memory rest = WitnessParts.slice(proof, 0, start);
        bytes[] memory branches = WitnessParts.items(WitnessParts.slice(proof, start, proof.length));
        assertEq(branches.length, 3);
        for (uint256 i = 0; i < 2; ++i) {
            bytes[] memory list = WitnessParts.items(WitnessParts.slice(proof, start, proof.length));
            (list[i], list[i + 1]) = (branches[i + 1], branches[i]);
            _assertNoProofOf(root, bytes.concat(rest, WitnessParts.join(list, 0, 3)));
            list[i] = branches[i];
            _assertNoProofOf(root, bytes.concat(rest, WitnessParts.join(list, 0, 3))); // one twice
            list[i] = "";
            _assertNoProofOf(root, bytes.concat(rest, WitnessParts.join(list, 0, 3))); // one less
        }
    }

    // --- what is no proof ---

    function test_stateRootOf_empty_reverts() public {
        _refused("", abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, 0));
        _refused(hex"05c0c0", abi.encodeWithSelector(ITransitionEngine.WitnessTruncated.selector, 3));
    }

    function test_stateRootOf_restTooLong_reverts() public {
        bytes memory proof = bytes.concat(hex"2b", new bytes(43));
        _refused(proof, abi.encodeWithSelector(ITransitionEngine.NonCanonicalWord.selector, 0));
    }

    function test_stateRootOf_branchOfItsOwnBit_reverts() public {
        uint256 nibble = ReferenceTrie.nibbleAt(StateTrie.keyOf(SOURCE), 0);
        bytes memory proof = bytes.concat(hex"020102", WitnessBuilder.branch(0, 1 << nibble, abi.encode(1)));
        _refused(proof, abi.encodeWithSelector(ITransitionEngine.ChildTwice.selector, 3));
        proof = bytes.concat(hex"020102", WitnessBuilder.branch(0));
        _refused(proof, abi.encodeWithSelector(ITransitionEngine.BranchTooNarrow.selector, 3));
    }

    /// @dev Nothing but branches: a proof has one form, and asks no storage.
    function test_stateRootOf_itemThatIsNoBranch_reverts() public {
        (bytes memory proof,) = _some();
        bytes[5] memory items = [
            WitnessBuilder.leaf(keccak256("key"), 1),
            WitnessBuilder.opaqueBranch(keccak256("key"), 3, keccak256("hash")),
            WitnessBuilder.write(5, 1),
            WitnessBuilder.write(type(uint256).max, 1),
            bytes(hex"e1")
        ];
        uint256 start = 1 + uint8(proof[0]);
        for (uint256 i = 0; i < items.length; ++i) {
            _refused(
                bytes.concat(proof, items[i]),
                abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, proof.length)
            );
            bytes memory early = WitnessParts.slice(proof, 0, start);
            early = bytes.concat(early, items[i], WitnessParts.slice(proof, start, proof.length));
            _refused(early, abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, start));
        }
    }

    /// @dev A write stands for nothing on the old side where its slot is empty, and so it could stand beside any account.
    function test_stateRootOf_writeBesideTheAccount_reverts() public {
        (bytes memory proof,) = _some();
        uint256 start = 1 + uint8(proof[0]);
        bytes[] memory branches = WitnessParts.items(WitnessParts.slice(proof, start, proof.length));
        uint256 slot = 0;
        while (ReferenceTrie.nibbleAt(ReferenceTrie.keyOf(slot), 0) != 15) ++slot;
        bytes memory forged = WitnessParts.slice(proof, 0, proof.length - branches[2].length);
        forged = bytes.concat(forged, WitnessBuilder.write(slot, 1), branches[2]);
        uint256 offset = proof.length - branches[2].length;
        _refused(forged, abi.encodeWithSelector(ITransitionEngine.UnknownItem.selector, offset));
    }

    // --- parts of tests ---

    function _rootBy(bytes memory proof) private view returns (bytes32) {
        return engine.stateRootOf(SOURCE, STORAGE, CODE, proof);
    }

    function _refused(bytes memory proof, bytes memory reason) private {
        vm.expectRevert(reason);
        engine.stateRootOf(SOURCE, STORAGE, CODE, proof);
    }

    function _assertNoProofOf(bytes32 root, bytes memory proof) private view {
        (bool success, bytes memory data) =
            address(engine).staticcall(abi.encodeCall(ITransitionEngine.stateRootOf, (SOURCE, STORAGE, CODE, proof)));
        if (success) assertTrue(abi.decode(data, (bytes32)) != root);
        else assertNamed(data);
    }

    /// @dev A proof with three branches.
    function _some() private pure returns (bytes memory proof, bytes32 root) {
        ReferenceTrie.Entry[] memory entries = _state(_depths(0, 1, 9), 1, 1 ether);
        return (_proofIn(entries, 1, 1 ether), ReferenceTrie.root(entries));
    }

    function _proofIn(ReferenceTrie.Entry[] memory entries, uint256 nonce, uint256 balance)
        private
        pure
        returns (bytes memory)
    {
        return StateTrie.ascent(entries, StateTrie.keyOf(SOURCE), nonce, balance);
    }

    function _depths(uint256 one, uint256 two, uint256 three) private pure returns (uint256[] memory depths) {
        depths = new uint256[](3);
        (depths[0], depths[1], depths[2]) = (one, two, three);
    }

    /// @dev The source, and for each of these depths a neighbour whose key shares that many nibbles with the source's.
    function _state(uint256[] memory depths, uint256 nonce, uint256 balance)
        private
        pure
        returns (ReferenceTrie.Entry[] memory entries)
    {
        bytes32 key = StateTrie.keyOf(SOURCE);
        entries = new ReferenceTrie.Entry[](depths.length + 1);
        entries[0] = ReferenceTrie.Entry(key, StateTrie.account(nonce, balance, STORAGE, CODE));
        for (uint256 i = 0; i < depths.length; ++i) {
            uint256 shift = 252 - 4 * depths[i];
            uint256 below = uint256(keccak256(abi.encode("neighbour", i))) & ((1 << shift) - 1);
            uint256 step = 1 + i % 15; // another nibble than the source's
            uint256 neighbour = ((uint256(key) >> shift) ^ step) << shift | below;
            bytes memory value = StateTrie.account(i, i, keccak256(abi.encode(i)), keccak256(""));
            entries[i + 1] = ReferenceTrie.Entry(bytes32(neighbour), value);
        }
    }
}
