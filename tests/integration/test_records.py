"""The records, in the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import asyncpg
import msgspec
import pytest

from gateway.adapters.postgres import runs as postgres_runs
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.entries import PostgresEntries
from gateway.adapters.postgres.executions import PostgresExecutions
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.core.observations import Observations
from gateway.domain.calls import RunRequest, StoredMedia
from gateway.domain.executions import ExecutionFilter, NewExecution
from gateway.domain.ids import new_id
from gateway.domain.media import MediaRecord
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Input, InputRole, Output, OutputRole, Pipeline
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import (
    ExecutionNotFound,
    Internal,
    MediaNotFound,
    ResultGone,
    RunNotFound,
    StorageUnavailable,
)
from gateway.limits import ENTRIES_PER_READ
from gateway.ports import AcceptedRun, ClaimedRun, FinishedRun

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
CONTENT = b'{"rawText" : "\\u0041 \xc3\xa4", "n": 1.50, "n": 2}'
REQUEST = RunRequest(
    media=(StoredMedia(media_id="media-1", blob="runs/r/0"), StoredMedia(media_id="m", blob="executions/e/m")),
    staged=("runs/r/0",),
    inputs={"PROMPT": ["hi"]},
    parameters={"a": 1, "b": 0.5},
    timeout=30.0,
)
#: A lease that is over when it is taken.
OVER = -1.0


class Records:
    """All stores over one pool of connections, as one process has them."""

    def __init__(self, database: Database):
        self.executions = PostgresExecutions(database)
        self.runs = PostgresRuns(database, lambda: 0)
        self.entries = PostgresEntries(database)
        self.database = database

    async def found(self, execution_id: str, *, superseded: bool = False) -> tuple[Entry, ...]:
        """Every entry, in order."""
        listed = await self.entries.page(execution_id, 100_000, 0, superseded=superseded)
        places = [place for place, _ in listed]
        assert places == sorted(set(places))
        return tuple(entry for _, entry in listed)

    async def jobs(self, run_id: str) -> int:
        """How many jobs wake a worker for the run."""
        async with self.database.connection() as connection:
            count: int = await connection.fetchval("SELECT count(*) FROM pgqueuer WHERE payload = $1", run_id.encode())
            return count

    async def close(self) -> None:
        await self.runs.close()
        await self.database.close()


async def opened(database_url: str) -> Records:
    await migrate(database_url)
    database = Database(database_url)
    await database.open()
    return Records(database)


@pytest.fixture
async def records(database_url: str) -> AsyncIterator[Records]:
    """The records in the embedded database."""
    found = await opened(database_url)
    yield found
    await found.close()


@pytest.fixture
async def others(database_url: str) -> AsyncIterator[Records]:
    """The same records, as another process has them."""
    found = await opened(database_url)
    yield found
    await found.close()


def run_on(execution_id: str, **changes: object) -> Run:
    run = Run(
        run_id=new_id(),
        execution_id=execution_id,
        pipeline_id="ocr",
        pipeline_version=0,
        state=RunState.COMPLETED,
        attempt=1,
        media_count=1,
        created_at=NOW,
        started_at=NOW,
        completed_at=NOW,
        timings=Timings(0.125, 2.5, 0.25),
        model_versions={"decode": "1"},
    )
    return msgspec.structs.replace(run, **changes)


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


def entries_of(run: Run, count: int) -> tuple[Entry, ...]:
    return tuple(entry(run, f"media-{number}") for number in range(1, count + 1))


def given(entry_id: str, content: bytes = b"{}") -> Entry:
    """An entry of a caller's own."""
    return Entry(entry_id=entry_id, media_id="m", created_at=NOW, content=content)


def finished(entries: int = 1, **changes: object) -> FinishedRun:
    """A run that has just ended, on an execution of its own."""
    execution = NewExecution(execution_id=new_id(), created_at=NOW, tag="t", meta_data=b'{"b":  1}')
    run = run_on(execution.execution_id, media_count=entries, **changes)
    return FinishedRun(new=execution, run=run, entries=entries_of(run, entries))


