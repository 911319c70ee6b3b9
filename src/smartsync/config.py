"""The configuration: a TOML file, the environment, options; what is later in this order wins.

The names are the same everywhere: ``source_url`` in the file is ``SMARTSYNC_SOURCE_URL`` in the environment and
``--source-url`` as an option. Each value is remembered with where it came from, so that an error says what to change.
Secrets have no place here: no field holds a key or a password, and a file that has one is refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from smartsync.addresses import checked_address
from smartsync.errors import ConfigError

DEFAULT_FILE = Path("smartsync.toml")
"""Read where no other file is named, if it is there."""

ENV_PREFIX = "SMARTSYNC_"

_OPTIONS = {"timeout_s": "--timeout", "attestor_keystores": "--attestor-keystore", "max_fee_gwei": "--max-fee"}
SECRET_WORDS = ("private", "secret", "password", "mnemonic", "seed", "attestor_keys")
"""In the name of an entry: it is none that a file may have."""
_LONGEST_TIMEOUT_S = 3600
_PATHS = ("keystore", "attestor_keystores")
DEFAULT_MAX_FEE_GWEI = 1_000
"""What is offered per gas at most, where nothing else is said: more than mainnet has asked for in years."""
_NEXT_URL = re.compile(r"\s*,\s*(?=\w+://)")
"""Between two urls; a comma may also be part of one."""


def _checksummed(text: str) -> str:
    try:
        return checked_address(text, "")
    except ConfigError as error:
        # Which setting it is, and where it came from, is told around it.
        raise ValueError(error.message.removeprefix(": ")) from error


def _http_url(text: str) -> str:
    # What does not look like a url is not repeated in the message either: its path may be a key.
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("not a url") from None
    if "," in (parts.hostname or ""):
        raise ValueError("several urls are separated by commas, each with its http:// or https://")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an http:// or https:// url with a host is needed (other transports are not supported)")
    return text


def _urls(value: object) -> object:
    """Return the urls of a list, or of a text in which they are separated by commas."""
    return _NEXT_URL.split(value.strip()) if isinstance(value, str) else value


def _different(urls: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(urls)) < len(urls):
        raise ValueError("the same url is given twice: a second node is of use only where it is another one")
    return urls


def whole_number(value: object, least: int, most: int) -> int:
    """Return a whole number of this range, given as text (decimal, or hexadecimal with 0x) or as a number.

    Raises
    ------
    ValueError
        It is none, or out of range.
    """
    allowed = f"{least} to {most} are allowed"
    number = value
    if isinstance(value, str):
        try:
            number = int(value, 16 if value[:2].lower() == "0x" else 10)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{cut(value)} is not a whole number (decimal, or hexadecimal with 0x); {allowed}")
    if not least <= number <= most:
        raise ValueError(f"{cut(value)} is out of range; {allowed}")
    return number


def whole(least: int, most: int) -> BeforeValidator:
    """Return what has a field read by `whole_number`."""
    return BeforeValidator(lambda value: whole_number(value, least, most))


def _seconds(value: object) -> object:
    allowed = f"more than 0 and at most {_LONGEST_TIMEOUT_S} seconds are allowed"
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not 0 < number <= _LONGEST_TIMEOUT_S:
        raise ValueError(f"{cut(value)} is no time to wait; {allowed}")
    return number


def _fee(value: object) -> object:
    try:
        return parse_gas_price(value if isinstance(value, str) else repr(value), "")
    except ConfigError as error:
        raise ValueError(f"{error.message.removeprefix(': ')}; {error.hint}") from error


def cut(value: object) -> str:
    """Return a value as it was given, so far as it is good to read."""
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


Address = Annotated[str, AfterValidator(_checksummed)]
"""Checksummed; any case is taken, a wrong checksum is not."""

HttpUrl = Annotated[str, AfterValidator(_http_url)]
HttpUrls = Annotated[tuple[HttpUrl, ...], BeforeValidator(_urls), AfterValidator(_different)]
"""One url, or several of the same chain: a list, or separated by commas."""

ChainId = Annotated[int, whole(1, 2**64 - 1)]
BlockNumber = Annotated[int, whole(0, 2**64 - 1)]
ReadablePath = Annotated[Path, AfterValidator(Path.expanduser)]


class Settings(BaseModel):
    """What is configured, checked; ``None`` where nothing was given.

    Parameters
    ----------
    source_url, target_url
        JSON-RPC endpoints, http or https: of one node of the chain, or of several, the preferred one first. Not in the
        ``repr``: their paths are often keys.
    source_chain_id, target_chain_id
        What the nodes must say of themselves (EIP-155).
    hub, anchor
        Contracts on the target chain, checksummed addresses.
    keystore
        Web3 Secret Storage file of the account that sends transactions.
    attestor_keystores
        The same for accounts that only sign attestations.
    timeout_s
        Seconds to wait for one answer of a node.
    max_fee_gwei
        What a transaction may offer per gas at most, held in wei: what a chain asks is the word of its node.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    source_url: Annotated[HttpUrls, Field(repr=False)] = ()
    target_url: Annotated[HttpUrls, Field(repr=False)] = ()
    source_chain_id: ChainId | None = None
    target_chain_id: ChainId | None = None
    hub: Address | None = None
    anchor: Address | None = None
    keystore: ReadablePath | None = None
    attestor_keystores: tuple[ReadablePath, ...] = ()
    timeout_s: Annotated[float, BeforeValidator(_seconds)] = 30.0
    max_fee_gwei: Annotated[int, BeforeValidator(_fee)] = DEFAULT_MAX_FEE_GWEI * 10**9

    def require(self, name: str) -> str:
        """Return an address that a command cannot do without, or the first of the urls of such a node.

        Raises
        ------
        ConfigError
            It was not given.
        """
        value = getattr(self, name)
        if isinstance(value, tuple):
            value = value[0] if value else None
        if value is None:
            raise ConfigError(
                f"{name} is not set",
                hint=f"give {option_of(name)}, the environment variable {variable_of(name)}, "
                f"or {name} in {DEFAULT_FILE}",
            )
        return str(value)


