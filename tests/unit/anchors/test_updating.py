"""Which kind of anchor is updated how; the kinds themselves are tested with their contracts."""

from __future__ import annotations

from typing import Any

import pytest

from smartsync.anchors import kinds, updating
from smartsync.anchors.kinds import KINDS
from smartsync.anchors.updating import require_enough_keys, require_without_signers, update_anchor
from smartsync.errors import AnchorMismatch, BlockNotProvable, TooFewKeys
from tests.fake_source import terms

ANCHOR = "0x" + "22" * 20


class Paying:
    chain = "the target"


@pytest.fixture
def of_kind(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the anchor be of a kind, and record which update is called, with what."""

    def be(kind: str) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

        async def anchor_kind(target: object, anchor: str) -> str:
            assert (target, anchor) == ("the target", ANCHOR)
            return kind

        def recorder(name: str) -> Any:
            async def record(*args: Any, **kwargs: Any) -> str:
                calls.append((name, args, kwargs))
                return "done"

            return record

        monkeypatch.setattr(kinds, "anchor_kind", anchor_kind)
        for name in ("quorum", "blockhash", "l1block", "bft", "composite"):
            monkeypatch.setattr(updating, f"update_{name}", recorder(name))
        return calls

    return be


async def update(**options: Any) -> Any:
    return await update_anchor("the source", Paying(), ANCHOR, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("blockhash/1", "blockhash", ()),
        ("op-l1block/1", "l1block", ()),
        ("qbft/1", "bft", ("qbft",)),
        ("ibft2/1", "bft", ("ibft2",)),
    ],
)
async def test_update_anchor_each_kind_its_own_way(of_kind: Any, kind: str, name: str, told: tuple[str, ...]) -> None:
    calls = of_kind(kind)
    assert await update(block=7) == "done"
    ((called, args, kwargs),) = calls
    assert (called, args[0], args[2], args[3:], kwargs) == (name, "the source", ANCHOR, told, {"block": 7})


async def test_update_anchor_quorum_needs_signers(of_kind: Any) -> None:
    calls = of_kind("quorum/2")
    with pytest.raises(BlockNotProvable) as caught:
        await update()
    assert "--from URL" in caught.value.hint and "smartsync attest" in caught.value.hint
    assert calls == []
    await update(signers="they")
    assert calls[0][1][3] == "they"


@pytest.mark.parametrize("kind", ["k-of-n/1", "veto/1"])
async def test_update_anchor_composite_updates_members_with_the_same_signers(of_kind: Any, kind: str) -> None:
    calls = of_kind(kind)
    await update(signers="they", block="safe")
    ((_, args, kwargs),) = calls
    assert (args[3], kwargs["block"]) == (kind, "safe")
    of_kind("quorum/2")
    assert await args[4](ANCHOR, 7) == "done"


@pytest.mark.parametrize("kind", ["quorum/1", "clique/1", ""])
async def test_update_anchor_unknown_kind_named_with_those_that_are_known(of_kind: Any, kind: str) -> None:
    of_kind(kind)
    with pytest.raises(AnchorMismatch, match=f"of the kind '{kind}'") as caught:
        await update()
    assert all(known in caught.value.hint for known in KINDS)


@pytest.mark.parametrize(
    ("anchor", "kinds_of", "proves_itself"),
    [
        ("a", {"a": "quorum/2"}, False),
        ("a", {"a": "blockhash/1"}, True),
        ("a", {"a": "qbft/1"}, True),
        ("a", {"a": "veto/1", "b": "quorum/2", "c": "quorum/2"}, False),
        ("a", {"a": "k-of-n/1", "b": "quorum/2", "c": "blockhash/1"}, True),
    ],
)
async def test_require_without_signers_only_those_that_have_proofs_of_their_own(
    monkeypatch: pytest.MonkeyPatch, anchor: str, kinds_of: dict[str, str], proves_itself: bool
) -> None:
    async def anchor_kind(target: object, address: str) -> str:
        return kinds_of[address]

    async def members_of(target: object, address: str) -> list[str]:
        return [member for member in kinds_of if member != address]

    monkeypatch.setattr(kinds, "anchor_kind", anchor_kind)
    monkeypatch.setattr(updating, "members_of", members_of)
    if proves_itself:
        await require_without_signers("the target", anchor)  # type: ignore[arg-type]
    else:
        with pytest.raises(AnchorMismatch, match="by the word of its signers only") as caught:
            await require_without_signers("the target", anchor)  # type: ignore[arg-type]
        assert "--attest" in caught.value.hint and "--from URL" in caught.value.hint


@pytest.mark.parametrize(
    ("quorums", "given", "found"),
    [
        ({"a": (1, ["x"])}, ["x"], None),
        ({"a": (1, ["x"])}, ["stranger"], 0),
        ({"a": (2, ["x", "y"])}, ["x"], 1),
        ({"a": (2, ["x", "y"]), "b": (1, ["z"])}, ["z"], None),
        ({"a": (2, ["x", "y"]), "b": (1, ["z"])}, ["x", "stranger"], 1),
        ({}, ["stranger"], None),
    ],
)
async def test_require_enough_keys_of_the_anchor_or_of_a_member(
    monkeypatch: pytest.MonkeyPatch, quorums: dict[str, tuple[int, list[str]]], given: list[str], found: int | None
) -> None:
    async def quorums_of(*_: object) -> list[str]:
        return list(quorums)

    async def quorum_terms(target: object, anchor: str) -> Any:
        threshold, signers = quorums[anchor]
        return terms(*signers, threshold=threshold)

    monkeypatch.setattr(updating, "quorums_of", quorums_of)
    monkeypatch.setattr(updating, "quorum_terms", quorum_terms)
    if found is None:
        await require_enough_keys("the target", ANCHOR, given=given)  # type: ignore[arg-type]
    else:
        with pytest.raises(TooFewKeys) as caught:
            await require_enough_keys("the target", ANCHOR, given=given)  # type: ignore[arg-type]
        assert caught.value.found == found
