import asyncio

import pytest

from gateway.core.backlog import Backlog
from gateway.domain.access import ANYONE
from gateway.errors import Overloaded, StorageUnavailable
from unit.fakes import FakeRecords, FakeRuns, call, gateway


@pytest.fixture
def store() -> FakeRuns:
    return FakeRuns(FakeRecords())


@pytest.fixture
def _stale_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.backlog.BACKLOG_FRESHNESS", 0.0)


@pytest.fixture
def _fresh_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.backlog.BACKLOG_FRESHNESS", float("inf"))


@pytest.mark.usefixtures("_fresh_for_ever")
async def test_runs_are_taken_until_as_many_wait_as_may(store: FakeRuns) -> None:
    store.waiting = 3
    backlog = Backlog(store, 5)
    await backlog.add()
    await backlog.add()
    with pytest.raises(Overloaded) as refused:
        await backlog.add()
    assert refused.value.retry_after is not None
    assert store.counts == 1


@pytest.mark.usefixtures("_fresh_for_ever")
async def test_one_count_serves_all_who_ask_at_once(store: FakeRuns) -> None:
    backlog = Backlog(store, 5)
    outcomes = await asyncio.gather(*(backlog.add() for _ in range(8)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [type(None)] * 5 + [Overloaded] * 3
    assert store.counts == 1


@pytest.mark.usefixtures("_stale_at_once")
async def test_a_count_that_is_old_is_made_anew(store: FakeRuns) -> None:
    store.waiting = 5
    backlog = Backlog(store, 5)
    with pytest.raises(Overloaded):
        await backlog.add()
    store.waiting = 4
    await backlog.add()
    assert store.counts == 2


@pytest.mark.usefixtures("_fresh_for_ever")
async def test_what_cannot_be_counted_is_not_accepted_and_counted_when_it_can(store: FakeRuns) -> None:
    backlog = Backlog(store, 1)
    store.uncountable = StorageUnavailable()
    with pytest.raises(StorageUnavailable):
        await backlog.add()
    store.uncountable = None
    await backlog.add()


async def test_a_run_that_is_one_too_many_stages_nothing() -> None:
    built = await gateway(max_queued=1)
    await built.runs.execute_async(ANYONE, call(b"a"))
    with pytest.raises(Overloaded):
        await built.runs.execute_async(ANYONE, call(b"b"))
    assert (len(built.blobs.kept), len(built.records.accepted)) == (1, 1)


async def test_a_repeat_of_a_call_that_was_accepted_is_no_more_work() -> None:
    built = await gateway(max_queued=1)
    first = await built.runs.execute_async(ANYONE, call(b"a", key="k"))
    assert (await built.runs.execute_async(ANYONE, call(b"a", key="k"))).run_id == first.run_id


async def test_a_look_before_the_body_is_read_counts_nothing() -> None:
    store = FakeRuns(FakeRecords())
    backlog = Backlog(store, 1)
    await backlog.check()
    await backlog.check()
    await backlog.add()
    with pytest.raises(Overloaded):
        await backlog.check()
