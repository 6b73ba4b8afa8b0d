"""Runs in the background, in the real PostgreSQL: accepted, claimed, held, handed back, ended once."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from gateway.adapters.postgres import writing
from gateway.adapters.postgres.wakeups import WakeUp
from gateway.domain.access import EVERYTHING
from gateway.domain.ids import new_id
from gateway.domain.runs import RunState
from gateway.errors import (
    ExecutionNotFound,
    Internal,
    RunNotFound,
)
from gateway.ports import Canceled, Extended
from integration.recording import (
    CANCELED,
    NOW,
    OVER,
    REQUEST,
    WHY,
    Records,
    accepted,
    claimed,
    ended,
    execution,
    finished,
    given,
)


async def test_an_accepted_run_waits_and_has_one_job(records: Records) -> None:
    work = accepted(tag="mine", seed=(given("e"),))
    await records.runs.accept(work)
    assert await records.runs.get(EVERYTHING, work.run.run_id) == work.run
    assert (await records.executions.get(EVERYTHING, work.run.execution_id)).state is RunState.QUEUED
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
    wake = writing.wake

    async def woken_but_lost(connection: asyncpg.Connection, wishes: Sequence[WakeUp]) -> int:
        await wake(connection, wishes)
        raise ZeroDivisionError

    monkeypatch.setattr(writing, "wake", woken_but_lost)
    work = accepted()
    with pytest.raises(Internal):
        await records.runs.accept(work)
    assert await records.jobs(work.run.run_id) == 0
    with pytest.raises(RunNotFound):
        await records.runs.get(EVERYTHING, work.run.run_id)
    with pytest.raises(ExecutionNotFound):
        await records.executions.get(EVERYTHING, work.run.execution_id)


async def test_a_claimed_run_comes_with_all_it_needs_and_shows_that_it_runs(records: Records) -> None:
    work = accepted()
    await records.runs.accept(work)
    held = await records.runs.claim(work.run.run_id, "w", 60.0)
    assert held is not None
    assert held.request == REQUEST
    assert (held.run.state, held.run.attempt) == (RunState.RUNNING, 1)
    assert held.run.started_at is not None
    assert await records.runs.get(EVERYTHING, work.run.run_id) == held.run
    assert (await records.executions.get(EVERYTHING, work.run.execution_id)).state is RunState.RUNNING


async def test_two_claims_never_both_get_a_run(records: Records, others: Records) -> None:
    for _ in range(20):
        work = accepted()
        await records.runs.accept(work)
        stores = (records, others) * 4
        got = await asyncio.gather(*(store.runs.claim(work.run.run_id, "w", 60.0) for store in stores))
        assert [each.run.attempt for each in got if each is not None] == [1]


async def test_two_claims_never_both_take_over_an_expired_lease(records: Records, others: Records) -> None:
    for _ in range(10):
        held = await claimed(records, lease=OVER)
        stores = (records, others) * 4
        got = await asyncio.gather(*(store.runs.claim(held.run.run_id, "w", 60.0) for store in stores))
        assert [each.run.attempt for each in got if each is not None] == [2]


async def test_a_run_that_ended_is_not_claimed_again(records: Records) -> None:
    held = await claimed(records)
    assert await records.runs.finish_claimed(ended(held, entries=2))
    assert await records.runs.claim(held.run.run_id, "w", 60.0) is None
    run = await records.runs.get(EVERYTHING, held.run.run_id)
    assert (run.state, run.completed_at) == (RunState.COMPLETED, NOW)
    assert (await records.executions.get(EVERYTHING, run.execution_id)).state is RunState.COMPLETED
    assert len(await records.found(run.execution_id)) == 2
    assert not await records.runs.finish_claimed(ended(held, entries=2))
    assert len(await records.found(run.execution_id)) == 2


async def test_an_attempt_that_lost_its_lease_writes_nothing(records: Records, others: Records) -> None:
    old = await claimed(records, lease=OVER)
    new = await others.runs.claim(old.run.run_id, "w", 60.0)
    assert new is not None
    lost = ended(old, entries=3, seed=(given("e"),), tag="stale", supersedes=True)
    assert not await records.runs.finish_claimed(lost)
    assert await records.found(old.run.execution_id) == ()
    assert (await records.executions.get(EVERYTHING, old.run.execution_id)).tag is None
    assert await records.runs.get(EVERYTHING, old.run.run_id) == new.run
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
            records.runs.finish_claimed(ended(held)), others.runs.claim(held.run.run_id, "w", 60.0)
        )
        assert wrote is (taken is None)
        assert len(await records.found(held.run.execution_id)) == int(wrote)


async def test_only_the_holder_extends_its_lease(records: Records) -> None:
    first, second = await claimed(records, lease=OVER), await claimed(records, lease=OVER)
    await records.runs.extend([(first.run.run_id, 1), (second.run.run_id, 7)], 60.0)
    assert await records.runs.claim(first.run.run_id, "w", 60.0) is None
    assert await records.runs.claim(second.run.run_id, "w", 60.0) is not None
    await records.runs.extend([], 60.0)


async def test_a_run_that_is_handed_back_can_be_taken_when_it_is_due(records: Records) -> None:
    held = await claimed(records)
    await records.runs.hand_back(held.run.run_id, 1, 60.0, WHY)
    assert (await records.runs.get(EVERYTHING, held.run.run_id)).state is RunState.QUEUED
    assert (await records.executions.get(EVERYTHING, held.run.execution_id)).state is RunState.QUEUED
    assert await records.runs.claim(held.run.run_id, "w", 60.0) is None
    assert not await records.runs.finish_claimed(ended(held))
    again = await claimed(records)
    await records.runs.hand_back(again.run.run_id, 1, 0.0, WHY)
    taken = await records.runs.claim(again.run.run_id, "w", 60.0)
    assert taken is not None
    assert taken.run.attempt == 2
    await records.runs.hand_back(again.run.run_id, 1, 0.0, WHY)
    assert await records.runs.get(EVERYTHING, again.run.run_id) == taken.run


async def _without_jobs(records: Records, *run_ids: str) -> None:
    async with records.database.connection() as connection:
        await connection.execute("DELETE FROM pgqueuer WHERE dedupe_key = ANY($1)", run_ids)


async def test_exactly_what_is_due_and_nobody_holds_is_woken(records: Records) -> None:
    waiting, with_job = accepted(), accepted()
    for each in (waiting, with_job):
        await records.runs.accept(each)
    live, expired = await claimed(records), await claimed(records, lease=OVER)
    later, over = await claimed(records), await claimed(records)
    await records.runs.hand_back(later.run.run_id, 1, 60.0, WHY)
    await records.runs.finish_claimed(ended(over))
    direct = finished()
    await records.runs.finish(direct)
    none = [each.run.run_id for each in (live, later, over, direct)]
    due = [each.run.run_id for each in (waiting, expired)]
    await _without_jobs(records, *none, *due)
    assert await records.runs.wake_overdue(["ocr"]) >= 2
    assert [await records.jobs(each) for each in (*due, with_job.run.run_id)] == [1, 1, 1]
    assert [await records.jobs(each) for each in none] == [0] * 4
    assert await records.runs.wake_overdue(["ocr"]) == 0


async def test_whoever_ends_a_run_and_whoever_takes_it_never_wait_for_each_other(
    records: Records, database_url: str
) -> None:
    """All hold the execution first and the run then."""
    rival = await asyncpg.connect(database_url)
    for work in ("claim", "hand_back"):
        held = await claimed(records, lease=OVER)
        async with rival.transaction():
            await rival.execute("SELECT 1 FROM executions WHERE execution_id = $1 FOR UPDATE", held.run.execution_id)
            arguments = (held.run.run_id, "w", 60.0) if work == "claim" else (held.run.run_id, 1, 0.0, WHY)
            task = asyncio.create_task(getattr(records.runs, work)(*arguments))
            await _until_somebody_waits(rival)
            await rival.execute("UPDATE runs SET media_count = 7 WHERE run_id = $1", held.run.run_id)
        await task
        assert (await records.runs.get(EVERYTHING, held.run.run_id)).media_count == 7
    await rival.close()


async def _until_somebody_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


async def test_the_attempts_that_did_not_end_a_run_are_kept_with_their_workers_and_errors(records: Records) -> None:
    held = await claimed(records)
    await records.runs.hand_back(held.run.run_id, 1, 0.0, WHY)
    waiting = await records.runs.get(EVERYTHING, held.run.run_id)
    assert (waiting.started_at, waiting.worker) == (None, "worker-1")
    lost = await records.runs.claim(held.run.run_id, "worker-2", OVER)
    last = await records.runs.claim(held.run.run_id, "worker-3", 60.0)
    assert lost is not None
    assert last is not None
    first, second = last.run.past_attempts
    assert (first.number, first.worker, first.error) == (1, "worker-1", WHY)
    assert first.started_at == held.run.started_at
    assert (second.number, second.worker, second.started_at) == (2, "worker-2", lost.run.started_at)
    assert second.error is not None
    assert second.error.code == "worker.lost"
    assert [each.number for each in last.run.attempts] == [1, 2, 3]
    assert await records.runs.finish_claimed(ended(last))
    assert (await records.runs.get(EVERYTHING, held.run.run_id)).past_attempts == (first, second)


async def test_a_run_that_waits_is_canceled_at_once_and_its_blobs_are_named(records: Records) -> None:
    work = accepted()
    await records.runs.accept(work)
    canceled = await records.runs.cancel(EVERYTHING, work.run.run_id, CANCELED)
    assert (canceled.run.state, canceled.run.error, canceled.blobs) == (RunState.CANCELED, CANCELED, REQUEST.staged)
    assert canceled.run.completed_at is not None
    assert (await records.executions.get(EVERYTHING, work.run.execution_id)).state is RunState.CANCELED
    assert await records.runs.claim(work.run.run_id, "w", 60.0) is None
    assert await records.runs.cancel(EVERYTHING, work.run.run_id, CANCELED) == Canceled(canceled.run)


async def test_a_run_that_is_worked_on_keeps_that_it_is_to_be_canceled(records: Records) -> None:
    held = await claimed(records)
    canceled = await records.runs.cancel(EVERYTHING, held.run.run_id, CANCELED)
    assert (canceled.run.state, canceled.blobs) == (RunState.RUNNING, ())
    asked_at = canceled.run.cancel_requested_at
    assert asked_at is not None
    assert (await records.runs.cancel(EVERYTHING, held.run.run_id, CANCELED)).run.cancel_requested_at == asked_at
    extended = await records.runs.extend([(held.run.run_id, 1)], OVER)
    assert extended == Extended(frozenset({held.run.run_id}), frozenset({held.run.run_id}))
    taken = await records.runs.claim(held.run.run_id, "w", 60.0)
    assert taken is not None
    assert taken.run.cancel_requested_at == asked_at


async def test_what_has_ended_or_never_was_is_not_canceled(records: Records) -> None:
    over = finished()
    await records.runs.finish(over)
    assert (await records.runs.cancel(EVERYTHING, over.run.run_id, CANCELED)) == Canceled(over.run)
    with pytest.raises(RunNotFound):
        await records.runs.cancel(EVERYTHING, new_id(), CANCELED)


async def test_of_a_cancellation_and_a_claim_at_once_no_media_is_lost_to_the_run(
    records: Records, others: Records
) -> None:
    for _ in range(20):
        work = accepted()
        await records.runs.accept(work)
        canceled, taken = await asyncio.gather(
            records.runs.cancel(EVERYTHING, work.run.run_id, CANCELED), others.runs.claim(work.run.run_id, "w", 60.0)
        )
        assert (canceled.blobs == ()) is (taken is not None)


async def test_a_run_is_not_due_before_its_time_and_the_most_urgent_comes_first(records: Records) -> None:
    name = f"pipeline-{new_id()}"
    later = accepted(delay=60.0, pipeline_id=name, execute_after=NOW)
    low, high, normal = (accepted(priority=each, pipeline_id=name) for each in ("low", "high", "normal"))
    for each in (later, low, high, normal):
        await records.runs.accept(each)
    assert await records.runs.claim(later.run.run_id, "w", 60.0) is None
    assert await records.runs.get(EVERYTHING, later.run.run_id) == later.run
    assert await records.runs.due(name, 9) == [each.run.run_id for each in (high, normal, low)]
    await _without_jobs(records, *(each.run.run_id for each in (later, low, high, normal)))
    assert await records.runs.wake_overdue(["another"]) == 0
    assert await records.runs.wake_overdue([name]) == 3
    async with records.database.connection() as connection:
        ranks = await connection.fetch(
            "SELECT dedupe_key FROM pgqueuer WHERE dedupe_key = ANY($1) ORDER BY priority DESC",
            [each.run.run_id for each in (low, high, normal)],
        )
    assert [row["dedupe_key"] for row in ranks] == [each.run.run_id for each in (high, normal, low)]


async def test_what_waits_is_counted_found_to_be_stale_and_known_to_need_its_media(records: Records) -> None:
    before = await records.runs.backlog(100_000)
    waiting, held = accepted(), await claimed(records)
    await records.runs.accept(waiting)
    assert await records.runs.backlog(100_000) == before + 1
    assert await records.runs.backlog(1) == 1
    stale = await records.runs.stale(["another"], 60.0, 100_000)
    assert waiting.run.run_id not in await records.runs.stale(["ocr"], 60.0, 100_000)
    assert waiting.run.run_id in stale
    assert held.run.run_id not in stale
    over = finished()
    await records.runs.finish(over)
    names = [each.run.run_id for each in (waiting, held, over)]
    assert await records.runs.unfinished([*names, new_id()]) == {waiting.run.run_id, held.run.run_id}
    assert {each.run_id for each in await records.runs.find([*names, new_id()])} == set(names)
