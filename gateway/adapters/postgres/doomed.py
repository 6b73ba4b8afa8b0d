"""Doomed blobs in PostgreSQL."""

from collections.abc import Sequence

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement


class PostgresDoomed:
    """A `DoomedBlobs` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def announce(self, blobs: Sequence[str], patience: float) -> None:
        """See `DoomedBlobs.announce`."""
        async with self._database.connection() as connection:
            await connection.execute(statement("announce_blobs"), blobs, patience)

    async def take(self, limit: int, lease: float) -> list[str]:
        """See `DoomedBlobs.take`."""
        async with self._database.connection() as connection:
            taken = await connection.fetch(statement("take_doomed"), limit, lease)
        return [row["blob"] for row in taken]

    async def forget(self, blobs: Sequence[str]) -> None:
        """See `DoomedBlobs.forget`."""
        async with self._database.connection() as connection:
            await connection.execute(statement("forget_doomed"), blobs)
