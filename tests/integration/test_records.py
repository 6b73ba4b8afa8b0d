"""The records, in the real PostgreSQL."""

import asyncio
from collections.abc import Awaitable
from urllib.parse import quote

import asyncpg
import msgspec
import pytest

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.core.observations import Observations
from gateway.domain.access import ANYONE, EVERYTHING
from gateway.domain.executions import ExecutionFilter, NewExecution
from gateway.domain.ids import new_id
from gateway.domain.media import MediaRecord
from gateway.domain.pipelines import Input, InputRole, Output, OutputRole, Pipeline
from gateway.domain.runs import RunError, RunState
from gateway.errors import (
    ExecutionNotFound,
    Internal,
    MediaNotFound,
    ResultGone,
    RunNotFound,
    StorageUnavailable,
)
from gateway.limits import ENTRIES_PER_READ
from gateway.ports import FinishedRun
from integration.recording import (
    NOW,
    WHY,
    Records,
    accepted,
    appended,
    claimed,
    ended,
    entry,
    execution,
    finished,
    given,
)


async def test_what_was_finished_is_read_back_as_it_was(records: Records) -> None:
    wrote = finished(entries=3)
    await records.runs.finish(wrote)
    assert await records.runs.get(EVERYTHING, wrote.run.run_id) == wrote.run
    assert await records.found(wrote.run.execution_id) == wrote.entries
    execution = await records.executions.get(EVERYTHING, wrote.run.execution_id)
    assert (execution.tag, execution.meta_data, execution.state) == ("t", b'{"b":  1}', RunState.COMPLETED)


async def test_a_failed_run_is_kept_with_its_error_and_without_entries(records: Records) -> None:
    error = RunError("media.unreadable", "Step decode refused it.", "media[0]")
    wrote = finished(entries=0, state=RunState.FAILED, error=error, timings=None)
    await records.runs.finish(wrote)
    assert await records.runs.get(EVERYTHING, wrote.run.run_id) == wrote.run
    assert (await records.executions.get(EVERYTHING, wrote.run.execution_id)).error == error
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
    assert await records.runs.get(EVERYTHING, good.run.run_id) == good.run
    with pytest.raises(RunNotFound):
        await records.runs.get(EVERYTHING, bad.run.run_id)


async def test_what_there_is_not_is_said(records: Records) -> None:
    reads: tuple[Awaitable[object], ...] = (
        records.executions.get(EVERYTHING, "never-was"),
        records.executions.media(EVERYTHING, "never-was"),
        records.executions.delete(EVERYTHING, "never-was"),
        records.executions.remove_media(EVERYTHING, "never-was", "m"),
        records.entries.page(EVERYTHING, "never-was", 10, 0, superseded=False),
        records.entries.merge(EVERYTHING, "never-was", [given("e")]),
        records.runs.page(EVERYTHING, "never-was", 10, None),
        records.runs.finish(appended("never-was")),
        records.runs.accept(accepted("never-was")),
    )
    for read in reads:
        with pytest.raises(ExecutionNotFound):
            await read
    with pytest.raises(RunNotFound):
        await records.runs.get(EVERYTHING, new_id())
    assert await records.runs.claim(new_id(), "w", 1.0) is None


async def test_the_runs_of_an_execution_come_in_pages_oldest_first(records: Records) -> None:
    first = finished()
    more = [appended(first.run.execution_id) for _ in range(4)]
    for each in (first, *more):
        await records.runs.finish(each)
    ids = [each.run.run_id for each in (first, *more)]
    assert [run.run_id for run in await records.runs.page(EVERYTHING, first.run.execution_id, 3, None)] == ids[:3]
    assert [run.run_id for run in await records.runs.page(EVERYTHING, first.run.execution_id, 3, ids[2])] == ids[3:]


async def test_an_execution_shows_its_newest_run_whichever_ends_last(records: Records) -> None:
    name = await execution(records)
    older, newer = appended(name), appended(name)
    newer = msgspec.structs.replace(newer, run=msgspec.structs.replace(newer.run, state=RunState.TIMED_OUT))
    await records.runs.finish(newer)
    await records.runs.finish(older)
    assert (await records.executions.get(EVERYTHING, name)).state is RunState.TIMED_OUT


async def test_a_call_changes_tag_and_metadata_only_where_it_has_some(records: Records) -> None:
    name = await execution(records, tag="old", meta_data=b'{"a":1}')
    await records.runs.finish(appended(name))
    found = await records.executions.get(EVERYTHING, name)
    assert (found.tag, found.meta_data) == ("old", b'{"a":1}')
    await records.runs.finish(msgspec.structs.replace(appended(name), tag="new", meta_data=b'{"b":2}'))
    found = await records.executions.get(EVERYTHING, name)
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
    await records.entries.merge(EVERYTHING, name, [given("mine")])
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
    await records.entries.merge(EVERYTHING, name, [given("known", b'{"old":1}')])
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
    await records.entries.merge(EVERYTHING, name, [given("one"), given(known.entry_id, b'{"new" :1}'), given("two")])
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
    assert (await records.executions.get(EVERYTHING, name)).transient
    with pytest.raises(ResultGone):
        await records.entries.page(EVERYTHING, name, 10, 0, superseded=False)
    with pytest.raises(ResultGone):
        await records.entries.merge(EVERYTHING, name, [given("e")])
    assert await records.runs.get(EVERYTHING, wrote.run.run_id) == wrote.run


async def test_an_execution_is_created_once(records: Records, others: Records) -> None:
    name = new_id()
    new = [NewExecution(execution_id=name, created_at=NOW, tag=str(number)) for number in range(10)]
    created = await asyncio.gather(*((records, others)[n % 2].executions.create(each) for n, each in enumerate(new)))
    assert created.count(True) == 1
    assert (await records.executions.get(EVERYTHING, name)).tag == str(created.index(True))


