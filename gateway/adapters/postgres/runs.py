"""Runs in PostgreSQL: their ends, many to a commit, and the background's claims and leases."""

from collections.abc import Callable, Sequence

import asyncpg

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.commits import GroupCommits
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.executions import found
from gateway.adapters.postgres.statements import statement
from gateway.adapters.postgres.wakeups import wake
from gateway.domain.runs import Run
from gateway.errors import ExecutionNotFound, RunNotFound
from gateway.limits import MAX_PAGE
from gateway.ports import AcceptedRun, ClaimedRun, FinishedRun


class PostgresRuns:
    """A `RunStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database, in_hand: Callable[[], int]):
        self._database = database
        self._finishing: GroupCommits[FinishedRun] = GroupCommits(self._write_finished, in_hand)
        self._accepting: GroupCommits[AcceptedRun] = GroupCommits(self._write_accepted, in_hand)

    async def finish(self, finished: FinishedRun) -> None:
        """See `RunStore.finish`; runs that finish together share one commit."""
        await self._finishing.add(finished)

    async def _write_finished(self, batch: Sequence[FinishedRun]) -> None:
        fresh = [each for each in batch if each.new is not None]
        onto = [each for each in batch if each.new is None]
        async with self._database.connection() as connection:
            if not onto:
                await connection.execute(statement("write_runs"), *rows.fresh_columns(fresh))
                return
            async with connection.transaction():
                await _lock(connection, [each.run.execution_id for each in onto])
                if fresh:
                    await connection.execute(statement("write_runs"), *rows.fresh_columns(fresh))
                for each in onto:
                    if await connection.fetchval(statement("insert_run"), *rows.run_row(each.run), None):
                        await _append(connection, each)

    async def accept(self, accepted: AcceptedRun) -> None:
        """See `RunStore.accept`; runs that are accepted together share one commit."""
        await self._accepting.add(accepted)

    async def _write_accepted(self, batch: Sequence[AcceptedRun]) -> None:
        fresh = [each for each in batch if each.new is not None]
        onto = [each for each in batch if each.new is None]
        async with self._database.connection() as connection, connection.transaction():
            if fresh:
                await connection.execute(statement("write_runs"), *rows.fresh_columns(fresh))
            await _lock(connection, [each.run.execution_id for each in onto])
            for each in onto:
                await _accept(connection, each)
            await wake(connection, [each.run.run_id for each in batch])

    async def claim(self, run_id: str, lease: float) -> ClaimedRun | None:
        """See `RunStore.claim`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("claim_run"), run_id, lease)
        return None if row is None else rows.claimed(row)

    async def extend(self, held: Sequence[tuple[str, int]], lease: float) -> None:
        """See `RunStore.extend`."""
        if not held:
            return
        runs, attempts = zip(*held, strict=True)
        async with self._database.connection() as connection:
            await connection.execute(statement("extend_runs"), runs, attempts, lease)

    async def finish_claimed(self, finished: FinishedRun) -> bool:
        """See `RunStore.finish_claimed`."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.fetch(statement("lock_executions"), [finished.run.execution_id])
            ended = await connection.fetchval(statement("end_run"), *rows.end_row(finished.run))
            if ended is not None:
                await _append(connection, finished)
        return ended is not None

    async def hand_back(self, run_id: str, attempt: int, delay: float) -> None:
        """See `RunStore.hand_back`."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(statement("hand_back_run"), run_id, attempt, delay)
            await connection.execute(statement("show_run"), run_id, None, None)

    async def wake_overdue(self) -> int:
        """See `RunStore.wake_overdue`."""
        async with self._database.connection() as connection:
            overdue = [str(row["run_id"]) for row in await connection.fetch(statement("overdue_runs"), MAX_PAGE)]
            return await wake(connection, overdue) if overdue else 0

    async def get(self, run_id: str) -> Run:
        """See `RunStore.get`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("run"), run_id)
        if row is None:
            raise RunNotFound
        return rows.run(row)

    async def page(self, execution_id: str, limit: int, after: str | None) -> list[Run]:
        """See `RunStore.page`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("runs"), execution_id, limit, after)
            if not listed:
                await found(connection, execution_id)
        return list(map(rows.run, listed))

    async def ready(self) -> bool:
        """See `RunStore.ready`."""
        return await self._database.ready()

    async def close(self) -> None:
        """Wait until everything that was handed in is written."""
        await self._finishing.close()
        await self._accepting.close()


async def _lock(connection: asyncpg.Connection, execution_ids: list[str]) -> None:
    """Hold executions until the transaction ends, so that what is appended to one stands in order of commits.

    Raises:
        ExecutionNotFound: one is gone.
    """
    if not execution_ids:
        return
    there = await connection.fetch(statement("lock_executions"), execution_ids)
    if len(there) < len(set(execution_ids)):
        raise ExecutionNotFound


async def _append(connection: asyncpg.Connection, finished: FinishedRun) -> None:
    """What the end of a run changes on an execution there was, beside the run itself."""
    run = finished.run
    if finished.seed:
        await connection.execute(statement("merge_entries"), run.execution_id, *rows.given_columns(finished.seed))
    if finished.supersedes and finished.entries:
        await connection.execute(statement("supersede_entries"), run.execution_id, run.pipeline_id, run.run_id)
    if finished.entries:
        await connection.execute(statement("insert_entries"), run.execution_id, *rows.entry_columns(finished.entries))
    await connection.execute(statement("show_run"), run.run_id, finished.tag, finished.meta_data)


async def _accept(connection: asyncpg.Connection, accepted: AcceptedRun) -> None:
    """A run in the background on an execution there was."""
    run = accepted.run
    await connection.execute(statement("insert_run"), *rows.run_row(run), rows.encode(accepted.request))
    if accepted.seed:
        await connection.execute(statement("merge_entries"), run.execution_id, *rows.given_columns(accepted.seed))
    await connection.execute(statement("show_run"), run.run_id, accepted.tag, accepted.meta_data)
