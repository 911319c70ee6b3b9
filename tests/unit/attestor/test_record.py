"""The record: one hash for one height, whatever happens in between."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smartsync.anchors.attestation import AttestedLevel, BlockAttestation
from smartsync.attestor.record import Finalized, Record
from smartsync.errors import AlreadySigned, AttestorStopped, ConfigError
from tests.fake_source import SOURCE, terms

SIGNER = "0x" + "aa" * 20
ONE, OTHER = b"\x11" * 32, b"\x22" * 32
TERMS = terms(SIGNER)
ROOT = Path(__file__).parents[3]


def said(
    number: int, block_hash: bytes = ONE, level: AttestedLevel = "safe", epochs: tuple[int, int] = (1, 0)
) -> BlockAttestation:
    return BlockAttestation(number, block_hash, level, *epochs)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "attestor.sqlite"


@pytest.fixture
def record(path: Path) -> Iterator[Record]:
    with Record(path) as opened:
        yield opened


# --- heights ---


def test_remember_same_hash_again_passes(record: Record) -> None:
    record.remember(TERMS, SIGNER, said(5))
    record.remember(TERMS, SIGNER, said(5))


def test_remember_other_hash_refused_with_both(record: Record) -> None:
    record.remember(TERMS, SIGNER, said(5))
    with pytest.raises(AlreadySigned) as caught:
        record.remember(TERMS, SIGNER, said(5, OTHER))
    assert (caught.value.number, caught.value.signed, caught.value.refused) == (5, ONE, OTHER)
    assert not caught.value.retryable
    record.remember(TERMS, SIGNER, said(5))


def test_remember_other_hash_refused_after_reopening(path: Path) -> None:
    with Record(path) as first:
        first.remember(TERMS, SIGNER, said(5))
    with Record(path) as second, pytest.raises(AlreadySigned):
        second.remember(TERMS, SIGNER, said(5, OTHER))


@pytest.mark.parametrize(
    ("other_terms", "signer", "statement"),
    [
        (replace(TERMS, target_chain_id=2), SIGNER, said(5, OTHER)),
        (replace(TERMS, anchor="0x" + "33" * 20), SIGNER, said(5, OTHER)),
        (TERMS, "0x" + "bb" * 20, said(5, OTHER)),
        (TERMS, SIGNER, said(6, OTHER)),
        (TERMS, SIGNER, said(5, OTHER, epochs=(2, 0))),
        (TERMS, SIGNER, said(5, OTHER, epochs=(1, 1))),
    ],
    ids=["chain", "anchor", "signer", "number", "set epoch", "canonical epoch"],
)
def test_remember_other_hash_of_another_height_passes(record: Record, other_terms, signer, statement) -> None:
    record.remember(TERMS, SIGNER, said(5))
    record.remember(other_terms, signer, statement)


def test_remember_safe_then_final_of_same_hash_passes_and_binds_all_epochs(record: Record) -> None:
    record.remember(TERMS, SIGNER, said(5))
    record.remember(TERMS, SIGNER, said(5, level="final"))
    record.remember(TERMS, SIGNER, said(5))
    with pytest.raises(AlreadySigned):
        record.remember(TERMS, SIGNER, said(5, OTHER, epochs=(1, 1)))
    record.remember(TERMS, SIGNER, said(5, ONE, epochs=(1, 1)))


def test_require_free_as_remember_and_nothing_written(record: Record) -> None:
    record.require_free(TERMS, SIGNER, said(5))
    assert not record.holds(TERMS.target_chain_id, TERMS.anchor, SIGNER)
    record.remember(TERMS, SIGNER, said(5))
    record.require_free(TERMS, SIGNER, said(5))
    with pytest.raises(AlreadySigned):
        record.require_free(TERMS, SIGNER, said(5, OTHER))
    record.require_free(TERMS, SIGNER, said(5, OTHER, epochs=(1, 1)))


def test_holds_tells_each_signer_of_each_anchor_apart(record: Record) -> None:
    record.remember(TERMS, SIGNER, said(5))
    assert record.holds(TERMS.target_chain_id, TERMS.anchor, SIGNER)
    assert not record.holds(TERMS.target_chain_id, TERMS.anchor, "0x" + "bb" * 20)
    assert not record.holds(TERMS.target_chain_id, "0x" + "33" * 20, SIGNER)
    assert not record.holds(TERMS.target_chain_id + 1, TERMS.anchor, SIGNER)


def test_remember_numbers_of_any_size(record: Record) -> None:
    huge = replace(TERMS, target_chain_id=2**256 - 1)
    record.remember(huge, SIGNER, said(2**64 - 1))
    with pytest.raises(AlreadySigned):
        record.remember(huge, SIGNER, said(2**64 - 1, OTHER))


# --- finality ---


def test_saw_finalized_keeps_the_highest(record: Record) -> None:
    assert record.finalized(SOURCE) is None
    for number, block_hash in ((9, ONE), (10, OTHER), (8, ONE)):
        assert record.saw_finalized(SOURCE, number, block_hash, after=record.finalized(SOURCE))
    assert record.finalized(SOURCE) == Finalized(10, OTHER, "")
    assert record.finalized((2, SOURCE[1])) is None


def test_saw_finalized_after_another_one_was_written_refused(record: Record) -> None:
    assert record.saw_finalized(SOURCE, 9, ONE, after=None)
    assert not record.saw_finalized(SOURCE, 10, OTHER, after=None)
    assert record.finalized(SOURCE) == Finalized(9, ONE, "")


def test_stop_survives_reopening_and_only_resume_ends_it(path: Path) -> None:
    with Record(path) as first:
        first.saw_finalized(SOURCE, 9, ONE, after=None)
        first.stop(SOURCE, "block 9 is gone")
    with Record(path) as second:
        with pytest.raises(AttestorStopped, match="block 9 is gone"):
            second.require_going(SOURCE)
        with pytest.raises(AttestorStopped):
            second.remember(TERMS, SIGNER, said(5))
        with pytest.raises(AttestorStopped):
            second.saw_finalized(SOURCE, 12, OTHER, after=second.finalized(SOURCE))
        second.resume(SOURCE, 9, OTHER)
        second.require_going(SOURCE)
        assert second.finalized(SOURCE) == Finalized(9, OTHER, "")


# --- files ---


def test_record_file_that_is_no_database_refused(path: Path) -> None:
    path.write_text("signed: nothing\n" * 100)
    with pytest.raises(ConfigError, match="is no attestor's record"):
        Record(path)


def test_record_that_lost_its_content_refused(path: Path) -> None:
    with Record(path) as record:
        record.remember(TERMS, SIGNER, said(5))
    os.truncate(path, 0)
    with pytest.raises(ConfigError, match="is empty: it was never written, or its content is lost") as caught:
        Record(path)
    assert "only if this key has never signed" in caught.value.hint


def test_record_that_lost_a_part_of_its_content_refused(path: Path) -> None:
    with Record(path) as record:
        for number in range(500):
            record.remember(TERMS, SIGNER, said(number))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ConfigError, match="malformed"), Record(path) as record:
        for number in range(500):
            record.remember(TERMS, SIGNER, said(number, OTHER))


@pytest.mark.parametrize("size", [0, 4096])
def test_remember_file_truncated_meanwhile_refused(path: Path, record: Record, size: int) -> None:
    record.remember(TERMS, SIGNER, said(5))
    os.truncate(path, size)
    with pytest.raises(ConfigError):
        record.remember(TERMS, SIGNER, said(5, OTHER))


def test_remember_file_exchanged_meanwhile_refused(path: Path, tmp_path: Path, record: Record) -> None:
    record.remember(TERMS, SIGNER, said(5))
    Record(tmp_path / "other.sqlite").close()
    (tmp_path / "other.sqlite").replace(path)
    with pytest.raises(ConfigError):
        record.remember(TERMS, SIGNER, said(6))


def test_remember_disk_that_is_full_refused(path: Path, record: Record) -> None:
    (pages,) = record._db.execute("PRAGMA page_count").fetchone()
    record._db.execute(f"PRAGMA max_page_count = {pages}")
    signed = 0
    with pytest.raises(ConfigError, match="disk is full"):
        for number in range(500):
            record.remember(TERMS, SIGNER, said(number))
            signed += 1
    for number in range(signed):
        with pytest.raises(AlreadySigned):
            record.remember(TERMS, SIGNER, said(number, OTHER))


def test_record_other_database_refused_and_untouched(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE customers (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="no attestor's record"):
        Record(path)
    assert path.read_bytes() == before


def test_record_of_other_version_refused(path: Path) -> None:
    Record(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 7")
    raw.close()
    with pytest.raises(ConfigError, match=r"version 7, and 1 is needed") as caught:
        Record(path)
    assert "never begin a new record" in caught.value.hint


def test_record_in_missing_folder_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read and written"):
        Record(tmp_path / "nowhere" / "attestor.sqlite")


def test_record_that_cannot_be_written_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Record(path).close()
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **options: connect(f"file:{path}?mode=ro", uri=True, **options)
    )
    with pytest.raises(ConfigError, match="cannot be read and written: attempt to write a readonly database"):
        Record(path)


def test_remember_file_taken_away_meanwhile_refused(path: Path, record: Record) -> None:
    record.remember(TERMS, SIGNER, said(5))
    path.unlink()
    with pytest.raises(ConfigError):
        record.remember(TERMS, SIGNER, said(6))


# --- crashes ---

_CHILD = """
import os, signal, sys
from pathlib import Path
from smartsync.attestor.record import Record
from tests.unit.attestor.test_record import SIGNER, TERMS, said

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

