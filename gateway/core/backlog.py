"""The runs that wait for a worker: counted now and then, so that there are never many more than there may be."""

import asyncio
import time

from gateway import metrics
from gateway.errors import Overloaded
from gateway.limits import BACKLOG_FRESHNESS
from gateway.ports import RunStore


class Backlog:
    """Refuses runs in the background while too many wait; the count is that of all gateways together."""

    def __init__(self, store: RunStore, most: int):
        self._store = store
        self._most = most
        self._count = 0
        self._counted_at = float("-inf")
        self._counting = asyncio.Lock()

    async def check(self) -> None:
        """Refuse one more run where as many wait as may.

        Raises:
            Overloaded: they do.
            StorageUnavailable: they cannot be counted.
        """
        await self._recount()
        if self._count >= self._most:
            metrics.QUEUE_FULL.inc()
            raise Overloaded("As many runs wait for a worker as the gateway accepts; try again shortly.")

    async def add(self) -> None:
        """Count one more run, which may be one of those that wait from now on.

        Raises:
            Overloaded, StorageUnavailable: as `check`.
        """
        await self.check()
        self._count += 1

    async def _recount(self) -> None:
        if self._fresh():
            return
        async with self._counting:
            if not self._fresh():
                self._count = await self._store.backlog(self._most)
                self._counted_at = time.monotonic()

    def _fresh(self) -> bool:
        return time.monotonic() - self._counted_at < BACKLOG_FRESHNESS
