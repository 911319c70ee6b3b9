"""The locks of the image and of the unit's environment have all that the package asks for, as the tests ran with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
AGAIN = "make lock writes all locks again"


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements" / name).read_text(), re.M))


def wanted(*groups: list[str]) -> set[str]:
    """Return the packages that requirements name, as locks write them."""
    return {re.split(r"[\[><=~;! ]", one, maxsplit=1)[0].lower().replace("_", "-") for group in groups for one in group}


@pytest.mark.parametrize(("lock", "extras"), [("runtime.txt", []), ("relayer.txt", ["relayer", "postgresql"])])
def test_lock_has_every_dependency(lock: str, extras: list[str]) -> None:
    project = PROJECT["project"]
    needed = wanted(project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras))
    assert needed <= locked(lock).keys(), AGAIN


@pytest.mark.parametrize("lock", ["runtime.txt", "relayer.txt"])
def test_lock_has_the_versions_that_the_tests_run_with(lock: str) -> None:
    tested = locked("dev.txt")
    assert {name: tested.get(name) for name in locked(lock)} == locked(lock), AGAIN


def test_lock_of_the_build_has_what_builds() -> None:
    (builds,) = PROJECT["build-system"]["requires"]
    name, _, version = builds.partition("==")
    assert locked("build.txt")[name] == version, AGAIN


def test_wanted_names_as_locks_write_them() -> None:
    assert wanted(["psycopg[binary,pool]>=3.3", "evmole>=0.9; platform_system != 'Linux'"]) == {"psycopg", "evmole"}
