import json
from dataclasses import replace

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from smartsync.results import ReplicaState

REPLICA = to_checksum_address("0x" + "aa" * 20)
SOURCE = to_checksum_address("0x" + "bb" * 20)
HUB = "0x" + "11" * 20
ANCHOR = "0x" + "22" * 20
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()
KEYS = ["0x" + f"{number:02x}" * 32 for number in (1, 2, 3)]
ADDRESSES = [Account.from_key(key).address for key in KEYS]
STATE = ReplicaState(
    replica=REPLICA,
    status="active",
    source_chain_id=1,
    source=SOURCE,
    anchor=ANCHOR,
    creator=ADDRESSES[0],
    logic="0x" + "ee" * 20,
    block_number=100,
    block_hash=HASH,
    source_timestamp=1_795_392_000,
    storage_root=HASH,
    code_hash=HASH,
    halt_block=None,
    level="final",
    anchor_status="active",
    anchor_since=1_795_391_000,
    canonical_epoch=2,
    accepted_block=110,
    source_head=None,
    behind_s=1234,
    dropped_for=None,
)


def test_status_of_one_shows_everything_in_full(run, fake) -> None:
    fake.answers["status"] = STATE
    result = run("status", REPLICA)
    assert result.exit_code == 0
    for shown in (
        REPLICA,
        SOURCE,
        ANCHOR,
        HASH_TEXT,
        "active",
        "final",
        "1795392000 (2026-11-23 00:00:00 UTC)",
        "1234 s",
    ):
        assert shown in result.stdout
    assert "canonical epoch     2\n" in result.stdout
    assert "source head" not in result.stdout  # not known


def test_status_without_replica_lists_all_of_the_hub(run, fake) -> None:
    other = "0x" + "99" * 20
    fake.answers["replicas"] = [REPLICA, other]
    fake.answers["status"] = lambda address: replace(STATE, replica=address)
    result = run("status")
    assert f"Hub {HUB}: 2 replicas" in result.stdout
    assert REPLICA in result.stdout
    assert other in result.stdout
    assert "1234 s" in result.stdout
    document = json.loads(run("status", "--json").stdout)
    assert document["hub"] == HUB
    assert [state["replica"] for state in document["replicas"]] == [REPLICA, other]
    assert document["replicas"][0]["source_head"] is None


@pytest.mark.parametrize(
    ("level", "dropped_for", "way_out"),
    [
        ("safe", bytes(32), "smartsync anchor revoke"),
        ("revoked", bytes(32), "smartsync sync brings the replica"),
        ("revoked", None, "smartsync sync brings the replica"),
        ("final", bytes(32), "ask another node"),
    ],
)
def test_status_of_a_replica_at_a_dropped_block_warns(
    run, fake, level: str, dropped_for: bytes | None, way_out: str
) -> None:
    state = replace(STATE, level=level, dropped_for=dropped_for)
    fake.answers |= {"status": state, "replicas": [REPLICA]}
    for result in (run("status", REPLICA), run("status")):
        assert result.exit_code == 0
        assert f"Warning: the source has dropped block 100, at which the replica {REPLICA} stands" in result.stdout
        assert way_out in result.stdout
    document = json.loads(run("status", REPLICA, "--json").stdout)
    assert document["dropped_for"] == (None if dropped_for is None else "0x" + "00" * 32)


def test_status_of_a_source_node_below_the_recorded_block_warns(run, fake) -> None:
    fake.answers |= {"status": replace(STATE, source_head=99, behind_s=None), "replicas": [REPLICA]}
    for result in (run("status", REPLICA), run("status")):
        assert f"Warning: the source node has no block 100, at which the replica {REPLICA} stands" in result.stdout
        assert "its newest is 99. It is behind, or its chain is reorganising" in result.stdout
    fake.answers["status"] = replace(STATE, source_head=110)
    assert "Warning" not in run("status", REPLICA).stdout


def test_status_of_a_source_node_below_the_accepted_block_warns(run, fake) -> None:
    fake.answers |= {"status": replace(STATE, source_head=109, behind_s=None), "replicas": [REPLICA]}
    for result in (run("status", REPLICA), run("status")):
        assert f"Warning: the source node has no block 110, which the anchor {ANCHOR} of the replica" in result.stdout
        assert "its newest is 109. It is behind, or its chain is reorganising" in result.stdout
    fake.answers["status"] = replace(STATE, source_head=100, accepted_block=None)
    assert "Warning" not in run("status", REPLICA).stdout


def test_status_of_replicas_of_another_chain_names_it(run, fake) -> None:
    other = "0x" + "99" * 20
    of_node = replace(STATE, source_chain_id=1003, source_head=110)
    fake.answers["replicas"] = [REPLICA, other]
    fake.answers["status"] = lambda address: of_node if address == REPLICA else replace(STATE, source_chain_id=1001)
    shown = run("status").stdout
    assert "source chain" in shown and "1003" in shown
    assert "The source node is on another chain than chain 1001: " in shown and "--source-url" in shown
    assert "another chain" not in run("status", REPLICA).stdout
    assert "another chain than chain 1001" in run("status", other).stdout


@pytest.mark.parametrize(
    ("anchor_status", "way_out"), [("frozen", "smartsync anchor recover"), ("paused", "resumes by itself")]
)
def test_status_of_a_replica_whose_anchor_is_stopped_warns(run, fake, anchor_status: str, way_out: str) -> None:
    fake.answers |= {"status": replace(STATE, anchor_status=anchor_status), "replicas": [REPLICA]}
    for result in (run("status", REPLICA), run("status")):
        assert f"the anchor {ANCHOR} of the replica {REPLICA} is {anchor_status}; " in result.stdout
        assert way_out in result.stdout


def test_status_of_a_replica_at_a_block_that_stands_does_not_warn(run, fake) -> None:
    fake.answers["status"] = STATE
    assert "Warning" not in run("status", REPLICA).stdout


def test_status_of_hub_without_replicas_says_so(run, fake) -> None:
    fake.answers["replicas"] = []
    assert run("status").stdout == f"Hub {HUB}: 0 replicas\n"


def test_status_of_a_proxys_replica_shows_what_it_delegates_to(run, fake) -> None:
    named, copy = to_checksum_address("0x" + "1b" * 20), to_checksum_address("0x" + "2c" * 20)
    fake.answers["status"] = replace(STATE, proxy="EIP-1967", implementation=named, copy=copy)
    shown = run("status", REPLICA).stdout
    assert named in shown and copy in shown and "EIP-1967" in shown and "resolver" in shown
    assert "logic copy" not in shown and "refuses" not in shown
    fake.answers["status"] = replace(STATE, proxy="EIP-1967", unreadable="no copy of 0x1b is there")
    assert "refuses to be read: no copy of 0x1b is there." in run("status", REPLICA).stdout
