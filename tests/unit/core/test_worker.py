import asyncio

import msgspec
import pytest

from gateway.core.holding import Reason
from gateway.domain.access import ANYONE
from gateway.domain.calls import Accepted
from gateway.domain.pipelines import Input, InputRole, PipelineStatus
from gateway.domain.runs import Attempt, RunError, RunState
from gateway.errors import (
    Draining,
    GatewayError,
    MediaUnreadable,
    PipelineNotReady,
    StorageUnavailable,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
    WorkerLost,
)
from gateway.limits import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS
from gateway.ports import DueRun, FinishedRun
from unit.fakes import PATIENCE, START, Gateway, answering, call, failing, gateway, media_of, never, pipeline

PROMPT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT)


async def accepted(built: Gateway, *media: bytes, **fields: object) -> Accepted:
    """A run that waits for a worker."""
    return await built.runs.execute_async(ANYONE, call(*media, **fields))


async def take_up(built: Gateway, run_id: str) -> None:
    await built.worker.take_up(DueRun(run_id, "ocr"))


def tried(built: Gateway, run_id: str, *errors: GatewayError) -> None:
    """The run has had these attempts before."""
    past = tuple(Attempt(number=number, error=RunError.of(error)) for number, error in enumerate(errors, 1))
    run = msgspec.structs.replace(built.records.runs[run_id], attempt=len(errors), past_attempts=past)
    built.records.runs[run_id] = run


def outcome(built: Gateway) -> tuple[RunState, str | None]:
    """The state of the one run that has ended, and the code of its error."""
    (finished,) = built.records.finished
    return finished.run.state, finished.run.error.code if finished.run.error else None


async def test_a_run_that_nobody_can_claim_is_left_alone() -> None:
    built = await gateway()
    await take_up(built, "019aa000-0000-7000-8000-00000000ffff")
    assert built.engine.asked == []
    assert built.records.finished == []


async def test_a_run_is_completed_with_its_entries_and_its_staged_media_dropped() -> None:
    built = await gateway()
    name = await accepted(built, b"one", b"two", parameters={"a": 1})
    staged = set(built.blobs.kept)
    assert len(staged) == 2
    await take_up(built, name.run_id)
    (finished,) = built.records.finished
    assert (finished.run.run_id, finished.run.state, finished.run.attempt) == (name.run_id, RunState.COMPLETED, 1)
    assert [each.media_id for each in finished.entries] == ["media-1", "media-2"]
    assert sorted(map(media_of, built.engine.asked)) == [b"one", b"two"]
    assert sorted(each.request_id for each in built.engine.asked) == [name.run_id, f"{name.run_id}-1"]
    assert all(each.parameters == {"a": 1} for each in built.engine.asked)
    assert built.blobs.kept == {}
    assert set(built.blobs.dropped) == staged


async def test_stored_media_outlive_the_run() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    record = await built.executions.upload(ANYONE, "mine", b"words", "text/plain")
    name = await accepted(built, execution_id="mine")
    await take_up(built, name.run_id)
    (finished,) = built.records.finished
    assert [each.media_id for each in finished.entries] == [record.media_id]
    assert built.blobs.kept == {record.blob: b"words"}


async def test_named_inputs_are_given_to_the_model() -> None:
    built = await gateway(pipeline(inputs=(PROMPT,)))
    name = await accepted(built, text="hi", idempotent=True)
    await take_up(built, name.run_id)
    (asked,) = built.engine.asked
    assert [each.only_element() for each in asked.inputs] == [b"hi"]
    assert built.records.finished[0].supersedes


@pytest.mark.parametrize("error", [TritonFailed(), MediaUnreadable("No."), ZeroDivisionError()])
async def test_a_failure_that_cannot_heal_ends_the_run(error: Exception) -> None:
    built = await gateway(answer=failing(error))
    name = await accepted(built, b"one")
    await take_up(built, name.run_id)
    (finished,) = built.records.finished
    assert (finished.run.state, finished.entries) == (RunState.FAILED, ())
    assert finished.run.error is not None
    assert finished.run.error.code == getattr(error, "code", "internal")
    assert built.run_store.handed_back == []
    assert built.blobs.kept == {}


async def test_a_run_past_its_time_is_timed_out() -> None:
    built = await gateway(answer=never)
    name = await accepted(built, b"one", timeout=0.001)
    await take_up(built, name.run_id)
    assert built.records.finished[0].run.state is RunState.TIMED_OUT


@pytest.mark.parametrize("error", [TritonUnavailable(), TritonOverloaded(), PipelineNotReady()])
@pytest.mark.parametrize("failed", [0, 1, 5, MAX_ATTEMPTS - 2])
async def test_what_can_heal_is_handed_back_each_time_for_longer(error: GatewayError, failed: int) -> None:
    built = await gateway(answer=failing(error))
    name = await accepted(built, b"one")
    tried(built, name.run_id, *[error] * failed)
    await take_up(built, name.run_id)
    ((run_id, attempt, delay),) = built.run_store.handed_back
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2**failed)
    assert (run_id, attempt) == (name.run_id, failed + 1)
    assert longest / 2 <= delay <= longest
    assert built.run_store.put_off_for == [RunError.of(error)]
    assert built.records.finished == []
    assert len(built.blobs.kept) == 1


