"""The entries of observations in PostgreSQL."""

from collections.abc import Sequence

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.delivery_rows import write_deliveries
from gateway.adapters.postgres.executions import found
from gateway.adapters.postgres.statements import statement
from gateway.domain.deliveries import Delivery
from gateway.domain.observations import Entry
from gateway.errors import ResultGone


class PostgresEntries:
    """An `EntryStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def page(
        self, sees: str | None, execution_id: str, limit: int, after: int, *, superseded: bool
    ) -> list[tuple[int, Entry]]:
        """See `EntryStore.page`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("entries"), execution_id, limit, after, superseded, sees)
            if not listed and (await found(connection, sees, execution_id))["transient"]:
                raise ResultGone
        return [(row["position"], rows.entry(row)) for row in listed]

    async def of_run(self, execution_id: str, run_id: str, seed: Sequence[str]) -> list[Entry]:
        """See `EntryStore.of_run`."""
        async with self._database.connection() as connection:
            return list(map(rows.entry, await connection.fetch(statement("of_run"), execution_id, run_id, seed)))

    async def merge(
        self, sees: str | None, execution_id: str, entries: Sequence[Entry], deliveries: Sequence[Delivery] = ()
    ) -> None:
        """See `EntryStore.merge`."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(statement("touch_execution"), execution_id, sees)
            if (await found(connection, sees, execution_id))["transient"]:
                raise ResultGone
            await connection.execute(statement("merge_entries"), execution_id, *rows.given_columns(entries))
            await write_deliveries(connection, deliveries)
