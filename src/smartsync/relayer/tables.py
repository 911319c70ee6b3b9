"""The tables of a relayer's configuration: what each key of them may be, and what it is where it is not given.

Checked one table at a time; how they fit together is the business of `smartsync.relayer.configuration`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from smartsync.config import (
    DEFAULT_MAX_FEE_GWEI,
    Address,
    ChainId,
    HttpUrls,
    ReadablePath,
    cut,
    parse_gas_price,
    whole,
    whole_number,
)
from smartsync.errors import ConfigError
from smartsync.keccak import keccak256
from smartsync.listening import Listen, parse_listen
from smartsync.relayer.policy import EventFilter

DEFAULT_LISTEN = "127.0.0.1:8600"

_DAY_S = 86_400
_MAX_LAG_S = 30 * _DAY_S
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_SIGNATURE = re.compile(r"[A-Za-z_$][\w$]*\([\w\[\],()]*\)", re.ASCII)
_TOPIC = re.compile(r"0[xX][0-9a-fA-F]{64}", re.ASCII)
_PRIVATE_KEY = re.compile(r"(?:0[xX])?[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True)
class StateUrl:
    """Where the relayer's state is. ``url`` may hold a password and is not in the ``repr``; ``shown`` never does."""

    kind: Literal["sqlite", "postgresql"]
    shown: str
    url: str

    def __repr__(self) -> str:
        return f"StateUrl({self.shown!r})"

    @property
    def has_password(self) -> bool:
        """Whether it must not stand in a file."""
        return self.url != self.shown

    def with_password(self, password: str) -> StateUrl:
        """Return it with the password of its user. Raises ``ValueError`` where it names none."""
        parts = urlsplit(self.url)
        user, at, host = parts.netloc.rpartition("@")
        if not at:
            raise ValueError(f"there is a password, and no user that it is of: {_POSTGRESQL}")
        full = parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}")
        return StateUrl(self.kind, self.shown, urlunsplit(full))


def parse_state_url(text: str, folder: Path = Path()) -> StateUrl:
    """Return what a url says of where the state is; a relative file of SQLite's is read from ``folder``.

    Raises
    ------
    ValueError
        It is of no known form. The text is not repeated: there may be a password in it.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
        scheme = parts.scheme
    except ValueError:
        scheme = ""
    if scheme == "sqlite":
        path = text.removeprefix("sqlite:///")
        if path == text or not path or ":memory:" in path or set(path) & set("?#"):
            raise ValueError(f"SQLite needs a file: {_SQLITE} (state in memory would be lost at each restart)")
        file = str(folder / Path(path).expanduser())
        return StateUrl("sqlite", f"sqlite:///{file}", f"sqlite:///{file}")
    if scheme == "postgresql" and parts.hostname and len(parts.path) > 1:
        hides = parts.password is not None or any("password" in name.lower() for name, _ in parse_qsl(parts.query))
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return StateUrl("postgresql", f"postgresql://{user}{host}{port}{parts.path}" if hides else text, text)
    also = "; postgres:// is written postgresql:// here" if scheme == "postgres" else ""
    raise ValueError(f"{_SQLITE} or {_POSTGRESQL} is needed{also}")


_SQLITE = "sqlite:///FILE"
_POSTGRESQL = "postgresql://USER@HOST:PORT/DATABASE"


def is_name(text: object) -> bool:
    """Whether a chain, a key or a pair can be called so: it is part of environment variables and metrics."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None and len(text) <= 40


def _state_url(value: object) -> object:
    if isinstance(value, StateUrl):
        return value
    if not isinstance(value, str):
        raise ValueError("a url in quotes is needed")
    return parse_state_url(value)


def _listen(value: object) -> object:
    if isinstance(value, Listen) or value == "none":
        return value
    try:
        return parse_listen(value if isinstance(value, str) else repr(value), "", DEFAULT_LISTEN)
    except ConfigError as error:
        raise ValueError(f"{error.message.removeprefix(': ')}; {error.hint}") from None


def _seconds(least: float, most: int) -> BeforeValidator:
    def read(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"{cut(value)} is no time to wait; seconds from {least:g} to {most:,} are allowed")
        return float(value)

    return BeforeValidator(read)