async def test_what_did_not_heal_in_all_its_tries_has_failed() -> None:
    built = await gateway(answer=failing(TritonUnavailable()))
    name = await accepted(built, b"one")
    tried(built, name.run_id, *[TritonUnavailable()] * (MAX_ATTEMPTS - 1))
    await take_up(built, name.run_id)
    assert built.run_store.handed_back == []
    assert outcome(built) == (RunState.FAILED, "triton.unavailable")
    assert built.blobs.kept == {}


async def test_attempts_that_stopping_workers_handed_back_are_no_tries() -> None:
    built = await gateway(answer=failing(TritonUnavailable()))
    name = await accepted(built, b"one")
    tried(built, name.run_id, *[Draining()] * MAX_ATTEMPTS, TritonUnavailable())
    await take_up(built, name.run_id)
    ((_, attempt, delay),) = built.run_store.handed_back
    assert attempt == MAX_ATTEMPTS + 2
    assert FIRST_RETRY <= delay <= 2 * FIRST_RETRY


async def test_a_run_that_took_every_worker_with_it_is_not_run_again() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    tried(built, name.run_id, *[WorkerLost()] * MAX_ATTEMPTS)
    await take_up(built, name.run_id)
    assert outcome(built) == (RunState.FAILED, "worker.lost")
    assert (built.engine.asked, built.blobs.kept) == ([], {})


@pytest.mark.parametrize("status", [PipelineStatus.LOADING, PipelineStatus.UNAVAILABLE])
async def test_a_run_whose_pipeline_is_not_ready_is_left_where_it_is(status: PipelineStatus) -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.source.pipelines = [pipeline(status=status)]
    await built.pipelines.refresh()
    await take_up(built, name.run_id)
    run = await built.runs.get(ANYONE, name.run_id)
    assert (run.state, run.attempt, run.past_attempts) == (RunState.QUEUED, 0, ())
    assert built.run_store.handed_back == []


async def test_media_that_are_gone_when_the_run_is_taken_up_fail_it() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.blobs.kept.clear()
    await take_up(built, name.run_id)
    assert outcome(built) == (RunState.FAILED, "media.not_found")
    assert built.records.finished[0].run.timings is None


async def test_blobs_that_are_away_when_the_run_is_taken_up_are_waited_for() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.blobs.failure = StorageUnavailable()
    await take_up(built, name.run_id)
    assert [handed[:2] for handed in built.run_store.handed_back] == [(name.run_id, 1)]
    assert built.run_store.put_off_for == [RunError.of(StorageUnavailable())]


async def test_a_run_that_another_attempt_holds_by_now_drops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.run_store.held = False
    await take_up(built, name.run_id)
    assert built.records.finished == []
    assert len(built.blobs.kept) == 1
    assert "run.lost" in [record.getMessage() for record in caplog.records]


async def test_a_worker_that_is_stopped_hands_its_run_back_at_once() -> None:
    built = await gateway(answer=never)
    name = await accepted(built, b"one")
    working = asyncio.create_task(take_up(built, name.run_id))
    await built.engine.begun()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert built.run_store.handed_back == [(name.run_id, 1, 0.0)]
    assert built.run_store.put_off_for == [RunError.of(Draining())]
    assert built.records.finished == []
    assert len(built.blobs.kept) == 1


async def test_a_run_that_was_handed_back_is_taken_up_again_under_its_next_attempt() -> None:
    built = await gateway(answer=failing(TritonUnavailable()))
    name = await accepted(built, b"one")
    await take_up(built, name.run_id)
    built.engine.answer = answering(b"{}")
    await take_up(built, name.run_id)
    (finished,) = built.records.finished
    assert (finished.run.state, finished.run.attempt) == (RunState.COMPLETED, 2)
    assert [each.number for each in finished.run.attempts] == [1, 2]
    assert built.blobs.kept == {}


async def test_a_run_that_is_to_be_canceled_when_it_is_taken_up_is_not_run() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    run = built.records.runs[name.run_id]
    built.records.runs[name.run_id] = msgspec.structs.replace(run, cancel_requested_at=START)
    await take_up(built, name.run_id)
    assert outcome(built) == (RunState.CANCELED, "run.canceled")
    assert (built.engine.asked, built.blobs.kept) == ([], {})


