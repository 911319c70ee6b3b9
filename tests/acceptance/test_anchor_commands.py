"""The anchor commands as a user types them, each in a process of its own, against real nodes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smartsync import rlp
from smartsync.testing import Node, anvil_node
from tests.bft_chain import BftChain, BftNode, validator
from tests.http_node import serving

Run = Callable[..., subprocess.CompletedProcess[str]]
NOBODY = "0x" + "de" * 20


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with anvil_node(chain_id=31391) as running:
        yield running


@pytest.fixture
def run(node: Node, tmp_path: Path) -> Run:
    """Return a way to run the command in an empty folder; the node is source and target."""
    (tmp_path / "smartsync.toml").write_text(f'source_url = "{node.url}"\ntarget_url = "{node.url}"\n')
    environ = {"PATH": "/usr/bin:/bin", "COLUMNS": "160", "SMARTSYNC_PRIVATE_KEY": "0x" + node.accounts[2].key.hex()}

    def call(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "smartsync", *args]
        return subprocess.run(
            command, cwd=tmp_path, env=environ | variables, capture_output=True, text=True, timeout=120
        )

    return call


def reported(result: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return the one JSON document on stdout of a command that worked."""
    assert result.returncode == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


def failed(result: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Return exit code and class of the error of a command that did not; it says what happened and what to do."""
    told = json.loads(result.stdout)
    assert told["message"] and "Traceback" not in result.stderr, result.stderr
    # What is wrong with an option says by itself what would be right.
    assert told["hint"] or told["exit_code"] == 2, told
    return result.returncode, told["error"]


def eventually(run: Run, *args: str) -> dict[str, object]:
    """Return what a command that asks an attestor reports: what that answered a moment ago it answers again.

    For two seconds, and where it was slow for four times as long as it took: so whoever is too early tries again.
    """
    deadline = time.monotonic() + 60
    result = run(*args)
    while result.returncode and time.monotonic() < deadline:
        assert failed(result) == (8, "TooFewSignatures")
        time.sleep(0.5)
        result = run(*args)
    return reported(result)


def deployed(run: Run, *args: str) -> str:
    return str(reported(run("anchor", "deploy", *args, "--json"))["anchor"])


def mine(node: Node, count: int = 1) -> int:
    node.request("anvil_mine", [hex(count)])
    return int(node.request("eth_blockNumber"), 16)


def test_blockhash_anchor_from_deployment_to_an_older_block(run: Run, node: Node, tmp_path: Path) -> None:
    result = run("anchor", "deploy", "blockhash", "--write-config")
    assert result.returncode == 0, result.stderr
    assert "BlockhashAnchor" in result.stdout and "written to smartsync.toml: anchor" in result.stderr
    assert 'anchor = "0x' in (tmp_path / "smartsync.toml").read_text()
    older = mine(node, 5) - 3
    update = reported(run("anchor", "update", "--json"))
    assert update["level"] == "final" and len(update["steps"]) == 1  # type: ignore[arg-type]
    assert "already" in run("anchor", "update", "--block", str(update["block_number"])).stdout
    extension = reported(run("anchor", "extend", "--down-to", str(older), "--json"))
    assert extension["block_number"] == older
    assert reported(run("anchor", "keep", "--block", str(older - 1), "--json"))["block_number"] == older - 1
    shown = run("anchor", "show")
    assert shown.returncode == 0 and "blockhash/1" in shown.stdout and "active" in shown.stdout


def test_quorum_anchor_update_by_signers_only_and_rotation(run: Run, node: Node) -> None:
    anchor = deployed(run, "quorum", "--delay", "5")
    here = "--anchor", anchor, "--json"
    assert failed(run("anchor", "update", *here)) == (8, "BlockNotProvable")
    assert failed(run("anchor", "update", *here, "--from", "http://127.0.0.1:9")) == (8, "TooFewSignatures")
    mine(node)
    reported(run("attest", *here))
    assert failed(run("anchor", "revoke", *here)) == (8, "AnchorError")
    new = "--signer", node.accounts[3].address, "--threshold", "1"
    (signature,) = reported(run("anchor", "sign-set", *new, *here))["signatures"]  # type: ignore[misc]
    key = "0x" + node.accounts[4].key.hex()
    # Somebody who is no signer sends it.
    scheduled = reported(
        run("anchor", "rotate", *new, "--signature", signature["signature"], *here, SMARTSYNC_PRIVATE_KEY=key)
    )
    effective_at = scheduled["effective_at"]
    assert isinstance(effective_at, int)
    early = run("anchor", "rotate", *new, *here, SMARTSYNC_PRIVATE_KEY=key)
    assert failed(early) == (8, "TooEarly")
    assert json.loads(early.stdout)["effective_at"] == effective_at and "UTC on, in 0:00:0" in early.stderr
    # Nothing happens on the chain meanwhile.
    time.sleep(max(0.0, effective_at - time.time()) + 1)
    assert reported(run("anchor", "rotate", *new, *here, SMARTSYNC_PRIVATE_KEY=key))["effective_at"] is None
    stranger = run("attest", *here)
    assert failed(stranger) == (8, "TooFewKeys")
    told = json.loads(stranger.stdout)
    assert f"{node.accounts[2].address} is not a signer" in told["message"]
    assert node.accounts[3].address in told["hint"] and "SMARTSYNC_PRIVATE_KEY" in told["hint"]
    terms = reported(run("anchor", "show", *here))["terms"]
    assert terms["signers"] == [node.accounts[3].address]  # type: ignore[index]
    assert failed(run("anchor", "sign-set", *new, *here)) == (8, "AnchorError")
    assert failed(run("anchor", "recover", *new, "--head", "0x" + "00" * 32, *here)) == (8, "AnchorError")


def test_relayer_fetches_attestations_and_a_revocation_after_a_real_reorganisation(
    run: Run, node: Node, tmp_path: Path
) -> None:
    with anvil_node(chain_id=31392) as source:
        of_source = "--source-url", source.url
        signer = node.accounts[5]
        anchor = deployed(run, "quorum", "--signer", signer.address, "--max-drift", "86400", *of_source)
        here = "--anchor", anchor, *of_source
        mine(source, 5)
        environ = {"PATH": "/usr/bin:/bin", "SMARTSYNC_PRIVATE_KEY": "0x" + signer.key.hex()}
        service = ["attestor", "--follow", "0", "--listen", "127.0.0.1:0", "--interval", "0.2", "--json", *here]
        command = [sys.executable, "-m", "smartsync", *service]
        with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as attestor:
            try:
                assert attestor.stdout is not None
                serving_at = str(json.loads(attestor.stdout.readline())["url"])
                update = reported(run("anchor", "update", "--from", serving_at, *here, "--json"))
                assert (update["block_number"], update["level"]) == (5, "safe")
                nothing = run("anchor", "revoke", "--from", serving_at, *here, "--json")
                assert failed(nothing) == (8, "AnchorError")
                source.request("anvil_reorg", [2, []])
                revoked = eventually(run, "anchor", "revoke", "--from", serving_at, *here, "--json")
                assert (revoked["head_number"], revoked["dropped"]) == (0, 1)
                again = eventually(run, "anchor", "update", "--from", serving_at, *here, "--json")
                assert again["block_number"] == 5 and again["block_hash"] != update["block_hash"]
            finally:
                attestor.terminate()
                attestor.wait(timeout=30)


def test_composite_anchors_of_members(run: Run, node: Node) -> None:
    native, quorum = deployed(run, "blockhash"), deployed(run, "quorum")
    k_of_n = deployed(run, "k-of-n", "--member", native, "--member", quorum, "--threshold", "1")
    mine(node, 3)
    no_signers = run("attest", "--anchor", k_of_n, "--json")
    assert failed(no_signers) == (8, "AnchorMismatch")
    told = json.loads(no_signers.stdout)
    assert "its members are what has to be attested to" in told["message"] and quorum in told["hint"]
    update = run("anchor", "update", "--anchor", k_of_n)
    assert update.returncode == 0, update.stderr
    assert f"member {quorum} was not updated" in update.stderr
    veto = deployed(run, "veto", "--primary", native, "--watcher", quorum, "--delay", "1000")
    mine(node, 3)
    waiting = run("anchor", "update", "--anchor", veto)
    assert "waits for a veto" in waiting.stdout, waiting.stderr
    shown = run("anchor", "show", "--anchor", veto).stdout
    assert f"Primary {native}" in shown and f"Watcher {quorum}" in shown
    number = str(reported(run("anchor", "update", "--anchor", veto, "--json"))["block_number"])
    assert failed(run("anchor", "report", "--number", number, "--anchor", veto, "--json")) == (8, "AnchorError")
    twice = "anchor", "deploy", "k-of-n", "--member", native, "--member", native, "--threshold", "1", "--json"
    assert failed(run(*twice)) == (2, "ConfigError")
    stranger = "anchor", "deploy", "veto", "--primary", native, "--watcher", NOBODY, "--delay", "1000", "--json"
    assert failed(run(*stranger)) == (6, "NotDeployed")


def test_qbft_anchor_followed_and_frozen_by_another_sealed_header(run: Run, tmp_path: Path) -> None:
    chain = BftChain("qbft", [validator(number) for number in range(4)], int(time.time()) - 3600)
    chain.add(5)
    with serving(BftNode) as source:
        source.serve(chain)
        of_source = "--source-url", source.url
        assert failed(run("anchor", "deploy", "ibft2", *of_source, "--json")) == (2, "ConfigError")
        anchor = deployed(run, "qbft", "--checkpoint", "0x" + chain.hashes[2].hex(), *of_source)
        here = "--anchor", anchor, *of_source
        assert len(reported(run("anchor", "update", *here, "--json"))["steps"]) == 2  # type: ignore[arg-type]
        chain.add(validators=[validator(number) for number in range(1, 6)])
        assert "Source block 6 is accepted" in run("anchor", "update", *here).stdout
        assert failed(run("anchor", "update", "--block", "1", *here, "--json")) == (8, "BlockNotProvable")
        assert "trusting left" in run("anchor", "show", *here).stdout
        report = "anchor", "report", "--header", "other.txt", *here, "--json"
        (tmp_path / "other.txt").write_text(chain.header(6).raw.hex())
        assert failed(run(*report)) == (8, "BlockNotProvable")
        (tmp_path / "other.txt").write_text("0x" + rlp.encode(chain.made(6, state_root=bytes(32))[0]).hex() + "\n")
        assert reported(run(*report))["anchor_status"] == "frozen"
        assert failed(run("anchor", "update", *here, "--json")) == (8, "AnchorFrozen")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("show", "--anchor", NOBODY), 6, "NotDeployed"),
        (("update", "--anchor", NOBODY), 6, "NotDeployed"),
        (("extend", "--anchor", NOBODY, "--down-to", "1"), 6, "NotDeployed"),
        (("revoke", "--anchor", "NATIVE"), 8, "AnchorMismatch"),
        (("keep", "--anchor", "QUORUM"), 8, "AnchorMismatch"),
        (("rotate", "--anchor", "NATIVE", "--signer", NOBODY, "--threshold", "1"), 8, "AnchorMismatch"),
        (("sign-set", "--anchor", "NATIVE", "--signer", NOBODY, "--threshold", "1"), 8, "AnchorMismatch"),
        (
            ("recover", "--anchor", "NATIVE", "--signer", NOBODY, "--threshold", "1", "--head", "00" * 32),
            8,
            "AnchorMismatch",
        ),
        (("rotate", "--anchor", "QUORUM", "--signer", NOBODY, "--threshold", "2"), 2, "ConfigError"),
        (("report", "--anchor", "NATIVE", "--evidence", "0x00"), 8, "AnchorError"),
        (("report", "--anchor", "QUORUM", "--number", "1"), 8, "AnchorMismatch"),
        (("report", "--anchor", "QUORUM", "--evidence", "0x0"), 2, "ConfigError"),
        (("update", "--anchor", "QUORUM", "--from", "one.example"), 2, "ConfigError"),
        (("update", "--anchor", "NATIVE", "--block", "99999999"), 3, "BlockUnavailable"),
        (("extend", "--anchor", "NATIVE", "--down-to", "1"), 8, "BlockNotAccepted"),
        (("deploy", "op-l1block"), 2, "ConfigError"),
        (("deploy", "qbft"), 2, "ConfigError"),
        (("deploy", "quorum", "--threshold", "2"), 2, "ConfigError"),
        (("show",), 2, "ConfigError"),
    ],
)
def test_bad_input_has_its_own_error_and_sends_nothing(
    run: Run, node: Node, both: dict[str, str], arguments: tuple[str, ...], code: int, error: str
) -> None:
    account = [node.accounts[2].address, "pending"]
    before = node.request("eth_getTransactionCount", account)
    result = run("anchor", *(both.get(argument, argument) for argument in arguments), "--json")
    assert failed(result) == (code, error)
    assert node.request("eth_getTransactionCount", account) == before


@pytest.fixture(scope="module")
def both(node: Node, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the addresses of two anchors that nothing is done with."""
    folder = tmp_path_factory.mktemp("both")
    environ = {"PATH": "/usr/bin:/bin", "SMARTSYNC_PRIVATE_KEY": "0x" + node.accounts[2].key.hex()}
    urls = ["--source-url", node.url, "--target-url", node.url, "--json"]

    def deploy(kind: str) -> str:
        command = [sys.executable, "-m", "smartsync", "anchor", "deploy", kind, *urls]
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=True)
        return str(json.loads(done.stdout)["anchor"])

    return {"NATIVE": deploy("blockhash"), "QUORUM": deploy("quorum")}
