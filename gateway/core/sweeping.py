"""The sweeper of staged media: what was stored for a run that was never accepted, or has ended, does not stay."""

import asyncio
import logging
from collections.abc import Sequence

from gateway.core.staging import STAGED, run_of
from gateway.errors import Unavailable
from gateway.limits import LONGEST_SWEEP_INTERVAL
from gateway.ports import BlobStore, RunStore

log = logging.getLogger(__name__)


class Sweeper:
    """Removes staged media that no run needs."""

    def __init__(self, blobs: BlobStore, store: RunStore, after: float):
        self._blobs = blobs
        self._store = store
        #: Seconds for which a call may take to have its media accepted.
        self._after = after

    async def sweep_again_and_again(self) -> None:
        """Sweep now and then; ends when cancelled."""
        while True:
            await asyncio.sleep(min(self._after / 2, LONGEST_SWEEP_INTERVAL))
            try:
                await self.sweep()
            except Unavailable:
                log.warning("sweeper.store_away")
            except Exception:
                log.exception("sweeper.failed")

    async def sweep(self) -> int:
        """Look through all that is staged, once; how many blobs were removed is returned.

        Raises:
            StorageUnavailable: the blobs or the records cannot be asked.
        """
        removed = 0
        async for keys in self._blobs.older(STAGED, self._after):
            removed += await self._remove(keys)
        if removed:
            log.info("sweeper.removed", extra={"count": removed})
        return removed

    async def _remove(self, keys: Sequence[str]) -> int:
        needed = await self._store.unfinished(sorted({run_id for key in keys if (run_id := run_of(key))}))
        orphans = [key for key in keys if run_of(key) not in needed]
        if orphans:
            await self._blobs.delete(orphans)
        return len(orphans)
