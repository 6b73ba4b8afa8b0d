"""Media that a call names instead of bringing them: fetched before anything else looks at them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway import tracing
from gateway.core.together import together
from gateway.domain.calls import Call
from gateway.domain.ids import known_form
from gateway.domain.media import (
    Brought,
    FileReference,
    Media,
    MediaRecord,
    Reference,
    StoredReference,
    UrlReference,
    check_size,
    nth,
)
from gateway.errors import (
    FileNotFound,
    InvalidInput,
    InvalidRequest,
    MediaNotFound,
    NotFound,
    TooLarge,
    UrlForbidden,
)
from gateway.limits import FETCHES_PER_CALL, MAX_MEDIA_BYTES, URL_TIMEOUT
from gateway.ports import BlobStore, ExecutionStore, MediaFetcher, Uploads

_NO_URLS: Final = "The gateway fetches no media from URLs: its operator may allow that with the setting media_urls."


class Gathering:
    """Fetches what calls name; `most` bytes for one call, as if they had come in its body."""

    def __init__(
        self,
        executions: ExecutionStore,
        blobs: BlobStore,
        most: int,
        *,
        uploads: Uploads | None = None,
        urls: MediaFetcher | None = None,
    ):
        self._executions = executions
        self._blobs = blobs
        self._most = most
        self._uploads = uploads
        self._urls = urls

    async def gathered(self, sees: str | None, call: Call, brought: Sequence[Brought]) -> tuple[Media, ...]:
        """All media of a call, in its order; stored ones keep their ID. `sees` is whose; None is all.

        Raises:
            InvalidInput, UrlForbidden, UrlFailed, FileNotFound, MediaNotFound, MediaLimit, TooLarge: one cannot be
                had; the field is `media[i]`.
            ExecutionNotFound, StorageUnavailable: none can.
        """
        media = tuple(each for each in brought if isinstance(each, Media))
        if len(media) == len(brought):
            return media
        self._check(call, brought)
        stored = await self._stored(sees, call, brought)
        one = _OneCall(sees, min(URL_TIMEOUT, call.timeout), stored, _Room(self._most))
        with tracing.span("gather", media=len(brought) - len(media)):
            return await self._all(one, brought)

    async def _all(self, one: "_OneCall", brought: Sequence[Brought]) -> tuple[Media, ...]:
        turns = asyncio.Semaphore(FETCHES_PER_CALL)

        async def had(index: int, each: Brought) -> Media:
            async with turns:
                return each if isinstance(each, Media) else await self._had(one, each, index)

        return tuple(await together(had(index, each) for index, each in enumerate(brought)))

    def _check(self, call: Call, brought: Sequence[Brought]) -> None:
        """Refuse what needs no look to be refused."""
        for index, each in enumerate(brought):
            if isinstance(each, UrlReference) and self._urls is None:
                raise UrlForbidden(_NO_URLS, field=f"media[{index}]")
            if isinstance(each, StoredReference) and call.execution_id is None:
                raise InvalidInput("Stored media belong to an execution: name it.", field=f"media[{index}]")

    async def _stored(self, sees: str | None, call: Call, brought: Sequence[Brought]) -> dict[str, MediaRecord]:
        if call.execution_id is None or not any(isinstance(each, StoredReference) for each in brought):
            return {}
        return {each.media_id: each for each in await self._executions.media(sees, known_form(call.execution_id))}

    async def _had(self, one: "_OneCall", reference: Reference, index: int) -> Media:
        try:
            if isinstance(reference, StoredReference):
                media = await self._blob(one, reference)
            elif isinstance(reference, FileReference):
                media = Media(nth(index), await self._file(one, reference), reference.pages)
            else:
                media = Media(nth(index), await self._url(one, reference), reference.pages)
            check_size(len(media.data))
            one.room.take(len(media.data))
        except (InvalidRequest, NotFound) as refusal:
            refusal.field = f"media[{index}]"
            raise
        return media

    async def _blob(self, one: "_OneCall", reference: StoredReference) -> Media:
        record = one.stored.get(reference.media_id)
        if record is None:
            raise MediaNotFound
        one.room.check(record.size)
        return Media(record.media_id, await self._blobs.get(record.blob), reference.pages)

    async def _file(self, one: "_OneCall", reference: FileReference) -> bytes:
        if self._uploads is None:
            raise FileNotFound
        return await self._uploads.fetch(reference.file_id, one.sees)

    async def _url(self, one: "_OneCall", reference: UrlReference) -> bytes:
        assert self._urls is not None
        return await self._urls.fetch(reference.url, min(one.room.left, MAX_MEDIA_BYTES), one.seconds)


@dataclass(frozen=True)
class _OneCall:
    """What one call fetches with."""

    sees: str | None
    #: How long a URL may take.
    seconds: float
    #: The media that are stored on its execution, by ID.
    stored: Mapping[str, MediaRecord]
    room: "_Room"


class _Room:
    """The bytes that a call may still fetch."""

    def __init__(self, most: int):
        self.left = self._most = most

    def check(self, size: int) -> None:
        """Refuse so many bytes where they are too many."""
        if size > self.left:
            raise TooLarge(f"The media that the call names are larger than {self._most} bytes together.")

    def take(self, size: int) -> None:
        """Take so many bytes of it."""
        self.check(size)
        self.left -= size
