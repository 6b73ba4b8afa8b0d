import asyncio

import msgspec
import pytest

from gateway.core.following import Following
from gateway.domain.runs import Run, RunState
from gateway.errors import Overloaded, RunNotFound
from unit.fakes import RUN_ID, START, FakeRecords, FakeRuns, finished_run


def running() -> tuple[FakeRecords, Following, Run]:
    """A run that is worked on, and those who may follow it."""
    records = FakeRecords()
    ended = finished_run()
    records.write(ended)
    run = msgspec.structs.replace(ended.run, state=RunState.RUNNING, completed_at=None)
    records.runs[RUN_ID] = run
    return records, Following(FakeRuns(records)), run


async def looked_at(following: Following) -> None:
    """Wait until somebody follows."""
    while not following._followers:
        await asyncio.sleep(0)


async def test_whoever_waits_is_told_of_a_change_and_is_forgotten() -> None:
    records, following, run = running()
    waiting = asyncio.create_task(following.wait(run, 60))
    await looked_at(following)
    records.runs[RUN_ID] = changed = msgspec.structs.replace(run, cancel_requested_at=START)
    following.changed(RUN_ID)
    assert await waiting == changed
    assert following._followers == {}
    await following.close()


async def test_whoever_leaves_is_forgotten() -> None:
    _, following, run = running()
    waiting = asyncio.create_task(following.wait(run, 60))
    await looked_at(following)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert following._followers == {}
    await following.close()


async def test_a_run_that_is_removed_is_told_as_gone() -> None:
    records, following, run = running()
    waiting = asyncio.create_task(following.until_ended(run, 60))
    await looked_at(following)
    del records.runs[RUN_ID]
    following.changed(RUN_ID)
    with pytest.raises(RunNotFound):
        await waiting
    await following.close()


async def test_when_the_gateway_stops_all_go_but_those_whose_call_it_is() -> None:
    records, following, run = running()
    told: list[object] = []

    async def follow() -> None:
        told.extend([event async for event in following.events(run, 0, 60) if event])

    looking = asyncio.create_task(following.until_ended(run, 60))
    streaming = asyncio.create_task(follow())
    calling = asyncio.create_task(following.until_ended(run, 60, stays=True))
    while len(following._followers.get(RUN_ID, ())) < 3:
        await asyncio.sleep(0)
    following.let_go()
    assert await looking == run
    await streaming
    assert len(told) == 2
    assert not calling.done()
    assert await following.wait(run, 60) == run
    records.runs[RUN_ID] = finished_run().run
    following.changed(RUN_ID)
    assert (await calling).state is RunState.COMPLETED
    await following.close()


async def test_a_stream_ends_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.following.MAX_STREAM_AGE", 0.0)
    _, following, run = running()
    assert [event and event.sequence async for event in following.events(run, 0, 60)] == [1, 2]
    await following.close()


async def test_a_sign_of_life_comes_while_nothing_happens() -> None:
    _, following, run = running()
    events = following.events(run, 2, 0.001)
    assert await anext(events) is None
    await events.aclose()  # type: ignore[attr-defined]
    await following.close()


async def test_no_more_follow_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.following.MAX_FOLLOWERS", 0)
    _, following, run = running()
    with pytest.raises(Overloaded):
        await following.wait(run, 60)
