"""A relayer's configuration: a TOML file and the environment, checked as a whole, all problems told at once.

What is secret stands in the environment (`smartsync.relayer.variables`) and never in the file; urls in either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from smartsync.config import HttpUrls, beside, problem_text, read_toml
from smartsync.environment import SUFFIX, Environment
from smartsync.errors import ConfigError
from smartsync.listening import parse_listen, require_token
from smartsync.relayer.fitting import Chains, Keys, Pairs, check_chains, check_keys, check_pairs
from smartsync.relayer.problems import Problems, named, of_environment, readable
from smartsync.relayer.replicas import Replica, fit_replicas
from smartsync.relayer.tables import (
    DEFAULT_LISTEN,
    PATHS,
    TABLES,
    ChainTable,
    KeyTable,
    PairTable,
    RelayerTable,
    ReplicaTable,
    StateUrl,
    Table,
    is_name,
    parse_state_url,
)
from smartsync.relayer.variables import (
    ATTESTOR_TOKEN,
    LISTEN,
    PGPASSWORD,
    STATE_URL,
    TOKEN,
    token_variable,
    urls_variable,
)

AnyTable = TypeVar("AnyTable", bound=Table)

DEFAULT_FILE = Path("relayer.toml")

DEFAULT_KEY = "main"
"""The key where the file has no ``[keys.NAME]``."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a relayer is to do, complete: every name in it leads to something.

    Parameters
    ----------
    chains, keys, pairs
        By name. A pair's ``keys`` are named in full, a chain's ``urls`` are those that count.
    replicas
        In the order of the file.
    token
        What visitors must show, ``None`` where they need not; not in the ``repr``.
    attestor_tokens
        What a pair's attestors are shown, by the pair's name; not in the ``repr``.
    """

    file: Path
    relayer: RelayerTable
    chains: Mapping[str, ChainTable]
    keys: Mapping[str, KeyTable]
    pairs: Mapping[str, PairTable]
    replicas: tuple[Replica, ...]
    token: str | None = field(default=None, repr=False)
    attestor_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_configuration(environ: Mapping[str, str], file: Path = DEFAULT_FILE) -> Configuration:
    """Read and check a relayer's configuration. Empty variables count as not set.

    Any of them may be in a file (`smartsync.environment.Environment`).

    Raises
    ------
    ConfigError
        The file cannot be read, or there is anything wrong with what it says: all of it is told, each problem with its
        table and key. No secret is repeated.
    """
    return _Reader(file, environ, read_toml(file)).read()


class _Reader:
    """Reads one file; ``problems`` grows with what is found to be wrong."""

    def __init__(self, file: Path, environ: Mapping[str, str], content: Mapping[str, object]) -> None:
        self._file, self._content = file, content
        self._problems = Problems()
        self._environ = Environment(environ, lambda error: self._problems.tell("", f"{error.message}; {error.hint}"))

    def read(self) -> Configuration:
        """Return the configuration. Raises ``ConfigError``."""
        for name in self._content.keys() - TABLES.keys():
            self._problems.unknown("", name, TABLES, "tables")
        relayer = self._relayer()
        chains = {name: self._with_urls(name, chain) for name, chain in self._named("chains", ChainTable).items()}
        keys = self._named("keys", KeyTable) if "keys" in self._content else {DEFAULT_KEY: KeyTable()}
        pairs = self._named("pairs", PairTable)
        check_chains(self._problems, chains, pairs)
        check_keys(self._problems, keys, pairs, self._environ)
        check_pairs(self._problems, pairs)
        self._check_names(pairs, chains, keys)
        replicas = fit_replicas(self._problems, self._rows(), pairs)
        token = self._token(relayer)
        if (error := self._problems.error(self._file)) is not None:
            raise error
        full = {name: one.model_copy(update={"keys": one.keys or tuple(keys)}) for name, one in _whole(pairs).items()}
        return Configuration(
            self._file,
            relayer,
            _whole(chains),
            _whole(keys),
            full,
            tuple(replicas),
            token,
            self._attestor_tokens(full),
        )

    def _check_names(self, pairs: Pairs, chains: Chains, keys: Keys) -> None:
        """Check that what pairs name is there; by the file's own words, also of a pair that is wrong otherwise."""
        for name in pairs:
            raw, where = self._raw("pairs", name), f"[pairs.{readable(name)}]"
            for key, what, known in (("source", "chain", chains), ("target", "chain", chains), ("keys", "key", keys)):
                given = raw.get(key)
                for one in given if isinstance(given, list) else [given]:
                    if isinstance(one, str):
                        self._problems.require(f"{where} {key}", what, one, known)

    def _raw(self, kind: str, name: str) -> dict[str, Any]:
        """Return a table with a name as the file has it."""
        table = cast(dict[str, Any], self._content[kind])[name]
        return table if isinstance(table, dict) else {}

    def _table(self, where: str, kind: str, raw: object) -> Any:
        """Return a table checked; ``None``, with its problems told, where it is wrong."""
        model = TABLES[kind]
        if not isinstance(raw, dict):
            self._problems.tell(where, "a table is needed")
            return None
        paths = PATHS.get(kind, ())
        raw = {key: beside(value, self._file.parent) if key in paths else value for key, value in raw.items()}
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            found = error.errors()
        for details in found:
            self._problems.refuse(where, model, details)
        wrong = {details["loc"][0] for details in found if details["loc"]}
        try:
            # What is right of it still has to fit the other tables, and all of that is told in one run.
            return model.model_validate({key: value for key, value in raw.items() if key not in wrong})
        except ValidationError:
            return None

    def _relayer(self) -> RelayerTable:
        table: RelayerTable | None = self._table("[relayer]", "relayer", self._content.get("relayer", {}))
        if table is not None and table.state.has_password:
            advice = f"leave it out and set PGPASSWORD, or set {STATE_URL} to the whole url"
            self._problems.tell("[relayer] state", f"a password does not stand in this file: {advice}")
        table = self._listening(table or RelayerTable())
        try:
            given = self._environ.get(STATE_URL)
            state = parse_state_url(given) if given else self._beside(table.state)
            # PostgreSQL's own library reads PGPASSWORD by itself, and knows nothing of the file.
            if self._environ.get(PGPASSWORD + SUFFIX) and state.kind == "postgresql" and not state.has_password:
                state = state.with_password(self._environ.get(PGPASSWORD, ""))
        except ValueError as error:
            self._problems.tell(of_environment(STATE_URL), str(error))
            return table
        return table.model_copy(update={"state": state})

    def _listening(self, table: RelayerTable) -> RelayerTable:
        if not (text := self._environ.get(LISTEN)):
            return table
        try:
            listen = text if text == "none" else parse_listen(text, of_environment(LISTEN), DEFAULT_LISTEN)
            return table.model_copy(update={"listen": listen})
        except ConfigError as error:
            self._problems.tell("", f"{error.message}; {error.hint}")
            return table

    def _beside(self, state: StateUrl) -> StateUrl:
        return parse_state_url(state.url, self._file.parent) if state.kind == "sqlite" else state

    def _named(self, kind: str, model: type[AnyTable]) -> dict[str, AnyTable | None]:
        """Return the tables of a kind by name; ``None`` for those that are wrong, so that others may name them."""
        raw = self._content.get(kind, {})
        if not isinstance(raw, dict):
            self._problems.tell(f"[{kind}.NAME]", "a table with a name is needed")
            return {}
        found: dict[str, AnyTable | None] = {}
        for name, table in raw.items():
            if not is_name(name):
                self._problems.tell(
                    f"[{kind}.{named(name)}]",
                    "a name has lower-case letters and digits, single hyphens between them, and at most 40 characters",
                )
            found[name] = self._table(f"[{kind}.{readable(name)}]", kind, table)
        return found

    def _rows(self) -> list[tuple[str, ReplicaTable | None]]:
        raw = self._content.get("replicas", [])
        if not isinstance(raw, list):
            self._problems.tell("replicas", "write [[replicas]], in double brackets, above each of them")
            return []
        if not raw:
            self._problems.tell("", "there are no [[replicas]], so there is nothing to do: add one with its address")
        return [self._row(place, one) for place, one in enumerate(raw, 1)]

    def _row(self, place: int, raw: object) -> tuple[str, ReplicaTable | None]:
        told = (
            [raw[key] for key in ("name", "address") if isinstance(raw.get(key), str)] if isinstance(raw, dict) else []
        )
        where = f"[[replicas]] number {place}" + (f" ({readable(told[0])})" if told else "")
        return where, self._table(where, "replicas", raw)

    def _with_urls(self, name: str, chain: ChainTable | None) -> ChainTable | None:
        variable = urls_variable(name)
        if chain is None:
            return None
        if text := self._environ.get(variable):
            try:
                urls = TypeAdapter(HttpUrls).validate_python(text)
            except ValidationError as error:
                self._problems.tell(of_environment(variable), problem_text(error.errors()[0]))
                return chain
            return chain.model_copy(update={"urls": urls})
        where = f"[chains.{readable(name)}] urls"
        if not chain.urls and not self._raw("chains", name).get("urls"):
            similar = get_close_matches(
                variable, [one for one in self._environ if one not in (variable, variable + SUFFIX)], n=1, cutoff=0.85
            )
            meant = f"; {similar[0]} is set, is it meant for this chain?" if similar else ""
            self._problems.tell(
                where, f"there are none: give them here, or in the environment variable {variable}{meant}"
            )
        if any("@" in url.split("/")[2] for url in chain.urls):
            self._problems.tell(
                where, f"a password does not stand in this file: set the environment variable {variable}"
            )
        return chain

    def _token(self, relayer: RelayerTable) -> str | None:
        if relayer.listen == "none":
            return None
        advice = f'without a token it serves this machine only: [relayer] listen = "{DEFAULT_LISTEN}"'
        try:
            return require_token(relayer.listen, self._environ, TOKEN, advice)
        except ConfigError as error:
            self._problems.tell("[relayer] listen", f"{error.message}; {error.hint}")
            return None

    def _attestor_tokens(self, pairs: Mapping[str, PairTable]) -> dict[str, str]:
        every = self._environ.get(ATTESTOR_TOKEN, "")
        tokens = {
            name: self._environ.get(token_variable(name)) or every for name, pair in pairs.items() if pair.signers
        }
        return {name: token for name, token in tokens.items() if token}


def _whole(tables: Mapping[str, AnyTable | None]) -> dict[str, AnyTable]:
    return {name: table for name, table in tables.items() if table is not None}
