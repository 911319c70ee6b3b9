import json
from pathlib import Path

from eth_account import Account

from smartsync.deploy import Deployed
from smartsync.results import Step

HUB = "0x" + "11" * 20
STEP = Step("sync", "0x" + "cd" * 32, 221066, 740)
KEYS = ["0x" + f"{number:02x}" * 32 for number in (1, 2, 3)]
ADDRESSES = [Account.from_key(key).address for key in KEYS]

DEPLOYED = Deployed("0x" + "a1" * 20, "0x" + "c1" * 20, (STEP,))

DEFAULTS = {"max_drift_s": 900, "delay_s": 172_800, "guardian": None, "anchor_only": False}


def test_deploy_defaults_own_account_signs(run, fake) -> None:
    fake.answers["deploy"] = DEPLOYED
    result = run("deploy")
    assert result.exit_code == 0
    expected = {"signers": [ADDRESSES[0]], "threshold": 1, **DEFAULTS}
    assert fake.asked("deploy")[1] == expected
    assert "trusts     that fewer of its signers than the threshold" in result.stdout
    for shown in (DEPLOYED.hub, DEPLOYED.anchor, STEP.tx_hash, "1 of 1", "172800 s", "900 s", "guardian   none"):
        assert shown in result.stdout
    assert f'hub = "{DEPLOYED.hub}"\nanchor = "{DEPLOYED.anchor}"\n' in result.stderr
    assert not Path("smartsync.toml").exists()


def test_deploy_signers_default_threshold_more_than_half(run, fake) -> None:
    fake.answers["deploy"] = DEPLOYED
    options = [item for address in (*ADDRESSES, HUB) for item in ("--signer", address)]
    terms = ("--max-drift", "60", "--delay", "3600", "--guardian", HUB)
    run("deploy", *options, *terms, "--anchor-only")
    changed = {"max_drift_s": 60, "delay_s": 3600, "guardian": HUB, "anchor_only": True}
    expected = {"signers": [*ADDRESSES, HUB], "threshold": 3, **DEFAULTS, **changed}
    assert fake.asked("deploy")[1] == expected


def test_deploy_attestor_keys_are_the_signers(run, fake, monkeypatch) -> None:
    monkeypatch.setenv("SMARTSYNC_ATTESTOR_KEYS", ",".join(KEYS))
    fake.answers["deploy"] = DEPLOYED
    run("deploy", "--threshold", "3")
    assert fake.asked("deploy")[1]["signers"] == ADDRESSES
    assert fake.asked("deploy")[1]["threshold"] == 3


def test_deploy_bad_signer_refused(run, fake) -> None:
    result = run("deploy", "--signer", "0x12")
    assert result.exit_code == 2
    assert "the option --signer" in result.stderr
    assert fake.calls == []


def test_deploy_write_config_writes_addresses_and_chains_only(run, fake) -> None:
    fake.answers["deploy"] = DEPLOYED
    result = run("deploy", "--write-config", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["config"] == {
        "hub": DEPLOYED.hub,
        "anchor": DEPLOYED.anchor,
        "source_chain_id": 1,
        "target_chain_id": 31337,
    }
    text = Path("smartsync.toml").read_text()
    assert f'hub = "{DEPLOYED.hub}"' in text
    assert "source_chain_id = 1\n" in text
    assert "secret" not in text
    assert KEYS[0][2:] not in text


def test_deploy_write_config_updates_the_file_that_was_read(run, fake, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(f'# mine\nhub = "{HUB}"  # old\ntimeout_s = 5\n')
    fake.answers["deploy"] = DEPLOYED
    assert run("deploy", "--write-config", "--config", "my.toml").exit_code == 0
    text = Path("my.toml").read_text()
    assert text.startswith(f'# mine\nhub = "{DEPLOYED.hub}"  # old\ntimeout_s = 5\n')
    assert not Path("smartsync.toml").exists()


def test_deploy_write_config_impossible_refused_before_sending(run, fake, monkeypatch) -> None:
    monkeypatch.setattr("smartsync.cli.config_file.os.access", lambda *_: False)
    result = run("deploy", "--write-config")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert fake.calls == []


def test_deploy_write_config_failing_later_still_shows_addresses(run, fake, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("smartsync.cli.deploy.write_settings", fail)
    fake.answers["deploy"] = DEPLOYED
    result = run("deploy", "--write-config", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["hub"] == DEPLOYED.hub
    assert "disk full" in result.stderr
    assert f'anchor = "{DEPLOYED.anchor}"' in result.stderr
