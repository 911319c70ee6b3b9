"""The accounts that pay: unlocked at start, and which of a pair's pays for which replica."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eth_account.signers.local import LocalAccount

from smartsync.environment import Environment
from smartsync.errors import ConfigError, KeyUnavailable
from smartsync.keccak import keccak256
from smartsync.keys import Prompt, load_account
from smartsync.relayer.tables import KeyTable
from smartsync.relayer.variables import key_variable, password_variable


def unlock(
    keys: Mapping[str, KeyTable], environ: Mapping[str, str], prompt: Prompt | None = None
) -> dict[str, LocalAccount]:
    """Return the account of each key, by the key's name.

    Raises
    ------
    KeyUnavailable
        One of them is not there, cannot be unlocked, or is the account of another one. All problems are told.
    """
    accounts: dict[str, LocalAccount] = {}
    environ = Environment(environ)
    problems = []
    for name, key in keys.items():
        try:
            account = _unlocked(name, key, environ, prompt)
        except ConfigError as error:
            problems.append(f"[keys.{name}]: {error.message}; {error.hint}")
            continue
        other = next((one for one, known in accounts.items() if known.address == account.address), None)
        if other is not None:
            problems.append(f"[keys.{name}]: this is the account of {other}, {account.address}: remove one of the two")
        accounts[name] = account
    if problems:
        told = problems[0] if len(problems) == 1 else "keys:" + "".join(f"\n- {one}" for one in problems)
        raise KeyUnavailable(told, hint="docs/reference/relayer-configuration.md tells how keys are given")
    return accounts


def _unlocked(name: str, key: KeyTable, environ: Mapping[str, str], prompt: Prompt | None) -> LocalAccount:
    variable, password = key_variable(name), password_variable(name)
    if key.keystore is None and not environ.get(variable):
        hint = f'set {variable} to it, or give keystore = "FILE" there, and its password in {password}'
        raise KeyUnavailable("there is no key", hint=hint)
    if key.keystore is not None and key.keystore.is_file() and prompt is None and not environ.get(password):
        raise KeyUnavailable(f"the keystore {key.keystore} is locked", hint=f"set {password} to its password")
    return load_account(key.keystore, environ, prompt, variable=variable, password_variable=password)


def key_for(keys: Sequence[str], replica: str) -> str:
    """Return which of several keys pays for a replica: always the same, whoever asks and in whatever order they are.

    Each key draws a number for the replica, and the highest wins. So a key that is added takes its share from all
    others, and one that is removed leaves its replicas to them; no other replica changes its key.

    Parameters
    ----------
    keys
        Names; at least one.
    replica
        Its address, in any case.

    Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998), highest random weight.
    """
    return max(keys, key=lambda name: (keccak256(f"{name} {replica.lower()}".encode()), name))