def appended(execution_id: str, entries: int = 1, *, pipeline_id: str = "ocr", supersedes: bool = False) -> FinishedRun:
    """A run that has just ended, on an execution there is."""
    run = run_on(execution_id, pipeline_id=pipeline_id)
    return FinishedRun(run=run, entries=entries_of(run, entries), supersedes=supersedes)


def accepted(execution_id: str | None = None, **fields: object) -> AcceptedRun:
    """A run for the background."""
    new = NewExecution(execution_id=new_id(), created_at=NOW) if execution_id is None else None
    name = execution_id if new is None else new.execution_id
    assert name is not None
    waiting = {"state": RunState.QUEUED, "attempt": 0, "started_at": None, "completed_at": None, "timings": None}
    run = run_on(name, **waiting, model_versions={})
    return AcceptedRun(**{"new": new, "run": run, "request": REQUEST} | fields)  # type: ignore[arg-type]


def ended(claimed: ClaimedRun, entries: int = 1, **changes: object) -> FinishedRun:
    """The end of a claimed run."""
    run = msgspec.structs.replace(claimed.run, state=RunState.COMPLETED, completed_at=NOW)
    return FinishedRun(**{"run": run, "entries": entries_of(run, entries)} | changes)  # type: ignore[arg-type]


async def execution(records: Records, **fields: object) -> str:
    """A new execution without a run."""
    new = NewExecution(**{"execution_id": new_id(), "created_at": NOW} | fields)  # type: ignore[arg-type]
    assert await records.executions.create(new)
    return new.execution_id


async def claimed(records: Records, lease: float = 60.0, **fields: object) -> ClaimedRun:
    """A run that was accepted and taken."""
    work = accepted(**fields)  # type: ignore[arg-type]
    await records.runs.accept(work)
    found = await records.runs.claim(work.run.run_id, lease)
    assert found is not None
    return found


async def test_what_was_finished_is_read_back_as_it_was(records: Records) -> None:
    wrote = finished(entries=3)
    await records.runs.finish(wrote)
    assert await records.runs.get(wrote.run.run_id) == wrote.run
    assert await records.found(wrote.run.execution_id) == wrote.entries
    execution = await records.executions.get(wrote.run.execution_id)
    assert (execution.tag, execution.meta_data, execution.state) == ("t", b'{"b":  1}', RunState.COMPLETED)


async def test_a_failed_run_is_kept_with_its_error_and_without_entries(records: Records) -> None:
    error = RunError("media.unreadable", "Step decode refused it.", "media[0]")
    wrote = finished(entries=0, state=RunState.FAILED, error=error, timings=None)
    await records.runs.finish(wrote)
    assert await records.runs.get(wrote.run.run_id) == wrote.run
    assert (await records.executions.get(wrote.run.execution_id)).error == error
    assert await records.found(wrote.run.execution_id) == ()


async def test_finishing_twice_appends_once(records: Records) -> None:
    fresh = finished(entries=2)
    onto = appended(await execution(records), entries=2)
    for wrote in (fresh, onto):
        await records.runs.finish(wrote)
        again = tuple(msgspec.structs.replace(each, entry_id=new_id()) for each in wrote.entries)
        await records.runs.finish(msgspec.structs.replace(wrote, entries=again))
        assert await records.found(wrote.run.execution_id) == wrote.entries


async def test_an_idempotent_run_finished_twice_supersedes_nothing_of_its_own(records: Records) -> None:
    wrote = appended(await execution(records), entries=2, supersedes=True)
    await records.runs.finish(wrote)
    await records.runs.finish(wrote)
    assert await records.found(wrote.run.execution_id) == wrote.entries


async def test_many_runs_that_end_together_are_all_kept(records: Records) -> None:
    wrote = [finished(entries=2) for _ in range(200)]
    await asyncio.gather(*map(records.runs.finish, wrote))
    for each in wrote:
        assert await records.found(each.run.execution_id) == each.entries


async def test_a_record_that_the_database_refuses_takes_no_other_with_it(records: Records) -> None:
    good, bad = finished(), finished()
    broken = msgspec.structs.replace(bad, entries=(entry(bad.run, "media-1", b'{"not": json}'),))
    results = await asyncio.gather(*map(records.runs.finish, (good, broken)), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), Internal]
    assert await records.runs.get(good.run.run_id) == good.run
    with pytest.raises(RunNotFound):
        await records.runs.get(bad.run.run_id)


