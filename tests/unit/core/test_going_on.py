"""Calls whose caller said that they go on when its time is over."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.domain.access import ANYONE
from gateway.domain.calls import Outcome
from gateway.domain.observations import Given
from gateway.domain.runs import RunState
from gateway.errors import (
    GatewayError,
    InvalidInput,
    KeyReused,
    MediaUnreadable,
    Overloaded,
    ResultGone,
    RunCanceled,
    RunTimeout,
    TritonFailed,
)
from gateway.ports import DueRun
from unit.fakes import PATIENCE, Gateway, call, failing, gateway, never

#: So long that a test in which a change is seen only then fails.
LONG = 3600.0


@pytest.fixture(autouse=True)
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.following.FOLLOW_INTERVAL", LONG)


@pytest.fixture
async def built() -> AsyncIterator[Gateway]:
    built = await gateway()
    yield built
    await built.runs.close()


async def waited_for(built: Gateway, **fields: object) -> "asyncio.Task[Outcome]":
    """A call that goes on, accepted and waited for."""
    looks = built.run_store.looks.times
    asked = call(b"one", **{"goes_on": True, "timeout": LONG} | fields)
    waiting = asyncio.create_task(built.runs.execute_sync(ANYONE, asked))
    await built.run_store.looks.rang(looks + 1)
    return waiting


async def run_it(built: Gateway) -> str:
    """A worker takes the run up."""
    run_id = built.records.accepted[-1].run.run_id
    await built.worker.take_up(DueRun(run_id, "ocr"))
    return run_id


async def fails(built: Gateway, error: type[GatewayError], **fields: object) -> GatewayError:
    with pytest.raises(error) as failed:
        await built.runs.execute_sync(ANYONE, call(b"one", **{"goes_on": True, "timeout": 0.0} | fields))
    return failed.value


async def test_a_run_that_ends_in_time_is_answered_as_any_other(built: Gateway) -> None:
    waiting = await waited_for(built, seed=(Given("mine", None, b'{"seed":1}'),))
    run_id = await run_it(built)
    outcome = await asyncio.wait_for(waiting, PATIENCE)
    seed, found = msgspec.json.decode(outcome.observation)["mediaContents"]
    assert (seed["id"], found["runId"], found["rawText"]) == ("mine", run_id, "hello")
    assert (outcome.run_id, outcome.replayed) == (run_id, False)
    assert await built.observations.document(ANYONE, outcome.execution_id) == outcome.observation
    assert built.blobs.kept == {}


async def test_past_the_deadline_the_caller_is_told_the_name_of_a_run_that_goes_on(built: Gateway) -> None:
    error = await fails(built, RunTimeout)
    (accepted,) = built.records.accepted
    assert (error.execution_id, error.run_id) == (accepted.run.execution_id, accepted.run.run_id)
    assert "goes on" in error.message
    assert (await built.runs.get(ANYONE, accepted.run.run_id)).state is RunState.QUEUED
    await run_it(built)
    assert (await built.runs.get(ANYONE, accepted.run.run_id)).state is RunState.COMPLETED


async def test_a_caller_who_leaves_leaves_a_run_that_goes_on(built: Gateway) -> None:
    waiting = await waited_for(built)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (await built.runs.get(ANYONE, await run_it(built))).state is RunState.COMPLETED


async def test_a_run_that_fails_fails_for_its_caller_in_the_same_words(built: Gateway) -> None:
    built.engine.answer = failing(MediaUnreadable("Step read refused it: no.", step="read"))
    waiting = await waited_for(built)
    run_id = await run_it(built)
    with pytest.raises(GatewayError) as failed:
        await asyncio.wait_for(waiting, PATIENCE)
    error = failed.value
    assert (error.code, error.field, error.run_id) == ("media.unreadable", "media[0]", run_id)
    assert error.message == "Step read refused it: no."


async def test_a_run_that_is_canceled_is_canceled_for_its_caller(built: Gateway) -> None:
    built.engine.answer = never
    waiting = await waited_for(built)
    await built.runs.cancel(ANYONE, built.records.accepted[0].run.run_id)
    with pytest.raises(RunCanceled):
        await asyncio.wait_for(waiting, PATIENCE)


async def test_where_too_many_follow_runs_the_caller_still_learns_that_its_run_was_accepted(
    built: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.following.MAX_FOLLOWERS", 0)
    error = await fails(built, Overloaded, timeout=30.0)
    assert error.run_id == built.records.accepted[0].run.run_id


async def test_a_refusal_names_no_run(built: Gateway) -> None:
    assert (await fails(built, InvalidInput, media=())).run_id is None
    assert (await fails(built, InvalidInput, transient=True)).run_id is None
    assert built.records.accepted == []


async def test_a_repeat_under_a_key_waits_for_the_run_there_is(built: Gateway) -> None:
    first = await fails(built, RunTimeout, key="k")
    waiting = await waited_for(built, key="k")
    assert len(built.records.accepted) == 1
    await run_it(built)
    outcome = await asyncio.wait_for(waiting, PATIENCE)
    assert (outcome.run_id, outcome.replayed) == (first.run_id, True)
    again = await built.runs.execute_sync(ANYONE, call(b"one", key="k", goes_on=True))
    assert again == outcome


async def test_another_call_under_the_key_is_refused(built: Gateway) -> None:
    await fails(built, RunTimeout, key="k")
    await fails(built, KeyReused, key="k", text="other")


async def test_a_repeat_of_a_run_that_failed_fails_again(built: Gateway) -> None:
    await fails(built, RunTimeout, key="k")
    built.engine.answer = failing(TritonFailed())
    run_id = await run_it(built)
    assert (await fails(built, TritonFailed, key="k")).run_id == run_id
    assert len(built.engine.asked) == 1


async def test_a_repeat_of_a_run_that_was_deleted_is_gone(built: Gateway) -> None:
    error = await fails(built, RunTimeout, key="k")
    await run_it(built)
    assert error.execution_id is not None
    await built.executions.delete(ANYONE, error.execution_id)
    await fails(built, ResultGone, key="k")