path, point, block_hash = Path(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])
record = Record(path)
if point in ("BEGIN", "INSERT", "COMMIT"):
    record._db.set_trace_callback(lambda text: die() if text.startswith(point) else None)
record.remember(TERMS, SIGNER, said(5, block_hash))
if point == "remembered":
    die()
print("signed", flush=True)
die()
"""


def child(path: Path, *arguments: str, code: str = _CHILD) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("point", ["BEGIN", "INSERT", "COMMIT", "remembered", "signed"])
def test_remember_killed_at_any_point_never_two_hashes_signed(path: Path, point: str) -> None:
    Record(path).close()
    process = child(path, point, ONE.hex())
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, err
    assert ("signed" in out) == (point == "signed")
    committed = point in ("remembered", "signed")
    with Record(path) as again:
        if committed:
            with pytest.raises(AlreadySigned):
                again.remember(TERMS, SIGNER, said(5, OTHER))
            again.remember(TERMS, SIGNER, said(5))
        else:
            # Nothing was signed, so the height is free.
            again.remember(TERMS, SIGNER, said(5, OTHER))


_MANY = """
import sys
from pathlib import Path
from smartsync.attestor.record import Record
from tests.unit.attestor.test_record import SIGNER, TERMS, said

record = Record(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9):
    record.remember(TERMS, SIGNER, said(number, number.to_bytes(32, "big")))
    print(number, flush=True)
