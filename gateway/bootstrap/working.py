"""A worker, with all that goes on beside it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from gateway.adapters.postgres.wakeups import WakeUps
from gateway.bootstrap.assembly import Background, lease_of, running
from gateway.core.drain import Drain
from gateway.settings import Settings

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def working(background: Background, database_url: str, settings: Settings, drain: Drain) -> AsyncIterator[None]:
    """A worker that takes up runs until the drain begins; on leaving, those in hand may end while it has time left."""
    worker, keeping = background.worker, background.keeping
    queue = WakeUps(database_url, worker.take_up, settings.worker_runs, lease_of(settings), drain)
    loops = (
        # It stops last: what the runs in hand end with is still told.
        background.sender.send_again_and_again(drain),
        keeping.hold(),
        keeping.reconcile(),
        background.sweeper.sweep_again_and_again(),
    )
    log.info("worker.started", extra={"worker": worker.worker_id})
    async with contextlib.AsyncExitStack() as cleanup:
        for loop in loops:
            await cleanup.enter_async_context(running(loop))
        listening = asyncio.create_task(queue.listen())
        drain.at_begin(listening.cancel)
        try:
            yield
        finally:
            drain.begin()
            await asyncio.gather(listening, return_exceptions=True)
