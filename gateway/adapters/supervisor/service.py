"""Keeps one child running: started once with a deadline, and again with back-off whenever it ends unasked."""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Awaitable, Callable

from gateway import metrics
from gateway.adapters.supervisor.child import ChildPlan, last_words, log_size
from gateway.adapters.supervisor.hung import Hung
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
        watch: Callable[[], Awaitable[None]],
        report: Callable[[str], None],
        keep_open: tuple[int, ...],
    ) -> None:
        self._title = title
        self._plan = plan
        self._is_ready = is_ready
        self._watch_life = watch
        self._report = report
        self._keep_open = keep_open
        self._kept: Kept | None = None
        #: Ends with `Hung` when only a restart helps the child as it runs now.
        self._life: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._was_hung = False

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
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._start_unless_hung(deadline):
            pass
        self._watch = asyncio.create_task(self._keep_running(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """End the child and wait until nothing of it is left."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._leave_life()
        if self._kept is not None:
            await self._kept.stop()
            self._kept = None

    async def _start_unless_hung(self, deadline: float) -> bool:
        """Start the child; one that hangs is killed, and then it is False."""
        try:
            await self._start_and_wait(deadline)
        except Hung as hung:
            await self._end_hung(hung)
            return False
        return True

    async def _start_and_wait(self, deadline: float) -> None:
        began = time.monotonic()
        await end_leftovers(self._plan.mark, self._plan.programs)
        since = log_size(self._plan.log)
        await self._leave_life()
        self._kept = Kept(self._plan, self._keep_open)
        self._was_hung = False
        self._life = asyncio.create_task(self._look_after(), name=f"look after {self.name}")
        await self._until_ready(self._kept, self._life, since, deadline)
        took = time.monotonic() - began
        log.info("child.ready", extra={"child": self.name, "pid": self.pid, "seconds": round(took, 2)})
        self._report(f"{self._title} is ready after {took:.1f} s")

    async def _look_after(self) -> None:
        """Watch the child; whatever goes wrong with the watching is no reason to end it."""
        try:
            await self._watch_life()
        except Hung:
            raise
        except Exception:
            log.exception("child.not_watched", extra={"child": self.name})
            await asyncio.get_running_loop().create_future()

    async def _until_ready(self, kept: Kept, life: asyncio.Task[None], since: int, deadline: float) -> None:
        """Wait for the first of these: it is ready, it ends, it hangs, the time is over."""
        ready = asyncio.create_task(self._look_until_ready())
        try:
            patience = max(deadline - time.monotonic(), 0.0)
            ends: set[asyncio.Future[int | None] | asyncio.Task[None]] = {kept.ended, life, ready}
            await asyncio.wait(ends, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if kept.ended.done():
                end = how(kept.ended.result())
                raise CannotStart(f"{self._title} ended while it was starting ({end}): {self._why(since)}")
            if life.done():
                await life
            if not ready.done():
                raise CannotStart(f"{self._title} was not ready within {START_TIMEOUT_S:g} s: {self._why(since)}")
            await ready
        finally:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)

    async def _look_until_ready(self) -> None:
        while not await self._is_ready():  # noqa: ASYNC110 another process cannot set an event
            await asyncio.sleep(LOOK_EVERY_S)

    async def _leave_life(self) -> None:
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
            self._life = None

    async def _end_hung(self, hung: Hung) -> None:
        log.warning("child.hung", extra={"child": self.name, "why": str(hung)})
        self._report(f"{self._title} hangs and is restarted: {hung}")
        self._was_hung = True
        if self._kept is not None:
            await self._kept.kill()

    def _why(self, since: int) -> str:
        said = last_words(self._plan.log, since)
        return f"{said or 'it logged nothing'}. Read {self._plan.log}, mend what it names and start again."

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE_S
        while self._kept is not None:
            ready_since = time.monotonic()
            status = await self._until_over(self._kept)
            if time.monotonic() - ready_since > RECOVERED_AFTER_S:
                pause = FIRST_PAUSE_S
            # Servers that died together, on many machines, do not come back at the same moment.
            drawn = pause * random.uniform(0.5, 1.0)
            log.warning("child.ended", extra={"child": self.name, "status": status, "pause": drawn})
            ended = "was killed" if self._was_hung else f"ended unasked ({how(status)})"
            self._report(f"{self._title} {ended}; it starts again in {drawn:.2g} s")
            await asyncio.sleep(drawn)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            await self._start_again()

    async def _until_over(self, kept: Kept) -> int | None:
        """Wait until the child has ended, by itself or by us because it hangs; its exit code."""
        assert self._life is not None
        ends: set[asyncio.Future[int | None] | asyncio.Task[None]] = {kept.ended, self._life}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._life.done() and not kept.ended.done():
            try:
                await self._life
            except Hung as hung:
                await self._end_hung(hung)
        return await kept.wait()

    async def _start_again(self) -> None:
        try:
            if not await self._start_unless_hung(time.monotonic() + START_TIMEOUT_S):
                return
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