async def test_work_that_was_lost_to_another_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway(answer=never)
    name = await accepted(built, b"one")
    working = asyncio.create_task(take_up(built, name.run_id))
    await built.engine.begun()
    built.holding.call_off(name.run_id, Reason.LOST)
    await asyncio.wait_for(working, PATIENCE)
    assert (built.records.finished, built.run_store.handed_back) == ([], [])
    assert len(built.blobs.kept) == 1
    assert "run.lost" in [record.getMessage() for record in caplog.records]


async def test_a_worker_that_takes_its_own_run_up_again_lets_the_earlier_attempt_go() -> None:
    built = await gateway(answer=never)
    name = await accepted(built, b"one")
    earlier = asyncio.create_task(take_up(built, name.run_id))
    await built.engine.begun()
    run = built.records.runs[name.run_id]
    built.records.runs[name.run_id] = msgspec.structs.replace(run, state=RunState.QUEUED)
    built.engine.answer = answering(b"{}")
    await take_up(built, name.run_id)
    await asyncio.wait_for(earlier, PATIENCE)
    (finished,) = built.records.finished
    assert (finished.run.state, finished.run.attempt) == (RunState.COMPLETED, 2)
    assert built.holding.attempts() == []


async def test_runs_that_found_no_turn_are_run_when_one_ends() -> None:
    built = await gateway(quota=1, answer=never)
    names = [await accepted(built, b"%d" % number) for number in range(3)]
    first = asyncio.create_task(take_up(built, names[0].run_id))
    await built.engine.begun()
    for name in names[1:]:
        await take_up(built, name.run_id)
    assert len(built.engine.asked) == 1
    built.engine.answer = answering(b"{}")
    built.run_store.taken_by_others = ["019aa000-0000-7000-8000-00000000ffff"]
    await built.runs.cancel(ANYONE, names[0].run_id)
    await asyncio.wait_for(first, PATIENCE)
    assert [each.run.run_id for each in built.records.finished] == [name.run_id for name in names]
    assert built.engine.most_at_once == 1


async def test_a_run_that_comes_while_the_next_one_is_looked_for_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = await gateway(quota=1, answer=never)
    first = await accepted(built, b"one")
    working = asyncio.create_task(take_up(built, first.run_id))
    await built.engine.begun()
    await take_up(built, "019aa000-0000-7000-8000-00000000ffff")
    came: list[Accepted] = []

    async def one_comes_meanwhile(pipeline_id: str, limit: int) -> list[str]:
        found = await find_due(pipeline_id, limit)
        if not came:
            came.append(await accepted(built, b"two"))
            await take_up(built, came[0].run_id)
        return found

    find_due = built.run_store.due
    monkeypatch.setattr(built.run_store, "due", one_comes_meanwhile)
    built.engine.answer = answering(b"{}")
    await built.runs.cancel(ANYONE, first.run_id)
    await asyncio.wait_for(working, PATIENCE)
    assert (await built.runs.get(ANYONE, came[0].run_id)).state is RunState.COMPLETED


async def test_no_further_run_is_begun_of_a_pipeline_that_went_away() -> None:
    built = await gateway(quota=1, answer=never)
    names = [await accepted(built, b"%d" % number) for number in range(2)]
    first = asyncio.create_task(take_up(built, names[0].run_id))
    await built.engine.begun()
    await take_up(built, names[1].run_id)
    built.source.pipelines = [pipeline(status=PipelineStatus.UNAVAILABLE)]
    await built.pipelines.refresh()
    await built.runs.cancel(ANYONE, names[0].run_id)
    await asyncio.wait_for(first, PATIENCE)
    assert (await built.runs.get(ANYONE, names[1].run_id)).state is RunState.QUEUED


async def test_an_end_is_written_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.retrying.WRITE_RETRY", 0.0)
    built = await gateway(lease=3600.0)
    name = await accepted(built, b"one")
    finish, left = built.run_store.finish_claimed, [StorageUnavailable()]

    async def away_at_first(finished: FinishedRun) -> bool:
        if left:
            raise left.pop()
        return await finish(finished)

    monkeypatch.setattr(built.run_store, "finish_claimed", away_at_first)
    await take_up(built, name.run_id)
    assert outcome(built) == (RunState.COMPLETED, None)


async def test_a_turn_is_given_back_whatever_becomes_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.retrying.WRITE_RETRY", 0.0)
    built = await gateway(quota=1)
    name = await accepted(built, b"one")
    built.records.failure = StorageUnavailable()
    with pytest.raises(StorageUnavailable):
        await take_up(built, name.run_id)
    assert not built.quotas.full("ocr")
    assert built.holding.attempts() == []


async def test_a_run_that_is_given_up_has_failed_as_its_pipeline_was_not_ready() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    await built.worker.give_up(name.run_id)
    assert outcome(built) == (RunState.FAILED, "pipeline.not_ready")
    assert built.blobs.kept == {}


async def test_a_run_that_somebody_took_is_not_given_up() -> None:
    built = await gateway()
    await built.worker.give_up("019aa000-0000-7000-8000-00000000ffff")
    assert built.records.finished == []
