import pytest

from smartsync.cli.output import Output, printable, wrapped
from smartsync.errors import ConfigError


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


def test_wrapped_breaks_at_spaces_and_indents_what_follows() -> None:
    word = "0x" + "cd" * 32
    assert wrapped(f"one two {word} three", 20, 7) == f"one two\n       {word}\n       three"
    assert wrapped("line\n\nline", 20, 0) == "line\n\nline"
    assert wrapped("", 20, 4) == ""


def test_failure_is_as_wide_as_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.notes.width = 40
    output.failure(
        ConfigError("what is wrong is told in a sentence that is long", hint="and so is what to do about it")
    )
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("error: what") and lines[1].startswith("       ") and "hint:  and" in lines[2]


@pytest.mark.parametrize(
    ("columns", "width"), [("100", 100), (None, 100_000), ("0", 100_000), ("wide", 100_000), ("", 100_000)]
)
def test_output_in_a_pipe_is_as_wide_as_columns_says(
    monkeypatch: pytest.MonkeyPatch, columns: str | None, width: int
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    output = Output(as_json=False)
    assert (output.console.width, output.notes.width) == (width, width)