def _gas(value: object) -> object:
    return value if value == "none" else whole_number(value, 1, 10**12)


def _fee(value: object) -> object:
    if value == "none":
        return value
    try:
        if isinstance(value, bool):
            raise ConfigError("")
        wei = parse_gas_price(str(value), "")
    except ConfigError:
        wei = 0
    if not wei:
        raise ValueError(
            f"{cut(value)} is no fee; gwei per gas, more than 0 and with up to 9 decimals, are allowed, "
            'as "30" or "0.05"; or "none"'
        )
    return wei


def _slot(value: object) -> object:
    try:
        return whole_number(value, 0, 2**256 - 1).to_bytes(32, "big")
    except ValueError:
        raise ValueError(
            f"{cut(value)} is not a slot: a number below 2^256 is needed, decimal, or hexadecimal with 0x and in quotes"
        ) from None


def _topic(value: object) -> object:
    text = value if isinstance(value, str) else ""
    if _TOPIC.fullmatch(text):
        return bytes.fromhex(text[2:])
    if _SIGNATURE.fullmatch(text):
        return keccak256(text.encode("ascii"))
    raise ValueError(
        f"{cut(value)} is no event: give its signature without names and spaces, as Transfer(address,address,uint256), "
        "or its first topic (0x and 64 hex digits)"
    )


def _no_key(value: object) -> object:
    # A path was put behind its folder before.
    if isinstance(value, str) and _PRIVATE_KEY.fullmatch(value.rpartition("/")[2].strip()):
        raise ValueError(
            "64 hex digits look like a private key, which does not stand in this file: keys are read from a keystore "
            "or from SMARTSYNC_KEY_NAME. Remove it, and do not use it any more if others could read it"
        )
    return value


Account = Annotated[Address, BeforeValidator(_no_key)]
"""An address; where it is a private key by mistake, that is not repeated."""

Count = Annotated[int, whole(1, 10**6)]
Gas = Annotated[int | Literal["none"], BeforeValidator(_gas)]
Fee = Annotated[int | Literal["none"], BeforeValidator(_fee)]
Slot = Annotated[bytes, BeforeValidator(_slot)]
Topic = Annotated[bytes, BeforeValidator(_topic)]
Text = Annotated[str, Field(min_length=1, max_length=80)]


class Table(BaseModel):
    """What all tables have in common: no unknown keys, nothing changes, and no error repeats what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)


class RelayerTable(Table):
    """``[relayer]``: the process.

    Parameters
    ----------
    state
        Where its state is: a file of SQLite's, or PostgreSQL.
    jobs
        Replicas that this process works on at once.
    listen
        HOST:PORT of the web page, the metrics and the health checks; or ``none``.
    """

    state: Annotated[StateUrl, BeforeValidator(_state_url)] = parse_state_url("sqlite:///smartsync.db")
    jobs: Annotated[int, whole(1, 1_000)] = 8
    listen: Annotated[Listen | Literal["none"], BeforeValidator(_listen)] = parse_listen(
        DEFAULT_LISTEN, "", DEFAULT_LISTEN
    )


class ChainTable(Table):
    """``[chains.NAME]``: a chain, and its nodes.

    Parameters
    ----------
    chain_id
        What the nodes must say of themselves (EIP-155).
    urls
        JSON-RPC endpoints, http or https, the preferred one first. Not in the ``repr``: their paths are often keys.
    poll_s
        Seconds between two looks for new blocks.
    stalled_after_s
        Seconds without a new block, on this chain as a source, after which that is told.
    confirmations
        Blocks on top of a transaction's after which it is final, on this chain as a target.
    timeout_s
        Seconds to wait for one answer of a node.
    max_fee_gwei
        What any transaction on this chain may pay per gas, also those to anchors, or ``none``. Held in wei. What a
        chain asks is the word of its node.
    """

    chain_id: ChainId
    urls: Annotated[HttpUrls, Field(repr=False)] = ()
    poll_s: Annotated[float, _seconds(0.05, _DAY_S)] = 12.0
    stalled_after_s: Annotated[float, _seconds(1, _MAX_LAG_S)] = 900.0
    confirmations: Annotated[int, whole(0, 100_000)] = 12
    timeout_s: Annotated[float, _seconds(0.05, 3_600)] = 30.0
    max_fee_gwei: Fee = DEFAULT_MAX_FEE_GWEI * 10**9


class KeyTable(Table):
    """``[keys.NAME]``: an account that pays.

    Parameters
    ----------
    keystore
        Web3 Secret Storage file. ``None``: the private key is in the environment.
    """

    keystore: Annotated[ReadablePath, BeforeValidator(_no_key)] | None = None


class EventTable(Table):
    """One of ``events``: ``topic`` is the event's signature or its first topic, ``address`` who emits it."""

    topic: Topic
    address: Account | None = None

    def filter(self) -> EventFilter:
        """Return it as a policy has it."""
        return EventFilter(self.topic, self.address)


