"""The schema, brought to the newest version: our tables by Alembic, the queue's by PgQueuer itself.

Safe to run twice, and at once from two processes.
"""

from pathlib import Path
from typing import Final

import asyncpg
import sqlalchemy
from alembic import command
from alembic.config import Config
from pgqueuer.adapters.persistence.queries import Queries
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.adapters.postgres.database import failures, open_connection

#: The key of the advisory lock that keeps two migrations apart.
_LOCK: Final = 0x67617465


async def migrate(database_url: str, revision: str = "head") -> None:
    """Apply every migration that is missing, up to `revision`.

    Raises:
        StorageUnavailable: the database is not reachable.
        CannotStart: the database refuses our user.
    """
    lock = await open_connection(database_url)
    with failures():
        try:
            await lock.execute("SELECT pg_advisory_lock($1)", _LOCK)
            await _migrate_records(database_url, revision)
            await _migrate_queue(lock)
        finally:
            await lock.close()


async def _migrate_records(database_url: str, revision: str) -> None:
    async def connect() -> asyncpg.Connection:
        return await open_connection(database_url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=sqlalchemy.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, revision)
    except sqlalchemy.exc.DBAPIError as failure:
        # What asyncpg itself said tells a server that is away from a migration that is wrong.
        raise (failure.orig and failure.orig.__cause__) or failure from None
    finally:
        await engine.dispose()


def _upgrade(connection: sqlalchemy.Connection, revision: str) -> None:
    config = migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def migrations() -> Config:
    """Alembic's view of our migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


async def _migrate_queue(connection: asyncpg.Connection) -> None:
    queue = Queries.from_asyncpg_connection(connection)
    if await queue.schema_is_installed():
        await queue.upgrade()
    else:
        await queue.install()
