"""The records, in the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote

import asyncpg
import msgspec
import pytest

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.ledger import PostgresLedger
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.domain.executions import NewExecution
from gateway.domain.ids import new_id
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Input, InputRole, Output, OutputRole, Pipeline
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import ExecutionNotFound, Internal, RunNotFound, StorageUnavailable
from gateway.ports import FinishedRun

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
CONTENT = b'{"rawText" : "\\u0041 \xc3\xa4", "n": 1.50, "n": 2}'


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The embedded database with our schema."""
    await migrate(database_url)
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[PostgresLedger]:
    """The records in it."""
    ledger = PostgresLedger(database, lambda: 0)
    yield ledger
    await ledger.close()


def finished(entries: int = 1, **changes: object) -> FinishedRun:
    """A run that has just ended, on an execution of its own."""
    execution = NewExecution(execution_id=new_id(), created_at=NOW, tag="t", meta_data=b'{"b":  1}')
    run = Run(
        run_id=new_id(),
        execution_id=execution.execution_id,
        pipeline_id="ocr",
        pipeline_version=0,
        state=RunState.COMPLETED,
        attempt=1,
        media_count=entries,
        created_at=NOW,
        started_at=NOW,
        completed_at=NOW,
        timings=Timings(0.125, 2.5, 0.25),
        model_versions={"decode": "1"},
    )
    found = tuple(entry(run, f"media-{number}") for number in range(1, entries + 1))
    return FinishedRun(execution, msgspec.structs.replace(run, **changes), found)


def entry(run: Run, media_id: str, content: bytes = CONTENT) -> Entry:
    return Entry(
        entry_id=new_id(),
        media_id=media_id,
        run_id=run.run_id,
        pipeline_id=run.pipeline_id,
        pipeline_version=0,
        created_at=NOW,
        content=content,
    )


async def test_what_was_finished_is_read_back_as_it_was(ledger: PostgresLedger) -> None:
    wrote = finished(entries=3)
    await ledger.finish(wrote)
    assert await ledger.run(wrote.run.run_id) == wrote.run
    assert tuple(await ledger.entries(wrote.execution.execution_id)) == wrote.entries
    execution = await ledger.execution(wrote.execution.execution_id)
    assert (execution.tag, execution.meta_data, execution.state) == ("t", b'{"b":  1}', RunState.COMPLETED)


async def test_a_failed_run_is_kept_with_its_error_and_without_entries(ledger: PostgresLedger) -> None:
    error = RunError("media.unreadable", "Step decode refused it.", "media[0]")
    wrote = finished(entries=0, state=RunState.FAILED, error=error, timings=None)
    await ledger.finish(wrote)
    assert await ledger.run(wrote.run.run_id) == wrote.run
    assert (await ledger.execution(wrote.execution.execution_id)).error == error
    assert await ledger.entries(wrote.execution.execution_id) == []


async def test_finishing_twice_appends_once(ledger: PostgresLedger) -> None:
    wrote = finished(entries=2)
    await ledger.finish(wrote)
    again = tuple(msgspec.structs.replace(each, entry_id=new_id()) for each in wrote.entries)
    await ledger.finish(msgspec.structs.replace(wrote, entries=again))
    assert tuple(await ledger.entries(wrote.execution.execution_id)) == wrote.entries


async def test_many_runs_that_end_together_are_all_kept(ledger: PostgresLedger) -> None:
    wrote = [finished(entries=2) for _ in range(200)]
    await asyncio.gather(*map(ledger.finish, wrote))
    for each in wrote:
        assert tuple(await ledger.entries(each.execution.execution_id)) == each.entries


async def test_a_record_that_the_database_refuses_takes_no_other_with_it(ledger: PostgresLedger) -> None:
    good, bad = finished(), finished()
    broken = msgspec.structs.replace(bad, entries=(entry(bad.run, "media-1", b'{"not": json}'),))
    results = await asyncio.gather(ledger.finish(good), ledger.finish(broken), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), Internal]
    assert await ledger.run(good.run.run_id) == good.run
    with pytest.raises(RunNotFound):
        await ledger.run(bad.run.run_id)


async def test_what_there_is_not_is_said(ledger: PostgresLedger) -> None:
    with pytest.raises(ExecutionNotFound):
        await ledger.execution("never-was")
    with pytest.raises(ExecutionNotFound):
        await ledger.entries("never-was")
    with pytest.raises(ExecutionNotFound):
        await ledger.runs("never-was", 10, None)
    with pytest.raises(RunNotFound):
        await ledger.run(new_id())


async def test_the_runs_of_an_execution_come_in_pages_oldest_first(ledger: PostgresLedger) -> None:
    first = finished()
    more = [FinishedRun(first.execution, msgspec.structs.replace(first.run, run_id=new_id()), ()) for _ in range(4)]
    for each in (first, *more):
        await ledger.finish(each)
    ids = [each.run.run_id for each in (first, *more)]
    execution_id = first.execution.execution_id
    assert [run.run_id for run in await ledger.runs(execution_id, 3, None)] == ids[:3]
    assert [run.run_id for run in await ledger.runs(execution_id, 3, ids[2])] == ids[3:]
    assert (await ledger.execution(execution_id)).state is RunState.COMPLETED


async def test_pipelines_are_remembered_as_last_seen(database: Database) -> None:
    store = PostgresPipelines(database)
    pipeline = Pipeline(
        pipeline_id=f"p-{new_id()}",
        inputs=(Input("IMAGE", "BYTES", (1,), InputRole.MEDIA),),
        outputs=(Output("OUT", "FP32", (-1, 2), OutputRole.TENSOR),),
        steps=(),
    )
    changed = msgspec.structs.replace(pipeline, description="new")
    await store.save([pipeline])
    await store.save([changed])
    assert [each for each in await store.load() if each.pipeline_id == pipeline.pipeline_id] == [changed]


async def test_migrating_twice_and_at_once_is_safe(database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    name = f"m{new_id()[-12:]}"
    await admin.execute(f"CREATE DATABASE {name}")
    url = database_url.replace("/gateway?", f"/{name}?")
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    await migrate(url)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_a_database_that_is_away_is_unavailable() -> None:
    folder = quote("/nonexistent", safe="")
    with pytest.raises(StorageUnavailable):
        await Database(f"postgresql://gateway@/gateway?host={folder}").open()
