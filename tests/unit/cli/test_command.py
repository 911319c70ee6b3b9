"""What all commands have in common: errors, exit codes, settings, streams."""

import itertools
import json
import re

import pytest

from smartsync import errors
from smartsync.errors import ConfigError, SmartSyncError

REPLICA = "0x" + "aa" * 20

BY_CODE = {
    2: [errors.ConfigError("m"), errors.KeyUnavailable("m"), errors.WrongChain("source", "node.example", 1, 2)],
    3: [errors.NodeUnreachable("m"), errors.RpcError("eth_call", -32000, "m"), errors.BlockUnavailable("7", "pruned")],
    4: [errors.InvalidProof("m"), errors.IncompleteSlots([b"\x01\x02"]), errors.MissingNode(b"\x0a")],
    5: [errors.NoCode("m"), errors.SourceIsProxy("EIP-1967", "0x00")],
    6: [errors.UnknownReplica("m"), errors.NotDeployed("m")],
    7: [errors.InsufficientFunds("0x00", 1, 2), errors.TransactionReverted("m"), errors.TransactionPending("m")],
    8: [errors.BlockNotAccepted("m"), errors.AnchorFrozen("m"), errors.SourceReorganised("m")],
}
CASES = [(error, code) for code, found in BY_CODE.items() for error in found]


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda case: type(case).__name__)
def test_command_known_error_told_with_its_exit_code(run, fake, error: SmartSyncError, code: int) -> None:
    error.hint = "do this"
    fake.answers["status"] = error
    result = run("status", REPLICA)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr == f"error: {error.message}\nhint:  do this\n"
    assert fake.closed


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda case: type(case).__name__)
def test_command_known_error_as_json_is_the_one_document(run, fake, error: SmartSyncError, code: int) -> None:
    fake.answers["status"] = error
    result = run("status", REPLICA, "--json")
    assert result.exit_code == code
    document = json.loads(result.stdout)
    assert (document["error"], document["exit_code"]) == (type(error).__name__, code)
    assert document["message"] == error.message
    assert result.stderr.startswith("error: ")


def test_command_unexpected_exception_short_message_and_exit_1(run, fake) -> None:
    fake.answers["status"] = KeyError("storageHash")
    result = run("status", REPLICA)
    assert result.exit_code == 1
    assert "error: unexpected KeyError: 'storageHash'" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.output


def test_command_unexpected_exception_with_debug_shows_traceback(run, fake) -> None:
    fake.answers["status"] = KeyError("storageHash")
    result = run("status", REPLICA, "--debug")
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr


def test_command_unexpected_exception_shows_only_the_host_of_a_url(run, fake) -> None:
    fake.answers["status"] = RuntimeError("cannot reach 'https://user:pass@node.example:8545/v3/secret?key=secret' now")
    result = run("status", REPLICA, "--json")
    assert "secret" not in result.output
    assert "pass" not in result.output
    assert "'node.example' now" in result.stderr


def test_command_interrupted_exit_130_without_traceback(run, fake) -> None:
    fake.answers["sync"] = KeyboardInterrupt()
    result = run("sync", REPLICA)
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert "carries on" in result.stderr


def test_command_interrupted_as_json_says_so(run, fake) -> None:
    fake.answers["sync"] = KeyboardInterrupt()
    result = run("sync", REPLICA, "--json")
    assert json.loads(result.stdout)["exit_code"] == 130


@pytest.mark.parametrize(
    "args",
    [
        ("sync",),
        ("sync", REPLICA, "more"),
        ("sync", REPLICA, "--no-such-option"),
        ("no-such-command",),
        ("watch", REPLICA, "--interval", "0"),
        ("watch", REPLICA, "--every-blocks", "0"),
        ("deploy", "--threshold", "0"),
        ("deploy", "--max-drift", "-1"),
    ],
)
def test_command_usage_error_exit_2_nothing_sent(run, fake, args: tuple[str, ...]) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr
    assert fake.calls == []


@pytest.mark.parametrize(
    ("args", "missing"),
    [
        (("sync", REPLICA), "source_url"),
        (("sync", REPLICA), "target_url"),
        (("status",), "hub"),
        (("fork", REPLICA), "anchor"),
        (("attest",), "anchor"),
        (("call", REPLICA, "f()"), "hub"),
    ],
)
def test_command_setting_missing_named(run, fake, monkeypatch, args: tuple[str, ...], missing: str) -> None:
    monkeypatch.delenv(f"SMARTSYNC_{missing.upper()}")
    result = run(*args)
    assert result.exit_code == 2
    assert f"{missing} is not set" in result.stderr
    assert fake.calls == []


