"""The schema, brought to the newest version by Alembic; safe to run twice, and at once from two processes."""

from pathlib import Path
from typing import Final

import asyncpg
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.adapters.postgres.database import open_connection

#: The key of the advisory lock that keeps two migrations apart.
_LOCK: Final = 0x67617465


async def migrate(database_url: str) -> None:
    """Apply every migration that is missing.

    Raises:
        StorageUnavailable: the database is not reachable.
        CannotStart: the database refuses our user, or is of a newer gateway.
    """

    async def connect() -> asyncpg.Connection:
        return await open_connection(database_url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=sqlalchemy.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: sqlalchemy.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
