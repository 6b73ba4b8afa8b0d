"""Executions and their media in PostgreSQL."""

import asyncpg

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.removing import remove
from gateway.adapters.postgres.statements import statement
from gateway.domain.executions import Execution, ExecutionFilter, NewExecution
from gateway.domain.media import MediaRecord
from gateway.errors import ExecutionNotFound, MediaNotFound, StorageUnavailable


class PostgresExecutions:
    """An `ExecutionStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def create(self, new: NewExecution) -> bool:
        """See `ExecutionStore.create`."""
        values = (new.execution_id, new.tag, new.meta_data, new.created_at, new.ttl, new.hook_ids, new.owner)
        async with self._database.connection() as connection:
            return await connection.fetchval(statement("create_execution"), *values) is not None

    async def get(self, sees: str | None, execution_id: str) -> Execution:
        """See `ExecutionStore.get`."""
        async with self._database.connection() as connection:
            return rows.execution(await found(connection, sees, execution_id))

    async def page(
        self, sees: str | None, wanted: ExecutionFilter, limit: int, before: int | None
    ) -> list[tuple[int, Execution]]:
        """See `ExecutionStore.page`."""
        state = str(wanted.state) if wanted.state else None
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("executions"), limit, wanted.tag, state, before, sees)
        return [(row["number"], rows.execution(row)) for row in listed]

    async def delete(self, sees: str | None, execution_id: str) -> list[str]:
        """See `ExecutionStore.delete`."""
        async with self._database.connection() as connection, connection.transaction():
            if not await connection.fetch(statement("lock_executions"), [execution_id], [sees]):
                raise ExecutionNotFound
            return await remove(connection, [execution_id])

    async def announce(self, sees: str | None, execution_id: str, blob: str, patience: float) -> None:
        """See `ExecutionStore.announce`."""
        async with self._database.connection() as connection:
            if await connection.fetchval(statement("announce_blob"), execution_id, blob, patience, sees) is None:
                raise ExecutionNotFound

    async def add_media(self, sees: str | None, record: MediaRecord) -> None:
        """See `ExecutionStore.add_media`."""
        values = (record.media_id, record.content_type, record.size, record.blob, record.created_at, sees)
        async with self._database.connection() as connection:
            if await connection.fetchval(statement("insert_media"), record.execution_id, *values) is None:
                await found(connection, sees, record.execution_id)
                raise StorageUnavailable("Storing the media took too long; nothing was stored. Try again shortly.")

    async def media(self, sees: str | None, execution_id: str) -> list[MediaRecord]:
        """See `ExecutionStore.media`."""
        async with self._database.connection() as connection:
            stored = await connection.fetch(statement("media"), execution_id, sees)
            if not stored:
                await found(connection, sees, execution_id)
        return list(map(rows.media, stored))

    async def remove_media(self, sees: str | None, execution_id: str, media_id: str) -> str:
        """See `ExecutionStore.remove_media`."""
        async with self._database.connection() as connection:
            blob: str | None = await connection.fetchval(statement("delete_media"), execution_id, media_id, sees)
            if blob is None:
                await found(connection, sees, execution_id)
                raise MediaNotFound
        return blob


async def found(connection: asyncpg.Connection, sees: str | None, execution_id: str) -> rows.Row:
    """The row of an execution.

    Raises:
        ExecutionNotFound: there is none of this ID to see.
    """
    row: rows.Row | None = await connection.fetchrow(statement("execution"), execution_id, sees)
    if row is None:
        raise ExecutionNotFound
    return row
