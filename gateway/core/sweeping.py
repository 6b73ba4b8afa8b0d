"""The sweeper: removes what is kept no longer, records first, then the blobs that they named."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from gateway.errors import Unavailable

log = logging.getLogger(__name__)

#: Removes all there is of one kind; says how much there was.
Part = Callable[[], Awaitable[int]]


class Sweeper:
    """Does each of its parts again and again; any number of sweepers may be at it at once."""

    def __init__(self, parts: Mapping[str, Part], interval: float):
        self._parts = parts
        #: Seconds between two sweeps.
        self._interval = interval

    async def sweep_again_and_again(self) -> None:
        """Sweep now and then; ends when cancelled."""
        while True:
            # Not every process at the same time.
            await asyncio.sleep(random.uniform(0.5, 1.0) * self._interval)
            await self.sweep()

    async def sweep(self) -> dict[str, int]:
        """Do every part once; how much each removed is returned, without those that failed."""
        removed = {}
        for name, part in self._parts.items():
            try:
                removed[name] = await part()
            except Unavailable:
                log.warning("sweeper.store_away", extra={"part": name})
            except Exception:
                log.exception("sweeper.failed", extra={"part": name})
            else:
                if removed[name]:
                    log.info("sweeper.removed", extra={"part": name, "count": removed[name]})
        return removed
