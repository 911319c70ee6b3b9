"""The command line as a user types it: from the wheel, in an environment of its own, without Node or a compiler."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from smartsync.testing import Node
from tests.acceptance.sample import change, deployed_sample

ROOT = Path(__file__).parents[2]
COMMANDS = (
    *("demo", "doctor", "analyze", "deploy", "fork", "sync", "watch", "attest", "attestor", "halt"),
    *("status", "diff", "verify", "explain", "call", "anchor"),
)
LAYOUT = json.dumps(
    {
        "storage": [{"label": "values", "offset": 0, "slot": "0", "type": "t_mapping"}],
        "types": {
            "t_mapping": {"encoding": "mapping", "key": "t_uint256", "value": "t_uint256", "numberOfBytes": "32"},
            "t_uint256": {"encoding": "inplace", "numberOfBytes": "32"},
        },
    }
)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it with its pinned dependencies into a new environment, and return the command."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements/runtime.txt")], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    return folder / "venv/bin/smartsync"


@pytest.fixture
def run(installed: Path, tmp_path: Path, ganache: Node, hardhat: Node) -> Run:
    """Return a way to run the command in an empty folder, with nothing of this repository within reach."""
    return runner(installed, tmp_path, ganache, hardhat)


def runner(installed: Path, folder: Path, source: Node, target: Node) -> Run:
    (folder / "smartsync.toml").write_text(f'source_url = "{source.url}"\ntarget_url = "{target.url}"\n')

    def call(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = environment(target) | variables
        return subprocess.run(
            [str(installed), *args], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
        )

    return call


def environment(node: Node) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "COLUMNS": "160", "SMARTSYNC_PRIVATE_KEY": "0x" + node.accounts[2].key.hex()}


@pytest.fixture
def sample(ganache: Node) -> str:
    return deployed_sample(ganache)


def reported(result: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return the one JSON document on stdout of a command that worked."""
    assert result.returncode == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_the_whole_way_from_deploy_to_watch(
    run: Run, installed: Path, sample: str, ganache: Node, hardhat: Node, tmp_path: Path
) -> None:
    assert run("doctor", sample).returncode == 0
    reported(run("deploy", "--max-drift", "86400", "--write-config", "--json"))
    assert "anchor" in (tmp_path / "smartsync.toml").read_text()
    reported(run("attest", "--json"))
    fork = reported(run("fork", sample, "--json"))
    replica = str(fork["replica"])
    assert fork["slots"] == 5
    assert reported(run("verify", replica, "--json"))["exact"] is True

    change(ganache, sample, 1, 42)
    change(ganache, sample, 2, 7)
    reported(run("attest", "--json"))
    diff = reported(run("diff", replica, "--json"))
    assert [(c["kind"], c["new"]) for c in sorted(diff["changes"], key=lambda c: c["new"])] == [
        ("insert", 7),
        ("update", 42),
    ]  # type: ignore[call-overload]
    sync = reported(run("sync", replica, "--json"))
    assert sync["changes"] == diff["changes"]
    call = reported(run("call", replica, "values(uint256)(uint256)", "1", "--json"))
    assert call["agree"] is True and call["replica"]["values"] == [42]  # type: ignore[index]
    status = reported(run("status", replica, "--json"))
    assert (status["status"], status["level"], status["block_number"]) == ("active", "final", sync["to_block"])
    # People get tables of the same.
    shown = run("status")
    assert shown.returncode == 0 and replica in shown.stdout

    change(ganache, sample, 3, 9)
    event, code = watched(installed, tmp_path, hardhat, replica)
    assert event["event"] == "sync" and len(event["result"]["changes"]) == 1  # type: ignore[index]
    assert code == 0, "Ctrl-C is the ordinary end"
    assert reported(run("verify", replica, "--json"))["exact"] is True


def test_explain_draws_a_sync_and_refuses_what_is_none(
    run: Run, sample: str, ganache: Node, hardhat: Node, tmp_path: Path
) -> None:
    reported(run("deploy", "--max-drift", "86400", "--write-config", "--json"))
    reported(run("attest", "--json"))
    replica = str(reported(run("fork", sample, "--json"))["replica"])
    change(ganache, sample, 1, 42)
    on_source = ganache.request("eth_getBlockByNumber", ["latest", False])["transactions"][0]
    reported(run("attest", "--json"))
    sync: Any = reported(run("sync", replica, "--json"))
    tx_hash = sync["steps"][0]["tx_hash"]
    (tmp_path / "layout.json").write_text(LAYOUT)

    document: Any = reported(run("explain", tx_hash, "--layout", "layout.json", "--svg", "it.svg", "--json"))
    (told,), (written,) = document["changes"], sync["changes"]
    assert {name: told[name] for name in written} == written and told["name"] == "values[1]"
    assert document["replica"] == replica and document["source_block_number"] == sync["to_block"]
    assert [check["ok"] for check in document["checks"]] == [True, True, True]
    assert (tmp_path / "it.svg").read_text().startswith("<svg ")
    # People get a tree, and need no more than the target's url.
    (tmp_path / "smartsync.toml").unlink()
    shown = run("explain", tx_hash, "--target-url", hardhat.url)
    assert shown.returncode == 0, shown.stderr
    for words in ("branch the root", "updated slot", "It did what it says"):
        assert words in shown.stdout

    target = ("--target-url", hardhat.url)
    for arguments, code, words in (
        (("0x12", *target), 2, "is not the hash of a transaction"),
        (("0x" + "12" * 32, *target), 7, "knows no transaction"),
        ((on_source, *target, "--source-url", ganache.url), 7, "the source node knows it"),
        ((tx_hash, *target, "--target-chain-id", "5"), 2, "expected chain 5"),
        ((tx_hash, *target, "--call", "2"), 7, "made 1 call of a hub"),
        ((tx_hash, *target, "--keys", "none.txt"), 2, "cannot be read"),
        ((tx_hash,), 2, "target"),
        ((tx_hash, "--target-url", "http://127.0.0.1:9"), 3, "127.0.0.1"),
    ):
        refused = run("explain", *arguments)
        assert refused.returncode == code and words in refused.stderr, (arguments, refused.stderr)


