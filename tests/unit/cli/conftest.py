"""A SmartSync that answers what a test tells it to, in place of the real one, and a way to run the command line."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smartsync.cli import app

REPLICA = "0x" + "aa" * 20
HUB = "0x" + "11" * 20
ANCHOR = "0x" + "22" * 20
KEY = "0x" + "01" * 32

Run = Callable[..., Result]


class FakeChain:
    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id

    async def chain_id(self) -> int:
        return self._chain_id


class FakeSmartSync:
    """``answers`` by method: what to return, an exception to raise, or for ``watch`` a list of events.

    ``calls`` holds what was asked for, the arguments of ``connect`` among it.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[object, ...], dict[str, Any]]] = []
        self.source, self.target = FakeChain(1), FakeChain(31337)
        self.closed = False

    def connect(self, *args: object, **kwargs: object) -> FakeSmartSync:
        self.calls.append(("connect", args, kwargs))
        return self

    async def __aenter__(self) -> FakeSmartSync:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True

    def asked(self, method: str) -> tuple[tuple[object, ...], dict[str, Any]]:
        """Return the arguments of the only call of a method."""
        ((_, args, kwargs),) = [call for call in self.calls if call[0] == method]
        kwargs.pop("on_progress", None)
        return args, kwargs

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method == "watch":
            return self._watch

        async def answer(*args: object, **kwargs: object) -> Any:
            self.calls.append((method, args, kwargs))
            if progress := kwargs.get("on_progress"):
                progress(f"{method} work", 1, 2)  # type: ignore[operator]  # a callback
            return _given(self.answers[method], args)

        return answer

    async def _watch(self, *args: object, **kwargs: object) -> AsyncIterator[Any]:
        self.calls.append(("watch", args, kwargs))
        for event in self.answers["watch"]:
            if callable(event):
                await event()
            else:
                yield event


def _given(answer: Any, args: Sequence[object]) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer(*args) if callable(answer) else answer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSmartSync:
    """The fake, with everything configured by the environment, in an empty working directory."""
    for name in [name for name in os.environ if name.startswith("SMARTSYNC_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMARTSYNC_SOURCE_URL", "http://source.example/secret-path")
    monkeypatch.setenv("SMARTSYNC_TARGET_URL", "http://target.example/secret-path")
    monkeypatch.setenv("SMARTSYNC_HUB", HUB)
    monkeypatch.setenv("SMARTSYNC_ANCHOR", ANCHOR)
    monkeypatch.setenv("SMARTSYNC_PRIVATE_KEY", KEY)
    double = FakeSmartSync()
    monkeypatch.setattr("smartsync.cli.session.SmartSync", double)
    return double


@pytest.fixture
def run(fake: FakeSmartSync) -> Run:
    """Run the command line with these arguments."""

    def invoke(*args: str) -> Result:
        result = CliRunner().invoke(app, list(args))
        # A command ends by its exit code, whatever happens: an exception that comes out would be a traceback.
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return invoke
