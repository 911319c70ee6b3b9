from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from smartsync.analysis import cost
from smartsync.analysis.report import CostReport

RESULTS = json.loads((Path(__file__).parents[3] / "benchmarks" / "results" / "gas.json").read_text("utf-8"))
PROOFS = [(shape, RESULTS["account_proof"][shape]["bytes"]) for shape in ("two_nodes", "nine_nodes")]


@pytest.mark.parametrize(("shape", "account_bytes"), PROOFS)
def test_sync_gas_is_what_was_measured(shape: str, account_bytes: int) -> None:
    """The model is fitted to means, so each kind of operation has to come out again, with both account proofs."""
    groups: dict[tuple[int, int], list[int]] = {}
    for record in RESULTS[shape]:
        if record["name"].startswith("update"):
            groups.setdefault((int(record["workload"][1:]), record["changes"]), []).append(record["gas"])
    assert len(groups) == 12
    for (slots, changes), gas in groups.items():
        found = cost.sync_gas(slots, changes, account_bytes)
        assert found == pytest.approx(sum(gas) / len(gas), rel=0.002), (slots, changes)


@pytest.mark.parametrize("slots", [1, 10, 100, 1_000, 10_000])
def test_fork_gas_is_what_was_measured(slots: int) -> None:
    code = b"\x01" * RESULTS["activation"][0]["code_bytes"]
    measured = RESULTS["fork"][f"M{slots}"]["total"]
    assert cost.fork_gas(code, slots, PROOFS[0][1]) == pytest.approx(measured, rel=0.001)


@pytest.mark.parametrize(
    "record", RESULTS["activation"], ids=lambda record: f"{record['code_bytes']}-{record['zero_bytes']}"
)
def test_activation_gas_is_what_was_measured(record: dict[str, int]) -> None:
    code = bytes(record["zero_bytes"]) + b"\x01" * (record["code_bytes"] - record["zero_bytes"])
    assert cost.activation_gas(code, PROOFS[0][1]) == pytest.approx(record["gas"], rel=0.005)


@pytest.mark.parametrize(
    "record", RESULTS["proxies"]["supply"], ids=lambda record: f"{record['code_bytes']}-{record['zero_bytes']}"
)
def test_supply_gas_is_what_was_measured(record: dict[str, int]) -> None:
    code = bytes(record["zero_bytes"]) + b"\x01" * (record["code_bytes"] - record["zero_bytes"])
    assert cost.supply_gas(code, PROOFS[0][1]) == pytest.approx(record["gas"], rel=0.005)


@pytest.mark.parametrize("record", RESULTS["proxies"]["resolver"], ids=lambda record: str(record["code_bytes"]))
def test_resolver_gas_is_what_was_measured(record: dict[str, int]) -> None:
    assert cost.resolver_gas(b"\x01" * record["code_bytes"], PROOFS[0][1]) == record["gas"]


def test_cost_rows_of_a_proxy_have_a_resolver_and_not_a_copy_of_its_code() -> None:
    proxy, implementation = b"\x01" * 200, b"\x01" * 5_000
    plain, resolving = (dict(cost.cost_rows(cost.Measure(proxy, 10, 326), given)) for given in (b"", implementation))
    more = cost.resolver_gas(proxy, 326) - cost.activation_gas(proxy, 326)
    assert resolving["fork"] - plain["fork"] == more > 100_000
    assert resolving["copy of the implementation"] == cost.supply_gas(implementation, 326)


def test_sync_gas_between_measured_sizes_lies_between() -> None:
    found = [cost.sync_gas(slots, 1, 326) or 0 for slots in (100, 300, 1_000, 3_000, 10_000, 10**6, 10**8)]
    assert found == sorted(found)
    assert len(set(found)) == len(found)


def test_sync_gas_of_more_slots_than_there_are_is_none() -> None:
    assert cost.sync_gas(9, 10, 326) is None
    assert cost.sync_gas(0, 1, 326) is None
    assert cost.sync_gas(10, 10, 326) is not None


