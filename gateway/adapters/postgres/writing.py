"""What is written of runs within one transaction: those that end, those that are accepted, and what they append."""

from collections.abc import Sequence

import asyncpg

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.artifacts import write_artifacts
from gateway.adapters.postgres.delivery_rows import write_deliveries
from gateway.adapters.postgres.keys import end_key, take_keys
from gateway.adapters.postgres.statements import statement
from gateway.adapters.postgres.wakeups import WakeUp, wake
from gateway.errors import ExecutionNotFound
from gateway.ports import AcceptedRun, DueRun, FinishedRun


async def write_finished(connection: asyncpg.Connection, batch: Sequence[FinishedRun]) -> None:
    """The ends of runs that callers wait for.

    Raises:
        ExecutionNotFound, KeyLost: one of them cannot be written; then none must be.
    """
    fresh = [each for each in batch if each.new is not None]
    onto = [each for each in batch if each.new is None]
    await _lock(connection, onto)
    for each in batch:
        if each.key is not None:
            await end_key(connection, each)
    if fresh:
        await connection.execute(statement("write_runs"), *rows.fresh_columns(fresh))
    for each in onto:
        if await connection.fetchval(statement("insert_run"), *rows.inserted_row(each)):
            await append(connection, each)
    await write_artifacts(connection, batch)
    await write_deliveries(connection, [told for each in batch for told in each.deliveries])


async def write_accepted(connection: asyncpg.Connection, batch: Sequence[AcceptedRun]) -> None:
    """Runs in the background, with their wake-ups.

    Raises:
        ExecutionNotFound, KeyLost: one of them cannot be written; then none must be.
    """
    fresh = [each for each in batch if each.new is not None]
    onto = [each for each in batch if each.new is None]
    await take_keys(connection, [each for each in batch if each.key is not None])
    if fresh:
        await connection.execute(statement("write_runs"), *rows.fresh_columns(fresh))
    await _lock(connection, onto)
    for each in onto:
        await _accept(connection, each)
    await write_deliveries(connection, [told for each in batch for told in each.deliveries])
    await wake(connection, [_wake_up(each) for each in batch])


async def _lock(connection: asyncpg.Connection, onto: Sequence[FinishedRun] | Sequence[AcceptedRun]) -> None:
    """Hold executions until the transaction ends, so that what is appended to one stands in order of commits.

    Raises:
        ExecutionNotFound: one is gone, or is another's by now.
    """
    if not onto:
        return
    names, owners = [each.run.execution_id for each in onto], [each.sees for each in onto]
    if len(await connection.fetch(statement("lock_executions"), names, owners)) < len(onto):
        raise ExecutionNotFound


async def append(connection: asyncpg.Connection, finished: FinishedRun) -> None:
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
    await connection.execute(statement("insert_run"), *rows.inserted_row(accepted))
    if accepted.seed:
        await connection.execute(statement("merge_entries"), run.execution_id, *rows.given_columns(accepted.seed))
    await connection.execute(statement("show_run"), run.run_id, accepted.tag, accepted.meta_data)


def _wake_up(accepted: AcceptedRun) -> WakeUp:
    run = accepted.run
    return WakeUp(DueRun(run.run_id, run.pipeline_id), run.priority.rank, accepted.delay)
