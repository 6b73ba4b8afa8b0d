import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.core.following import Following
from gateway.domain.ids import new_id
from gateway.domain.run_events import RunEvent
from gateway.domain.runs import Run, RunError, RunState
from gateway.errors import GatewayError, Internal, Overloaded, RunNotFound, StorageUnavailable, TritonFailed
from unit.fakes import EXECUTION_ID, PATIENCE, START, FakeRecords, FakeRuns, brought_about, finished_run

#: So long that a test in which somebody looks only then fails.
LONG = 3600.0
QUEUED = Run(
    run_id=finished_run().run.run_id,
    execution_id=EXECUTION_ID,
    pipeline_id="ocr",
    pipeline_version=0,
    state=RunState.QUEUED,
    attempt=0,
    media_count=1,
    created_at=START,
)
RUNNING = msgspec.structs.replace(QUEUED, state=RunState.RUNNING, attempt=1, worker="w", started_at=START)
COMPLETED = msgspec.structs.replace(RUNNING, state=RunState.COMPLETED, completed_at=START)


@pytest.fixture
def records() -> FakeRecords:
    """The records of one run that waits."""
    records, new = FakeRecords(), finished_run().new
    assert new is not None
    records.executions[EXECUTION_ID] = brought_about(new)
    records.show(QUEUED)
    return records


@pytest.fixture
def store(records: FakeRecords) -> FakeRuns:
    return FakeRuns(records)


