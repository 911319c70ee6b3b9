import sys

import pytest

from smartsync.cli import session
from smartsync.results import AcceptedBlock

KEY = "0x" + "07" * 32


class Terminal:
    def isatty(self) -> bool:
        return True


def test_account_typed_at_prompt_used_and_not_shown(run, fake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.delenv("SMARTSYNC_PRIVATE_KEY")
    monkeypatch.setattr(session, "_prompt", lambda: lambda text: asked.append(text) or KEY)
    fake.answers["attest"] = AcceptedBlock(7, bytes(32), "safe", ())
    result = run("attest", "--json")
    assert result.exit_code == 0
    assert fake.asked("connect")[1]["account"].key == bytes.fromhex(KEY[2:])
    assert len(asked) == 1  # the same account attests
    assert KEY[2:] not in result.output


def test_prompt_only_where_somebody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert session._prompt() is session.getpass.getpass
    monkeypatch.setattr(sys, "stdin", None)
    assert session._prompt() is None
