"""Following runs: whoever waits for a change of one is told, wherever the run is worked on.

One look at the database serves all who wait in this process; what changes in the process itself is looked at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway import metrics
from gateway.domain.run_events import RunEvent, events
from gateway.domain.runs import Run
from gateway.errors import Overloaded, RunNotFound, StorageUnavailable
from gateway.limits import FOLLOW_INTERVAL, MAX_FOLLOWERS, MAX_STREAM_AGE
from gateway.ports import RunStore

log = logging.getLogger(__name__)


class _Follower:
    """One who waits for a run to become another than it knows."""

    def __init__(self, known: Run, *, stays: bool):
        self.known = known
        #: It is not let go when the gateway stops: the end of the run is the answer of its call.
        self.stays = stays
        #: None where it is let go.
        self.changed: asyncio.Future[Run | None] = asyncio.get_running_loop().create_future()

    def show(self, run: Run | None) -> None:
        if run == self.known or self.changed.done():
            return
        if run is None:
            self.changed.set_exception(RunNotFound())
        else:
            self.changed.set_result(run)

    def let_go(self) -> None:
        if not self.changed.done():
            self.changed.set_result(None)


class Following:
    """Looks at runs for those who wait; its task lives while somebody does."""

    def __init__(self, store: RunStore):
        self._store = store
        self._followers: dict[str, set[_Follower]] = {}
        self._count = 0
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._closed = False

    def changed(self, run_id: str) -> None:
        """Have a run looked at now: something has been written of it in this process."""
        if run_id in self._followers:
            self._nudged.set()

    async def wait(self, known: Run, seconds: float, *, stays: bool = False) -> Run:
        """The run as soon as it is another than `known`, and `known` when the time is over.

        A run that has ended is returned at once; when the gateway stops any is, but to those who stay.

        Raises:
            Overloaded: too many wait.
            RunNotFound: it was removed.
        """
        if known.state.ended or self._over(stays=stays):
            return known
        async with self._following(known, stays=stays) as follower:
            try:
                async with asyncio.timeout(seconds):
                    return await follower.changed or known
            except TimeoutError:
                return known

    async def until_ended(self, known: Run, seconds: float, *, stays: bool = False) -> Run:
        """The run when it has ended, or as it is when the time is over, or the gateway stops.

        Raises:
            Overloaded: too many wait.
            RunNotFound: it was removed.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not known.state.ended and loop.time() < deadline and not self._over(stays=stays):
            known = await self.wait(known, deadline - loop.time(), stays=stays)
        return known

    async def events(self, known: Run, after: int, heartbeat: float) -> AsyncIterator[RunEvent | None]:
        """The events of a run from the one behind number `after` on, until its end; None while nothing happens.

        They end before, to be asked for again, when the gateway stops, and after MAX_STREAM_AGE.

        Raises:
            Overloaded: too many wait.
            RunNotFound: it was removed.
        """
        loop = asyncio.get_running_loop()
        latest = loop.time() + MAX_STREAM_AGE
        while True:
            for event in events(known):
                if event.sequence > after:
                    after = event.sequence
                    yield event
            if known.state.ended or self._stopping or loop.time() >= latest:
                return
            seen, known = known, await self.wait(known, heartbeat)
            if known is seen and not self._stopping:
                yield None

    def let_go(self) -> None:
        """Have all but those who stay go with what is known, now and from now on: the gateway stops."""
        self._stopping = True
        for follower in [each for those in self._followers.values() for each in those]:
            if not follower.stays:
                follower.let_go()

    async def close(self) -> None:
        """Let everybody go, now and from now on."""
        self._stopping = self._closed = True
        for follower in [each for those in self._followers.values() for each in those]:
            follower.let_go()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _over(self, *, stays: bool) -> bool:
        return self._closed or (self._stopping and not stays)

    @asynccontextmanager
    async def _following(self, known: Run, *, stays: bool) -> AsyncIterator[_Follower]:
        if self._count >= MAX_FOLLOWERS:
            metrics.TOO_MANY_FOLLOWERS.inc()
            raise Overloaded("As many callers follow runs as the gateway accepts; try again shortly.")
        follower = _Follower(known, stays=stays)
        self._followers.setdefault(known.run_id, set()).add(follower)
        self._count += 1
        # It may have changed between the caller's look and now.
        self._nudged.set()
        if self._task is None:
            self._task = asyncio.create_task(self._look_again_and_again())
        try:
            yield follower
        finally:
            self._count -= 1
            self._followers[known.run_id].discard(follower)
            if not self._followers[known.run_id]:
                del self._followers[known.run_id]

    async def _look_again_and_again(self) -> None:
        while self._followers:
            try:
                async with asyncio.timeout(FOLLOW_INTERVAL):
                    await self._nudged.wait()
            except TimeoutError:
                pass
            self._nudged.clear()
            await self._look()
        self._task = None

    async def _look(self) -> None:
        wanted = list(self._followers)
        try:
            found = {run.run_id: run for run in await self._store.find(wanted)}
        except StorageUnavailable:
            log.warning("following.store_away")
            await asyncio.sleep(FOLLOW_INTERVAL)
            return
        except Exception:
            log.exception("following.look_failed")
            await asyncio.sleep(FOLLOW_INTERVAL)
            return
        for run_id in wanted:
            for follower in self._followers.get(run_id, ()):
                follower.show(found.get(run_id))
