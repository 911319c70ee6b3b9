import pytest

from smartsync.cli.output import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü\n", "plain ü\n"),
        ("\x1b[31m", "\\u001b[31m"),
        ("a\rb\x07", "a\\u000db\\u0007"),
        ("\u202egro.elpmaxe", "\\u202egro.elpmaxe"),  # turns the direction of writing
    ],
)
def test_printable_control_characters_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
