from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smartsync.relayer.changes import Changes, Difference, changes
from smartsync.relayer.configuration import read_configuration

HUB = "0x" + "11" * 20
FIRST, SECOND = "0x" + "22" * 20, "0x" + "33" * 20
SECRET = "5ec2e7-of-an-operator-0123456789"
TEXT = f"""
[relayer]
jobs = 4
[chains.a]
chain_id = 1
urls = ["https://a.example/{SECRET}"]
[chains.b]
chain_id = 2
urls = ["https://b.example"]
[keys.main]
[pairs.a-b]
source = "a"
target = "b"
hub = "{HUB}"
signers = ["https://attestor.example"]
policy = {{ max_lag_s = 60 }}
[[replicas]]
address = "{FIRST}"
[[replicas]]
address = "{SECOND}"
policy = {{ when = "on-demand" }}
"""
NOTHING: Difference[str] = Difference()

Changed = Callable[..., Changes]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Give what changes when a text in the configuration is another one."""

    def comparing(old: str = "", new: str = "", environ: dict[str, str] | None = None) -> Changes:
        assert old in TEXT
        file = tmp_path / "relayer.toml"
        found = []
        for text, variables in ((TEXT, {}), (TEXT.replace(old, new) if old else TEXT, environ or {})):
            file.write_text(text)
            found.append(read_configuration(variables, file))
        return changes(*found)

    return comparing


def test_changes_none(changed: Changed) -> None:
    found = changed()
    assert not found
    assert list(found.words()) == []


def test_changes_replica_added_removed_and_changed(changed: Changed) -> None:
    found = changed(FIRST, "0x" + "44" * 20)
    assert found.replicas == Difference((("a-b", "0x" + "44" * 20),), (("a-b", FIRST),))
    assert list(found.words()) == [f"replica 0x{'44' * 20} of a-b: added", f"replica {FIRST} of a-b: removed"]
    found = changed('when = "on-demand"', 'when = "on-change"')
    assert found.replicas.changed == (("a-b", SECOND),)
    assert not (found.chains or found.pairs or found.keys or found.restart or found.jobs)


def test_changes_policy_of_pair_changes_replicas_that_have_it_and_no_connection(changed: Changed) -> None:
    found = changed("max_lag_s = 60", "max_lag_s = 90")
    assert found.replicas.changed == (("a-b", FIRST),)
    assert found.pairs == NOTHING


def test_changes_chain_changes_its_pairs(changed: Changed) -> None:
    found = changed("https://b.example", f"https://other.example/{SECRET}")
    assert (found.chains.changed, found.pairs.changed, found.replicas) == (("b",), ("a-b",), NOTHING)
    assert list(found.words()) == ["chain b: changed", "pair a-b: changed"]
    assert SECRET not in repr(found)


def test_changes_key_changes_its_pairs(changed: Changed) -> None:
    found = changed("[keys.main]", "[keys.main]\nkeystore = 'x'")
    assert (found.keys.changed, found.pairs.changed) == (("main",), ("a-b",))
    found = changed("[keys.main]", "[keys.main]\n[keys.more]")
    assert (found.keys.added, found.pairs.changed) == (("more",), ("a-b",))


def test_changes_token_of_attestors_changes_the_pair(changed: Changed) -> None:
    assert changed(environ={"SMARTSYNC_PAIR_A_B_TOKEN": SECRET}).pairs == Difference(changed=("a-b",))
    assert changed(environ={"SMARTSYNC_ATTESTOR_TOKEN": SECRET}).pairs == Difference(changed=("a-b",))
    assert not changed(environ={"SMARTSYNC_PAIR_B_TOKEN": SECRET})


def test_changes_pair_called_otherwise_is_another_one_with_its_replicas(changed: Changed) -> None:
    found = changed("pairs.a-b", "pairs.b")
    assert found.pairs == Difference(("b",), ("a-b",))
    assert [len(found.replicas.added), len(found.replicas.removed)] == [2, 2]


@pytest.mark.parametrize(
    ("old", "new", "environ", "restart"),
    [
        ("[relayer]", '[relayer]\nstate = "sqlite:///other.db"', {}, ("state",)),
        ("[relayer]", '[relayer]\nlisten = "127.0.0.1:1"', {}, ("listen",)),
        ("", "", {"SMARTSYNC_STATE_URL": f"postgresql://u:{SECRET}@h/n"}, ("state",)),
        ("", "", {"SMARTSYNC_RELAYER_TOKEN": SECRET}, ("token",)),
    ],
)
def test_changes_that_need_a_restart(
    changed: Changed, old: str, new: str, environ: dict[str, str], restart: tuple[str, ...]
) -> None:
    found = changed(old, new, environ)
    assert found.restart == restart
    assert list(found.words()) == [f"[relayer] {restart[0]}: changed, which counts only after a restart"]
    assert SECRET not in repr(found)


def test_changes_jobs_need_none(changed: Changed) -> None:
    found = changed("jobs = 4", "jobs = 5")
    assert (found.jobs, found.restart, list(found.words())) == (True, (), ["[relayer] jobs: changed"])
