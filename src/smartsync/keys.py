"""The key that signs and pays: from a keystore file, the environment or a prompt, never from an argument.

An argument would be seen in the list of processes and in the shell's history. Nothing in here is logged, and no error
holds any part of a key or a password: the causes are cut off (``from None``), since libraries quote what they got.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from smartsync.errors import KeyUnavailable

PRIVATE_KEY = "SMARTSYNC_PRIVATE_KEY"
"""Environment variable: 32 bytes in hex."""

KEYSTORE_PASSWORD = "SMARTSYNC_KEYSTORE_PASSWORD"  # noqa: S105 (the name of a variable, not a password)
"""Environment variable: the password of the keystore file."""

Prompt = Callable[[str], str]
"""Asks for a text without showing it while it is typed."""

_NEW = "geth account new --keystore FOLDER, or cast wallet new FOLDER, makes a new one"


def load_account(
    keystore: Path | None = None,
    env: Mapping[str, str] | None = None,
    prompt: Prompt | None = None,
    *,
    variable: str = PRIVATE_KEY,
    password_variable: str = KEYSTORE_PASSWORD,
) -> LocalAccount:
    """Return the account to sign with: of the keystore file, else of the environment, else of what is typed in.

    Parameters
    ----------
    keystore
        A Web3 Secret Storage file, as geth and foundry write them. Its password is taken from the environment or asked.
    env
        The environment; only the two variables below are read.
    prompt
        Asks without showing. None where nobody can be asked.
    variable, password_variable
        Names of the variables with the private key, and with the password of the keystore.

    Raises
    ------
    KeyUnavailable
        Where there is no key, or it cannot be read or unlocked.
    """
    env = env or {}
    if keystore is not None:
        return _from_keystore(keystore, env, prompt, password_variable)
    if env.get(variable):
        return _from_hex(env[variable], f"the environment variable {variable}")
    if prompt is not None:
        return _from_hex(prompt("Private key (hex, not shown): "), "what was typed")
    raise KeyUnavailable("no key is given", hint=f"give a keystore, --keystore FILE, or set {variable}; {_NEW}")


def _from_hex(text: str, where: str) -> LocalAccount:
    hint = "a private key is 32 bytes: 64 hex digits, with or without 0x"
    try:
        key = bytes.fromhex(text.strip().removeprefix("0x"))
        if len(key) == 32:
            hint = f"it has the length of one, and is zero or too large to be one; {_NEW}"
        account: LocalAccount = Account.from_key(key)
    except Exception:
        raise KeyUnavailable(f"{where} is not a private key", hint=hint) from None
    return account


def _from_keystore(path: Path, env: Mapping[str, str], prompt: Prompt | None, variable: str) -> LocalAccount:
    try:
        stored = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise KeyUnavailable(
            f"cannot read the keystore {path}: {error.strerror}",
            hint=f"give the path of a keystore file that you may read; {_NEW}",
        ) from None
    except ValueError:
        stored = None
    if not isinstance(stored, dict) or not ("crypto" in stored or "Crypto" in stored):
        raise KeyUnavailable(
            f"{path} is not a keystore file", hint=f"a Web3 Secret Storage (version 3) JSON is needed; {_NEW}"
        )
    password = env.get(variable)
    where = "that is set in the environment" if password is not None else "that was typed"
    if password is None:
        if prompt is None:
            raise KeyUnavailable(
                f"the keystore {path} is locked",
                hint=f"set {variable} to its password, or run it in a terminal, where it is asked for",
            )
        password = prompt(f"Password of {path.name} (not shown): ")
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(stored, password))
    except Exception:
        raise KeyUnavailable(
            f"the keystore {path} cannot be unlocked",
            hint=f"the password {where} is wrong, or the file is damaged",
        ) from None
    return account