"""


def test_remember_killed_while_at_work_everything_told_is_there(path: Path) -> None:
    Record(path).close()
    told: list[int] = []
    for wait_s in (0.02, 0.05, 0.11):
        process = child(path, str(len(told) and told[-1] + 1), code=_MANY)
        assert process.stdout is not None
        told.append(int(process.stdout.readline()))
        time.sleep(wait_s)
        process.kill()
        told += [int(line) for line in process.stdout.read().split("\n") if line]
        process.communicate()
    assert len(told) > 3
    with Record(path) as again:
        for number in told:
            again.remember(TERMS, SIGNER, said(number, number.to_bytes(32, "big")))
            with pytest.raises(AlreadySigned):
                again.remember(TERMS, SIGNER, said(number, OTHER))


_RACE = """
import sys
from pathlib import Path
from smartsync.attestor.record import Record
from smartsync.errors import AlreadySigned
from tests.unit.attestor.test_record import SIGNER, TERMS, said

record = Record(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(60):
    try:
        record.remember(TERMS, SIGNER, said(number, bytes.fromhex(sys.argv[2])))
        print(number)
    except AlreadySigned:
        pass
"""


def test_remember_two_processes_of_one_file_one_hash_for_each_height(path: Path) -> None:
    Record(path).close()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, str(path), block_hash.hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for block_hash in (ONE, OTHER)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = []
    for racer in racers:
        out, err = racer.communicate(timeout=120)
        assert racer.returncode == 0, err
        won.append({int(line) for line in out.split()})
    assert won[0] | won[1] == set(range(60))
    assert not won[0] & won[1]