def watched(installed: Path, folder: Path, node: Node, replica: str) -> tuple[dict[str, object], int]:
    """Run `watch` until it has synced once, press Ctrl-C, and return what it told and its exit code."""
    command = [str(installed), "watch", replica, "--attest", "--interval", "0.2", "--json"]
    with subprocess.Popen(command, cwd=folder, env=environment(node), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        accepted: dict[str, object] = json.loads(process.stdout.readline())
        assert accepted["event"] == "accepted" and accepted["time"]
        event: dict[str, object] = json.loads(process.stdout.readline())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        last = process.stdout.read().splitlines()[-1]
        assert json.loads(last)["event"] == "stopped"
        return event, process.wait(timeout=30)


@dataclass(frozen=True)
class Ready:
    """A folder with a configuration in which everything is deployed, and a sample that could be forked."""

    run: Run
    folder: Path
    sample: str


@pytest.fixture(scope="module")
def ready(installed: Path, tmp_path_factory: pytest.TempPathFactory, ganache: Node, hardhat: Node) -> Ready:
    """Shared by everything that is refused: it stays as it is."""
    folder = tmp_path_factory.mktemp("ready")
    run = runner(installed, folder, ganache, hardhat)
    sample = deployed_sample(ganache)
    reported(run("deploy", "--max-drift", "86400", "--write-config", "--json"))
    reported(run("attest", "--json"))
    (folder / "few.txt").write_text("0\n")
    keystore = Account.encrypt(hardhat.accounts[2].key, "right", kdf="pbkdf2", iterations=2)
    (folder / "locked.json").write_text(json.dumps(keystore))
    return Ready(run, folder, sample)


def sent(node: Node) -> int:
    """Return how many transactions the commands' account has sent."""
    return int(node.request("eth_getTransactionCount", [node.accounts[2].address, "pending"]), 16)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("fork", "0x" + "de" * 20), 5, "NoCode"),
        (("fork", "SAMPLE", "--block", "99999999"), 3, "BlockUnavailable"),
        (("fork", "SAMPLE", "--block", "1"), 8, "BlockNotAccepted"),
        (("fork", "SAMPLE", "--slots", "few.txt"), 4, "IncompleteSlots"),
        (("fork", "SAMPLE", "--source-url", "http://127.0.0.1:9"), 3, "NodeUnreachable"),
        (("fork", "SAMPLE", "--source-chain-id", "1"), 2, "WrongChain"),
        (("sync", "0x" + "de" * 20), 6, "UnknownReplica"),
        (("sync", "0x" + "de" * 20, "--hub", "0x" + "de" * 20), 6, "NotDeployed"),
        (("fork", "0x12"), 2, "ConfigError"),
        (("analyze", "0x" + "de" * 20), 5, "NoCode"),
        (("analyze", "ACCOUNT"), 5, "NoCode"),
        (("analyze", "SAMPLE", "--block", "99999999"), 3, "BlockUnavailable"),
        (("analyze", "SAMPLE", "--block", "0"), 5, "NoCode"),
        (("analyze", "SAMPLE", "--target-url", "http://127.0.0.1:9"), 3, "NodeUnreachable"),
        (("analyze", "SAMPLE", "--target-chain-id", "1"), 2, "WrongChain"),
        (("analyze", "SAMPLE", "--abi", "nothing.json"), 2, "ConfigError"),
        (("analyze", "SAMPLE", "--abi", "few.txt"), 2, "ConfigError"),
        (("analyze", "SAMPLE", "--abi", "locked.json"), 2, "ConfigError"),
        (("analyze", "SAMPLE", "--gas-price", "free"), 2, "ConfigError"),
        (("analyze", "SAMPLE", "--block", "latest"), 2, "ConfigError"),
        (("fork", "SAMPLE", "--keystore", "nothing.json"), 2, "KeyUnavailable"),
    ],
)
def test_bad_input_has_its_own_error_and_exit_code(
    ready: Ready, hardhat: Node, arguments: tuple[str, ...], code: int, error: str
) -> None:
    before = sent(hardhat)
    meant = {"SAMPLE": ready.sample, "ACCOUNT": hardhat.accounts[2].address}
    result = ready.run(*(meant.get(part, part) for part in arguments), "--json")
    assert result.returncode == code, result.stderr
    told = json.loads(result.stdout)
    assert told["error"] == error
    assert told["message"]
    assert "Traceback" not in result.stderr
    assert sent(hardhat) == before, "nothing half done"


