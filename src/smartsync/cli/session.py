"""What a command works with: the settings, the accounts, and a SmartSync that is connected."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from eth_account.signers.local import LocalAccount

from smartsync.cli.output import Output
from smartsync.cli.progress import shown_progress
from smartsync.config import Settings
from smartsync.discovery.hints import NO_HINTS, Hints, read_hints
from smartsync.discovery.slots_file import read_slots
from smartsync.errors import ConfigError, KeyUnavailable, TooFewKeys
from smartsync.keys import KEYSTORE_PASSWORD, PRIVATE_KEY, load_account
from smartsync.results import Progress
from smartsync.sync import SmartSync

T = TypeVar("T")

_ATTESTOR_KEYS = "SMARTSYNC_ATTESTOR_KEYS"
_ATTESTOR_PASSWORD = "SMARTSYNC_ATTESTOR_KEYSTORE_PASSWORD"  # noqa: S105  # a variable's name


@dataclass(frozen=True)
class Session:
    """One run of a command.

    Parameters
    ----------
    config_file
        Where settings are read from and written to; it need not exist.
    environ
        Where keys, passwords and tokens are looked for; each may be in a file (`Environment`).
    """

    settings: Settings
    config_file: Path
    environ: Mapping[str, str]
    output: Output

    def connected(
        self, work: Callable[[SmartSync, Progress], Awaitable[T]], *, account: LocalAccount | None = None
    ) -> T:
        """Run asynchronous work with a SmartSync for the configured nodes, showing its progress."""
        with shown_progress(self.output.notes) as on_progress:
            try:
                return asyncio.run(self._work(work, account, on_progress))
            except TooFewKeys as error:
                error.hint += (
                    f". The keys that were given are those of {self._places()}; others are taken from "
                    f"--attestor-keystore FILE, or {_ATTESTOR_KEYS}"
                )
                raise

    def account(self) -> LocalAccount:
        """Return the account that sends transactions.

        Keys are asked for before anything runs: a prompt inside an event loop would not hear the first Ctrl-C.

        Raises
        ------
        KeyUnavailable
            No key, or one that cannot be read or unlocked.
        """
        return load_account(self.settings.keystore, self.environ, _prompt())

    def attestors(self, account: LocalAccount | None = None) -> list[LocalAccount]:
        """Return the accounts that sign attestations: of keystores, of the environment, else ``account``.

        Where that is ``None`` and no other key is there, the account that sends transactions.

        Raises
        ------
        KeyUnavailable
            One of the keys cannot be read or unlocked.
        """
        password = self.environ.get(_ATTESTOR_PASSWORD) or self.environ.get(KEYSTORE_PASSWORD)
        environ = {KEYSTORE_PASSWORD: password} if password else {}
        found = [load_account(path, environ, _prompt()) for path in self.settings.attestor_keystores]
        keys = [key.strip() for key in self.environ.get(_ATTESTOR_KEYS, "").split(",")]
        found += [_attestor(key, place) for place, key in enumerate(keys, 1) if key]
        return list({item.address: item for item in found}.values()) or [account or self.account()]

    def _places(self) -> str:
        """Return where the keys of `attestors` are from."""
        places = [f"the keystore {path}" for path in self.settings.attestor_keystores]
        if self.environ.get(_ATTESTOR_KEYS):
            places.append(_ATTESTOR_KEYS)
        if not places and self.settings.keystore is not None:
            places.append(f"the keystore {self.settings.keystore}")
        elif not places:
            places.append(PRIVATE_KEY if self.environ.get(PRIVATE_KEY) else "the prompt")
        return " and ".join(places)

    async def _work(
        self,
        work: Callable[[SmartSync, Progress], Awaitable[T]],
        account: LocalAccount | None,
        on_progress: Progress,
    ) -> T:
        settings = self.settings
        client = SmartSync.connect(
            settings.source_url,
            settings.target_url,
            hub=settings.hub,
            account=account,
            timeout_s=settings.timeout_s,
            source_chain_id=settings.source_chain_id,
            target_chain_id=settings.target_chain_id,
            max_fee_wei=settings.max_fee_gwei,
        )
        async with client as connected:
            return await work(connected, on_progress)


def chosen_slots(path: Path | None) -> set[bytes] | None:
    """Return the 32-byte slots of a file, ``None`` where no file was named. Raises ``ConfigError``."""
    return None if path is None else read_slots(path)


def chosen_hints(layout: Path | None, contract: str | None, keys: Path | None, slots: Path | None) -> Hints:
    """Return what files say of a contract.

    Raises
    ------
    ConfigError
        One of them is not what it should be, or ``slots`` are given besides, with which nothing else is looked for.
    """
    if layout is None and contract is None and keys is None:
        return NO_HINTS
    if slots is not None:
        raise ConfigError(
            "with --slots no other slots are looked for, so --layout, --contract and --keys would do nothing",
            hint="leave --slots out",
        )
    return read_hints(layout, contract, keys)


def _attestor(key: str, place: int) -> LocalAccount:
    try:
        return load_account(None, {PRIVATE_KEY: key}, None)
    except KeyUnavailable:
        raise KeyUnavailable(
            f"{_ATTESTOR_KEYS}: entry {place} is not a private key",
            hint="separate keys of 64 hex digits by commas",
        ) from None


def _prompt() -> Callable[[str], str] | None:
    """Return how to ask for a secret without showing it; ``None`` where nobody is there to answer."""
    return getpass.getpass if sys.stdin is not None and sys.stdin.isatty() else None
