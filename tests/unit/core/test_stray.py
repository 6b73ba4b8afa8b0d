import pytest

from gateway.core.stray import StrayMedia
from gateway.domain.access import ANYONE
from gateway.errors import StorageUnavailable
from unit.fakes import RUN_ID, Gateway, call, gateway


def stray(built: Gateway, after: float = 0.002) -> StrayMedia:
    return StrayMedia(built.blobs, built.run_store, after)


async def with_an_orphan() -> Gateway:
    """A gateway with one run that waits, and media of a run that never came."""
    built = await gateway()
    await built.runs.execute_async(ANYONE, call(b"a", b"b"))
    built.blobs.kept[f"runs/{RUN_ID}-0"] = b"x"
    return built


async def test_media_that_no_run_needs_are_removed_and_counted() -> None:
    built = await with_an_orphan()
    assert await stray(built).sweep() == 1
    assert sorted(built.blobs.kept) == sorted(built.records.accepted[0].request.staged)
    assert await stray(built).sweep() == 0


async def test_media_of_a_run_that_has_ended_are_removed() -> None:
    built = await with_an_orphan()
    built.run_store.requests.clear()
    assert await stray(built).sweep() == 3
    assert built.blobs.kept == {}


async def test_media_that_are_stored_on_an_execution_are_never_swept() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    record = await built.executions.upload(ANYONE, "mine", b"words", "text/plain")
    assert await stray(built).sweep() == 0
    assert list(built.blobs.kept) == [record.blob]


@pytest.mark.parametrize("away", ["blobs", "records"])
async def test_where_a_store_is_away_nothing_is_removed(away: str) -> None:
    built = await with_an_orphan()
    setattr(getattr(built, away), "failure", StorageUnavailable())  # noqa: B010
    with pytest.raises(StorageUnavailable):
        await stray(built).sweep()
    assert len(built.blobs.kept) == 3