def test_analyze_names_functions_and_prices_and_sends_nothing(ready: Ready, hardhat: Node) -> None:
    before = sent(hardhat)
    abi = [{"type": "function", "name": "values", "inputs": [{"type": "uint256"}], "stateMutability": "view"}]
    (ready.folder / "abi.json").write_text(json.dumps(abi))
    told = ready.run("analyze", ready.sample, "--abi", "abi.json", "--gas-price", "0.5", "--gas-price", "20")
    assert told.returncode == 0, told.stderr
    assert told.stdout.lower().startswith(f"{ready.sample} can be replicated")
    assert "values(uint256)" in told.stdout and "at 0.5 gwei" in told.stdout and "at 20 gwei" in told.stdout
    document = reported(ready.run("analyze", ready.sample, "--json"))
    assert document["ok"] is True and document["storage"]["slots"] == 5  # type: ignore[index]
    assert sent(hardhat) == before


def test_analyze_source_alone_and_a_delegated_account(installed: Path, tmp_path: Path, hardhat: Node) -> None:
    """An account with a delegation (EIP-7702) has code and is no contract: told, with the exit code for it."""
    delegated = "0x" + "7702" * 10
    hardhat.request("hardhat_setCode", [delegated, "0xef0100" + "11" * 20])
    hardhat.request("hardhat_mine", ["0x1"])
    command = [str(installed), "analyze", delegated, "--source-url", hardhat.url]
    told = subprocess.run(
        command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 3, told.stderr
    assert "cannot be replicated as it is: its code cannot be deployed." in told.stdout.splitlines()[0]
    assert "EIP-7702" in told.stdout and "no target url" in told.stdout


def test_keystore_with_a_wrong_password_stays_locked_and_nothing_of_it_is_shown(ready: Ready, hardhat: Node) -> None:
    before = sent(hardhat)
    forked = "fork", ready.sample, "--keystore", "locked.json", "--json"
    wrong = ready.run(*forked, "--debug", SMARTSYNC_KEYSTORE_PASSWORD="correct horse")
    assert wrong.returncode == 2
    told = json.loads(wrong.stdout)
    assert told["error"] == "KeyUnavailable" and "cannot be unlocked" in told["message"]
    assert "the password that is set in the environment is wrong" in told["hint"]
    crypto = json.loads(keystore_of(ready))["crypto"]
    for secret in ("correct horse", hardhat.accounts[2].key.hex(), crypto["ciphertext"], crypto["mac"]):
        assert secret not in wrong.stdout + wrong.stderr
    assert sent(hardhat) == before

    # Without a password nobody can be asked: there is no terminal.
    locked = ready.run(*forked)
    assert locked.returncode == 2
    assert json.loads(locked.stdout)["hint"].startswith("set SMARTSYNC_KEYSTORE_PASSWORD to its password")
    assert sent(hardhat) == before


def keystore_of(ready: Ready) -> str:
    return (ready.folder / "locked.json").read_text()


def test_keystore_with_its_password_pays(run: Run, tmp_path: Path, ready: Ready, hardhat: Node) -> None:
    (tmp_path / "key.json").write_text(keystore_of(ready))
    before = sent(hardhat)
    only = {"SMARTSYNC_KEYSTORE_PASSWORD": "right", "SMARTSYNC_PRIVATE_KEY": ""}
    reported(run("deploy", "--keystore", "key.json", "--json", **only))
    assert sent(hardhat) == before + 2  # hub and anchor


def test_unfunded_key_says_which_account_and_how_much(run: Run) -> None:
    result = run("deploy", "--json", SMARTSYNC_PRIVATE_KEY="0x" + "11" * 32)
    assert result.returncode == 7
    told = json.loads(result.stdout)
    assert told["error"] == "InsufficientFunds" and told["balance_wei"] == 0 and "fund 0x" in told["hint"]


def test_version_and_help_need_no_settings(installed: Path, tmp_path: Path) -> None:
    bare = {"PATH": "/usr/bin:/bin"}
    version = subprocess.run([str(installed), "--version"], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert re.fullmatch(r"smartsync \d+\.\d+\.\d+\n", version.stdout)
    helped = subprocess.run([str(installed), "--help"], cwd=tmp_path, env=bare, capture_output=True, text=True)
    for command in COMMANDS:
        assert command in helped.stdout
    demo = subprocess.run([str(installed), "demo"], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert demo.returncode == 2 and "make setup" in demo.stderr