@pytest.mark.parametrize("command", ["sync", "watch", "status", "diff", "verify", "fork"])
def test_command_bad_address_refused_before_connecting(run, fake, command: str) -> None:
    result = run(command, "0x12")
    assert result.exit_code == 2
    assert "'0x12' is not an address" in result.stderr
    assert fake.calls == []


@pytest.mark.parametrize("command", ["sync", "diff", "fork"])
def test_command_bad_block_refused_before_connecting(run, fake, command: str) -> None:
    result = run(command, REPLICA, "--block", "latest")
    assert result.exit_code == 2
    assert "the option --block: 'latest' is not a whole number" in result.stderr
    assert fake.calls == []


def test_command_without_key_and_terminal_refused(run, fake, monkeypatch) -> None:
    monkeypatch.delenv("SMARTSYNC_PRIVATE_KEY")
    result = run("sync", REPLICA)
    assert result.exit_code == 2
    assert "--keystore" in result.stderr
    assert fake.calls == []


def test_command_bad_key_refused_without_showing_it(run, fake, monkeypatch) -> None:
    monkeypatch.setenv("SMARTSYNC_PRIVATE_KEY", "0xdeadbeef")
    result = run("sync", REPLICA, "--debug")
    assert result.exit_code == 2
    assert "deadbeef" not in result.output


def test_command_settings_reach_connect(run, fake, tmp_path) -> None:
    (tmp_path / "my.toml").write_text("source_chain_id = 5\ntimeout_s = 9\n")
    fake.answers["status"] = ConfigError("enough")
    run(
        "status",
        REPLICA,
        "--config",
        "my.toml",
        "--timeout",
        "7.5",
        "--target-chain-id",
        "0x7a69",
        "--hub",
        "0x" + "33" * 20,
    )
    args, kwargs = fake.asked("connect")
    assert args == (("http://source.example/secret-path",), ("http://target.example/secret-path",))
    assert kwargs == {
        "hub": "0x" + "33" * 20,
        "account": None,
        "max_fee_wei": 1000 * 10**9,
        "timeout_s": 7.5,
        "source_chain_id": 5,
        "target_chain_id": 31337,
    }


def test_command_error_text_with_escape_codes_shown_harmless(run, fake) -> None:
    fake.answers["status"] = errors.TransactionReverted("\x1b[2Jgone [red]x[/red] :smile:")
    result = run("status", REPLICA)
    assert "\x1b" not in result.output
    assert "\\u001b[2Jgone [red]x[/red] :smile:" in result.stderr


def test_command_help_of_each_shows_its_settings(run) -> None:
    shown = run("fork", "--help").stdout
    for option in ("--config", "--source-url", "--hub", "--anchor", "--keystore", "--json", "--debug"):
        assert option in shown
    assert "--keystore" not in run("status", "--help").stdout
    assert "--source-url" not in run("demo", "--help").stdout


def test_app_help_lists_all_commands_and_exit_codes(run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("deploy", "fork", "sync", "watch", "attest", "status", "diff", "verify", "call", "demo", "doctor"):
        assert f" {name} " in result.stdout
    assert "8 anchor" in " ".join(result.stdout.split())


def test_app_version_printed(run) -> None:
    from smartsync import __version__

    assert run("--version").stdout == f"smartsync {__version__}\n"


COMMANDS = (
    ("--help",),
    ("watch", "--help"),
    ("call", "--help"),
    ("anchor", "--help"),
    ("anchor", "update", "--help"),
    ("anchor", "deploy", "--help"),
    ("anchor", "deploy", "veto", "--help"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_help_shows_no_types_and_no_ragged_paragraphs(run, monkeypatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 100)
    shown = run(*arguments).stdout
    assert "<bool>" not in shown and "<str>" not in shown and "list[" not in shown
    text, _, _ = shown.partition("╭")
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        for line, following in itertools.pairwise(lines):
            assert len(line) + 1 + len(following.split()[0]) > 96, f"broken too early: {line}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--block", "abc"), "'abc' is not a whole number"),
        (("--block", "9" * 30), "is out of range; 0 to 18446744073709551615 are allowed"),
        (("--block", "9" * 6000), "... is not a whole number"),
        (("--block", "-1"), "is out of range; 0 to"),
        (("--timeout", "abc"), "from the option --timeout: 'abc' is no time to wait; more than 0 and at most 3600"),
        (("--timeout", "nan"), "'nan' is no time to wait"),
        (("--timeout", "1" * 400), "is no time to wait"),
        (("--source-chain-id", "9" * 30), "is out of range; 1 to 18446744073709551615"),
    ],
)
def test_command_numbers_that_are_none_say_what_is_allowed(run, fake, arguments: tuple[str, ...], told: str) -> None:
    result = run("sync", REPLICA, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr and arguments[0] in result.stderr and "hint:" in result.stderr
    assert len(result.stderr) < 400
    assert fake.calls == []
