"""Executions, and the media that are stored on them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from gateway.core.removal import Removal
from gateway.core.telling import Telling
from gateway.domain.access import Caller
from gateway.domain.executions import Execution, ExecutionFilter, ExecutionPage, NewExecution
from gateway.domain.ids import EXECUTION_ID, known_form, new_id, now
from gateway.domain.media import MediaRecord, check_size
from gateway.domain.media_types import uploaded
from gateway.domain.retention import Retention
from gateway.errors import ExecutionNotFound, ExecutionTaken, InvalidInput, MediaNotFound
from gateway.limits import MAX_ID_CHARACTERS, UPLOAD_TIMEOUT
from gateway.ports import BlobStore, ExecutionStore


class Executions:
    """Keeps executions and their media."""

    def __init__(
        self,
        store: ExecutionStore,
        blobs: BlobStore,
        removal: Removal,
        retention: Retention,
        telling: Telling,
        *,
        clock: Callable[[], datetime] = now,
    ):
        self._store = store
        self._blobs = blobs
        self._removal = removal
        self._retention = retention
        self._telling = telling
        self._clock = clock

    async def create(
        self,
        caller: Caller,
        execution_id: str | None,
        tag: str | None,
        meta_data: bytes | None,
        ttl: float | None = None,
        hook_ids: Sequence[str] = (),
    ) -> tuple[Execution, bool]:
        """The execution of this ID, and whether it is new; one that there is stays as it is.

        Raises:
            InvalidInput: the ID is not of the form of one, or there is no such hook.
            ExecutionTaken: it is another owner's.
        """
        if execution_id is not None and not EXECUTION_ID.fullmatch(execution_id):
            raise InvalidInput(
                f"An execution ID is 1 to {MAX_ID_CHARACTERS} letters, digits, '.', '_' or '-'.", field="executionId"
            )
        name = execution_id or new_id()
        await self._telling.wanted(caller.sees, hook_ids)
        new = NewExecution(
            execution_id=name,
            created_at=self._clock(),
            tag=tag,
            meta_data=meta_data,
            ttl=ttl,
            hook_ids=tuple(dict.fromkeys(hook_ids)),
            owner=caller.owner,
        )
        created = await self._store.create(new)
        try:
            return await self.get(caller, name), created
        except ExecutionNotFound:
            raise ExecutionTaken from None

    async def get(self, caller: Caller, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        return self._retention.shown(await self._store.get(caller.sees, known_form(execution_id)))

    async def page(self, caller: Caller, wanted: ExecutionFilter, limit: int, cursor: str | None) -> ExecutionPage:
        """Executions, newest first.

        Raises:
            InvalidInput: the cursor is not one that this list gave.
        """
        before = place(cursor)
        found = await self._store.page(caller.sees, wanted, limit + 1, before)
        executions = [self._retention.shown(each) for _, each in found[:limit]]
        return ExecutionPage(executions, str(found[limit - 1][0]) if len(found) > limit else None)

    async def delete(self, caller: Caller, execution_id: str) -> None:
        """Remove an execution and all that belongs to it; blobs that cannot be reached now go later.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        await self._removal.now(await self._store.delete(caller.sees, known_form(execution_id)))

    async def upload(self, caller: Caller, execution_id: str, body: bytes, declared: str | None) -> MediaRecord:
        """Store media on an execution; base64 of known media is decoded.

        Raises:
            ExecutionNotFound, MediaUnsupported, MediaLimit, InvalidInput: nothing was stored.
        """
        data, content_type = uploaded(body, declared)
        check_size(len(data))
        media_id = new_id()
        record = MediaRecord(
            execution_id=known_form(execution_id),
            media_id=media_id,
            content_type=content_type,
            size=len(data),
            created_at=self._clock(),
            blob=f"executions/{execution_id}/{media_id}",
        )
        await self._store.announce(caller.sees, record.execution_id, record.blob, UPLOAD_TIMEOUT)
        # One that cannot be said to be stored may still come to be: it stays doomed until it is due.
        await self._blobs.put(record.blob, data)
        try:
            await self._store.add_media(caller.sees, record)
        except ExecutionNotFound:
            await self._removal.now([record.blob])
            raise
        return record

    async def media(self, caller: Caller, execution_id: str) -> list[MediaRecord]:
        """The stored media of an execution, in the order they came.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        return await self._store.media(caller.sees, known_form(execution_id))

    async def fetch(self, caller: Caller, execution_id: str, media_id: str) -> tuple[MediaRecord, bytes]:
        """Stored media, byte for byte.

        Raises:
            ExecutionNotFound, MediaNotFound: there is no such execution or media.
        """
        for record in await self._store.media(caller.sees, known_form(execution_id)):
            if record.media_id == media_id:
                return record, await self._blobs.get(record.blob)
        raise MediaNotFound

    async def delete_media(self, caller: Caller, execution_id: str, media_id: str) -> None:
        """Remove stored media; entries that came of it stay.

        Raises:
            ExecutionNotFound, MediaNotFound: there is no such execution or media.
        """
        await self._removal.now([await self._store.remove_media(caller.sees, known_form(execution_id), media_id)])


def place(cursor: str | None) -> int | None:
    """The place in a list that a cursor names.

    Raises:
        InvalidInput: the cursor is not one that a list gave.
    """
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInput("The cursor is not one that this list gave.", field="cursor")
    return int(cursor)
