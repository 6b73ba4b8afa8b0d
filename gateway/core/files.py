"""Files: put in once, and used by their ID until their time is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from gateway.core.executions import place
from gateway.core.removal import Removal
from gateway.domain.access import Caller
from gateway.domain.files import FilePage, FileRecord, NewFile
from gateway.domain.ids import new_id, now
from gateway.domain.media import check_size
from gateway.domain.media_types import declared_text, sniff
from gateway.domain.retention import Retention
from gateway.errors import (
    FileNotFound,
    GatewayError,
    InvalidInput,
    MediaNotFound,
    Overloaded,
    RequestIncomplete,
    TooLarge,
    Unavailable,
)
from gateway.limits import BODY_TIMEOUT, FILE_UPLOAD_TIMEOUT, MAX_FILE_BYTES, MAX_FILE_UPLOADS
from gateway.ports import BlobStore, FileStore

#: Bytes of each end of a file that are looked at for its type.
_EDGE: Final = 64 * 1024
_UNKNOWN: Final = "application/octet-stream"


class Files:
    """Keeps files; the `Uploads` of calls."""

    def __init__(
        self,
        store: FileStore,
        blobs: BlobStore,
        removal: Removal,
        retention: Retention,
        *,
        most_bytes: int = MAX_FILE_BYTES,
        clock: Callable[[], datetime] = now,
    ):
        self._store = store
        self._blobs = blobs
        self._removal = removal
        self._retention = retention
        self._most_bytes = most_bytes
        self._clock = clock
        self._coming = 0

    async def create(self, caller: Caller, pieces: AsyncIterator[bytes], about: Callable[[], NewFile]) -> FileRecord:
        """Store a file that comes in pieces; `about` is asked when all of it is there. It is durable then.

        Raises:
            InvalidInput, TooLarge, RequestIncomplete, Overloaded, StorageUnavailable: nothing was stored.
        """
        if self._coming >= MAX_FILE_UPLOADS:
            raise Overloaded("As many files are being put in as may be at once; try again shortly.")
        self._coming += 1
        try:
            return self._retention.file_shown(await self._stored(caller, _Passing(pieces, self._most_bytes), about))
        finally:
            self._coming -= 1

    async def _stored(self, caller: Caller, passing: "_Passing", about: Callable[[], NewFile]) -> FileRecord:
        file_id = new_id()
        blob = f"files/{file_id}"
        await self._removal.announce([blob])
        try:
            await self._blobs.put_stream(blob, passing.over())
            told = about()
            told.check()
            record = FileRecord(
                file_id=file_id,
                owner=caller.owner,
                filename=told.filename,
                purpose=told.purpose,
                content_type=passing.content_type(told.declared),
                size=passing.size,
                created_at=self._clock(),
                ttl=told.ttl,
                blob=blob,
            )
        except GatewayError as error:
            # What cannot be said to be stored may still come to be: it stays doomed until it is due.
            if not isinstance(error, Unavailable):
                await self._removal.now([blob])
            raise
        await self._store.add(record)
        return record

    async def get(self, caller: Caller, file_id: str) -> FileRecord:
        """One file of the caller's.

        Raises:
            FileNotFound: there is none of this ID.
        """
        return self._retention.file_shown(await self._store.get(caller.sees, file_id))

    async def page(self, caller: Caller, purpose: str | None, limit: int, cursor: str | None) -> FilePage:
        """The caller's files, newest first.

        Raises:
            InvalidInput: the cursor is not one that this list gave.
        """
        found = await self._store.page(caller.sees, purpose, limit + 1, place(cursor))
        files = [self._retention.file_shown(each) for _, each in found[:limit]]
        return FilePage(files, str(found[limit - 1][0]) if len(found) > limit else None)

    async def content(self, caller: Caller, file_id: str) -> tuple[FileRecord, AsyncIterator[bytes]]:
        """A file of the caller's, and its bytes in pieces.

        Raises:
            FileNotFound: there is none of this ID.
        """
        record = await self.get(caller, file_id)
        return record, await opened(self._blobs.stream(record.blob), FileNotFound)

    async def delete(self, caller: Caller, file_id: str) -> None:
        """Remove a file of the caller's; runs that were accepted with it have bytes of their own.

        Raises:
            FileNotFound: there is none of this ID.
        """
        await self._removal.now([await self._store.delete(caller.sees, file_id)])

    async def fetch(self, file_id: str, sees: str | None) -> bytes:
        """See `Uploads.fetch`."""
        record = await self._store.get(sees, file_id)
        # One that no call may bring is not read to be told so.
        check_size(record.size)
        try:
            return await self._blobs.get(record.blob)
        except MediaNotFound:
            raise FileNotFound from None


async def opened(pieces: AsyncIterator[bytes], missing: type[GatewayError]) -> AsyncIterator[bytes]:
    """The pieces of a blob, of which the first is there already.

    Raises:
        GatewayError: `missing`, where there is no such blob.
    """
    try:
        first = await anext(pieces, b"")
    except MediaNotFound:
        raise missing from None

    async def all_of_it() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_it()


class _Passing:
    """A file while it passes by: how large it is, and both its ends, which tell its type."""

    def __init__(self, pieces: AsyncIterator[bytes], most: int):
        self._pieces = pieces
        self._most = most
        self._end: float | None = None
        self.size = 0
        self._head = self._tail = b""

    async def over(self) -> AsyncIterator[bytes]:
        """The pieces.

        Raises:
            RequestIncomplete: one of them, or all together, took too long to come.
            TooLarge: they are more than there may be.
            InvalidInput: there is nothing.
        """
        while (piece := await self._next()) is not None:
            self.size += len(piece)
            if self.size > self._most:
                raise TooLarge(f"The file is larger than {self._most} bytes.")
            if len(self._head) < _EDGE:
                self._head += piece[: _EDGE - len(self._head)]
            self._tail = (self._tail + piece)[-_EDGE:]
            yield piece
        if not self.size:
            raise InvalidInput("The file is empty.", field="file")

    async def _next(self) -> bytes | None:
        clock = asyncio.get_running_loop().time
        self._end = self._end or clock() + FILE_UPLOAD_TIMEOUT
        try:
            async with asyncio.timeout_at(min(clock() + BODY_TIMEOUT, self._end)):
                return await anext(self._pieces, None)
        except TimeoutError:
            raise RequestIncomplete from None

    def content_type(self, declared: str | None) -> str:
        """What the bytes themselves tell, else what was declared as text, else nothing in particular."""
        edges = self._head if self.size <= _EDGE else self._head + self._tail
        return sniff(edges) or declared_text(declared) or _UNKNOWN
