"""The background's runs in PostgreSQL: claims, leases, fenced ends, and who is to be woken for what."""

from collections.abc import Sequence
from typing import Final

from gateway import metrics
from gateway.adapters.postgres import rows
from gateway.adapters.postgres.artifacts import write_artifacts
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.delivery_rows import write_deliveries
from gateway.adapters.postgres.statements import statement
from gateway.adapters.postgres.wakeups import WakeUp, wake
from gateway.adapters.postgres.writing import append
from gateway.domain.deliveries import Delivery
from gateway.domain.runs import Run, RunError, RunState
from gateway.errors import RunNotFound, WorkerLost
from gateway.limits import MAX_PAGE
from gateway.ports import Canceled, ClaimedRun, DueRun, Extended, FinishedRun

_LOST: Final = rows.encode(RunError.of(WorkerLost()))


class Claims:
    """The half of a `RunStore` that workers use; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def claim(self, run_id: str, worker: str, lease: float) -> ClaimedRun | None:
        """See `RunStore.claim`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("claim_run"), run_id, worker, lease, _LOST)
        return None if row is None else rows.claimed(row)

    async def extend(self, held: Sequence[tuple[str, int]], lease: float) -> Extended:
        """See `RunStore.extend`."""
        if not held:
            return Extended(frozenset(), frozenset())
        runs, attempts = zip(*held, strict=True)
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("extend_runs"), runs, attempts, lease)
        return Extended(
            frozenset(str(row["run_id"]) for row in listed),
            frozenset(str(row["run_id"]) for row in listed if row["canceled"]),
        )

    async def finish_claimed(self, finished: FinishedRun) -> bool:
        """See `RunStore.finish_claimed`."""
        with metrics.Timed(metrics.COMMIT):
            async with self._database.connection() as connection, connection.transaction():
                await connection.fetch(statement("lock_executions"), [finished.run.execution_id], [None])
                ended = await connection.fetchval(statement("end_run"), *rows.end_row(finished.run))
                if ended is not None:
                    await append(connection, finished)
                    await write_artifacts(connection, [finished])
                    await write_deliveries(connection, finished.deliveries)
        if ended is not None:
            _count(finished.run)
        return ended is not None

    async def hand_back(self, run_id: str, attempt: int, delay: float, why: RunError) -> None:
        """See `RunStore.hand_back`."""
        async with self._database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(statement("hand_back_run"), run_id, attempt, delay, rows.encode(why))
            if row is not None:
                await connection.execute(statement("show_run"), run_id, None, None)

    async def pending(self, sees: str | None, run_id: str) -> ClaimedRun | None:
        """See `RunStore.pending`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("run"), run_id, sees)
        return None if row is None or row["request"] is None else rows.claimed(row)

    async def cancel(
        self, sees: str | None, run_id: str, error: RunError, deliveries: Sequence[Delivery] = ()
    ) -> Canceled:
        """See `RunStore.cancel`."""
        async with self._database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(statement("cancel_run"), run_id, rows.encode(error), sees)
            if row is None:
                row = await connection.fetchrow(statement("run"), run_id, sees)
                if row is None:
                    raise RunNotFound
                return Canceled(rows.run(row))
            await connection.execute(statement("show_run"), run_id, None, None)
            run = rows.run(row)
            if run.state is not RunState.CANCELED:
                return Canceled(run)
            await write_deliveries(connection, deliveries)
        _count(run)
        return Canceled(run, tuple(row["blobs"]))

    async def wake_overdue(self, pipelines: Sequence[str]) -> int:
        """See `RunStore.wake_overdue`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("overdue_runs"), pipelines, MAX_PAGE)
            overdue = [WakeUp(DueRun(str(row["run_id"]), row["pipeline_id"]), row["priority"]) for row in listed]
            return await wake(connection, overdue) if overdue else 0

    async def due(self, pipeline_id: str, limit: int) -> list[str]:
        """See `RunStore.due`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("overdue_runs"), [pipeline_id], limit)
        return [str(row["run_id"]) for row in listed]

    async def stale(self, but: Sequence[str], patience: float, limit: int) -> list[str]:
        """See `RunStore.stale`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("stale_runs"), but, patience, limit)
        return [str(row["run_id"]) for row in listed]


def _count(run: Run) -> None:
    metrics.run_ended(run.pipeline_id, run.state, run.created_at, run.completed_at)
