"""Wake-ups for runs in the background: PgQueuer's jobs, one at most per run at a time.

A job says no more than which run to look at; the run's own row says whether there is anything to do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.models import Job

from gateway.adapters.postgres.database import open_connection
from gateway.core.drain import Drain
from gateway.errors import GatewayError
from gateway.limits import RECONCILE_INTERVAL

log = logging.getLogger(__name__)

#: The name of our one kind of job.
ENTRYPOINT: Final = "run"
#: Seconds after which a job that a dead worker had picked is given to another.
_JOB_PATIENCE: Final = 30.0

TakeUp = Callable[[str], Awaitable[None]]


async def wake(connection: asyncpg.Connection, run_ids: Sequence[str]) -> int:
    """Have a worker look at each run, in the connection's own transaction; how many were not waited for yet."""
    count = len(run_ids)
    jobs = await Queries.from_asyncpg_connection(connection).enqueue(
        [ENTRYPOINT] * count,
        [run_id.encode() for run_id in run_ids],
        [0] * count,
        dedupe_key=list(run_ids),
        on_conflict="skip",
    )
    return sum(job is not None for job in jobs)


class WakeUps:
    """Listens for jobs and has each run taken up, so many at once; a lost connection begins anew."""

    def __init__(self, url: str, take_up: TakeUp, at_once: int, drain: Drain | None = None):
        self._url = url
        self._take_up = take_up
        self._at_once = at_once
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
            await asyncio.sleep(RECONCILE_INTERVAL / 5)

    async def _listen_once(self) -> None:
        connection = await open_connection(self._url)
        try:
            queue = PgQueuer.from_asyncpg_connection(connection)

            @queue.entrypoint(ENTRYPOINT)
            async def run(job: Job) -> None:
                async with self._places:
                    await self._take_up((job.payload or b"").decode())

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
                heartbeat_timeout=timedelta(seconds=_JOB_PATIENCE),
                dequeue_timeout=timedelta(seconds=RECONCILE_INTERVAL),
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