async def test_what_there_is_not_is_said(records: Records) -> None:
    reads: tuple[Awaitable[object], ...] = (
        records.executions.get("never-was"),
        records.executions.media("never-was"),
        records.executions.delete("never-was"),
        records.executions.remove_media("never-was", "m"),
        records.entries.page("never-was", 10, 0, superseded=False),
        records.entries.merge("never-was", [given("e")]),
        records.runs.page("never-was", 10, None),
        records.runs.finish(appended("never-was")),
        records.runs.accept(accepted("never-was")),
    )
    for read in reads:
        with pytest.raises(ExecutionNotFound):
            await read
    with pytest.raises(RunNotFound):
        await records.runs.get(new_id())
    assert await records.runs.claim(new_id(), 1.0) is None


async def test_the_runs_of_an_execution_come_in_pages_oldest_first(records: Records) -> None:
    first = finished()
    more = [appended(first.run.execution_id) for _ in range(4)]
    for each in (first, *more):
        await records.runs.finish(each)
    ids = [each.run.run_id for each in (first, *more)]
    assert [run.run_id for run in await records.runs.page(first.run.execution_id, 3, None)] == ids[:3]
    assert [run.run_id for run in await records.runs.page(first.run.execution_id, 3, ids[2])] == ids[3:]


async def test_an_execution_shows_its_newest_run_whichever_ends_last(records: Records) -> None:
    name = await execution(records)
    older, newer = appended(name), appended(name)
    newer = msgspec.structs.replace(newer, run=msgspec.structs.replace(newer.run, state=RunState.TIMED_OUT))
    await records.runs.finish(newer)
    await records.runs.finish(older)
    assert (await records.executions.get(name)).state is RunState.TIMED_OUT


async def test_a_call_changes_tag_and_metadata_only_where_it_has_some(records: Records) -> None:
    name = await execution(records, tag="old", meta_data=b'{"a":1}')
    await records.runs.finish(appended(name))
    found = await records.executions.get(name)
    assert (found.tag, found.meta_data) == ("old", b'{"a":1}')
    await records.runs.finish(msgspec.structs.replace(appended(name), tag="new", meta_data=b'{"b":2}'))
    found = await records.executions.get(name)
    assert (found.tag, found.meta_data) == ("new", b'{"b":2}')


async def test_runs_of_two_processes_are_appended_in_order_of_commits_and_none_is_lost(
    records: Records, others: Records
) -> None:
    name = await execution(records)
    begun: dict[str, int] = {}
    acknowledged: dict[str, int] = {}

    async def finish(store: Records, wrote: FinishedRun) -> None:
        begun[wrote.run.run_id] = len(acknowledged)
        await store.runs.finish(wrote)
        acknowledged[wrote.run.run_id] = len(acknowledged)

    async def many(store: Records) -> list[FinishedRun]:
        wrote = [appended(name, entries=3) for _ in range(60)]
        for start in range(0, 60, 4):
            await asyncio.gather(*(finish(store, each) for each in wrote[start : start + 4]))
        return wrote

    wrote = [each for batch in await asyncio.gather(many(records), many(others)) for each in batch]
    found = await records.found(name)
    assert len(found) == 360
    by_run = {each.run.run_id: each.entries for each in wrote}
    order = [each.run_id for each in found[::3]]
    assert all(run_id is not None for run_id in order)
    assert found == tuple(entry for run_id in order for entry in by_run[run_id or ""])
    place = {run_id or "": number for number, run_id in enumerate(order)}
    for later, at_begin in begun.items():
        assert all(place[run_id] < place[later] for run_id, number in acknowledged.items() if number < at_begin)


async def test_an_idempotent_run_hides_what_its_pipeline_found_before(records: Records) -> None:
    name = await execution(records)
    other = appended(name, pipeline_id="other")
    first, second = appended(name), appended(name, entries=2, supersedes=True)
    await records.entries.merge(name, [given("mine")])
    for each in (other, first, second):
        await records.runs.finish(each)
    assert await records.found(name) == (given("mine"), *other.entries, *second.entries)
    every = (given("mine"), *other.entries, *first.entries, *second.entries)
    assert await records.found(name, superseded=True) == every


