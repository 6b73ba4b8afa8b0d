"""What is put under load: a gateway that owns Triton and PostgreSQL, a second one without anything, and two workers."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from bench.faults import BenchFailed
from bench.server import free_port
from bench.survival.models import write_models
from bench.survival.program import READY_TIMEOUT_S, Program
from bench.survival.stack import Stack
from bench.survival.waiting import until
from gateway.adapters.supervisor.running import running_database

PROGRAM: Final = Path(sys.executable).with_name("gateway")
WORKERS: Final = 2
#: Runs that one of them has in hand at once.
WORKER_RUNS: Final = 8


class Topology:
    """The four programs, and what they share."""

    def __init__(self, work: Path, logs: Path, *, lease: float, sweep_after: float):
        self._work = work
        self._logs = logs
        self._patience = ["--run-lease", str(lease), "--sweep-after", str(sweep_after)]
        self.blobs = work / "blobs"
        self.data_dir = work / "data"
        self._stack: Stack | None = None
        self._ports = {name: (free_port(), free_port()) for name in ("host", "second")}
        self.host = Program("host", self._host_command, logs / "host.log")
        self.second = Program("second", self._second_command, logs / "second.log")
        self.workers = [
            Program(f"worker {number}", self._worker_command, logs / f"worker-{number}.log")
            for number in range(1, WORKERS + 1)
        ]

    @property
    def stack(self) -> Stack:
        """The embedded servers."""
        assert self._stack is not None
        return self._stack

    @property
    def guests(self) -> list[Program]:
        """Those that use the host's servers."""
        return [self.second, *self.workers]

    @property
    def programs(self) -> list[Program]:
        """All four."""
        return [self.host, *self.guests]

    @property
    def doors(self) -> list[str]:
        """Where calls are taken."""
        return [f"http://127.0.0.1:{rest}" for rest, _ in self._ports.values()]

    @property
    def targets(self) -> list[str]:
        """The same over gRPC."""
        return [f"127.0.0.1:{grpc}" for _, grpc in self._ports.values()]

    @property
    def database_url(self) -> str:
        """The host's database."""
        url = running_database(self.data_dir)
        assert url is not None
        return url

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Topology"]:
        """All of it, ready; stopped in order at the end."""
        write_models(self._work / "models")
        try:
            await self.host.start()
            self._stack = Stack(self.data_dir)
            await asyncio.gather(*(guest.start() for guest in self.guests))
            yield self
        finally:
            await asyncio.gather(*(guest.stop() for guest in self.guests))
            await self.host.stop()
            shutil.copytree(self.data_dir / "logs", self._logs / "servers", dirs_exist_ok=True)

    async def until_ready(self) -> None:
        """Wait until all four can be used."""
        await asyncio.gather(*(program.until_ready() for program in self.programs))

    async def _host_command(self) -> list[str]:
        models = str(self._work / "models")
        own = ("--data-dir", str(self.data_dir), "--model-repository", models, "--triton-shared")
        return self._gateway("serve", *own, *self._on("host"))

    async def _second_command(self) -> list[str]:
        own = str(self._work / "second")
        return self._gateway("serve", "--data-dir", own, *await self._shared(), *self._on("second"))

    async def _worker_command(self) -> list[str]:
        own = ("--data-dir", str(self._work / "worker"), "--worker-runs", str(WORKER_RUNS))
        return self._gateway("worker", *own, *await self._shared())

    def _gateway(self, *words: str) -> list[str]:
        return [str(PROGRAM), *words, "--blob-url", self.blobs.as_uri(), *self._patience]

    def _on(self, name: str) -> list[str]:
        rest, grpc = self._ports[name]
        return ["--rest-port", str(rest), "--grpc-port", str(grpc), "--no-worker"]

    async def _shared(self) -> list[str]:
        """The host's servers as they are now; waits while there are none."""
        shared = await until(self._servers, READY_TIMEOUT_S)
        if shared is None:
            raise BenchFailed(f"There were no servers to use for {READY_TIMEOUT_S:g} s.")
        return shared

    def _servers(self) -> list[str] | None:
        database, triton = running_database(self.data_dir), self.stack.triton_urls()
        if database is None or triton is None:
            return None
        return ["--database-url", database, "--triton-url", triton[0], "--triton-http-url", triton[1]]
