"""What is wrong with a configuration, in words: told all at once, and without repeating what may be secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from smartsync.config import SECRET_WORDS, problem_text
from smartsync.errors import ConfigError
from smartsync.relayer.tables import EventTable, PolicyTable, Table
from smartsync.relayer.variables import STATE_URL, TOKEN

_SECRETS = (*SECRET_WORDS, "token", "api_key", "apikey")
_TYPES = {
    "string_type": "a text in quotes is needed",
    "bool_type": "true or false is needed",
    "bool_parsing": "true or false is needed",
    "model_type": "a table is needed",
    "tuple_type": "a list is needed, as [ … ]",
    "path_type": "the path of a file, in quotes, is needed",
    "string_too_short": "it is empty",
    "string_too_long": "it is longer than 80 characters",
}
"""What to say for pydantic's kinds of errors, where its own words do not help."""


_ELSEWHERE = (
    f"keys are read from a keystore file or SMARTSYNC_KEY_NAME, its password from SMARTSYNC_KEY_NAME_PASSWORD, the "
    f"database's from PGPASSWORD or {STATE_URL}, tokens from {TOKEN} and SMARTSYNC_PAIR_NAME_TOKEN; or, with _FILE "
    "behind any of these, from the file that it names. Remove it, and do not use it any more if others could read it"
)


class Problems:
    """What was found so far."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def tell(self, where: str, what: str) -> None:
        """Add one: the table and key, or nothing, and what is wrong there with what to do."""
        self._found[f"{where}: {what}" if where else what] = None

    def error(self, file: Path) -> ConfigError | None:
        """Return them all as an error; ``None`` where there are none."""
        found = list(self._found)
        if not found:
            return None
        listed = found[0] if len(found) == 1 else f"{len(found)} problems" + "".join(f"\n- {one}" for one in found)
        return ConfigError(f"{file}: {listed}", hint="docs/reference/relayer-configuration.md has every table and key")

    def refuse(self, where: str, model: type[Table], details: Any) -> None:
        """Add what pydantic found, by its details of the error."""
        loc, kind = details["loc"], details["type"]
        if kind == "extra_forbidden":
            self.unknown(f"{where} {_path(loc[:-1])}".rstrip(), str(loc[-1]), _fields(model, loc[:-1]), "keys")
        elif kind == "missing":
            self.tell(where, f"{_path(loc)} is missing")
        else:
            words = _TYPES.get(kind) or _allowed(details) or problem_text(details)
            self.tell(f"{where} {_path(loc)}".rstrip(), words)

    def unknown(self, where: str, name: str, known: Iterable[str], what: str) -> None:
        """Add a key (or table) that is none."""
        if any(word in name.lower() for word in _SECRETS):
            self.tell(where, f"{named(name)} is refused, secrets do not stand in this file: {_ELSEWHERE}")
            return
        known = list(known)
        close = get_close_matches(name, known, n=1)
        advice = f"did you mean {close[0]}?" if close else f"{what} that are known: {', '.join(known)}"
        self.tell(where, f"{named(name)} is not known; {advice}")

    def require(self, where: str, what: str, name: str, known: Mapping[str, object]) -> None:
        """Add, where there is no chain, key or pair of this name, that there is none."""
        if name in known:
            return
        close = get_close_matches(name, known, n=1)
        there = f"there are: {', '.join(map(readable, known))}" if known else f"there is no [{what}s.NAME]"
        self.tell(
            where, f"there is no {what} {named(name)}; " + (f"did you mean {readable(close[0])}?" if close else there)
        )


def of_environment(variable: str) -> str:
    """Return a place that is a variable."""
    return f"the environment variable {variable}"


def readable(name: str) -> str:
    """Return a name to be told as part of a place; a url, in which a key may be, is not."""
    return name if "://" not in name and len(name) <= 60 else "…"


def _path(loc: Iterable[str | int]) -> str:
    """Return the way to a value as people read it: ``policy.events (entry 1).topic``."""
    text = ""
    for step in loc:
        text += f" (entry {step + 1})" if isinstance(step, int) else f"{'.' if text else ''}{readable(step)}"
    return text


def _fields(model: type[Table], loc: Iterable[str | int]) -> list[str]:
    """Return the keys that are known where an unknown one stands."""
    inner: dict[str, type[Table]] = {"policy": PolicyTable, "events": EventTable}
    for step in loc:
        model = inner.get(str(step), model)
    return list(model.model_fields)


def _allowed(details: Any) -> str:
    return f"{details['ctx']['expected']} is allowed" if details["type"] == "literal_error" else ""


def named(text: Any) -> str:
    """Return a name as an error may repeat it: what may be a secret url is not repeated."""
    if isinstance(text, str) and ("://" in text or len(text) > 60):
        return "a url" if "://" in text else "so long a text"
    return repr(text)
