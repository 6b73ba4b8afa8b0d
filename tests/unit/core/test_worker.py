import asyncio

import msgspec
import pytest

from gateway.domain.calls import Accepted, Call
from gateway.domain.media import given
from gateway.domain.pipelines import Input, InputRole, PipelineStatus
from gateway.domain.runs import RunState
from gateway.domain.tensors import Value
from gateway.errors import (
    GatewayError,
    MediaUnreadable,
    PipelineNotReady,
    StorageUnavailable,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
)
from gateway.limits import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS
from gateway.ports import Dispatch, Inference
from unit.fakes import Gateway, failing, gateway, media_of, pipeline

PROMPT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT)


async def accepted(built: Gateway, *media: bytes, **fields: object) -> Accepted:
    """A run that waits for a worker."""
    asked = {"pipeline_id": "ocr", "media": given(list(media)), "timeout": 30.0} | fields
    return await built.runs.execute_async(Call(**asked))  # type: ignore[arg-type]


def at_attempt(built: Gateway, run_id: str, attempt: int) -> None:
    """The run is on this try."""
    claimed = built.run_store.claimable[run_id]
    run = msgspec.structs.replace(claimed.run, attempt=attempt)
    built.run_store.claimable[run_id] = msgspec.structs.replace(claimed, run=run)


async def never(_: Inference, __: Dispatch) -> list[Value]:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_run_that_nobody_can_claim_is_left_alone() -> None:
    built = await gateway()
    await built.worker.take_up("019aa000-0000-7000-8000-00000000ffff")
    assert built.engine.asked == []
    assert built.records.finished == []


async def test_a_run_is_completed_with_its_entries_and_its_staged_media_dropped() -> None:
    built = await gateway()
    name = await accepted(built, b"one", b"two", parameters={"a": 1})
    staged = set(built.blobs.kept)
    assert len(staged) == 2
    await built.worker.take_up(name.run_id)
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
    await built.executions.create("mine", None, None)
    record = await built.executions.upload("mine", b"words", "text/plain")
    name = await accepted(built, execution_id="mine")
    await built.worker.take_up(name.run_id)
    (finished,) = built.records.finished
    assert [each.media_id for each in finished.entries] == [record.media_id]
    assert built.blobs.kept == {record.blob: b"words"}


async def test_named_inputs_are_given_to_the_model() -> None:
    built = await gateway(pipeline(inputs=(PROMPT,)))
    name = await accepted(built, text="hi", idempotent=True)
    await built.worker.take_up(name.run_id)
    (asked,) = built.engine.asked
    assert [each.only_element() for each in asked.inputs] == [b"hi"]
    assert built.records.finished[0].supersedes


@pytest.mark.parametrize("error", [TritonFailed(), MediaUnreadable("No."), ZeroDivisionError()])
async def test_a_failure_that_cannot_heal_ends_the_run(error: Exception) -> None:
    built = await gateway(answer=failing(error))
    name = await accepted(built, b"one")
    await built.worker.take_up(name.run_id)
    (finished,) = built.records.finished
    assert (finished.run.state, finished.entries) == (RunState.FAILED, ())
    assert finished.run.error is not None
    assert finished.run.error.code == getattr(error, "code", "internal")
    assert built.run_store.handed_back == []
    assert built.blobs.kept == {}


async def test_a_run_past_its_time_is_timed_out() -> None:
    built = await gateway(answer=never)
    name = await accepted(built, b"one", timeout=0.001)
    await built.worker.take_up(name.run_id)
    assert built.records.finished[0].run.state is RunState.TIMED_OUT


@pytest.mark.parametrize("error", [TritonUnavailable(), TritonOverloaded(), PipelineNotReady()])
@pytest.mark.parametrize("attempt", [1, 2, 5, MAX_ATTEMPTS - 1])
async def test_what_can_heal_is_handed_back_each_time_for_longer(error: GatewayError, attempt: int) -> None:
    built = await gateway(answer=failing(error))
    name = await accepted(built, b"one")
    at_attempt(built, name.run_id, attempt)
    await built.worker.take_up(name.run_id)
    delay = min(LONGEST_RETRY, FIRST_RETRY * 2 ** (attempt - 1))
    assert built.run_store.handed_back == [(name.run_id, attempt, delay)]
    assert built.records.finished == []
    assert len(built.blobs.kept) == 1


async def test_what_did_not_heal_in_all_its_tries_has_failed() -> None:
    built = await gateway(answer=failing(TritonUnavailable()))
    name = await accepted(built, b"one")
    at_attempt(built, name.run_id, MAX_ATTEMPTS)
    await built.worker.take_up(name.run_id)
    assert built.run_store.handed_back == []
    (finished,) = built.records.finished
    assert finished.run.state is RunState.FAILED
    assert finished.run.error is not None
    assert finished.run.error.code == "triton.unavailable"


async def test_a_pipeline_that_is_away_when_the_run_is_taken_up_is_waited_for() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.source.pipelines = [pipeline(status=PipelineStatus.LOADING)]
    await built.pipelines.refresh()
    await built.worker.take_up(name.run_id)
    assert built.run_store.handed_back == [(name.run_id, 1, FIRST_RETRY)]


async def test_media_that_are_gone_when_the_run_is_taken_up_fail_it() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.blobs.kept.clear()
    await built.worker.take_up(name.run_id)
    (finished,) = built.records.finished
    assert (finished.run.state, finished.run.timings) == (RunState.FAILED, None)
    assert finished.run.error is not None
    assert finished.run.error.code == "media.not_found"


async def test_blobs_that_are_away_when_the_run_is_taken_up_are_waited_for() -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.blobs.failure = StorageUnavailable()
    await built.worker.take_up(name.run_id)
    assert built.run_store.handed_back == [(name.run_id, 1, FIRST_RETRY)]


async def test_a_run_that_another_attempt_holds_by_now_drops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway()
    name = await accepted(built, b"one")
    built.run_store.held = False
    await built.worker.take_up(name.run_id)
    assert built.records.finished == []
    assert len(built.blobs.kept) == 1
    assert "run.lost" in [record.getMessage() for record in caplog.records]


async def test_a_worker_that_is_stopped_hands_its_run_back_at_once() -> None:
    built = await gateway(answer=never)
    name = await accepted(built, b"one")
    working = asyncio.create_task(built.worker.take_up(name.run_id))
    while not built.engine.asked:
        await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert built.run_store.handed_back == [(name.run_id, 1, 0.0)]
    assert built.records.finished == []
    assert len(built.blobs.kept) == 1


async def test_what_a_worker_holds_is_extended_and_what_nobody_holds_is_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.core.worker.RECONCILE_INTERVAL", 0.001)
    built = await gateway(answer=never)
    name = await accepted(built, b"one")
    working = asyncio.create_task(built.worker.take_up(name.run_id))
    while not built.engine.asked:
        await asyncio.sleep(0)
    keeping = asyncio.create_task(built.worker.keep())
    await built.run_store.woke(2)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await built.run_store.woke(built.run_store.rounds + 2)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert built.run_store.extended[0] == [(name.run_id, 1)]
    assert built.run_store.extended[-1] == []


@pytest.mark.parametrize("error", [StorageUnavailable(), TritonFailed()])
async def test_a_store_that_is_away_for_a_while_does_not_end_the_keeping(
    error: GatewayError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.worker.RECONCILE_INTERVAL", 0.001)
    built = await gateway()
    built.records.failure = error
    keeping = asyncio.create_task(built.worker.keep())
    while len(built.run_store.extended) < 2:
        await asyncio.sleep(0.001)
    built.records.failure = None
    await built.run_store.woke(1)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