async def test_an_idempotent_run_that_failed_hides_nothing(records: Records) -> None:
    name = await execution(records)
    first, failed = appended(name), appended(name, entries=0, supersedes=True)
    await records.runs.finish(first)
    await records.runs.finish(failed)
    assert await records.found(name) == first.entries


async def test_idempotent_runs_at_once_leave_exactly_one_set(records: Records, others: Records) -> None:
    name = await execution(records)
    wrote = [appended(name, entries=2, supersedes=True) for _ in range(20)]
    stores = (records, others)
    await asyncio.gather(*(stores[number % 2].runs.finish(each) for number, each in enumerate(wrote)))
    visible = await records.found(name)
    assert visible in [each.entries for each in wrote]
    every = await records.found(name, superseded=True)
    assert len(every) == 40
    assert every[-2:] == visible


async def test_a_seed_is_merged_and_what_was_found_stands_behind_it(records: Records) -> None:
    name = await execution(records)
    await records.entries.merge(name, [given("known", b'{"old":1}')])
    wrote = msgspec.structs.replace(appended(name), seed=(given("known", b'{"new":1}'), given("fresh")))
    await records.runs.finish(wrote)
    found = await records.found(name)
    assert found == (given("known", b'{"new":1}'), given("fresh"), *wrote.entries)
    fresh = finished()
    await records.runs.finish(msgspec.structs.replace(fresh, seed=(given("known"),)))
    assert await records.found(fresh.run.execution_id) == (given("known"), *fresh.entries)


async def test_merging_replaces_what_is_known_and_appends_the_rest(records: Records) -> None:
    first = finished(entries=2)
    await records.runs.finish(first)
    name, known = first.run.execution_id, first.entries[0]
    await records.entries.merge(name, [given("one"), given(known.entry_id, b'{"new" :1}'), given("two")])
    found = await records.found(name)
    assert found == (
        msgspec.structs.replace(known, content=b'{"new" :1}'),
        first.entries[1],
        given("one"),
        given("two"),
    )


async def test_what_a_transient_call_found_is_gone(records: Records) -> None:
    wrote = finished(entries=0)
    assert wrote.new is not None
    await records.runs.finish(msgspec.structs.replace(wrote, new=msgspec.structs.replace(wrote.new, transient=True)))
    name = wrote.run.execution_id
    assert (await records.executions.get(name)).transient
    with pytest.raises(ResultGone):
        await records.entries.page(name, 10, 0, superseded=False)
    with pytest.raises(ResultGone):
        await records.entries.merge(name, [given("e")])
    assert await records.runs.get(wrote.run.run_id) == wrote.run


async def test_an_execution_is_created_once(records: Records, others: Records) -> None:
    name = new_id()
    new = [NewExecution(execution_id=name, created_at=NOW, tag=str(number)) for number in range(10)]
    created = await asyncio.gather(*((records, others)[n % 2].executions.create(each) for n, each in enumerate(new)))
    assert created.count(True) == 1
    assert (await records.executions.get(name)).tag == str(created.index(True))


async def test_executions_are_listed_newest_first_by_tag_and_state(records: Records) -> None:
    tag, other = new_id(), new_id()
    names = [await execution(records, tag=tag) for _ in range(5)]
    await execution(records, tag=other)
    await records.runs.finish(appended(names[1]))
    await records.runs.finish(appended(names[3]))

    async def listed(state: RunState | None, limit: int, before: int | None) -> list[tuple[int, str]]:
        page = await records.executions.page(ExecutionFilter(tag, state), limit, before)
        return [(place, each.execution_id) for place, each in page]

    first = await listed(None, 3, None)
    assert [name for _, name in first] == names[:1:-1]
    assert [name for _, name in await listed(None, 3, first[-1][0])] == names[1::-1]
    assert [name for _, name in await listed(RunState.COMPLETED, 10, None)] == [names[3], names[1]]
    assert await listed(RunState.FAILED, 10, None) == []
    newest = await records.executions.page(ExecutionFilter(), 1, None)
    assert newest[0][1].tag == other


