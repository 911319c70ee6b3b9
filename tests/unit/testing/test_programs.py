from pathlib import Path

import pytest

from smartsync.testing import ToolMissing, find_geth, tools_root
from smartsync.testing.programs import anvil_program, geth_program, npm_program


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "node_modules" / "hardhat").mkdir(parents=True)
    monkeypatch.setenv("SMARTSYNC_TOOLS", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("ANVIL", raising=False)
    return tmp_path


def test_tools_root_named_folder_is_taken(tools: Path) -> None:
    assert tools_root() == tools


def test_tools_root_named_folder_without_tools_says_make_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTSYNC_TOOLS", str(tmp_path))
    with pytest.raises(ToolMissing, match="SMARTSYNC_TOOLS") as caught:
        tools_root()
    assert "make setup" in caught.value.hint


def test_npm_program_absent_names_it(tools: Path) -> None:
    with pytest.raises(ToolMissing, match="ganache is not there"):
        npm_program("ganache")


def test_npm_program_present_is_found(tools: Path) -> None:
    program = tools / "node_modules" / ".bin" / "ganache"
    program.parent.mkdir()
    program.touch()
    assert npm_program("ganache") == str(program)


def test_anvil_program_no_package_says_what_to_set(tools: Path) -> None:
    with pytest.raises(ToolMissing) as caught:
        anvil_program()
    assert "ANVIL" in caught.value.hint


def test_anvil_program_variable_wins(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tools / "my-anvil").touch()
    monkeypatch.setenv("ANVIL", str(tools / "my-anvil"))
    assert anvil_program() == str(tools / "my-anvil")


def test_find_geth_nowhere_is_none(tools: Path) -> None:
    assert find_geth() is None


def test_find_geth_built_by_make_is_found(tools: Path) -> None:
    built = tools / ".tools" / "bin" / "geth"
    built.parent.mkdir(parents=True)
    built.touch()
    assert find_geth() == built


def test_geth_program_nowhere_says_make_geth(tools: Path) -> None:
    with pytest.raises(ToolMissing) as caught:
        geth_program()
    assert "make geth" in caught.value.hint
