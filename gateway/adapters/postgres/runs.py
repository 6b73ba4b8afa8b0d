"""Runs in PostgreSQL: accepted and ended many to a commit, and read."""

from collections.abc import Callable, Sequence

from gateway import metrics
from gateway.adapters.postgres import rows
from gateway.adapters.postgres.claims import Claims
from gateway.adapters.postgres.commits import GroupCommits
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.executions import found
from gateway.adapters.postgres.statements import statement
from gateway.adapters.postgres.writing import write_accepted, write_finished
from gateway.domain.runs import Run
from gateway.errors import RunNotFound
from gateway.ports import AcceptedRun, FinishedRun, QueueState


class PostgresRuns(Claims):
    """A `RunStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database, in_hand: Callable[[], int]):
        super().__init__(database)
        self._finishing: GroupCommits[FinishedRun] = GroupCommits(self._write_finished, in_hand)
        self._accepting: GroupCommits[AcceptedRun] = GroupCommits(self._write_accepted, in_hand)

    async def finish(self, finished: FinishedRun) -> None:
        """See `RunStore.finish`; runs that finish together share one commit."""
        await self._finishing.add(finished)
        run = finished.run
        metrics.run_ended(run.pipeline_id, run.state, run.created_at, run.completed_at)

    async def _write_finished(self, batch: Sequence[FinishedRun]) -> None:
        async with self._database.connection() as connection:
            if all(map(_stands_alone, batch)):
                await connection.execute(statement("write_runs"), *rows.fresh_columns(batch))
                return
            async with connection.transaction():
                await write_finished(connection, batch)

    async def accept(self, accepted: AcceptedRun) -> None:
        """See `RunStore.accept`; runs that are accepted together share one commit."""
        await self._accepting.add(accepted)

    async def _write_accepted(self, batch: Sequence[AcceptedRun]) -> None:
        async with self._database.connection() as connection, connection.transaction():
            await write_accepted(connection, batch)

    async def backlog(self, most: int) -> int:
        """See `RunStore.backlog`."""
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(statement("backlog"), most)
        return count

    async def queue(self) -> QueueState:
        """See `RunStore.queue`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("queue"))
        return QueueState(row["due"], row["delayed"], row["running"], row["oldest"])

    async def unfinished(self, run_ids: Sequence[str]) -> frozenset[str]:
        """See `RunStore.unfinished`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("unfinished_runs"), run_ids)
        return frozenset(str(row["run_id"]) for row in listed)

    async def get(self, sees: str | None, run_id: str) -> Run:
        """See `RunStore.get`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("run"), run_id, sees)
        if row is None:
            raise RunNotFound
        return rows.run(row)

    async def find(self, run_ids: Sequence[str]) -> list[Run]:
        """See `RunStore.find`."""
        async with self._database.connection() as connection:
            return list(map(rows.run, await connection.fetch(statement("find_runs"), run_ids)))

    async def page(self, sees: str | None, execution_id: str, limit: int, after: str | None) -> list[Run]:
        """See `RunStore.page`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("runs"), execution_id, limit, after, sees)
            if not listed:
                await found(connection, sees, execution_id)
        return list(map(rows.run, listed))

    async def ready(self) -> bool:
        """See `RunStore.ready`."""
        return await self._database.ready()

    async def close(self) -> None:
        """Wait until everything that was handed in is written."""
        await self._finishing.close()
        await self._accepting.close()


def _stands_alone(finished: FinishedRun) -> bool:
    """Whether a run and what it brings about are all there is to write."""
    plain = not finished.deliveries and not finished.artifacts
    return finished.new is not None and finished.key is None and plain
