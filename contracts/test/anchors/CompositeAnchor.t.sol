// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KofNAnchor} from "../../src/anchors/KofNAnchor.sol";
import {VetoAnchor} from "../../src/anchors/VetoAnchor.sol";
import {IAnchor, Level, SrcBlock, Status} from "../../src/interfaces/IAnchor.sol";
import {ICompositeAnchor} from "../../src/interfaces/ICompositeAnchor.sol";
import {HeaderWriter} from "../reference/HeaderWriter.sol";
import {NamedErrors} from "../reference/NamedErrors.sol";
import {TestAnchor} from "../reference/TestAnchor.sol";

/// @notice Anchors made of three that believe whatever the test tells them.
abstract contract CompositeAnchorTest is NamedErrors {
    uint256 internal constant CHAIN = 4242;
    uint64 internal constant NOW = 1_800_000_000;
    bytes32 internal constant BLOCK = keccak256("block 10");
    bytes32 internal constant OTHER = keccak256("another block 10");

    TestAnchor[3] internal members;

    function setUp() public virtual {
        vm.warp(NOW);
        for (uint256 i = 0; i < 3; ++i) {
            members[i] = new TestAnchor(CHAIN);
        }
    }

    function list() internal view returns (IAnchor[] memory found) {
        found = new IAnchor[](3);
        for (uint256 i = 0; i < 3; ++i) {
            found[i] = members[i];
        }
    }

    function tell(uint256 member, bytes32 hash, uint64 number, Level level) internal {
        members[member].setBlock(hash, keccak256(abi.encode("state of", hash)), number, level);
    }

    function proofOf(bytes32 hash) internal pure returns (bytes memory) {
        return abi.encode(hash);
    }

    function assertLevel(IAnchor anchor, bytes32 hash, Level expected) internal view {
        assertEq(uint8(anchor.blockByHash(hash).level), uint8(expected));
    }

    function assertStatus(IAnchor anchor, Status expected) internal view {
        (Status current,,) = anchor.status();
        assertEq(uint8(current), uint8(expected));
    }
}

