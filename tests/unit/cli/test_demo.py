from pathlib import Path

import pytest


@pytest.mark.parametrize("code", [0, 1])
def test_demo_needs_no_settings_and_passes_its_exit_code(run, monkeypatch, tmp_path: Path, code: int) -> None:
    (tmp_path / "smartsync.toml").write_text("broken")
    asked = []

    async def demo(console: object, *, as_json: bool) -> int:
        asked.append(as_json)
        return code

    monkeypatch.setattr("smartsync.cli.demo.run", demo)
    assert run("demo", "--json").exit_code == code
    assert asked == [True]