@pytest.fixture
async def following(store: FakeRuns) -> AsyncIterator[Following]:
    following = Following(store)
    yield following
    await following.close()


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks of itself."""
    monkeypatch.setattr("gateway.core.following.FOLLOW_INTERVAL", LONG)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr("gateway.core.following.FOLLOW_INTERVAL", 0.001)


async def begun(following: Following, store: FakeRuns, known: Run = QUEUED) -> "asyncio.Task[Run]":
    """Somebody who waits, after one look."""
    looks = store.looks.times
    waiting = asyncio.create_task(following.wait(known, LONG))
    await store.looks.rang(looks + 1)
    return waiting


async def ended(waiting: "asyncio.Task[Run]") -> Run:
    return await asyncio.wait_for(waiting, PATIENCE)


def unlike(state: RunState) -> Run:
    """The run as it was in another state."""
    return msgspec.structs.replace(QUEUED, state=state)


@pytest.mark.usefixtures("seldom")
async def test_a_change_in_this_process_is_told_at_once(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    waiting = await begun(following, store)
    records.show(RUNNING)
    following.changed(QUEUED.run_id)
    assert await ended(waiting) == RUNNING


@pytest.mark.usefixtures("often")
async def test_a_change_elsewhere_is_told_at_the_next_look(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    waiting = await begun(following, store)
    records.show(RUNNING)
    assert await ended(waiting) == RUNNING


@pytest.mark.usefixtures("seldom")
async def test_a_change_before_anybody_waited_is_told_at_once(following: Following, records: FakeRecords) -> None:
    records.show(RUNNING)
    async with asyncio.timeout(PATIENCE):
        assert await following.wait(QUEUED, LONG) == RUNNING


@pytest.mark.usefixtures("seldom")
async def test_what_changes_of_a_run_that_nobody_follows_is_not_looked_at(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    waiting = await begun(following, store)
    following.changed(new_id())
    records.show(RUNNING)
    following.changed(QUEUED.run_id)
    await ended(waiting)
    assert store.looks.times == 2


@pytest.mark.usefixtures("seldom")
async def test_one_look_serves_all_who_wait(following: Following, store: FakeRuns, records: FakeRecords) -> None:
    other = msgspec.structs.replace(QUEUED, run_id=new_id())
    records.show(other)
    those = [asyncio.create_task(following.wait(known, LONG)) for known in [QUEUED] * 20 + [other] * 20]
    await store.looks.rang(1)
    records.show(RUNNING)
    records.show(msgspec.structs.replace(other, state=RunState.RUNNING))
    following.changed(QUEUED.run_id)
    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(*those)
    assert [run.state for run in found] == [RunState.RUNNING] * 40
    assert store.looks.times == 2


@pytest.mark.usefixtures("often")
async def test_a_run_that_does_not_change_is_returned_when_the_time_is_over(following: Following) -> None:
    assert await following.wait(QUEUED, 0.01) is QUEUED


@pytest.mark.parametrize("state", [each for each in RunState if each.ended])
async def test_a_run_that_has_ended_is_returned_without_a_look(
    following: Following, store: FakeRuns, state: RunState
) -> None:
    known = unlike(state)
    assert await following.wait(known, LONG) is known
    assert await following.until_ended(known, LONG) is known
    assert store.looks.times == 0


@pytest.mark.usefixtures("seldom")
async def test_a_run_that_is_deleted_is_told_as_gone(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    waiting = await begun(following, store)
    until = asyncio.create_task(following.until_ended(QUEUED, LONG))
    await store.looks.rang(2)
    records.runs.clear()
    following.changed(QUEUED.run_id)
    for each in (waiting, until):
        with pytest.raises(RunNotFound):
            await ended(each)
    assert store.looks.times == 3


@pytest.mark.usefixtures("seldom")
async def test_when_the_gateway_stops_all_go_but_those_whose_call_it_is(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    looking = await begun(following, store)
    streaming = asyncio.create_task(events_of(following, QUEUED))
    calling = asyncio.create_task(following.until_ended(QUEUED, LONG, stays=True))
    await store.looks.rang(2)
    following.let_go()
    assert await ended(looking) is QUEUED
    assert len(await asyncio.wait_for(streaming, PATIENCE)) == 1
    assert await following.wait(QUEUED, LONG) is QUEUED
    assert not calling.done()
    records.show(COMPLETED)
    following.changed(QUEUED.run_id)
    assert await ended(calling) == COMPLETED


async def test_after_closing_not_even_those_stay_whose_call_it_is(following: Following) -> None:
    await following.close()
    async with asyncio.timeout(PATIENCE):
        assert await following.until_ended(QUEUED, LONG, stays=True) is QUEUED


async def test_a_stream_ends_when_it_is_old(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.following.MAX_STREAM_AGE", 0.0)
    assert [each and each.sequence for each in await events_of(following, RUNNING)] == [1, 2]


async def test_too_many_followers_are_refused_and_places_become_free(
    following: Following, store: FakeRuns, records: FakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.following.MAX_FOLLOWERS", 1)
    waiting = await begun(following, store)
    with pytest.raises(Overloaded):
        await following.wait(QUEUED, LONG)
    records.show(RUNNING)
    following.changed(QUEUED.run_id)
    await ended(waiting)
    assert await following.wait(RUNNING, 0.0) is RUNNING


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("error", [StorageUnavailable(), Internal()])
async def test_a_store_that_is_away_for_a_while_lets_nobody_go(
    following: Following, store: FakeRuns, records: FakeRecords, error: GatewayError
) -> None:
    waiting = await begun(following, store)
    records.failure = error
    await store.looks.rang(store.looks.times + 3)
    assert not waiting.done()
    records.show(RUNNING)
    records.failure = None
    assert await ended(waiting) == RUNNING


@pytest.mark.usefixtures("seldom")
async def test_closing_lets_everybody_go_with_what_is_known(following: Following, store: FakeRuns) -> None:
    waiting = await begun(following, store)
    until = asyncio.create_task(following.until_ended(QUEUED, LONG))
    told = asyncio.create_task(events_of(following, QUEUED))
    await store.looks.rang(2)
    await following.close()
    assert [await ended(waiting), await ended(until)] == [QUEUED, QUEUED]
    assert [each and each.state for each in await asyncio.wait_for(told, PATIENCE)] == [RunState.QUEUED]


async def test_after_closing_nobody_waits_any_more(following: Following, store: FakeRuns) -> None:
    await following.close()
    async with asyncio.timeout(PATIENCE):
        assert await following.wait(QUEUED, LONG) is QUEUED
        assert await following.until_ended(QUEUED, LONG) is QUEUED
    assert store.looks.times == 0


@pytest.mark.usefixtures("often")
async def test_nothing_goes_on_when_nobody_waits(following: Following) -> None:
    before = asyncio.all_tasks()
    await following.wait(QUEUED, 0.01)
    looking = asyncio.all_tasks() - before
    if looking:
        _, left = await asyncio.wait(looking, timeout=PATIENCE)
        assert not left


@pytest.mark.usefixtures("often")
async def test_whoever_comes_after_all_have_gone_is_served_again(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    before = asyncio.all_tasks()
    await following.wait(QUEUED, 0.0)
    if looking := asyncio.all_tasks() - before:
        await asyncio.wait(looking, timeout=PATIENCE)
    waiting = await begun(following, store)
    records.show(RUNNING)
    assert await ended(waiting) == RUNNING


@pytest.mark.usefixtures("seldom")
async def test_a_follower_who_leaves_does_not_disturb_the_others(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    waiting, leaving = await begun(following, store), asyncio.create_task(following.wait(QUEUED, LONG))
    await store.looks.rang(2)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    records.show(RUNNING)
    following.changed(QUEUED.run_id)
    assert await ended(waiting) == RUNNING


@pytest.mark.usefixtures("seldom")
async def test_until_it_has_ended_a_run_may_change_as_it_likes(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    waiting = asyncio.create_task(following.until_ended(QUEUED, LONG))
    await store.looks.rang(1)
    for run in (RUNNING, COMPLETED):
        looks = store.looks.times
        records.show(run)
        following.changed(QUEUED.run_id)
        await store.looks.rang(looks + 1)
    assert await ended(waiting) == COMPLETED


@pytest.mark.usefixtures("often")
async def test_a_run_that_has_not_ended_in_time_is_returned_as_it_is(
    following: Following, records: FakeRecords
) -> None:
    records.show(RUNNING)
    assert await following.until_ended(RUNNING, 0.01) is RUNNING


async def events_of(following: Following, known: Run, after: int = 0) -> list[RunEvent | None]:
    return [each async for each in following.events(known, after, LONG)]


@pytest.mark.usefixtures("seldom")
async def test_events_are_told_as_they_come_until_the_end(
    following: Following, store: FakeRuns, records: FakeRecords
) -> None:
    told = following.events(QUEUED, 0, LONG)
    assert [each and each.state for each in [await anext(told)]] == [RunState.QUEUED]
    for run in (RUNNING, COMPLETED):
        looks = store.looks.times
        coming = asyncio.ensure_future(anext(told))
        await store.looks.rang(looks + 1)
        records.show(run)
        following.changed(QUEUED.run_id)
        event = await asyncio.wait_for(coming, PATIENCE)
        assert event is not None
        assert event.state == run.state
    with pytest.raises(StopAsyncIteration):
        await anext(told)


async def test_events_go_on_behind_the_one_that_was_seen_last(following: Following) -> None:
    failed = msgspec.structs.replace(COMPLETED, state=RunState.FAILED, error=RunError.of(TritonFailed()))
    told = await events_of(following, failed, 1)
    assert [each and (each.sequence, each.state) for each in told] == [(2, RunState.RUNNING), (3, RunState.FAILED)]
    assert await events_of(following, failed, 3) == []


@pytest.mark.usefixtures("seldom")
async def test_where_nothing_happens_for_a_heartbeat_none_is_told(following: Following, records: FakeRecords) -> None:
    told = following.events(QUEUED, 1, 0.01)
    assert [await anext(told), await anext(told)] == [None, None]
    records.show(COMPLETED)
    async with asyncio.timeout(PATIENCE):
        states = [each.state async for each in told if each is not None]
    assert states == [RunState.RUNNING, RunState.COMPLETED]


async def test_a_change_that_is_no_event_is_not_told(
    following: Following, store: FakeRuns, records: FakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.following.FOLLOW_INTERVAL", LONG)
    told = asyncio.create_task(events_of(following, RUNNING, 2))
    await store.looks.rang(1)
    records.show(msgspec.structs.replace(RUNNING, cancel_requested_at=START))
    following.changed(QUEUED.run_id)
    await store.looks.rang(3)
    records.show(COMPLETED)
    following.changed(QUEUED.run_id)
    assert [each and each.state for each in await asyncio.wait_for(told, PATIENCE)] == [RunState.COMPLETED]


async def test_events_are_refused_where_too_many_follow(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.following.MAX_FOLLOWERS", 0)
    told = following.events(QUEUED, 1, LONG)
    with pytest.raises(Overloaded):
        await anext(told)
