from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from smartsync.anchors.kinds import COMPOSITE, KINDS, SEALED, WITH_SIGNERS, kind_of, require_known_kind
from smartsync.errors import AnchorMismatch

ANCHOR = "0x" + "22" * 20
CONTRACTS = Path(__file__).parents[3] / "contracts" / "src" / "anchors"


@pytest.fixture
def of_kind(monkeypatch: pytest.MonkeyPatch) -> Any:
    def be(name: str) -> None:
        async def anchor_kind(target: object, anchor: str) -> str:
            return name

        monkeypatch.setattr("smartsync.anchors.kinds.anchor_kind", anchor_kind)

    return be


def contracts() -> dict[str, str]:
    """Return what each contract calls itself, and its source."""
    sources = [path.read_text("utf-8") for path in CONTRACTS.glob("*.sol")]
    found = {name: source for source in sources for name in re.findall(r'constant kind = "([^"]+)"', source)}
    assert found
    return found


def test_kinds_are_those_of_the_contracts() -> None:
    assert set(KINDS) == set(contracts())
    assert all(kind.name == name for name, kind in KINDS.items())


def test_kinds_traits_are_those_of_the_contracts() -> None:
    base = {name: re.findall(r"^contract \w+ is ([\w, ]+)", source, re.M)[0] for name, source in contracts().items()}
    assert set(WITH_SIGNERS) == {name for name, above in base.items() if "IQuorumAnchor" in above}
    assert set(SEALED) == {name for name, above in base.items() if "BftAnchor" in above}
    assert set(COMPOSITE) == {name for name, above in base.items() if "CompositeAnchor" in above}


async def test_kind_of_unknown_is_none(of_kind: Any) -> None:
    of_kind("quorum/1")
    assert await kind_of("the target", ANCHOR) is None  # type: ignore[arg-type]
    of_kind("ibft2/1")
    assert await kind_of("the target", ANCHOR) == KINDS["ibft2/1"]  # type: ignore[arg-type]


async def test_require_known_kind_only_those_that_will_do(of_kind: Any) -> None:
    of_kind("veto/1")
    assert await require_known_kind("the target", ANCHOR, *COMPOSITE) == KINDS["veto/1"]  # type: ignore[arg-type]
    with pytest.raises(AnchorMismatch) as caught:
        await require_known_kind("the target", ANCHOR, *SEALED)  # type: ignore[arg-type]
    assert caught.value.hint == "the anchor has to be of the kind qbft/1 or ibft2/1"


def test_kinds_say_what_they_trust() -> None:
    said = [kind.trusts for kind in KINDS.values()]
    assert all(said) and not any(words.endswith(".") for words in said)
