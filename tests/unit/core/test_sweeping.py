import asyncio

import pytest

from gateway.core.staging import run_of
from gateway.core.sweeping import Sweeper
from gateway.errors import GatewayError, StorageUnavailable, TritonFailed
from unit.fakes import RUN_ID, Gateway, beside, call, gateway


def sweeper(built: Gateway, after: float = 0.002) -> Sweeper:
    return Sweeper(built.blobs, built.run_store, after)


async def with_an_orphan() -> Gateway:
    """A gateway with one run that waits, and media of a run that never came."""
    built = await gateway()
    await built.runs.execute_async(call(b"a", b"b"))
    built.blobs.kept[f"runs/{RUN_ID}-0"] = b"x"
    return built


async def test_media_that_no_run_needs_are_removed_and_counted() -> None:
    built = await with_an_orphan()
    assert await sweeper(built).sweep() == 1
    assert sorted(built.blobs.kept) == sorted(built.records.accepted[0].request.staged)
    assert await sweeper(built).sweep() == 0


async def test_media_of_a_run_that_has_ended_are_removed() -> None:
    built = await with_an_orphan()
    built.run_store.requests.clear()
    assert await sweeper(built).sweep() == 3
    assert built.blobs.kept == {}


async def test_media_that_are_stored_on_an_execution_are_never_swept() -> None:
    built = await gateway()
    await built.executions.create("mine", None, None)
    record = await built.executions.upload("mine", b"words", "text/plain")
    assert await sweeper(built).sweep() == 0
    assert list(built.blobs.kept) == [record.blob]


@pytest.mark.parametrize("away", ["blobs", "records"])
async def test_where_a_store_is_away_nothing_is_removed(away: str) -> None:
    built = await with_an_orphan()
    setattr(getattr(built, away), "failure", StorageUnavailable())  # noqa: B010
    with pytest.raises(StorageUnavailable):
        await sweeper(built).sweep()
    assert len(built.blobs.kept) == 3


@pytest.mark.parametrize("error", [StorageUnavailable(), TritonFailed()])
async def test_a_store_that_is_away_for_a_while_does_not_end_the_sweeping(error: GatewayError) -> None:
    built = await with_an_orphan()
    built.records.failure = error
    async with beside(sweeper(built).sweep_again_and_again()):
        await built.blobs.sweeps.rang(2)
        built.records.failure = None
        await built.blobs.sweeps.rang(built.blobs.sweeps.times + 2)
    assert f"runs/{RUN_ID}-0" not in built.blobs.kept


async def test_the_sweeper_does_not_begin_before_anything_can_be_old() -> None:
    built = await with_an_orphan()
    async with beside(sweeper(built, after=3600.0).sweep_again_and_again()):
        for _ in range(10):
            await asyncio.sleep(0)
    assert built.blobs.sweeps.times == 0


@pytest.mark.parametrize(
    ("key", "run_id"),
    [
        (f"runs/{RUN_ID}-0", RUN_ID),
        (f"runs/{RUN_ID}-255", RUN_ID),
        (f"runs/{RUN_ID}", None),
        ("runs/mine-0", None),
        ("runs/", None),
    ],
)
def test_the_key_of_staged_media_names_its_run(key: str, run_id: str | None) -> None:
    assert run_of(key) == run_id
