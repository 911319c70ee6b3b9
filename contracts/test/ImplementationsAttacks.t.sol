// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReaderGuard} from "../src/ReaderGuard.sol";
import {Level} from "../src/interfaces/IAnchor.sol";
import {IHub} from "../src/interfaces/IHub.sol";
import {IImplementations, ProxyKind} from "../src/interfaces/IImplementations.sol";
import {ProxyScene, SampleUpgrade} from "./reference/ProxyScene.sol";

/// @notice Who may supply is anybody: what somebody does with that who wants others not to read, or to read something else.
contract ImplementationsAttacksTest is ProxyScene {
    uint64 private constant AGE = 1 hours;

    /// @dev On this chain somebody has put other code at an address of the source chain.
    address private constant THERE = address(0xb0b);

    uint256[2] private direct = [uint256(7), word(FIRST)];

    function setUp() public {
        vm.warp(10 * 12 + 60); // source time runs 12 seconds a block
    }

    // --- always a SAFE block ahead of the newest FINAL one ---

    /// @dev One transaction at each SAFE block would keep all who read FINAL from all proxies of one implementation.
    function test_supply_sameCodeAtAnOlderFinalBlock_cannotBeKeptOutBySafeOnes() public {
        address replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct);
        put(FIRST, sampleCode);
        for (uint64 number = 20; number < 23; ++number) {
            registry.supply(address(anchor), mine(number, Level.SAFE), FIRST, nodesOf(FIRST), sampleCode);
        }
        bytes32 finalized = mine(19);
        address copy = registry.supply(address(anchor), finalized, FIRST, nodesOf(FIRST), "");
        assertEq(copy.code, sampleCode);
        assertEq(uint256(registry.levelBehind(replica)), uint256(Level.FINAL));
        ReaderGuard guard = new ReaderGuard(hub, replica, AGE, Level.FINAL);
        registry.supply(address(anchor), mine(23, Level.SAFE), FIRST, nodesOf(FIRST), sampleCode);
        assertEq(SampleUpgrade(address(guard)).stored(), 7);
        (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
        assertEq(recorded, finalized);
    }

    /// @dev The newest says what there is: an older FINAL block can neither bring back what was there before ...
    function test_supply_otherCodeAtAnOlderFinalBlock_reverts() public {
        put(FIRST, sampleCode);
        bytes32 before = mine(19);
        bytes memory proof = nodesOf(FIRST);
        put(FIRST, upgradeCode);
        registry.supply(address(anchor), mine(20, Level.SAFE), FIRST, nodesOf(FIRST), upgradeCode);
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockNotNewer.selector, 20, 19));
        registry.supply(address(anchor), before, FIRST, proof, sampleCode);
        assertEq(registry.copyOf(address(anchor), FIRST).code, upgradeCode);
    }

    /// @dev ... nor take away what is there now, ...
    function test_supply_noCodeYetAtAnOlderFinalBlock_reverts() public {
        put(SECOND, upgradeCode);
        put(address(3), upgradeCode);
        bytes32 before = mine(19);
        bytes memory proof = nodesOf(FIRST);
        put(FIRST, sampleCode);
        registry.supply(address(anchor), mine(20, Level.SAFE), FIRST, nodesOf(FIRST), sampleCode);
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockNotNewer.selector, 20, 19));
        registry.supply(address(anchor), before, FIRST, proof, "");
        assertEq(registry.copyOf(address(anchor), FIRST).code, sampleCode);
    }

    /// @dev ... nor say that there was none where there is none; and one that is SAFE only is no reason to go back.
    function test_supply_olderBlocksThatBringNothing_revert() public {
        put(FIRST, sampleCode);
        registry.supply(address(anchor), mine(20, Level.SAFE), FIRST, nodesOf(FIRST), "");
        bytes32 older = mine(19);
        bytes memory proof = nodesOf(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockNotNewer.selector, 20, 19));
        registry.supply(address(anchor), older, FIRST, proof, "");
        registry.supply(address(anchor), mine(20, Level.SAFE), FIRST, nodesOf(FIRST), sampleCode);
        older = mine(18, Level.SAFE);
        vm.expectRevert(abi.encodeWithSelector(IHub.BlockNotNewer.selector, 20, 18));
        registry.supply(address(anchor), older, FIRST, nodesOf(FIRST), sampleCode);
    }

    /// @dev In whatever order blocks of both levels come.
    function testFuzz_supply_sameCodeAtAnyLevels_isFinalOnceAFinalBlockSaidSo(uint256[12] memory steps) public {
        put(FIRST, sampleCode);
        bool seen;
        for (uint256 i = 0; i < steps.length; ++i) {
            bool isFinal = steps[i] % 3 == 0;
            // forge-lint: disable-next-line(unsafe-typecast)
            uint64 number = uint64(20 + 2 * ((steps[i] >> 8) % 8)) + (isFinal ? 1 : 0);
            bytes32 hash = mine(number, isFinal ? Level.FINAL : Level.SAFE);
            try registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), sampleCode) {} catch {}
            seen = seen || isFinal;
            (, bytes32 recorded) = registry.supplied(address(anchor), FIRST);
            assertEq(uint256(anchor.blockByHash(recorded).level), uint256(seen ? Level.FINAL : Level.SAFE));
            assertEq(registry.copyOf(address(anchor), FIRST).code, sampleCode);
        }
    }

    // --- clones that no replica can be made of ---

    /// @dev With arguments, with an address cut short, Vyper's, with a whole word for the address.
    function test_supply_clonesOfAnyForm_answerNothingOfThisChains() public {
        vm.etch(THERE, hex"602a60005260206000f3"); // answers 42
        vm.etch(address(uint160(0xbeef)), THERE.code);
        address replica = resolving(ProxyKind.EIP1967, IMPLEMENTATION_SLOT, direct);
        bytes[6] memory clones = _clones();
        for (uint64 i = 0; i < clones.length; ++i) {
            put(FIRST, clones[i]);
            bytes32 hash = mine(20 + i);
            address target = i == 1 ? address(uint160(0xbeef)) : THERE;
            vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationIsClone.selector, target));
            registry.supply(address(anchor), hash, FIRST, nodesOf(FIRST), clones[i]);
            vm.expectRevert(abi.encodeWithSelector(IImplementations.ImplementationNotReplicated.selector, FIRST));
            SampleUpgrade(replica).stored();
        }
    }

    function test_nameBeacon_clonesOfAnyForm_revert() public {
        bytes[6] memory clones = _clones();
        uint256[2] memory naming = [uint256(0), word(FIRST)];
        for (uint64 i = 0; i < clones.length; ++i) {
            address source = address(uint160(0xbead00 + i));
            address named = active(source, clones[i], hub.logicHashOf(clones[i]), 20 + i, 1, naming);
            address target = i == 1 ? address(uint160(0xbeef)) : THERE;
            vm.expectRevert(abi.encodeWithSelector(IImplementations.BeaconIsClone.selector, named, target));
            registry.nameBeacon(named);
        }
    }

    /// @dev What the source's contracts need is not refused: a library's address is followed by other things.
    function test_supply_codeThatCallsALibrary_isCopied() public {
        bytes memory code_ = abi.encodePacked(hex"5f5f5f5f73", THERE, hex"90505af4505f5ff3");
        assertEq(supply(20, FIRST, code_).code, code_);
    }

    function _clones() private pure returns (bytes[6] memory) {
        bytes memory more = new bytes(200);
        return [
            abi.encodePacked(hex"363d3d373d3d3d363d73", THERE, hex"5af43d82803e903d91602b57fd5bf3", more),
            hex"363d3d373d3d3d363d61beef5af43d82803e903d91601957fd5bf3",
            abi.encodePacked(hex"366000600037611000600036600073", THERE, hex"5af4602c57600080fd5b6110006000f3"),
            abi.encodePacked(hex"3d3d3d3d363d3d37363d73", THERE, hex"5af43d3d93803e602a57fd5bf3", hex"00"),
            abi.encodePacked(hex"365f5f375f5f365f7f", bytes32(word(THERE)), hex"5af43d5f5f3e5f3d91603657fd5bf3"),
            // Solady's with arguments: receives ether by an event first
            abi.encodePacked(
                hex"36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff593da1005b",
                hex"363d3d373d3d3d3d61007136039060713d393d73",
                THERE,
                hex"5af43d3d93803e606f57fd5bf3",
                more
            )
        ];
    }
}
