import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.domain.access import ANYONE
from gateway.domain.calls import Accepted
from gateway.domain.ids import new_id
from gateway.domain.runs import Run, RunState
from gateway.errors import RunFinished, RunNotFound, StorageUnavailable, TritonFailed
from gateway.ports import DueRun
from unit.fakes import PATIENCE, Gateway, call, failing, gateway, never


async def take_up(built: Gateway, run_id: str) -> None:
    await built.worker.take_up(DueRun(run_id, "ocr"))


@asynccontextmanager
async def in_hand(built: Gateway) -> AsyncIterator[tuple[Accepted, "asyncio.Task[None]"]]:
    """A run that a worker has in hand, and the work on it."""
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    working = asyncio.create_task(take_up(built, name.run_id))
    await built.engine.begun()
    yield name, working
    await asyncio.wait_for(working, PATIENCE)


def code(run: Run) -> str | None:
    return run.error.code if run.error else None


async def test_a_run_that_waits_is_canceled_at_once_and_its_media_dropped() -> None:
    built = await gateway()
    name = await built.runs.execute_async(ANYONE, call(b"one", b"two"))
    run = await built.runs.cancel(ANYONE, name.run_id)
    assert (run.state, code(run), run.attempt) == (RunState.CANCELED, "run.canceled", 0)
    assert run.completed_at is not None
    assert built.blobs.kept == {}
    assert await built.runs.get(ANYONE, name.run_id) == run
    await take_up(built, name.run_id)
    assert built.engine.asked == []


async def test_media_that_are_stored_outlive_a_run_that_was_canceled() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    await built.executions.upload(ANYONE, "mine", b"words", "text/plain")
    name = await built.runs.execute_async(ANYONE, call(execution_id="mine"))
    await built.runs.cancel(ANYONE, name.run_id)
    assert len(built.blobs.kept) == 1


async def test_a_run_that_is_worked_on_is_called_off_and_ends_as_canceled() -> None:
    built = await gateway(answer=never)
    async with in_hand(built) as (name, _):
        run = await built.runs.cancel(ANYONE, name.run_id)
        assert (run.state, run.cancel_requested_at is None) == (RunState.RUNNING, False)
    run = await built.runs.get(ANYONE, name.run_id)
    assert (run.state, code(run), run.attempt) == (RunState.CANCELED, "run.canceled", 1)
    assert len(built.engine.canceled) == 1
    assert (built.blobs.kept, built.run_store.handed_back) == ({}, [])


async def test_a_run_that_waits_for_its_next_try_is_canceled_at_once() -> None:
    built = await gateway(answer=failing(StorageUnavailable()))
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    await take_up(built, name.run_id)
    run = await built.runs.cancel(ANYONE, name.run_id)
    assert (run.state, len(run.attempts)) == (RunState.CANCELED, 1)
    assert built.blobs.kept == {}


@pytest.mark.parametrize("fails", [False, True])
async def test_a_run_that_has_ended_cannot_be_canceled(*, fails: bool) -> None:
    built = await gateway(answer=failing(TritonFailed()) if fails else None)
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    await take_up(built, name.run_id)
    before = await built.runs.get(ANYONE, name.run_id)
    with pytest.raises(RunFinished):
        await built.runs.cancel(ANYONE, name.run_id)
    assert await built.runs.get(ANYONE, name.run_id) == before


async def test_a_run_that_was_canceled_before_is_as_it_is() -> None:
    built = await gateway()
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    assert await built.runs.cancel(ANYONE, name.run_id) == await built.runs.cancel(ANYONE, name.run_id)


async def test_a_run_may_be_canceled_again_while_it_is_being_called_off() -> None:
    built = await gateway(answer=never)
    async with in_hand(built) as (name, _):
        assert await built.runs.cancel(ANYONE, name.run_id) == await built.runs.cancel(ANYONE, name.run_id)
    assert len(built.records.finished) == 1


@pytest.mark.parametrize("run_id", ["mine", "", new_id()])
async def test_a_run_that_is_not_there_cannot_be_canceled(run_id: str) -> None:
    with pytest.raises(RunNotFound):
        await (await gateway()).runs.cancel(ANYONE, run_id)


async def test_blobs_that_are_away_hinder_no_cancellation() -> None:
    built = await gateway()
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    built.blobs.failure = StorageUnavailable()
    assert (await built.runs.cancel(ANYONE, name.run_id)).state is RunState.CANCELED


async def test_whoever_follows_a_run_is_told_at_once_that_it_was_canceled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.following.FOLLOW_INTERVAL", 3600.0)
    built = await gateway()
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    waiting = asyncio.create_task(built.runs.until_ended(ANYONE, name.run_id, 3600.0))
    await built.run_store.looks.rang(1)
    await built.runs.cancel(ANYONE, name.run_id)
    assert (await asyncio.wait_for(waiting, PATIENCE)).state is RunState.CANCELED
    await built.runs.close()
