import io

from rich.console import Console

from smartsync.cli.progress import shown_progress


def test_progress_not_a_terminal_writes_start_and_end_of_each_phase() -> None:
    console = Console(file=io.StringIO())
    with shown_progress(console, clock=lambda: 0.0) as on_progress:
        on_progress("fill", 0, 3)
        on_progress("fill", 1, 3)
        on_progress("fill", 3, 3)
        on_progress("submit", 0, 0)
    assert console.file.getvalue() == "fill 0/3\nfill 3/3\nsubmit\n"


def test_progress_not_a_terminal_long_phase_told_every_ten_seconds() -> None:
    console = Console(file=io.StringIO())
    times = iter([0.0, 9.0, 10.0, 19.0, 20.0])
    with shown_progress(console, clock=lambda: next(times)) as on_progress:
        for done in range(5):
            on_progress("fill", done, 100)
    assert console.file.getvalue() == "fill 0/100\nfill 2/100, 10 s\nfill 4/100, 20 s\n"


def told(*steps: tuple[float, str, int, int]) -> str:
    """Return the lines that are written of phases, each told at a time in seconds."""
    console, times = Console(file=io.StringIO()), iter([at for at, *_ in steps])
    with shown_progress(console, clock=lambda: next(times)) as on_progress:
        for _, *step in steps:
            on_progress(*step)
    text: str = console.file.getvalue()
    return text


def test_progress_not_a_terminal_says_what_is_counted_how_much_of_it_and_how_long() -> None:
    assert told(
        (0.0, "discover by guessed keys", 0, 0),
        (2.0, "discover by guessed keys (slots tried, 3 found)", 500, 0),
        (11.0, "discover by guessed keys (slots tried, 7 found)", 1_000, 0),
        (12.5, "discover by guessed keys (slots tried, 9 found)", 1_200, 0),
        (12.5, "name slots (keys named, 40 slots tried)", 1, 9),
    ) == (
        "discover by guessed keys\n"
        "discover by guessed keys: 1000 slots tried, 7 found, 11 s\n"
        "discover by guessed keys: 1200 slots tried, 9 found, 12 s\n"
        "name slots: 1/9 keys named, 40 slots tried\n"
    )


def test_progress_not_a_terminal_one_slot_is_a_slot() -> None:
    found = (0.0, "discover", 0, 0), (0.0, "discover (slots found)", 1, 0)
    assert told(*found).endswith("discover: 1 slot found\n")


def test_progress_not_a_terminal_tells_how_far_the_last_phase_came() -> None:
    assert told((0.0, "walk (found)", 0, 0), (1.0, "walk (found)", 3, 0)) == "walk: 0 found\nwalk: 3 found, 1 s\n"


def test_progress_not_a_terminal_phase_without_counts_is_told_once() -> None:
    assert told((0.0, "walk", 0, 0), (1.0, "submit", 0, 0)) == "walk\nsubmit\n"


def test_progress_on_terminal_draws_and_clears() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with shown_progress(console) as on_progress:
        on_progress("fill \x1b[2J", 1, 3)
        on_progress("submit", 0, 0)
    text = console.file.getvalue()
    assert "submit" in text
    assert "\x1b[2J" not in text
