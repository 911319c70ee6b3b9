"""Workers: `smartsync run` as processes of their own, which are killed at random and started again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from smartsync.testing.node import free_port
from tests.soak.ground import Ground

PAIR = "here-there"

_FILE = """
[relayer]
state = "{state}"
jobs = {jobs}
listen = "127.0.0.1:{port}"

[chains.here]
chain_id = {source_id}
urls = {source_urls}
poll_s = {poll_s}
timeout_s = {timeout_s}
{source_options}
[chains.there]
chain_id = {target_id}
urls = {target_urls}
poll_s = {poll_s}
timeout_s = {timeout_s}
confirmations = 3
{target_options}
[pairs.here-there]
source = "here"
target = "there"
hub = "{hub}"
policy = {{ {policy} }}
{pair_options}
{keys}
{replicas}
"""


@dataclass(frozen=True)
class Settings:
    """What a worker's configuration says of a ground; urls are the nodes' own where none are given."""

    state: str
    jobs: int = 8
    poll_s: float = 0.5
    timeout_s: float = 10.0
    policy: str = 'when = "on-change"'
    source_urls: Sequence[str] = ()
    target_urls: Sequence[str] = ()
    source_options: str = ""
    target_options: str = ""
    pair_options: str = ""

    def text(self, made: Ground, port: int) -> str:
        return _FILE.format(
            state=self.state,
            jobs=self.jobs,
            port=port,
            poll_s=self.poll_s,
            timeout_s=self.timeout_s,
            source_id=made.source.chain_id,
            target_id=made.target.chain_id,
            source_urls=_list(self.source_urls or [made.source.url]),
            target_urls=_list(self.target_urls or [made.target.url]),
            hub=made.hub,
            policy=self.policy,
            source_options=self.source_options,
            target_options=self.target_options,
            pair_options=self.pair_options,
            keys="\n".join(f"[keys.{name}]" for name in made.keys),
            replicas="\n".join(f'[[replicas]]\naddress = "{address}"' for address in made.replicas),
        )


@dataclass
class Worker:
    """One process after the other, in one folder, with one log."""

    folder: Path
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def prepare(cls, folder: Path, made: Ground, settings: Settings) -> Worker:
        """Write its configuration."""
        folder.mkdir(exist_ok=True)
        (folder / "relayer.toml").write_text(settings.text(made, free_port()))
        keys = {
            f"SMARTSYNC_KEY_{name.upper().replace('-', '_')}": key.key.to_0x_hex() for name, key in made.keys.items()
        }
        return cls(folder, {**os.environ, **keys})

    @property
    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self, *options: str) -> None:
        command = [sys.executable, "-m", "smartsync", "run", "--config", str(self.folder / "relayer.toml"), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=self.environ)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def stop(self, timeout_s: float = 150.0) -> int:
        """End it by SIGTERM; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, timeout_s)


@dataclass
class Crew:
    """Several workers on one state, or the only one on its file.

    ``kills`` is how many were killed, ``ended`` the last words of those that ended by themselves.
    """

    workers: list[Worker]
    kills: int = 0
    ended: list[str] = field(default_factory=list)

    @classmethod
    def prepare(cls, folder: Path, made: Ground, settings: Settings, count: int) -> Crew:
        return cls([Worker.prepare(folder / f"worker-{number}", made, settings) for number in range(count)])

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    async def kill_at_random(self, chance: random.Random, every_s: float) -> None:
        """Kill one after the other, each at some moment, and start another in its place at once; until cancelled."""
        while True:
            await asyncio.sleep(every_s * (0.5 + chance.random()))
            worker = chance.choice(self.workers)
            worker.kill()
            self.kills += 1
            worker.start()

    async def supervise(self) -> None:
        """Start again what ended by itself, as a service manager does, and keep what it told; until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            for worker in self.workers:
                if worker.process is not None and worker.process.poll() is not None:
                    self.ended.append(worker.log[-1_000:])
                    worker.start()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let none of them go on meanwhile."""
        processes = [worker.process for worker in self.workers if worker.process is not None]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    async def stop(self) -> list[int]:
        return list(await asyncio.gather(*(worker.stop() for worker in self.workers)))

    def kill(self) -> None:
        for worker in self.workers:
            worker.kill()


def _list(urls: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{url}"' for url in urls) + "]"
