"""The runs that wait for a worker, as metrics show them: looked at when somebody asks, once a second at the most."""

import asyncio
import logging
import math
import time

from gateway import metrics
from gateway.errors import StorageUnavailable
from gateway.limits import BACKLOG_FRESHNESS, QUEUE_LOOK_TIMEOUT
from gateway.ports import QueueState, RunStore

log = logging.getLogger(__name__)

_UNKNOWN = QueueState(math.nan, math.nan, math.nan, math.nan)


class Waiting:
    """Measures the queue; it is that of all gateways together."""

    def __init__(self, store: RunStore):
        self._store = store
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def measure(self) -> None:
        """Show the queue as it is now: as no number where the database does not say; never raises."""
        async with self._looking:
            if time.monotonic() - self._looked_at >= BACKLOG_FRESHNESS:
                _show(await self._look())
                self._looked_at = time.monotonic()

    async def _look(self) -> QueueState:
        try:
            async with asyncio.timeout(QUEUE_LOOK_TIMEOUT):
                return await self._store.queue()
        except (StorageUnavailable, TimeoutError):
            log.warning("metrics.store_away")
            return _UNKNOWN


def _show(found: QueueState) -> None:
    metrics.QUEUED.set(found.due)
    metrics.OLDEST_QUEUED.set(found.oldest)
    metrics.DELAYED.set(found.delayed)
    metrics.RUNNING.set(found.running)
