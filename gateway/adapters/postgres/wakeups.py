"""Wake-ups for runs in the background: PgQueuer's jobs, one at most per run at a time.

A job says no more than which run to look at; the run's own row says whether there is anything to do.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import asyncpg
import msgspec
from pgqueuer import PgQueuer
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.models import Job

from gateway.adapters.postgres.database import open_connection
from gateway.core.drain import Drain
from gateway.errors import GatewayError
from gateway.limits import RECONCILE_INTERVAL
from gateway.ports import DueRun

log = logging.getLogger(__name__)

#: The name of our one kind of job.
ENTRYPOINT: Final = "run"

TakeUp = Callable[[DueRun], Awaitable[None]]
_encode: Final = msgspec.json.Encoder().encode
_due_run: Final = msgspec.json.Decoder(DueRun)


class WakeUp(msgspec.Struct, frozen=True):
    """One wish to have a worker look at a run."""

    run: DueRun
    #: Higher is earlier.
    rank: int = 0
    #: Seconds from now before which nobody is to look.
    delay: float = 0.0


async def wake(connection: asyncpg.Connection, wishes: Sequence[WakeUp]) -> int:
    """Have a worker look at each run, in the connection's own transaction; how many were not waited for yet."""
    jobs = await Queries.from_asyncpg_connection(connection).enqueue(
        [ENTRYPOINT] * len(wishes),
        [_encode(each.run) for each in wishes],
        [each.rank for each in wishes],
        [timedelta(seconds=each.delay) for each in wishes],
        [each.run.run_id for each in wishes],
        on_conflict="skip",
    )
    return sum(job is not None for job in jobs)


class WakeUps:
    """Listens for jobs and has each run taken up, so many at once; a lost connection begins anew."""

    def __init__(self, url: str, take_up: TakeUp, at_once: int, lease: float, drain: Drain | None = None):
        self._url = url
        self._take_up = take_up
        self._at_once = at_once
        #: A job that a dead worker had picked is given to another when the lease of its run is over.
        self._patience = timedelta(seconds=lease)
        self._interval = timedelta(seconds=min(RECONCILE_INTERVAL, lease / 8))
        self._drain = drain or Drain()
        #: PgQueuer's own bound is always even, and never below two.
        self._places = asyncio.Semaphore(at_once)

    async def listen(self) -> None:
        """Work until cancelled; what is in hand may end while the drain has time left."""
        while True:
            try:
                await self._listen_once()
            except asyncio.CancelledError:
                raise
            except GatewayError as error:
                log.warning("worker.queue_away", extra={"code": error.code})
            except Exception:
                log.exception("worker.queue_lost")
            # Not all at once when the database comes back.
            await asyncio.sleep(random.uniform(0.5, 1.5) * RECONCILE_INTERVAL / 5)

    async def _listen_once(self) -> None:
        connection = await open_connection(self._url)
        try:
            queue = PgQueuer.from_asyncpg_connection(connection)

            @queue.entrypoint(ENTRYPOINT)
            async def run(job: Job) -> None:
                async with self._places:
                    await self._take_up(_due_run.decode(job.payload or b""))

            await self._work(queue)
        finally:
            await connection.close(timeout=1)

    async def _work(self, queue: PgQueuer) -> None:
        """Run the queue; when we are cancelled it takes nothing new and what it has in hand may end."""
        batch = (self._at_once + 1) // 2
        work = asyncio.create_task(
            queue.run(
                batch_size=batch,
                max_concurrent_tasks=2 * batch,
                heartbeat_timeout=self._patience,
                dequeue_timeout=self._interval,
                shutdown_on_listener_failure=True,
            )
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            queue.shutdown.set()
            await self._drain.wait(asyncio.wait((work,)))
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            raise
