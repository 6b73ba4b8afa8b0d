import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.domain.access import ANYONE, EVERYTHING
from gateway.domain.calls import Accepted
from gateway.domain.pipelines import PipelineStatus
from gateway.domain.runs import RunError, RunState
from gateway.errors import GatewayError, RunCanceled, StorageUnavailable, TritonFailed
from gateway.ports import DueRun
from unit.fakes import PATIENCE, QUEUE_TIMEOUT, Gateway, beside, call, gateway, never, pipeline

STOPPED = pytest.mark.parametrize("error", [StorageUnavailable(), TritonFailed()])


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.keeping.RECONCILE_INTERVAL", 0.001)


@asynccontextmanager
async def in_hand(built: Gateway) -> AsyncIterator[tuple[Accepted, "asyncio.Task[None]"]]:
    """A run that a worker has in hand, and the work on it."""
    name = await built.runs.execute_async(ANYONE, call(b"one"))
    working = asyncio.create_task(built.worker.take_up(DueRun(name.run_id, "ocr")))
    await built.engine.begun()
    try:
        yield name, working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def ended(working: "asyncio.Task[None]") -> None:
    await asyncio.wait_for(working, PATIENCE)


async def test_what_is_in_hand_is_held_for_longer_again_and_again() -> None:
    built = await gateway(answer=never)
    async with in_hand(built) as (name, working), beside(built.keeping.hold()):
        await built.run_store.beats.rang(3)
        assert not working.done()
    assert built.run_store.extended == [[(name.run_id, 1)]] * len(built.run_store.extended)


async def test_with_nothing_in_hand_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.keeping.LONGEST_BEAT", 0.0)
    built = await gateway(answer=never)
    async with beside(built.keeping.hold()):
        for _ in range(5):
            await asyncio.sleep(0)
        async with in_hand(built):
            await built.run_store.beats.rang(1)
    assert [] not in built.run_store.extended


async def test_a_run_that_others_hold_by_now_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway(answer=never)
    async with in_hand(built) as (_, working):
        built.run_store.still_held = frozenset()
        async with beside(built.keeping.hold()):
            await ended(working)
    assert len(built.engine.canceled) == 1
    assert (built.records.finished, built.run_store.handed_back) == ([], [])
    assert len(built.blobs.kept) == 1
    assert "run.lost" in [record.getMessage() for record in caplog.records]


async def test_a_run_that_was_canceled_elsewhere_is_called_off_and_ends_as_canceled() -> None:
    built = await gateway(answer=never)
    async with in_hand(built) as (name, working):
        await built.run_store.cancel(EVERYTHING, name.run_id, RunError.of(RunCanceled()))
        async with beside(built.keeping.hold()):
            await ended(working)
    (finished,) = built.records.finished
    assert (finished.run.run_id, finished.run.state) == (name.run_id, RunState.CANCELED)
    assert finished.run.error is not None
    assert finished.run.error.code == "run.canceled"
    assert built.blobs.kept == {}


@STOPPED
async def test_a_store_that_is_away_for_a_while_ends_no_holding(error: GatewayError) -> None:
    built = await gateway(answer=never)
    async with in_hand(built) as (name, working), beside(built.keeping.hold()):
        built.records.failure = error
        await built.run_store.beats.rang(built.run_store.beats.times + 2)
        built.records.failure = None
        await built.run_store.beats.rang(built.run_store.beats.times + 2)
        assert not working.done()
        await built.runs.cancel(ANYONE, name.run_id)
        await ended(working)
    assert built.records.finished[0].run.state is RunState.CANCELED


@STOPPED
async def test_a_store_that_is_away_for_a_while_ends_no_reconciling(error: GatewayError) -> None:
    built = await gateway()
    built.records.failure = error
    async with beside(built.keeping.reconcile()):
        await built.run_store.wakes.rang(2)
        assert built.run_store.stales.times == 0
        built.records.failure = None
        await built.run_store.stales.rang(1)


async def looked(built: Gateway) -> list[str] | None:
    """The pipelines that one look woke workers for; None where it woke nobody."""
    before = len(built.run_store.woken_for)
    async with beside(built.keeping.reconcile()):
        await built.run_store.stales.rang(built.run_store.stales.times + 1)
    return built.run_store.woken_for[before] if len(built.run_store.woken_for) > before else None


async def test_workers_are_woken_for_pipelines_that_can_run_alone() -> None:
    loading, away = PipelineStatus.LOADING, PipelineStatus.UNAVAILABLE
    built = await gateway(pipeline("a"), pipeline("b", status=loading), pipeline("c"), pipeline("d", status=away))
    assert await looked(built) == ["a", "c"]


async def test_where_no_pipeline_can_run_nobody_is_woken() -> None:
    assert await looked(await gateway(pipeline(status=PipelineStatus.LOADING))) is None


async def test_workers_are_not_woken_for_a_pipeline_that_has_no_turn_left() -> None:
    built = await gateway(pipeline("a"), pipeline("b"), quota=1)
    built.quotas.take("a")
    assert await looked(built) == ["b"]
    built.quotas.give_back("a")
    assert await looked(built) == ["a", "b"]


async def test_runs_that_waited_for_too_long_are_given_up() -> None:
    built = await gateway()
    names = [await built.runs.execute_async(ANYONE, call(b"%d" % number)) for number in range(2)]
    built.run_store.stale_runs = [each.run_id for each in names]
    await looked(built)
    assert built.records.finished == [], "while the pipeline is there they only wait for their turn"
    built.source.pipelines = [pipeline(status=PipelineStatus.LOADING)]
    await built.pipelines.refresh()
    await looked(built)
    assert built.run_store.patience == QUEUE_TIMEOUT
    assert [each.run.state for each in built.records.finished] == [RunState.FAILED] * 2
    assert {each.run.error.code for each in built.records.finished if each.run.error} == {"pipeline.not_ready"}
    assert built.blobs.kept == {}


@pytest.mark.parametrize("loop", ["hold", "reconcile"])
async def test_a_loop_ends_when_it_is_canceled(loop: str) -> None:
    built = await gateway()
    going = asyncio.create_task(getattr(built.keeping, loop)())
    await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(going, PATIENCE)
