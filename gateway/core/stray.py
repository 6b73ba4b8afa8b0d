"""Staged media that no run needs: of a run that was never accepted, or has ended."""

from collections.abc import Sequence

from gateway.core.staging import STAGED, run_of
from gateway.ports import BlobStore, RunStore


class StrayMedia:
    """Finds and removes them."""

    def __init__(self, blobs: BlobStore, store: RunStore, after: float):
        self._blobs = blobs
        self._store = store
        #: Seconds for which a call may take to have its media accepted.
        self._after = after

    async def sweep(self) -> int:
        """Look through all that is staged, once; how many blobs were removed is returned.

        Raises:
            StorageUnavailable: the blobs or the records cannot be asked.
        """
        removed = 0
        async for keys in self._blobs.older(STAGED, self._after):
            removed += await self._remove(keys)
        return removed

    async def _remove(self, keys: Sequence[str]) -> int:
        needed = await self._store.unfinished(sorted({run_id for key in keys if (run_id := run_of(key))}))
        orphans = [key for key in keys if run_of(key) not in needed]
        if orphans:
            await self._blobs.delete(orphans)
        return len(orphans)