contract KofNAnchorTest is CompositeAnchorTest {
    KofNAnchor private anchor;

    function setUp() public override {
        super.setUp();
        anchor = new KofNAnchor(list(), 2);
    }

    function test_constructor_wrongMembers_revert() public {
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NotAMember.selector, address(0)));
        new KofNAnchor(new IAnchor[](0), 0);
        IAnchor[] memory wrong = list();
        wrong[1] = IAnchor(address(0xdead));
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NotAMember.selector, address(0xdead)));
        new KofNAnchor(wrong, 2);
        wrong[1] = wrong[0];
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.NotAMember.selector, address(members[0])));
        new KofNAnchor(wrong, 2);
        wrong[1] = new TestAnchor(CHAIN + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICompositeAnchor.MemberOfOtherSource.selector, address(wrong[1]), CHAIN + 1, keccak256("genesis")
            )
        );
        new KofNAnchor(wrong, 2);
        for (uint256 k = 0; k < 5; k += 4) {
            vm.expectRevert(abi.encodeWithSelector(KofNAnchor.ThresholdOutOfRange.selector, k, 3));
            new KofNAnchor(list(), k);
        }
    }

    function test_update_twoOfThree_isAccepted() public {
        tell(0, BLOCK, 10, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, BLOCK, 2, 1));
        anchor.update(proofOf(BLOCK));
        tell(2, BLOCK, 10, Level.SAFE);
        (bytes32 hash, Level level) = anchor.update(proofOf(BLOCK));
        assertEq(hash, BLOCK);
        assertEq(uint8(level), uint8(Level.SAFE), "one of the two is not sure");
        assertEq(anchor.head(Level.SAFE).number, 10);
        assertEq(anchor.head(Level.SAFE).stateRoot, keccak256(abi.encode("state of", BLOCK)));
        tell(1, BLOCK, 10, Level.FINAL);
        assertLevel(anchor, BLOCK, Level.FINAL); // without a transaction
        anchor.update(proofOf(BLOCK));
        assertEq(anchor.head(Level.FINAL).number, 10);
    }

    function test_update_pendingRevokedOrStopped_doesNotCount() public {
        tell(0, BLOCK, 10, Level.FINAL);
        tell(1, BLOCK, 10, Level.PENDING);
        tell(2, BLOCK, 10, Level.REVOKED);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, BLOCK, 2, 1));
        anchor.update(proofOf(BLOCK));
        tell(1, BLOCK, 10, Level.FINAL);
        members[1].setStatus(Status.FROZEN);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, BLOCK, 2, 1));
        anchor.update(proofOf(BLOCK));
    }

    function test_levels_followTheMembers() public {
        tell(0, BLOCK, 10, Level.SAFE);
        tell(1, BLOCK, 10, Level.SAFE);
        anchor.update(proofOf(BLOCK));
        members[0].setLevel(BLOCK, Level.REVOKED);
        assertLevel(anchor, BLOCK, Level.REVOKED);
        (,, Level fromLevel,) = stepOf(BLOCK);
        assertEq(uint8(fromLevel), uint8(Level.REVOKED));
        assertEq(anchor.canonicalAt(10).blockHash, 0);
        assertEq(uint8(anchor.head(Level.SAFE).level), uint8(Level.UNKNOWN));
        // The other one can take its place then.
        tell(0, OTHER, 10, Level.SAFE);
        tell(2, OTHER, 10, Level.SAFE);
        anchor.update(proofOf(OTHER));
        assertEq(anchor.canonicalAt(10).blockHash, OTHER);
        assertLevel(anchor, BLOCK, Level.REVOKED);
    }

    function test_status_silenceOfTooMany_pauses() public {
        members[0].setStatus(Status.EXPIRED);
        assertStatus(anchor, Status.ACTIVE);
        members[2].setStatus(Status.FROZEN);
        assertStatus(anchor, Status.PAUSED);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.PAUSED, NOW));
        anchor.update(proofOf(BLOCK));
        members[0].setStatus(Status.ACTIVE);
        assertStatus(anchor, Status.ACTIVE);
    }

    function test_reportMisbehaviour_finalDisagreement_freezes() public {
        tell(0, BLOCK, 10, Level.FINAL);
        tell(1, OTHER, 10, Level.SAFE);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(abi.encode(uint64(10)));
        members[1].setLevel(OTHER, Level.FINAL);
        vm.expectEmit(address(anchor));
        emit IAnchor.StatusChanged(Status.FROZEN, abi.encode(uint64(10), BLOCK, OTHER));
        anchor.reportMisbehaviour(abi.encode(uint64(10)));
        assertStatus(anchor, Status.FROZEN);
    }

    function test_reportMisbehaviour_silence_freezesNothing() public {
        tell(0, BLOCK, 10, Level.FINAL);
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(abi.encode(uint64(10)));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ProofNotCanonical.selector, 31));
        anchor.reportMisbehaviour(new bytes(31));
    }

    function test_extendAncestors_followTheirDescendant() public {
        bytes memory parent = HeaderWriter.header(keccak256("p"), keccak256("state"), 9, NOW - 20);
        bytes memory raw = HeaderWriter.header(keccak256(parent), keccak256("state"), 10, NOW - 10);
        tell(0, keccak256(raw), 10, Level.FINAL);
        tell(1, keccak256(raw), 10, Level.FINAL);
        anchor.update(proofOf(keccak256(raw)));
        bytes[] memory headers = new bytes[](2);
        (headers[0], headers[1]) = (raw, parent);
        anchor.extendAncestors(keccak256(raw), headers);
        assertLevel(anchor, keccak256(parent), Level.FINAL);
        members[0].setLevel(keccak256(raw), Level.REVOKED);
        assertLevel(anchor, keccak256(parent), Level.REVOKED);
    }

    function stepOf(bytes32 from) private view returns (Status, uint64, Level, SrcBlock memory) {
        return anchor.step(from, 0);
    }
}

