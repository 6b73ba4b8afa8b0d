"""What is kept no longer, in PostgreSQL: removed in short transactions that many processes share."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.removing import remove
from gateway.adapters.postgres.statements import statement
from gateway.domain.retention import Kept, Swept
from gateway.limits import ENTRIES_PER_SWEEP, EXECUTIONS_PER_SWEEP, ROWS_PER_SWEEP

#: Records of which each stands for itself, and the statement that removes some of them.
_PLAIN: Final[Mapping[Kept, str]] = {
    Kept.KEYS: "expire_keys",
    Kept.FILES: "expire_files",
    Kept.DELIVERIES: "expire_deliveries",
    Kept.QUEUE_LOG: "expire_queue_log",
    Kept.QUEUE_STATISTICS: "expire_queue_statistics",
}


class PostgresRetention:
    """A `RetentionStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def expire(self, kept: Kept, seconds: float) -> Swept:
        """See `RetentionStore.expire`."""
        async with self._database.connection() as connection, connection.transaction():
            if kept in _PLAIN:
                gone = await connection.fetch(statement(_PLAIN[kept]), seconds, ROWS_PER_SWEEP)
                return Swept(len(gone), more=len(gone) == ROWS_PER_SWEEP)
            if kept is Kept.MEDIA:
                return await _expire_media(connection, seconds)
            values = (kept is Kept.TRANSIENT, seconds, EXECUTIONS_PER_SWEEP)
            held = await connection.fetch(statement("lock_quiet"), *values)
            return await _expire_executions(connection, [row["execution_id"] for row in held], seconds)

    async def expire_due(self) -> Swept:
        """See `RetentionStore.expire_due`."""
        async with self._database.connection() as connection, connection.transaction():
            held = await connection.fetch(statement("lock_due"), EXECUTIONS_PER_SWEEP)
            return await _expire_executions(connection, [row["execution_id"] for row in held], 0.0)

    async def expire_files_due(self) -> Swept:
        """See `RetentionStore.expire_files_due`."""
        async with self._database.connection() as connection:
            gone = await connection.fetch(statement("expire_files_due"), ROWS_PER_SWEEP)
        return Swept(len(gone), more=len(gone) == ROWS_PER_SWEEP)


async def _expire_executions(connection: asyncpg.Connection, held: Sequence[str], seconds: float) -> Swept:
    """Remove those that are held here, so that nobody adds to them, and have been quiet for so long."""
    if not held:
        return Swept(0, more=False)
    postponed = await connection.fetch(statement("postpone_executions"), held, seconds)
    later = {row["execution_id"] for row in postponed}
    quiet = [each for each in held if each not in later]
    listed = await connection.fetch(statement("bounded_executions"), quiet, ENTRIES_PER_SWEEP)
    expired = [row["execution_id"] for row in listed]
    if expired:
        await remove(connection, expired)
    return Swept(len(expired), more=len(expired) < len(quiet) or len(held) == EXECUTIONS_PER_SWEEP)


async def _expire_media(connection: asyncpg.Connection, seconds: float) -> Swept:
    listed = await connection.fetch(statement("lock_old_media"), seconds, EXECUTIONS_PER_SWEEP)
    held = [row["execution_id"] for row in listed]
    gone = await connection.fetch(statement("expire_media"), held, seconds) if held else []
    return Swept(len(gone), more=bool(gone))
