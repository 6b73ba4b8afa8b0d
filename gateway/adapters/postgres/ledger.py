"""The records in PostgreSQL: executions, runs and entries."""

from collections.abc import Callable, Sequence

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.commits import GroupCommits
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.executions import Execution
from gateway.domain.observations import Entry
from gateway.domain.runs import Run
from gateway.errors import ExecutionNotFound, RunNotFound
from gateway.ports import FinishedRun


class PostgresLedger:
    """A `Ledger` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database, in_hand: Callable[[], int]):
        self._database = database
        self._commits = GroupCommits(self._write, in_hand)

    async def finish(self, finished: FinishedRun) -> None:
        """See `Ledger.finish`; runs that finish together share one commit."""
        await self._commits.add(finished)

    async def _write(self, batch: Sequence[FinishedRun]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement("finish_runs"), *rows.finished_columns(batch))

    async def execution(self, execution_id: str) -> Execution:
        """See `Ledger.execution`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("execution"), execution_id)
        if row is None:
            raise ExecutionNotFound
        return rows.execution(row)

    async def run(self, run_id: str) -> Run:
        """See `Ledger.run`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("run"), run_id)
        if row is None:
            raise RunNotFound
        return rows.run(row)

    async def runs(self, execution_id: str, limit: int, after: str | None) -> list[Run]:
        """See `Ledger.runs`."""
        return [rows.run(row) for row in await self._of_execution("runs", execution_id, limit, after)]

    async def entries(self, execution_id: str) -> list[Entry]:
        """See `Ledger.entries`."""
        return [rows.entry(row) for row in await self._of_execution("entries", execution_id)]

    async def _of_execution(self, name: str, execution_id: str, *arguments: int | str | None) -> list[rows.Row]:
        """The rows of a statement about one execution; none at all is only right where the execution exists."""
        async with self._database.connection() as connection:
            found: list[rows.Row] = await connection.fetch(statement(name), execution_id, *arguments)
            if not found and not await connection.fetchval(statement("execution_exists"), execution_id):
                raise ExecutionNotFound
        return found

    async def ready(self) -> bool:
        """See `Ledger.ready`."""
        return await self._database.ready()

    async def close(self) -> None:
        """Wait until every finished run is written."""
        await self._commits.close()
