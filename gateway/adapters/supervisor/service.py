"""Keeps one child running: started once with a deadline, and again with back-off whenever it ends unasked."""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Awaitable, Callable

from gateway import metrics
from gateway.adapters.supervisor.child import ChildPlan, last_words, log_size
from gateway.adapters.supervisor.kept import Kept
from gateway.adapters.supervisor.leftovers import end_leftovers
from gateway.errors import CannotStart

log = logging.getLogger(__name__)

START_TIMEOUT_S = 180.0
LOOK_EVERY_S = 0.05
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
#: A child that ran this long has recovered: the next pause is the first again.
RECOVERED_AFTER_S = 60.0


class Service:
    """One child that is to run until it is stopped."""

    def __init__(
        self,
        title: str,
        plan: ChildPlan,
        *,
        is_ready: Callable[[], Awaitable[bool]],
        report: Callable[[str], None],
        keep_open: tuple[int, ...],
    ) -> None:
        self._title = title
        self._plan = plan
        self._is_ready = is_ready
        self._report = report
        self._keep_open = keep_open
        self._kept: Kept | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The name of the child."""
        return self._plan.name

    @property
    def pid(self) -> int | None:
        """The process number of the child, while it is known."""
        return self._kept.child_pid if self._kept else None

    @property
    def keeper_pid(self) -> int | None:
        """The process number of its keeper."""
        return self._kept.keeper_pid if self._kept else None

    async def start(self) -> None:
        """Start the child and wait until it is ready; `CannotStart` says why it is not."""
        self._report(f"starting {self._title} …")
        await self._start_and_wait()
        self._watch = asyncio.create_task(self._keep_running(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """End the child and wait until nothing of it is left."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._kept is not None:
            await self._kept.stop()
            self._kept = None

    async def _start_and_wait(self) -> None:
        began = time.monotonic()
        await end_leftovers(self._plan.mark, self._plan.programs)
        since = log_size(self._plan.log)
        self._kept = Kept(self._plan, self._keep_open)
        await self._until_ready(self._kept, since, began + START_TIMEOUT_S)
        took = time.monotonic() - began
        log.info("child.ready", extra={"child": self.name, "pid": self.pid, "seconds": round(took, 2)})
        self._report(f"{self._title} is ready after {took:.1f} s")

    async def _until_ready(self, kept: Kept, since: int, deadline: float) -> None:
        while not await self._look(deadline) or kept.ended.done():
            await asyncio.wait({kept.ended}, timeout=LOOK_EVERY_S)
            if kept.ended.done():
                end = how(kept.ended.result())
                raise CannotStart(f"{self._title} ended while it was starting ({end}): {self._why(since)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"{self._title} was not ready within {START_TIMEOUT_S:g} s: {self._why(since)}")

    async def _look(self, deadline: float) -> bool:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._is_ready()
        except TimeoutError:
            return False

    def _why(self, since: int) -> str:
        said = last_words(self._plan.log, since)
        return f"{said or 'it logged nothing'}. Read {self._plan.log}, mend what it names and start again."

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE_S
        while self._kept is not None:
            ready_since = time.monotonic()
            status = await self._kept.wait()
            if time.monotonic() - ready_since > RECOVERED_AFTER_S:
                pause = FIRST_PAUSE_S
            # Servers that died together, on many machines, do not come back at the same moment.
            drawn = pause * random.uniform(0.5, 1.0)
            log.warning("child.ended", extra={"child": self.name, "status": status, "pause": drawn})
            self._report(f"{self._title} ended unasked ({how(status)}); it starts again in {drawn:.2g} s")
            await asyncio.sleep(drawn)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            await self._start_again()

    async def _start_again(self) -> None:
        try:
            await self._start_and_wait()
        except (CannotStart, OSError) as error:
            log.warning("child.restart_failed", extra={"child": self.name})
            self._report(str(error))
            if self._kept is not None:
                await self._kept.stop()
        else:
            metrics.RESTARTS.labels(self.name).inc()
            log.info("child.restarted", extra={"child": self.name, "pid": self.pid})


def how(status: int | None) -> str:
    """The end of a child in words."""
    if status is None:
        return "its keeper was killed"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit code {status}"
