"""The command line as a user types it: from the wheel, in an environment of its own, without Node or a compiler."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smartsync.testing import Node
from tests.integration.world import creation_code, encode

ROOT = Path(__file__).parents[2]
COMMANDS = "demo", "doctor", "deploy", "fork", "sync", "watch", "attest", "halt", "status", "diff", "verify", "call"
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
    (tmp_path / "smartsync.toml").write_text(f'source_url = "{ganache.url}"\ntarget_url = "{hardhat.url}"\n')

    def call(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed), *args], cwd=tmp_path, env=environment(hardhat), capture_output=True, text=True, timeout=120
        )

    return call


def environment(node: Node) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "COLUMNS": "160", "SMARTSYNC_PRIVATE_KEY": "0x" + node.accounts[2].key.hex()}


@pytest.fixture
def sample(ganache: Node) -> str:
    """Deploy a fresh source contract, and return its address."""
    sender = ganache.accounts[3].address
    code = "0x" + creation_code("Sample").hex()
    sent = ganache.request("eth_sendTransaction", [{"from": sender, "data": code, "gas": "0xb00000"}])
    address: str = ganache.request("eth_getTransactionReceipt", [sent])["contractAddress"]
    change(ganache, address, 1, 41)
    return address


def change(node: Node, sample: str, key: int, value: int) -> None:
    data = "0x" + encode("set(uint256,uint256)", key, value).hex()
    node.request(
        "eth_sendTransaction", [{"from": node.accounts[3].address, "to": sample, "data": data, "gas": "0xf0000"}]
    )


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


def watched(installed: Path, folder: Path, node: Node, replica: str) -> tuple[dict[str, object], int]:
    """Run `watch` until it has synced once, press Ctrl-C, and return what it told and its exit code."""
    command = [str(installed), "watch", replica, "--attest", "--interval", "0.2", "--json"]
    with subprocess.Popen(command, cwd=folder, env=environment(node), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        event: dict[str, object] = json.loads(process.stdout.readline())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        last = process.stdout.read().splitlines()[-1]
        assert json.loads(last)["event"] == "stopped"
        return event, process.wait(timeout=30)


@pytest.fixture
def deployed(run: Run, sample: str) -> None:
    """Have a hub and an anchor that accepts the block with the sample in it."""
    reported(run("deploy", "--max-drift", "86400", "--write-config", "--json"))
    reported(run("attest", "--json"))


@pytest.mark.usefixtures("deployed")
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
        (("fork", "SAMPLE", "--keystore", "nothing.json"), 2, "KeyUnavailable"),
    ],
)
def test_bad_input_has_its_own_error_and_exit_code(
    run: Run, sample: str, tmp_path: Path, arguments: tuple[str, ...], code: int, error: str
) -> None:
    (tmp_path / "few.txt").write_text("0\n")
    result = run(*(sample if part == "SAMPLE" else part for part in arguments), "--json")
    assert result.returncode == code, result.stderr
    told = json.loads(result.stdout)
    assert told["error"] == error
    assert told["message"]
    assert "Traceback" not in result.stderr
    assert reported(run("status", "--json"))["replicas"] == [], "nothing half done"


def test_unfunded_key_says_which_account_and_how_much(run: Run, tmp_path: Path, installed: Path, hardhat: Node) -> None:
    poor = {**environment(hardhat), "SMARTSYNC_PRIVATE_KEY": "0x" + "11" * 32}
    result = subprocess.run(
        [str(installed), "deploy", "--json"], cwd=tmp_path, env=poor, capture_output=True, text=True, timeout=60
    )
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