def option_of(name: str) -> str:
    """Return the option of the command line for a setting."""
    return _OPTIONS.get(name, "--" + name.replace("_", "-"))


def variable_of(name: str) -> str:
    """Return the environment variable for a setting."""
    return ENV_PREFIX + name.upper()


def load(options: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read file, environment and options, in this order of growing weight.

    Parameters
    ----------
    options
        By name of the setting; ``None`` and empty lists count as not given.
    environ
        The environment; empty variables count as not given.
    file
        A TOML file. Without it ``SMARTSYNC_CONFIG``, then ``smartsync.toml`` in the working directory, if it exists.

    Raises
    ------
    ConfigError
        A value is not what it should be, a key of the file is unknown, or the file cannot be read. The message names
        each field and where its value came from.
    """
    path = config_path(environ, file)
    found: dict[str, tuple[object, str]] = {}
    if file is not None or environ.get(ENV_PREFIX + "CONFIG") or path.exists():
        found |= {name: (value, str(path)) for name, value in _read_file(path).items()}
    for name in Settings.model_fields:
        text = environ.get(variable_of(name), "")
        if text:
            value = text.split(os.pathsep) if name == "attestor_keystores" else text
            found[name] = (value, f"the environment variable {variable_of(name)}")
    found |= {
        name: (value, f"the option {option_of(name)}") for name, value in options.items() if value not in (None, [])
    }
    try:
        return Settings.model_validate({name: value for name, (value, _) in found.items()})
    except ValidationError as error:
        problems = [_problem(details, found) for details in error.errors()]
    raise ConfigError("; ".join(problems), hint="correct the value where it comes from, or override it by an option")


def config_path(environ: Mapping[str, str], file: Path | None = None) -> Path:
    """Return which TOML file is the configuration, whether it exists or not."""
    return file or Path(environ.get(ENV_PREFIX + "CONFIG") or DEFAULT_FILE)


def parse_address(text: str, name: str) -> str:
    """Return an address checksummed. ``name`` says in an error what it is for. Raises ``ConfigError``."""
    return checked_address(text, name)


def parse_block(text: str, name: str = "the option --block") -> int:
    """Return a block number, given in decimal or hexadecimal. Raises ``ConfigError``."""
    try:
        return TypeAdapter(BlockNumber).validate_python(text)
    except ValidationError as error:
        problem = problem_text(error.errors()[0])
    raise ConfigError(f"{name}: {problem}", hint="give the number of a block, as 42 or 0x2a")


def parse_gas_price(text: str, name: str = "the option --gas-price") -> int:
    """Return a gas price in wei, given in gwei with up to 9 decimals. Raises ``ConfigError``."""
    match = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?", text.strip(), re.ASCII)
    if match is None:
        raise ConfigError(
            f"{name}: {cut(text)} is no gas price; a number from 0 on with up to 9 decimals is allowed",
            hint="give it in gwei, as 12 or 0.05",
        )
    return int(match[1]) * 10**9 + int((match[2] or "").ljust(9, "0"))


def _read_file(path: Path) -> dict[str, object]:
    content = read_toml(path)
    for name in content.keys() - Settings.model_fields.keys():
        raise _unknown_key(name, path)
    return {name: beside(value, path.parent) if name in _PATHS else value for name, value in content.items()}


def read_toml(path: Path) -> dict[str, object]:
    """Return what is in a configuration file. Raises ``ConfigError``."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration file {path}", hint="give another --config FILE, or create it"
        ) from None
    except OSError as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}", hint='write name = "value", text in double quotes, numbers without'
        ) from None


def _unknown_key(name: str, path: Path) -> ConfigError:
    if any(word in name.lower() for word in SECRET_WORDS):
        return ConfigError(
            f"{path}: {name!r} is refused, secrets are not read from the configuration file",
            hint="use a keystore file, SMARTSYNC_PRIVATE_KEY or SMARTSYNC_KEYSTORE_PASSWORD, and remove the line",
        )
    close = get_close_matches(name, Settings.model_fields, n=1)
    return ConfigError(
        f"{path}: unknown key {name!r}" + (f", did you mean {close[0]!r}?" if close else ""),
        hint="known keys: " + ", ".join(Settings.model_fields),
    )


def beside(value: object, folder: Path) -> object:
    """Read relative paths of a file from that file's folder, wherever the command runs."""
    if isinstance(value, list):
        return [beside(item, folder) for item in value]
    return str(folder / Path(value).expanduser()) if isinstance(value, str) else value


def _problem(details: Any, found: Mapping[str, tuple[object, str]]) -> str:
    name = str(details["loc"][0])
    return f"{name}, from {found[name][1]}: {problem_text(details)}"


def problem_text(details: Any) -> str:
    """Return what is wrong with a value, out of pydantic's details of the error."""
    cause = details.get("ctx", {}).get("error")
    return str(cause) if isinstance(cause, ValueError) else str(details["msg"])
