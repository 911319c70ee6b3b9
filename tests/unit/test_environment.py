from __future__ import annotations

import os
from pathlib import Path

import pytest

from smartsync.environment import Environment
from smartsync.errors import ConfigError

SECRET = "5ec2e7-of-an-operator"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def test_environment_variable_itself() -> None:
    environ = Environment({"A": SECRET, "B": ""})
    assert (environ.get("A"), environ.get("B"), environ.get("C")) == (SECRET, "", None)
    assert "A" in environ and "C" not in environ
    assert (list(environ), len(environ)) == (["A", "B"], 2)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_environment_file_without_the_end_of_its_line(file: Path, end: str) -> None:
    file.write_bytes(f" {SECRET}  x{end}".encode())
    assert Environment({"A_FILE": str(file)})["A"] == f" {SECRET}  x"


def test_environment_empty_variables_are_not_set(file: Path) -> None:
    file.write_text(SECRET)
    assert Environment({"A": "", "A_FILE": str(file)})["A"] == SECRET
    assert Environment({"A": "other", "A_FILE": ""})["A"] == "other"


def test_environment_file_is_read_anew(file: Path) -> None:
    environ = Environment(Environment({"A_FILE": str(file)}))
    for content in ("one", "two"):
        file.write_text(content)
        assert environ["A"] == content


def test_environment_both_refused(file: Path) -> None:
    file.write_text(SECRET)
    with pytest.raises(ConfigError, match=r"^A and A_FILE are both set$") as caught:
        Environment({"A": "one", "A_FILE": str(file)}).get("A")
    assert caught.value.hint == "unset the one that is not meant"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe" + SECRET.encode(), "is no text in UTF-8"),
        (b"x" * 65_537, "has more than 65,536 bytes"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_environment_file_that_has_no_secret_refused(file: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Environment({"A_FILE": str(file)}).get("A")
    assert caught.value.message.startswith(f"the file {file} that A_FILE names {problem}")
    assert SECRET not in str(caught.value.as_dict())
    assert caught.value.__cause__ is None


def test_environment_file_that_never_ends_refused() -> None:
    with pytest.raises(ConfigError, match="more than"):
        Environment({"A_FILE": "/dev/zero"}).get("A")


def test_environment_folder_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Environment({"A_FILE": str(tmp_path)}).get("A")


def test_environment_file_of_somebody_else_refused(file: Path) -> None:
    file.write_text(SECRET)
    file.chmod(0)
    us = os.geteuid()
    if us == 0:  # root may read every file: as nobody, it may not
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match="Permission denied"):
            Environment({"A_FILE": str(file)}).get("A")
    finally:
        os.seteuid(us)


def test_environment_refusals_told_count_as_not_set(file: Path) -> None:
    told: list[ConfigError] = []
    environ = Environment({"A_FILE": str(file), "B": "b"}, told.append)
    assert environ.get("A", "none") == "none"
    assert environ["B"] == "b"
    assert [error.message.rpartition(" names ")[2] for error in told] == [
        "cannot be read: No such file or directory",
    ]
