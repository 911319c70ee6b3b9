"""The configuration read again, without a relayer that runs by it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from smartsync.relayer import running
from smartsync.relayer.accounts import unlock
from smartsync.relayer.metrics import Metrics
from tests.relayer_metrics import configuration

OLD, NEW = ({"SMARTSYNC_KEY_MAIN": "0x" + digit * 64} for digit in "12")


async def test_reread_key_that_is_another_account_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = configuration(tmp_path)
    accounts = unlock(before.keys, OLD)
    with caplog.at_level(logging.INFO):
        _, after = await running._reread(before, accounts, NEW, lambda: configuration(tmp_path), Metrics())
    assert after["main"].address != accounts["main"].address
    assert f"key main: pays by another account, {after['main'].address}" in caplog.text


async def test_reread_of_the_same_tells_that_nothing_has_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = configuration(tmp_path)
    with caplog.at_level(logging.INFO):
        await running._reread(before, unlock(before.keys, OLD), OLD, lambda: configuration(tmp_path), Metrics())
    assert "nothing has changed" in caplog.text