class PolicyTable(Table):
    """``policy = { … }``, of a pair for all its replicas, or of one replica: see `smartsync.relayer.policy`.

    Parameters
    ----------
    when
        What is a reason to sync: ``every-block``, ``on-change`` or ``on-demand``.
    every_blocks
        A reason is, too, that so many source blocks have passed.
    slots, events
        Of ``on-change``: only these slots of the storage, or these events, are a reason.
    max_lag_s
        Seconds for which changes may be gathered.
    max_gas_a_day
        Gas in any 24 hours, or ``none``.
    max_fee_gwei
        What a transaction may pay per gas, base fee and priority fee together, or ``none``. Held in wei.
    """

    when: Literal["every-block", "on-change", "on-demand"] | None = None
    every_blocks: Count | None = None
    slots: tuple[Slot, ...] = ()
    events: tuple[EventTable, ...] = ()
    max_lag_s: Annotated[float, _seconds(0, _MAX_LAG_S)] | None = None
    max_gas_a_day: Gas | None = None
    max_fee_gwei: Fee | None = None

    @property
    def has_trigger(self) -> bool:
        """Whether it says anything of when to sync."""
        return bool(self.when or self.every_blocks or self.slots or self.events)


class PairTable(Table):
    """``[pairs.NAME]``: a source chain, a target chain, and a hub on that.

    Parameters
    ----------
    source, target
        Names of chains.
    hub
        On the target chain, checksummed.
    keys
        Names of keys; replicas are spread over them. Empty: all that there are.
    update_anchors
        Whether to have the source's newest block accepted by anchors that need no signatures.
    signers
        Urls of attestors whose signatures are collected for quorum anchors. Not in the ``repr``.
    max_anchor_gas_a_day
        Gas that each of its anchors may take in any 24 hours, or ``none``.
    policy
        What its replicas have where they say nothing else.
    """

    source: str
    target: str
    hub: Account
    keys: tuple[str, ...] = ()
    update_anchors: StrictBool = True
    signers: Annotated[HttpUrls, Field(repr=False)] = ()
    max_anchor_gas_a_day: Gas = "none"
    policy: PolicyTable = PolicyTable()


class ReplicaTable(Table):
    """``[[replicas]]``: a replica to keep.

    Parameters
    ----------
    address
        On the pair's target chain, checksummed.
    pair
        Name of the pair. ``None``: the only one that there is.
    name
        For people. ``None``: its address.
    layout, contract, keys, slots
        What is known of its slots, as the options of ``sync``: files, and a contract's name.
    policy
        Where it differs from the pair's.
    """

    address: Account
    pair: str | None = None
    name: Text | None = None
    layout: ReadablePath | None = None
    contract: Text | None = None
    keys: ReadablePath | None = None
    slots: ReadablePath | None = None
    policy: PolicyTable = PolicyTable()

    @model_validator(mode="after")
    def _hints_fit(self) -> ReplicaTable:
        if self.contract is not None and self.layout is None:
            raise ValueError("contract names one of a layout, and there is no layout: give the compiler's document")
        if self.slots is not None and (self.layout is not None or self.keys is not None):
            raise ValueError("with slots no others are looked for, so layout, contract and keys would do nothing")
        return self


TABLES: dict[str, type[Table]] = {
    "relayer": RelayerTable,
    "chains": ChainTable,
    "keys": KeyTable,
    "pairs": PairTable,
    "replicas": ReplicaTable,
}
"""What a file may have, by name."""

PATHS = {"keys": ("keystore",), "replicas": ("layout", "keys", "slots")}
"""Keys whose relative paths are read from the file's folder."""
