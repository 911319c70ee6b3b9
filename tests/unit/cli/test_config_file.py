import os
import tomllib
from pathlib import Path

import pytest

from smartsync.cli.config_file import require_writable, write_settings
from smartsync.errors import ConfigError

HUB = "0x" + "11" * 20
VALUES: dict[str, str | int] = {"hub": HUB, "source_chain_id": 5}


def test_write_settings_new_file_made(tmp_path: Path) -> None:
    path = tmp_path / "smartsync.toml"
    write_settings(path, VALUES)
    assert tomllib.loads(path.read_text()) == VALUES
    assert os.listdir(tmp_path) == ["smartsync.toml"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'hub = "{HUB}"\nsource_chain_id = 5\n'),
        ("# hub = 1", f'# hub = 1\nhub = "{HUB}"\nsource_chain_id = 5\n'),
        ('hub="0x"# c\n', f'hub="{HUB}"# c\nsource_chain_id = 5\n'),
        ("  hub = '0x'  # c\nsource_chain_id = 1 # d\n", f'  hub = "{HUB}"  # c\nsource_chain_id = 5 # d\n'),
        (
            'target_url = "http://x/#hub = 1"\n',
            f'target_url = "http://x/#hub = 1"\nhub = "{HUB}"\nsource_chain_id = 5\n',
        ),
    ],
)
def test_write_settings_leaves_the_rest(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "smartsync.toml"
    path.write_text(before)
    write_settings(path, VALUES)
    assert path.read_text() == after


@pytest.mark.parametrize("before", ['hub = """\n"""\n', '"hub" = "0x"\n', "[table]\n", "broken ="])
def test_write_settings_unusual_file_left_alone(tmp_path: Path, before: str) -> None:
    path = tmp_path / "smartsync.toml"
    path.write_text(before)
    with pytest.raises(ConfigError, match="cannot be edited"):
        write_settings(path, VALUES)
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["smartsync.toml"]


def test_write_settings_keeps_mode_and_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("")
    real.chmod(0o600)
    link.symlink_to(real)
    write_settings(link, VALUES)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(real.read_text()) == VALUES


def test_require_writable_folder_missing_or_path_a_folder_refused(tmp_path: Path) -> None:
    require_writable(tmp_path / "smartsync.toml")
    for path in (tmp_path / "absent" / "smartsync.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be written"):
            require_writable(path)