def test_fill_gas_of_nothing_is_nothing() -> None:
    assert cost.fill_gas(0) == 0
    assert cost.fill_gas(10**6) == 10**6 * cost.fill_gas(10_000) // 10_000


def test_empty_sync_gas_is_a_sync_of_one_slot_without_its_transition() -> None:
    (one,) = [record for record in RESULTS["two_nodes"] if (record["workload"], record["name"]) == ("M1", "update1")][
        :1
    ]
    found = cost.empty_sync_gas(PROOFS[0][1])
    assert found == pytest.approx(one["gas"] - one["transition_gas"], rel=0.002)
    # With a long account proof only calldata counts, of which there is as much.
    assert cost.empty_sync_gas(PROOFS[1][1]) == pytest.approx(cost.sync_gas(1, 1, PROOFS[1][1]), rel=0.001)


def test_cost_rows_of_a_contract_are_its_fork_and_syncs() -> None:
    rows = cost.cost_rows(cost.Measure(b"\1" * 300, 20, 326))
    assert [what for what, _ in rows] == ["fork", "sync of 1 changed slot", "sync of 10 changed slots"]
    assert rows[1][1] == cost.sync_gas(20, 1, 326)


def test_cost_rows_of_a_beacon_proxy_have_the_beacons_replica_and_its_sync() -> None:
    beacon = cost.Measure(b"\1" * 600, 2, 700)
    rows = dict(cost.cost_rows(cost.Measure(b"\1" * 300, 5, 326), b"\1" * 1_000, beacon))
    assert list(rows) == [
        "fork",
        "copy of the implementation",
        "replica of the beacon, once for all its proxies",
        "naming the beacon, once",
        "sync of 1 changed slot, and of the beacon with none",
    ]
    assert rows["replica of the beacon, once for all its proxies"] == cost.fork_gas(*beacon)
    one = cost.sync_gas(5, 1, 326)
    assert one is not None
    assert rows["sync of 1 changed slot, and of the beacon with none"] == one + cost.empty_sync_gas(700)


@pytest.mark.parametrize(
    ("fee_wei", "text"),
    [
        (0, "0"),
        (1, "0.000000000000000001"),
        (10**18, "1"),
        (12 * 10**18, "12"),
        (4_354_096_000_000_000, "0.004354"),
        (123_456 * 10**18, "123500"),
    ],
)
def test_coins_has_four_digits_and_no_exponent(fee_wei: int, text: str) -> None:
    assert CostReport.coins(fee_wei) == text


# --- any number of changes ---


@pytest.mark.parametrize(("shape", "account_bytes"), PROOFS)
def test_estimate_sync_is_near_what_was_measured(shape: str, account_bytes: int) -> None:
    """Of updates it is the measured mean, of inserts and deletes near it; bytes are told a little too low."""
    groups: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for record in RESULTS[shape]:
        if re.fullmatch(r"(update|insert|delete)\d+", record["name"]) and record["workload"][1:].isdigit():
            groups.setdefault((record["workload"][1:], record["name"]), []).append(
                (record["gas"], record["calldata_bytes"])
            )
    assert len(groups) > 15
    for (slots, name), of_group in groups.items():
        changes = int(name[6:])
        found = cost.estimate_sync(int(slots), changes, account_bytes, changes if name.startswith("insert") else 0)
        gas, size = (sum(figures) / len(of_group) for figures in zip(*of_group, strict=True))
        assert found.gas == pytest.approx(gas, rel=0.002 if name.startswith("update") else 0.08), (slots, name)
        assert 0 <= size - found.calldata_bytes < 300, (slots, name)


@pytest.mark.parametrize("slots", [0, 1, 7, 500, 40_000])
def test_estimate_sync_grows_with_changes(slots: int) -> None:
    found = [cost.estimate_sync(slots, changes, 326) for changes in (0, 1, 2, 9, 11, 99, 101, 5_000)]
    assert found == sorted(found)
    assert found[0].gas == cost.empty_sync_gas(326)
    assert cost.estimate_sync(slots, 2, 326, 1).gas > cost.estimate_sync(slots, 2, 326).gas
