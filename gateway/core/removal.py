"""The removal of blobs that no record names any more: each stays doomed until its bytes have gone."""

import logging
from collections.abc import Sequence

from gateway.errors import Unavailable
from gateway.limits import BLOBS_PER_SWEEP, REMOVAL_LEASE, UPLOAD_TIMEOUT
from gateway.ports import BlobStore, DoomedBlobs

log = logging.getLogger(__name__)


class Removal:
    """Removes doomed blobs: at once where they can be reached, else when the sweeper comes by."""

    def __init__(self, blobs: BlobStore, doomed: DoomedBlobs):
        self._blobs = blobs
        self._doomed = doomed

    async def announce(self, blobs: Sequence[str]) -> None:
        """Doom blobs that are about to be stored: they go unless the records that need them are written in time.

        Raises:
            StorageUnavailable: that cannot be written; nothing must be stored.
        """
        await self._doomed.announce(blobs, UPLOAD_TIMEOUT)

    async def now(self, blobs: Sequence[str]) -> None:
        """Remove blobs that were just doomed; what cannot be removed now is left for the sweeper."""
        try:
            await self._remove(blobs)
        except Unavailable:
            log.warning("removal.put_off", extra={"count": len(blobs)})

    async def sweep(self) -> int:
        """Remove every blob that is doomed and due; how many there were is returned.

        Raises:
            StorageUnavailable: the blobs or the records cannot be reached.
        """
        removed = 0
        while taken := await self._doomed.take(BLOBS_PER_SWEEP, REMOVAL_LEASE):
            await self._remove(taken)
            removed += len(taken)
        return removed

    async def _remove(self, blobs: Sequence[str]) -> None:
        for start in range(0, len(blobs), BLOBS_PER_SWEEP):
            some = blobs[start : start + BLOBS_PER_SWEEP]
            await self._blobs.delete(some)
            await self._doomed.forget(some)
