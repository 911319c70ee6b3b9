"""Counters of the system and of PostgreSQL, read before and after: what something took."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

_TICKS = os.sysconf("SC_CLK_TCK")

_TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
_WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
_JOBS = "SELECT last_value FROM procrastinate_jobs_id_seq"


@dataclass(frozen=True)
class Counters:
    """Seconds of the processor that processes and the whole machine used; transactions, rows and jobs of a database."""

    workers_s: float
    machine_s: float
    transactions: int
    rows: int
    jobs: int

    def since(self, before: Counters) -> Counters:
        """Return what was added."""
        return Counters(
            self.workers_s - before.workers_s,
            self.machine_s - before.machine_s,
            self.transactions - before.transactions,
            self.rows - before.rows,
            self.jobs - before.jobs,
        )


def read(state: str, processes: list[int]) -> Counters:
    """Read all counters. PostgreSQL's own are of a second ago."""
    engine = create_engine(state.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.connect() as connection:
        transactions, rows, jobs = (int(connection.scalar(text(one)) or 0) for one in (_TRANSACTIONS, _WRITTEN, _JOBS))
    return Counters(sum(map(_cpu_s, processes)), _machine_s(), transactions, rows, jobs)


def memory_bytes(process: int) -> int:
    """Return the most memory that a process has had."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _cpu_s(process: int) -> float:
    # Behind the program's name, which is in brackets and may hold anything: utime and stime.
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _machine_s() -> float:
    fields = list(map(int, Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:]))
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / _TICKS
