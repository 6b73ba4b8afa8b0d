"""A process of the gateway that serves beside others of its kind: started, told to stop, and started anew when it ends.

Its orders come on its standard input: one line of JSON to begin with, then `stop` and `hurry`; the end of that input is
the order to stop, too. On its standard output it says in lines how it fares; `READY` begins the one that counts.
"""

import asyncio
import contextlib
import logging
import random
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Final

from gateway import metrics
from gateway.adapters.supervisor.service import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    RECOVERED_AFTER_S,
    START_TIMEOUT_S,
    how,
)
from gateway.errors import CannotStart

log = logging.getLogger(__name__)

READY: Final = "ready: "
STOP: Final = b"stop\n"
HURRY: Final = b"hurry\n"


class ServingProcess:
    """One place among those that serve, and the process that has it."""

    def __init__(
        self,
        place: int,
        command: tuple[str, ...],
        order: bytes,
        ended: Callable[[int], None],
        environment: dict[str, str] | None = None,
    ) -> None:
        self.place = place
        self._command = command
        self._environment = environment
        self._order = order
        #: Called with the place when its process is gone.
        self._ended = ended
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        #: What it has said.
        self.said: list[str] = []

    @property
    def pid(self) -> int | None:
        """The process number, while there is one."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            CannotStart: it ended, with its own sentence if it said one, or was not ready in time.
        """
        self.said, self._ready = [], asyncio.Event()
        # A session of its own: Ctrl-C in a terminal is for the parent, who passes it on in order.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, start_new_session=True, env=self._environment
        )
        self._reading = asyncio.create_task(self._read(self._process))
        self.tell(self._order)
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait((ready, self._reading), timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self._ready.is_set():
            raise CannotStart(await self._why())

    def tell(self, order: bytes) -> None:
        """Give an order, if there is still somebody to take it."""
        if self._process is not None and self._process.stdin is not None and self.pid is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(order)

    async def wait(self) -> int:
        """Wait until the process has ended; its exit code."""
        assert self._process is not None
        assert self._reading is not None
        await asyncio.shield(self._reading)
        return await self._process.wait()

    async def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self.wait()

    async def keep_running(self, report: Callable[[str], None]) -> None:
        """Start it again whenever it ends, with growing pauses; until cancelled."""
        pause = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            since = loop.time()
            end = how(await self.wait())
            if loop.time() - since > RECOVERED_AFTER_S:
                pause = FIRST_PAUSE_S
            log.warning("process.ended", extra={"place": self.place, "how": end, "pause": pause})
            report(f"process {self.place} ended unasked ({end}); it starts again in {pause:g} s")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_S)
            await self._start_again(report)

    async def _start_again(self, report: Callable[[str], None]) -> None:
        try:
            await self.start()
        except (CannotStart, OSError) as failure:
            report(str(failure))
            await self.kill()
        else:
            metrics.RESTARTS.labels("gateway").inc()
            report(f"process {self.place} is ready again")
            log.info("process.restarted", extra={"place": self.place, "pid": self.pid})

    async def _why(self) -> str:
        assert self._process is not None
        if self.pid is not None:
            return (
                f"Process {self.place} of the gateway was not ready within {START_TIMEOUT_S:g} s: read what it logged."
            )
        if self.said:
            return self.said[-1]
        end = how(await self._process.wait())
        return f"Process {self.place} of the gateway ended while it was starting ({end}): read what it logged."

    async def _read(self, process: Process) -> None:
        """Take in what it says, until its end."""
        assert process.stdout is not None
        async for line in process.stdout:
            self.said.append(line.decode(errors="replace").rstrip("\n"))
            if self.said[-1].startswith(READY):
                self._ready.set()
        await process.wait()
        self._ended(self.place)