def media_on(execution_id: str, media_id: str) -> MediaRecord:
    return MediaRecord(
        execution_id=execution_id,
        media_id=media_id,
        content_type="image/png",
        size=5_000_000_000,
        created_at=NOW,
        blob=f"executions/{execution_id}/{media_id}",
    )


async def test_stored_media_come_back_in_the_order_they_came(records: Records) -> None:
    name = await execution(records)
    assert await records.executions.media(name) == []
    stored = [media_on(name, media_id) for media_id in ("b", "a", "c")]
    for each in stored:
        await records.executions.add_media(each)
    assert await records.executions.media(name) == stored
    assert await records.executions.remove_media(name, "a") == stored[1].blob
    assert await records.executions.media(name) == [stored[0], stored[2]]
    with pytest.raises(MediaNotFound):
        await records.executions.remove_media(name, "a")
    with pytest.raises(ExecutionNotFound):
        await records.executions.add_media(media_on("never-was", "a"))


async def test_a_deleted_execution_takes_everything_along_and_names_its_blobs(records: Records) -> None:
    name = await execution(records)
    await records.executions.add_media(media_on(name, "a"))
    wrote, waiting = appended(name), accepted(name)
    await records.runs.finish(wrote)
    await records.runs.accept(waiting)
    assert await records.executions.delete(name) == [f"executions/{name}/a", "runs/r/0"]
    for run_id in (wrote.run.run_id, waiting.run.run_id):
        with pytest.raises(RunNotFound):
            await records.runs.get(run_id)
    assert await records.runs.claim(waiting.run.run_id, 1.0) is None
    async with records.database.connection() as connection:
        for table in ("executions", "media", "runs", "entries"):
            count = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE execution_id = $1", name)
            assert count == 0, table


async def test_an_execution_that_is_deleted_while_its_run_ends_harms_no_other(records: Records) -> None:
    gone, stays = await execution(records), await execution(records)
    await records.executions.delete(gone)
    wrote = [appended(stays), appended(gone), finished(), appended(stays)]
    results = await asyncio.gather(*map(records.runs.finish, wrote), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), ExecutionNotFound, type(None), type(None)]
    assert await records.found(stays) == (*wrote[0].entries, *wrote[3].entries)
    with pytest.raises(ExecutionNotFound):
        await records.executions.get(gone)


async def test_an_execution_that_is_deleted_while_a_run_is_accepted_harms_no_other(records: Records) -> None:
    gone = await execution(records)
    await records.executions.delete(gone)
    good, bad = accepted(), accepted(gone)
    results = await asyncio.gather(*map(records.runs.accept, (good, bad)), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), ExecutionNotFound]
    assert (await records.jobs(good.run.run_id), await records.jobs(bad.run.run_id)) == (1, 0)


async def test_a_claimed_run_whose_execution_is_deleted_writes_nothing(records: Records) -> None:
    held = await claimed(records)
    await records.executions.delete(held.run.execution_id)
    assert not await records.runs.finish_claimed(ended(held))
    await records.runs.hand_back(held.run.run_id, 1, 0.0)
    await records.runs.extend([(held.run.run_id, 1)], 60.0)


async def test_an_accepted_run_waits_and_has_one_job(records: Records) -> None:
    work = accepted(tag="mine", seed=(given("e"),))
    await records.runs.accept(work)
    assert await records.runs.get(work.run.run_id) == work.run
    assert (await records.executions.get(work.run.execution_id)).state is RunState.QUEUED
    assert await records.jobs(work.run.run_id) == 1
    assert await records.found(work.run.execution_id) == (given("e"),)


async def test_many_runs_that_are_accepted_together_are_all_kept(records: Records) -> None:
    name = await execution(records)
    work = [accepted(name if number % 2 else None) for number in range(100)]
    await asyncio.gather(*(records.runs.accept(each) for each in work))
    assert [await records.jobs(each.run.run_id) for each in work] == [1] * 100


