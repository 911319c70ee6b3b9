"""`docs/reference/relayer-configuration.md` is what the tables are: all keys and defaults; its examples are taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from smartsync.listening import MIN_TOKEN
from smartsync.relayer import variables
from smartsync.relayer.configuration import DEFAULT_FILE, DEFAULT_KEY, read_configuration
from smartsync.relayer.policy import Policy
from smartsync.relayer.tables import TABLES, PolicyTable

DOCS = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (DOCS / "relayer-configuration.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
ENVIRON = {"SMARTSYNC_CHAIN_MAINNET_URLS": "https://a.example", "SMARTSYNC_RELAYER_TOKEN": "x" * MIN_TOKEN}
HEADINGS = {kind: f"[{kind}" if kind != "replicas" else "[[replicas" for kind in TABLES}


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """Return the rows of the table below a heading: by key, its default and what it is."""
    (section,) = [one for one in PAGE.split("\n## ") if one.startswith(f"`{heading}")]
    return {
        key: (default, what) for key, default, what in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", section, re.M)
    }


@pytest.mark.parametrize("kind", TABLES)
def test_page_has_every_key_and_default_of_a_table_and_no_other(kind: str) -> None:
    told = rows(HEADINGS[kind])
    fields = TABLES[kind].model_fields
    assert list(told) == list(fields)
    for name, field in fields.items():
        default = told[name][0]
        assert (field.default is PydanticUndefined) <= (default == "needed"), name
        if name.endswith("_gwei"):
            assert default == f"`{field.default // 10**9}`", "it is held in wei"
        elif isinstance(field.default, bool | int | float):
            assert default == f"`{str(field.default).lower()}`", name


def test_page_defaults_that_are_no_plain_values() -> None:
    fields = TABLES["relayer"].model_fields
    assert rows("[relayer")["state"][0] == f"`{fields['state'].default.shown}`"
    listen = fields["listen"].default
    assert rows("[relayer")["listen"][0] == f"`{listen.host}:{listen.port}`"
    assert f"one key, `{DEFAULT_KEY}`," in PAGE
    assert f"`{DEFAULT_FILE}` unless" in PAGE


def test_page_has_every_key_of_a_policy() -> None:
    told = rows("policy")
    assert list(told) == list(PolicyTable.model_fields)
    assert Policy() == Policy(every_blocks=1, max_lag_s=0, max_gas_a_day=None, max_fee_wei=None)
    assert [told[name][0] for name in ("when", "max_lag_s", "max_gas_a_day", "max_fee_gwei")] == [
        '`"every-block"`',
        "`0`",
        '`"none"`',
        '`"none"`',
    ]


def test_page_has_every_variable() -> None:
    made = {
        variables.urls_variable("name"),
        variables.key_variable("name"),
        variables.password_variable("name"),
        variables.token_variable("name"),
    }
    known = {variables.STATE_URL, variables.LISTEN, variables.TOKEN, variables.ATTESTOR_TOKEN} | made
    (section,) = [one for one in PAGE.split("\n## ") if one.startswith("Environment variables")]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == known
    for name in known:
        assert f"``{name}``" in (variables.__doc__ or ""), name
    assert f"at least {MIN_TOKEN} printable characters" in PAGE


@pytest.mark.parametrize("example", EXAMPLES, ids=["smallest", "more"])
def test_page_examples_are_taken(example: str, tmp_path: Path) -> None:
    file = tmp_path / "relayer.toml"
    file.write_text(example)
    assert read_configuration(ENVIRON, file).replicas


def test_page_smallest_example_has_eleven_lines() -> None:
    assert len(EXAMPLES) == 2
    assert len(EXAMPLES[0].splitlines()) == 11


def test_page_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGE)
    assert links
    for target in links:
        assert (DOCS / target).resolve().is_file(), target
