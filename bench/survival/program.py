"""A program that is to run: started again at once whenever it ends, as an operator's supervisor would."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import psutil

from bench.faults import BenchFailed
from bench.server import die_with_parent, inherited
from bench.survival.waiting import until

#: What the gateway and the worker say when they can be used.
READY: Final = b"gateway: ready:"
READY_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 60.0
PAUSE_S: Final = 0.2


class Program:
    """One of our processes, whichever it is just now; it ends when the bench ends, however that is."""

    def __init__(self, name: str, command: Callable[[], Awaitable[list[str]]], log: Path):
        self.name = name
        self.log = log
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._since = 0
        self._doomed: set[int] = set()
        #: Exit codes of ends that nobody here brought about.
        self.unasked: list[int] = []
        #: Open files of the present process when it had just become ready.
        self.files_at_start = 0

    async def start(self) -> None:
        """Start it, keep it running from now on, and wait until it is ready.

        Raises:
            BenchFailed: it took too long.
        """
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.name}")
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until the process of the moment can be used.

        Raises:
            BenchFailed: there was none in time.
        """
        if not await until(self.looks_ready, READY_TIMEOUT_S):
            said = self.log.read_text(errors="replace")[-1500:].strip()
            raise BenchFailed(f"{self.name} was not ready within {READY_TIMEOUT_S:g} s:\n{said}")

    def looks_ready(self) -> bool:
        """Whether the process of the moment can be used."""
        if self.pid is not None and not self.files_at_start:
            with self.log.open("rb") as log, contextlib.suppress(psutil.NoSuchProcess):
                log.seek(self._since)
                if READY in log.read():
                    self.files_at_start = psutil.Process(self.pid).num_fds()
        return self.files_at_start > 0

    @property
    def pid(self) -> int | None:
        """The process of the moment, while it runs."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    def kill(self) -> bool:
        """Kill it where it stands; False: it was not running."""
        if self.pid is not None:
            self._doomed.add(self.pid)
        return self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False: it was not running."""
        if self._process is None or self.pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
            return True
        return False

    async def stop(self) -> int | None:
        """End it in order, and keep it running no longer; its exit code."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process is None:
            return None
        for number in (signal.SIGCONT, signal.SIGTERM):
            self.signal(number)
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self._process.wait()

    async def _keep(self) -> None:
        while True:
            command = await self._command()
            self.files_at_start = 0
            with self.log.open("ab") as log:
                self._since = log.seek(0, 2)
                self._process = await asyncio.create_subprocess_exec(
                    *command, env=inherited(), stdout=log, stderr=log, preexec_fn=die_with_parent
                )
            code = await self._process.wait()
            self.files_at_start = 0
            if self._process.pid not in self._doomed:
                self.unasked.append(code)
            await asyncio.sleep(PAUSE_S)
