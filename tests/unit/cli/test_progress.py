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
    assert console.file.getvalue() == "fill 0/100\nfill 2/100\nfill 4/100\n"


def test_progress_on_terminal_draws_and_clears() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with shown_progress(console) as on_progress:
        on_progress("fill \x1b[2J", 1, 3)
        on_progress("submit", 0, 0)
    text = console.file.getvalue()
    assert "submit" in text
    assert "\x1b[2J" not in text