contract VetoAnchorTest is CompositeAnchorTest {
    uint64 private constant DELAY = 1 hours;

    VetoAnchor private anchor;

    function setUp() public override {
        super.setUp();
        anchor = new VetoAnchor(list(), DELAY);
    }

    function test_constructor_nothingToWatch_reverts() public {
        IAnchor[] memory alone = new IAnchor[](1);
        alone[0] = members[0];
        vm.expectRevert(abi.encodeWithSelector(VetoAnchor.NothingToWatch.selector, 0, DELAY));
        new VetoAnchor(alone, DELAY);
        vm.expectRevert(abi.encodeWithSelector(VetoAnchor.NothingToWatch.selector, 2, 0));
        new VetoAnchor(list(), 0);
    }

    function test_update_primarysBlock_isUsableAfterTheDelay() public {
        tell(0, BLOCK, 10, Level.FINAL);
        (, Level level) = anchor.update(proofOf(BLOCK));
        assertEq(uint8(level), uint8(Level.PENDING));
        assertEq(uint8(anchor.head(Level.SAFE).level), uint8(Level.UNKNOWN));
        assertEq(anchor.head(Level.PENDING).number, 10);
        vm.warp(NOW + DELAY - 1);
        assertLevel(anchor, BLOCK, Level.PENDING);
        vm.warp(NOW + DELAY);
        assertLevel(anchor, BLOCK, Level.FINAL);
        assertEq(anchor.head(Level.FINAL).number, 10);
    }

    function test_update_watchersBlock_isNone() public {
        tell(1, BLOCK, 10, Level.FINAL);
        vm.expectRevert(abi.encodeWithSelector(ICompositeAnchor.TooFewMembers.selector, BLOCK, 1, 0));
        anchor.update(proofOf(BLOCK));
    }

    function test_head_isTheNewestThatCanBeUsed() public {
        for (uint64 i = 0; i < 7; ++i) {
            vm.warp(NOW + i * 10 minutes);
            tell(0, keccak256(abi.encode(i)), 10 + i, Level.SAFE);
            anchor.update(proofOf(keccak256(abi.encode(i))));
        }
        for (uint64 i = 0; i < 7; ++i) {
            vm.warp(NOW + DELAY + i * 10 minutes);
            assertEq(anchor.head(Level.SAFE).number, 10 + i);
            assertEq(anchor.head(Level.PENDING).number, 16);
        }
        members[0].setLevel(keccak256(abi.encode(6)), Level.REVOKED);
        assertEq(anchor.head(Level.SAFE).number, 15);
    }

    function test_reportMisbehaviour_watcherDisagrees_freezes() public {
        tell(0, BLOCK, 10, Level.FINAL);
        anchor.update(proofOf(BLOCK));
        vm.expectRevert(IAnchor.NoMisbehaviour.selector);
        anchor.reportMisbehaviour(abi.encode(uint64(10)));
        tell(2, OTHER, 10, Level.SAFE);
        vm.expectEmit(address(anchor));
        emit IAnchor.StatusChanged(Status.FROZEN, abi.encode(uint64(10), BLOCK, OTHER));
        anchor.reportMisbehaviour(abi.encode(uint64(10)));
        assertStatus(anchor, Status.FROZEN);
        vm.warp(NOW + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorStopped.selector, Status.FROZEN, NOW));
        anchor.update(proofOf(BLOCK));
    }

    function test_levels_primaryRevokes_isRevoked() public {
        tell(0, BLOCK, 10, Level.SAFE);
        anchor.update(proofOf(BLOCK));
        vm.warp(NOW + DELAY);
        members[0].setLevel(BLOCK, Level.REVOKED);
        assertLevel(anchor, BLOCK, Level.REVOKED);
        // And back again: the watchers had their time.
        members[0].setLevel(BLOCK, Level.SAFE);
        assertLevel(anchor, BLOCK, Level.SAFE);
    }

    function test_extendAncestors_ofAPendingBlock_reverts() public {
        tell(0, BLOCK, 10, Level.FINAL);
        anchor.update(proofOf(BLOCK));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.BlockNotUsable.selector, BLOCK, Level.PENDING));
        anchor.extendAncestors(BLOCK, new bytes[](0));
    }
}
