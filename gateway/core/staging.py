"""The media of runs in the background: put where they survive, fetched again, and dropped when the run has ended."""

import logging
from collections.abc import Sequence
from typing import Final

from gateway.core.admitted import Admitted
from gateway.core.together import together
from gateway.domain.calls import RunRequest, StoredMedia
from gateway.domain.ids import is_uuid
from gateway.domain.media import Media, MediaRecord
from gateway.errors import Unavailable
from gateway.ports import BlobStore, RunStore

log = logging.getLogger(__name__)

#: What the keys of staged media begin with; the run's ID follows, and which of its media it is.
STAGED: Final = "runs/"


class Staging:
    """Moves the media of runs to and from the blob store."""

    def __init__(self, blobs: BlobStore, runs: RunStore):
        self._blobs = blobs
        self._runs = runs

    async def staged(self, admitted: Admitted) -> RunRequest:
        """What the run is to do, with the media it brought stored until it has ended.

        Raises:
            StorageUnavailable: they cannot be said to be stored.
        """
        brought = await self._put(admitted)
        call = admitted.call
        return RunRequest(
            media=(*brought, *_kept(admitted)),
            staged=tuple(each.blob for each in brought),
            inputs=admitted.inputs,
            idempotent=call.idempotent,
            parameters=call.parameters,
            conversion=call.conversion,
            timeout=call.timeout,
            hook_ids=admitted.audience.hook_ids,
            webhook=call.webhook,
            transient=call.transient,
        )

    async def documents(self, admitted: Admitted) -> tuple[StoredMedia, ...]:
        """The media of a run that are to be sent along: those it brought are stored until that is done.

        Raises:
            StorageUnavailable: they cannot be said to be stored.
        """
        return (*await self._put(admitted), *_kept(admitted))

    async def _put(self, admitted: Admitted) -> tuple[StoredMedia, ...]:
        names = [f"{STAGED}{admitted.run.run_id}-{index}" for index in range(len(admitted.media))]
        pairs = zip(names, admitted.media, strict=True)
        await together(self._blobs.put(name, media.data) for name, media in pairs)
        brought = zip(admitted.media, names, strict=True)
        return tuple(StoredMedia(media_id=media.media_id, blob=name, pages=media.pages) for media, name in brought)

    async def stored(self, records: Sequence[MediaRecord]) -> tuple[Media, ...]:
        """Media that are stored on an execution.

        Raises:
            MediaNotFound, StorageUnavailable: they cannot be had.
        """
        return tuple([Media(each.media_id, await self._blobs.get(each.blob)) for each in records])

    async def fetched(self, request: RunRequest) -> tuple[Media, ...]:
        """The media of a run in the background.

        Raises:
            MediaNotFound, StorageUnavailable: they cannot be had.
        """
        return tuple([Media(each.media_id, await self._blobs.get(each.blob), each.pages) for each in request.media])

    async def release(self, run_id: str, blobs: Sequence[str]) -> None:
        """Remove those of these blobs that were staged for a run, unless somebody still needs them."""
        staged = [each for each in blobs if run_of(each) == run_id]
        try:
            if staged and run_id not in await self._runs.unfinished([run_id]):
                await self.drop(staged)
        except Unavailable:
            log.warning("staging.not_dropped", extra={"count": len(staged)})

    async def drop(self, blobs: Sequence[str]) -> None:
        """Remove what lived no longer than its run; what cannot be removed now is left for the sweeper."""
        try:
            await self._blobs.delete(blobs)
        except Unavailable:
            log.warning("staging.not_dropped", extra={"count": len(blobs)})


def _kept(admitted: Admitted) -> tuple[StoredMedia, ...]:
    return tuple(StoredMedia(media_id=each.media_id, blob=each.blob) for each in admitted.stored)


def run_of(key: str) -> str | None:
    """The run that media of this key were staged for; None where the key is of another form."""
    run_id = key.removeprefix(STAGED).rpartition("-")[0]
    return run_id if is_uuid(run_id) else None
