from __future__ import annotations

import pytest

from smartsync.explaining.drawing import Fork, Outcome
from smartsync.explaining.explanation import Change, Says
from smartsync.explaining.words import prefix, short_slot, short_value, sides_of, values_of

SLOT = bytes(32)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change("insert", SLOT, 0, 5), "5"),
        (Change("update", SLOT, 4, 5), "4 → 5"),
        (Change("delete", SLOT, 4, 0), "4 → nothing"),
        (Change("write", SLOT, None, 5), "→ 5"),
        (Change("delete", SLOT, None, 0), "→ nothing"),
        (Change("update", SLOT, 1, 2, "open", (Says("", "false", "true"),)), "false → true"),
        (Change("insert", SLOT, 0, 1, "open", (Says("", "false", "true"),)), "true"),
        (Change("delete", SLOT, 1, 0, "open", (Says("", "true", "false"),)), "true → nothing"),
        (Change("update", SLOT, 1, 2, "a+b", (Says("b", "1", "2"),)), "b: 1 → 2"),
        (Change("delete", SLOT, 1, 0, "a+b", (Says("a", "1", "0"),)), "a: 1 → 0"),
        (Change("write", SLOT, None, 2, "a", (Says("", None, "2"),)), "→ 2"),
    ],
)
def test_values_of_tells_what_became_of_it(change: Change, told: str) -> None:
    assert values_of(change) == told


def test_short_words_keep_what_tells_them_apart() -> None:
    assert short_slot((8).to_bytes(32, "big")) == "slot 8"
    assert short_slot(bytes(range(32))) == "slot 00010203…1e1f"
    assert short_value(2**64 - 1) == str(2**64 - 1)
    assert short_value(int("ab" * 20, 16)) == "0x" + "ab" * 20
    assert short_value(2**256 - 1) == "0xffffffff…ffff"
    assert prefix(b"\x0f\x03") == "0xf3…" and prefix(b"") == "the root"
    assert prefix(b"\x01" * 20) == "0x111111111111… (20 nibbles)"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Outcome(2, b""), Outcome(1, None), "before 2 children, after one child, handed upwards"),
        (Outcome(3, b""), Outcome(3, b""), "3 children, before and after"),
        (Outcome(0, None), Outcome(2, b""), "before nothing, after 2 children"),
        (None, Outcome(2, b""), "after: 2 children"),
        (None, None, "proven in parts before"),
    ],
)
def test_sides_of_tells_both(before: Outcome | None, after: Outcome | None, told: str) -> None:
    assert sides_of(Fork(b"", (), before, after)) == told