async def test_executions_are_listed_newest_first_by_tag_and_state(records: Records) -> None:
    tag, other = new_id(), new_id()
    names = [await execution(records, tag=tag) for _ in range(5)]
    await execution(records, tag=other)
    await records.runs.finish(appended(names[1]))
    await records.runs.finish(appended(names[3]))

    async def listed(state: RunState | None, limit: int, before: int | None) -> list[tuple[int, str]]:
        page = await records.executions.page(EVERYTHING, ExecutionFilter(tag, state), limit, before)
        return [(place, each.execution_id) for place, each in page]

    first = await listed(None, 3, None)
    assert [name for _, name in first] == names[:1:-1]
    assert [name for _, name in await listed(None, 3, first[-1][0])] == names[1::-1]
    assert [name for _, name in await listed(RunState.COMPLETED, 10, None)] == [names[3], names[1]]
    assert await listed(RunState.FAILED, 10, None) == []
    newest = await records.executions.page(EVERYTHING, ExecutionFilter(), 1, None)
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
    assert await records.executions.media(EVERYTHING, name) == []
    stored = [media_on(name, media_id) for media_id in ("b", "a", "c")]
    for each in stored:
        await records.executions.announce(EVERYTHING, each.execution_id, each.blob, 60.0)
        await records.executions.add_media(EVERYTHING, each)
    assert await records.executions.media(EVERYTHING, name) == stored
    assert await records.executions.remove_media(EVERYTHING, name, "a") == stored[1].blob
    assert await records.executions.media(EVERYTHING, name) == [stored[0], stored[2]]
    with pytest.raises(MediaNotFound):
        await records.executions.remove_media(EVERYTHING, name, "a")
    with pytest.raises(ExecutionNotFound):
        await records.executions.add_media(EVERYTHING, media_on("never-was", "a"))


async def test_a_deleted_execution_takes_everything_along_and_names_its_blobs(records: Records) -> None:
    name = await execution(records)
    stored = media_on(name, "a")
    await records.executions.announce(EVERYTHING, name, stored.blob, 60.0)
    await records.executions.add_media(EVERYTHING, stored)
    wrote, waiting = appended(name), accepted(name)
    await records.runs.finish(wrote)
    await records.runs.accept(waiting)
    assert sorted(await records.executions.delete(EVERYTHING, name)) == [f"executions/{name}/a", "runs/r/0"]
    for run_id in (wrote.run.run_id, waiting.run.run_id):
        with pytest.raises(RunNotFound):
            await records.runs.get(EVERYTHING, run_id)
    assert await records.runs.claim(waiting.run.run_id, "w", 1.0) is None
    async with records.database.connection() as connection:
        for table in ("executions", "media", "runs", "entries"):
            count = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE execution_id = $1", name)
            assert count == 0, table


async def test_an_execution_that_is_deleted_while_its_run_ends_harms_no_other(records: Records) -> None:
    gone, stays = await execution(records), await execution(records)
    await records.executions.delete(EVERYTHING, gone)
    wrote = [appended(stays), appended(gone), finished(), appended(stays)]
    results = await asyncio.gather(*map(records.runs.finish, wrote), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), ExecutionNotFound, type(None), type(None)]
    assert await records.found(stays) == (*wrote[0].entries, *wrote[3].entries)
    with pytest.raises(ExecutionNotFound):
        await records.executions.get(EVERYTHING, gone)


async def test_an_execution_that_is_deleted_while_a_run_is_accepted_harms_no_other(records: Records) -> None:
    gone = await execution(records)
    await records.executions.delete(EVERYTHING, gone)
    good, bad = accepted(), accepted(gone)
    results = await asyncio.gather(*map(records.runs.accept, (good, bad)), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), ExecutionNotFound]
    assert (await records.jobs(good.run.run_id), await records.jobs(bad.run.run_id)) == (1, 0)


async def test_a_claimed_run_whose_execution_is_deleted_writes_nothing(records: Records) -> None:
    held = await claimed(records)
    await records.executions.delete(EVERYTHING, held.run.execution_id)
    assert not await records.runs.finish_claimed(ended(held))
    await records.runs.hand_back(held.run.run_id, 1, 0.0, WHY)
    await records.runs.extend([(held.run.run_id, 1)], 60.0)


async def test_an_observation_of_ten_thousand_entries_is_appended_to_and_read_in_pieces(records: Records) -> None:
    name = await execution(records)
    await records.entries.merge(
        EVERYTHING, name, [given(f"e{number}", b'{"n":%d}' % number) for number in range(10_000)]
    )
    more = appended(name)
    await records.runs.finish(more)
    observations = Observations(records.entries, None, None)  # type: ignore[arg-type]
    pieces = [piece async for piece in observations.stream(ANYONE, name)]
    assert len(pieces) == 2 + 10_001 // ENTRIES_PER_READ + 1
    found = msgspec.json.decode(b"".join(pieces))["mediaContents"]
    assert [each["n"] for each in found[:-1]] == list(range(10_000))
    assert found[-1]["id"] == more.entries[0].entry_id
    page = await observations.page(ANYONE, name, 1000, None)
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


async def lose_step(records: Records, servers: list[int]) -> None:
    async with records.database.connection() as connection:
        servers.append(connection.get_server_pid())
        raise asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")


async def test_a_connection_that_has_lost_its_step_is_unavailable_and_nobody_has_it_again(records: Records) -> None:
    servers: list[int] = []
    with pytest.raises(StorageUnavailable):
        await lose_step(records, servers)
    async with records.database.connection() as connection:
        assert connection.get_server_pid() not in servers