async def test_a_run_and_its_wake_up_are_written_together_or_not_at_all(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    wake = postgres_runs.wake

    async def woken_but_lost(connection: asyncpg.Connection, run_ids: Sequence[str]) -> int:
        await wake(connection, run_ids)
        raise ZeroDivisionError

    monkeypatch.setattr(postgres_runs, "wake", woken_but_lost)
    work = accepted()
    with pytest.raises(Internal):
        await records.runs.accept(work)
    assert await records.jobs(work.run.run_id) == 0
    with pytest.raises(RunNotFound):
        await records.runs.get(work.run.run_id)
    with pytest.raises(ExecutionNotFound):
        await records.executions.get(work.run.execution_id)


async def test_a_claimed_run_comes_with_all_it_needs_and_shows_that_it_runs(records: Records) -> None:
    work = accepted()
    await records.runs.accept(work)
    held = await records.runs.claim(work.run.run_id, 60.0)
    assert held is not None
    assert held.request == REQUEST
    assert (held.run.state, held.run.attempt) == (RunState.RUNNING, 1)
    assert held.run.started_at is not None
    assert await records.runs.get(work.run.run_id) == held.run
    assert (await records.executions.get(work.run.execution_id)).state is RunState.RUNNING


async def test_two_claims_never_both_get_a_run(records: Records, others: Records) -> None:
    for _ in range(20):
        work = accepted()
        await records.runs.accept(work)
        stores = (records, others) * 4
        got = await asyncio.gather(*(store.runs.claim(work.run.run_id, 60.0) for store in stores))
        assert [each.run.attempt for each in got if each is not None] == [1]


async def test_two_claims_never_both_take_over_an_expired_lease(records: Records, others: Records) -> None:
    for _ in range(10):
        held = await claimed(records, lease=OVER)
        stores = (records, others) * 4
        got = await asyncio.gather(*(store.runs.claim(held.run.run_id, 60.0) for store in stores))
        assert [each.run.attempt for each in got if each is not None] == [2]


async def test_a_run_that_ended_is_not_claimed_again(records: Records) -> None:
    held = await claimed(records)
    assert await records.runs.finish_claimed(ended(held, entries=2))
    assert await records.runs.claim(held.run.run_id, 60.0) is None
    run = await records.runs.get(held.run.run_id)
    assert (run.state, run.completed_at) == (RunState.COMPLETED, NOW)
    assert (await records.executions.get(run.execution_id)).state is RunState.COMPLETED
    assert len(await records.found(run.execution_id)) == 2
    assert not await records.runs.finish_claimed(ended(held, entries=2))
    assert len(await records.found(run.execution_id)) == 2


async def test_an_attempt_that_lost_its_lease_writes_nothing(records: Records, others: Records) -> None:
    old = await claimed(records, lease=OVER)
    new = await others.runs.claim(old.run.run_id, 60.0)
    assert new is not None
    lost = ended(old, entries=3, seed=(given("e"),), tag="stale", supersedes=True)
    assert not await records.runs.finish_claimed(lost)
    assert await records.found(old.run.execution_id) == ()
    assert (await records.executions.get(old.run.execution_id)).tag is None
    assert await records.runs.get(old.run.run_id) == new.run
    won = ended(new)
    assert await others.runs.finish_claimed(won)
    assert await records.found(old.run.execution_id) == won.entries


async def test_an_attempt_whose_lease_ended_may_still_finish_where_nobody_took_over(records: Records) -> None:
    held = await claimed(records, lease=OVER)
    assert await records.runs.finish_claimed(ended(held))


async def test_of_an_end_and_a_take_over_at_once_exactly_one_wins(records: Records, others: Records) -> None:
    for _ in range(20):
        held = await claimed(records, lease=OVER)
        wrote, taken = await asyncio.gather(
            records.runs.finish_claimed(ended(held)), others.runs.claim(held.run.run_id, 60.0)
        )
        assert wrote is (taken is None)
        assert len(await records.found(held.run.execution_id)) == int(wrote)


async def test_only_the_holder_extends_its_lease(records: Records) -> None:
    first, second = await claimed(records, lease=OVER), await claimed(records, lease=OVER)
    await records.runs.extend([(first.run.run_id, 1), (second.run.run_id, 7)], 60.0)
    assert await records.runs.claim(first.run.run_id, 60.0) is None
    assert await records.runs.claim(second.run.run_id, 60.0) is not None
    await records.runs.extend([], 60.0)


async def test_a_run_that_is_handed_back_can_be_taken_when_it_is_due(records: Records) -> None:
    held = await claimed(records)
    await records.runs.hand_back(held.run.run_id, 1, 60.0)
    assert (await records.runs.get(held.run.run_id)).state is RunState.QUEUED
    assert (await records.executions.get(held.run.execution_id)).state is RunState.QUEUED
    assert await records.runs.claim(held.run.run_id, 60.0) is None
    assert not await records.runs.finish_claimed(ended(held))
    again = await claimed(records)
    await records.runs.hand_back(again.run.run_id, 1, 0.0)
    taken = await records.runs.claim(again.run.run_id, 60.0)
    assert taken is not None
    assert taken.run.attempt == 2
    await records.runs.hand_back(again.run.run_id, 1, 0.0)
    assert await records.runs.get(again.run.run_id) == taken.run


async def _without_jobs(records: Records, *run_ids: str) -> None:
    async with records.database.connection() as connection:
        await connection.execute("DELETE FROM pgqueuer WHERE payload = ANY($1)", [each.encode() for each in run_ids])


async def test_exactly_what_is_due_and_nobody_holds_is_woken(records: Records) -> None:
    waiting, with_job = accepted(), accepted()
    for each in (waiting, with_job):
        await records.runs.accept(each)
    live, expired = await claimed(records), await claimed(records, lease=OVER)
    later, over = await claimed(records), await claimed(records)
    await records.runs.hand_back(later.run.run_id, 1, 60.0)
    await records.runs.finish_claimed(ended(over))
    direct = finished()
    await records.runs.finish(direct)
    none = [each.run.run_id for each in (live, later, over, direct)]
    due = [each.run.run_id for each in (waiting, expired)]
    await _without_jobs(records, *none, *due)
    assert await records.runs.wake_overdue() >= 2
    assert [await records.jobs(each) for each in (*due, with_job.run.run_id)] == [1, 1, 1]
    assert [await records.jobs(each) for each in none] == [0] * 4
    assert await records.runs.wake_overdue() == 0


async def test_whoever_ends_a_run_and_whoever_takes_it_never_wait_for_each_other(
    records: Records, database_url: str
) -> None:
    """All hold the execution first and the run then."""
    rival = await asyncpg.connect(database_url)
    for work in ("claim", "hand_back"):
        held = await claimed(records, lease=OVER)
        async with rival.transaction():
            await rival.execute("SELECT 1 FROM executions WHERE execution_id = $1 FOR UPDATE", held.run.execution_id)
            arguments = (held.run.run_id, 60.0) if work == "claim" else (held.run.run_id, 1, 0.0)
            task = asyncio.create_task(getattr(records.runs, work)(*arguments))
            await _until_somebody_waits(rival)
            await rival.execute("UPDATE runs SET media_count = 7 WHERE run_id = $1", held.run.run_id)
        await task
        assert (await records.runs.get(held.run.run_id)).media_count == 7
    await rival.close()


async def _until_somebody_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


async def test_an_observation_of_ten_thousand_entries_is_appended_to_and_read_in_pieces(records: Records) -> None:
    name = await execution(records)
    await records.entries.merge(name, [given(f"e{number}", b'{"n":%d}' % number) for number in range(10_000)])
    more = appended(name)
    await records.runs.finish(more)
    observations = Observations(records.entries, None)  # type: ignore[arg-type]
    pieces = [piece async for piece in observations.stream(name)]
    assert len(pieces) == 2 + 10_001 // ENTRIES_PER_READ + 1
    found = msgspec.json.decode(b"".join(pieces))["mediaContents"]
    assert [each["n"] for each in found[:-1]] == list(range(10_000))
    assert found[-1]["id"] == more.entries[0].entry_id
    page = await observations.page(name, 1000, None)
    assert len(msgspec.json.decode(page.document)["mediaContents"]) == 1000


async def test_pipelines_are_remembered_as_last_seen(records: Records) -> None:
    store = PostgresPipelines(records.database)
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
