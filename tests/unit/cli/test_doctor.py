import json

import pytest
from eth_utils.address import to_checksum_address

from smartsync.chain import Chain
from smartsync.errors import NodeUnreachable
from smartsync.results import Check, NodeReport

SOURCE = to_checksum_address("0x" + "bb" * 20)


def _doctor(monkeypatch: pytest.MonkeyPatch, *, ok: bool = True) -> list[tuple[str, str | None]]:
    asked: list[tuple[str, str | None]] = []

    async def examine(chain: object, role: str, address: str | None = None) -> NodeReport:
        asked.append((role, address))
        return NodeReport(role, f"{role}.example:8545", "node/1.0", 1, (Check("eth_getProof", ok, "answers"),))

    monkeypatch.setattr("smartsync.cli.doctor.examine", examine)
    return asked


def test_doctor_both_nodes_fit_exit_0(run, monkeypatch) -> None:
    asked = _doctor(monkeypatch)
    result = run("doctor", SOURCE)
    assert result.exit_code == 0
    assert asked == [("source", SOURCE), ("target", None)]
    assert "source node source.example:8545: node/1.0, chain 1" in result.stdout
    assert "secret" not in result.output


def test_doctor_node_unfit_exit_3(run, monkeypatch) -> None:
    _doctor(monkeypatch, ok=False)
    result = run("doctor", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert [node["ok"] for node in document["nodes"]] == [False, False]


def test_doctor_nodes_unfit_are_told_with_what_they_lack(run, monkeypatch) -> None:
    _doctor(monkeypatch, ok=False)
    told = " ".join(run("doctor").stdout.split())
    assert told.endswith(
        "Not fit as it is: the source node source.example:8545 (eth_getProof) and the target node target.example:8545 "
        "(eth_getProof)."
    )


def test_doctor_one_url_examines_one_node(run, monkeypatch) -> None:
    asked = _doctor(monkeypatch)
    monkeypatch.delenv("SMARTSYNC_TARGET_URL")
    assert run("doctor").exit_code == 0
    assert asked == [("source", None)]


def test_doctor_several_urls_examines_each_node(run, monkeypatch) -> None:
    asked = _doctor(monkeypatch)
    monkeypatch.setenv("SMARTSYNC_SOURCE_URL", "http://one.example/secret-path,http://two.example/secret-path")
    result = run("doctor")
    assert result.exit_code == 0
    assert asked == [("source", None), ("source", None), ("target", None)]
    assert "secret" not in result.output


def _one_dead(monkeypatch: pytest.MonkeyPatch, dead: str) -> None:
    async def examine(chain: Chain, role: str, address: str | None = None) -> NodeReport:
        if chain.rpc.host == dead:
            raise NodeUnreachable(f"{dead}: connection refused")
        return NodeReport(role, chain.rpc.host, "node/1.0", 1, (Check("eth_getProof", True, "answers"),))

    monkeypatch.setattr("smartsync.cli.doctor.examine", examine)
    monkeypatch.setenv("SMARTSYNC_SOURCE_URL", "http://one.example/secret-path,http://two.example/secret-path")


@pytest.mark.parametrize("dead", ["one.example", "two.example"])
def test_doctor_dead_node_that_another_stands_in_for_is_told_exit_0(run, monkeypatch, dead: str) -> None:
    _one_dead(monkeypatch, dead)
    result = run("doctor")
    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    assert f"{dead}: connection refused" in told
    assert told.endswith(f"All that is needed works, without the source node {dead} (answers).")
    document = json.loads(run("doctor", "--json").stdout)
    assert document["ok"] is True
    assert [node["ok"] for node in document["nodes"]] == [dead != "one.example", dead != "two.example", True]


def test_doctor_dead_node_beside_one_on_another_chain_exit_3(run, monkeypatch) -> None:
    _one_dead(monkeypatch, "one.example")
    assert run("doctor", "--source-chain-id", "5").exit_code == 3


def test_doctor_only_node_of_a_chain_dead_exit_3(run, monkeypatch) -> None:
    _one_dead(monkeypatch, "one.example")
    monkeypatch.setenv("SMARTSYNC_SOURCE_URL", "http://one.example")
    assert run("doctor").exit_code == 3


def test_doctor_no_url_refused(run, monkeypatch) -> None:
    monkeypatch.delenv("SMARTSYNC_TARGET_URL")
    monkeypatch.delenv("SMARTSYNC_SOURCE_URL")
    result = run("doctor")
    assert result.exit_code == 2
    assert "--source-url" in result.stderr


def test_doctor_wrong_chain_is_a_failed_check(run, monkeypatch) -> None:
    _doctor(monkeypatch)
    result = run("doctor", "--source-chain-id", "5", "--target-chain-id", "1")
    assert result.exit_code == 3
    assert ["no", "chain", "id", "1,", "not", "5"] in [line.split() for line in result.stdout.splitlines()]
    assert ["ok", "chain", "id", "1"] in [line.split() for line in result.stdout.splitlines()]


def test_doctor_unreachable_node_does_not_hide_the_other(run, monkeypatch) -> None:
    async def examine(chain: object, role: str, address: str | None = None) -> NodeReport:
        if role == "source":
            raise NodeUnreachable("source.example: connection refused")
        return NodeReport(role, "target.example", "node/1.0", 1, (Check("eth_getProof", True, "answers"),))

    monkeypatch.setattr("smartsync.cli.doctor.examine", examine)
    result = run("doctor")
    assert result.exit_code == 3
    assert "connection refused" in result.stdout
    assert "target node target.example" in result.stdout
