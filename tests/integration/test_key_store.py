"""Idempotency keys, in the real PostgreSQL: who was first is settled there."""

import asyncio
import os

import pytest

from gateway.domain.access import EVERYTHING
from gateway.domain.ids import new_id
from gateway.domain.keys import Key, KeyUse
from gateway.domain.runs import RunState
from gateway.errors import KeyLost, RunNotFound
from integration.recording import OVER, Records, accepted, finished, given


def new_key() -> Key:
    return Key(os.urandom(32), os.urandom(32))


async def test_of_many_reservations_at_once_exactly_one_is_made(records: Records, others: Records) -> None:
    for _ in range(10):
        key = new_key()
        stores = (records, others) * 4
        made = await asyncio.gather(*(store.keys.reserve(key, new_id(), "e", 60.0) for store in stores))
        assert sum(made) == 1


async def test_a_reservation_whose_holder_has_not_ended_in_time_is_taken_over(records: Records) -> None:
    key, first, second = new_key(), new_id(), new_id()
    assert await records.keys.reserve(key, first, "e", OVER)
    assert await records.keys.reserve(key, second, "e", 60.0)
    assert not await records.keys.reserve(key, first, "e", 60.0)
    known = await records.keys.find(key)
    assert known is not None
    assert (known.run_id, known.fingerprint) == (second, key.fingerprint)
    assert known.lease_until is not None


@pytest.mark.parametrize("new", [True, False])
async def test_a_call_ends_with_its_key_and_a_repeat_of_the_write_adds_nothing(records: Records, new: bool) -> None:
    key, call, seed = new_key(), finished(), (given("s"),)
    if not new:
        assert call.new is not None
        await records.executions.create(call.new)
    call = type(call)(new=call.new if new else None, run=call.run, entries=call.entries, seed=seed, key=KeyUse(key=key))
    assert await records.keys.reserve(key, call.run.run_id, call.run.execution_id, 60.0)
    await records.runs.finish(call)
    await records.runs.finish(call)
    known = await records.keys.find(key)
    assert known is not None
    assert (known.run_id, known.seed, known.lease_until) == (call.run.run_id, ("s",), None)
    assert not await records.keys.reserve(key, new_id(), "e", 60.0)
    found = await records.entries.of_run(call.run.execution_id, call.run.run_id, known.seed)
    assert tuple(found) == (*call.seed, *call.entries)


async def test_a_call_whose_key_was_taken_over_writes_nothing_and_harms_no_other(records: Records) -> None:
    key, late, other = new_key(), finished(), finished()
    late = type(late)(new=late.new, run=late.run, entries=late.entries, key=KeyUse(key=key))
    assert await records.keys.reserve(key, late.run.run_id, late.run.execution_id, OVER)
    assert await records.keys.reserve(key, new_id(), "e", 60.0)
    results = await asyncio.gather(records.runs.finish(late), records.runs.finish(other), return_exceptions=True)
    assert [type(each) for each in results] == [KeyLost, type(None)]
    with pytest.raises(RunNotFound):
        await records.runs.get(EVERYTHING, late.run.run_id)
    assert (await records.runs.get(EVERYTHING, other.run.run_id)).state is RunState.COMPLETED


async def test_a_call_that_may_be_made_anew_frees_its_key_and_is_recorded(records: Records) -> None:
    key, call = new_key(), finished(entries=0, state=RunState.FAILED)
    call = type(call)(new=call.new, run=call.run, key=KeyUse(key=key, freed=True))
    assert await records.keys.reserve(key, call.run.run_id, call.run.execution_id, 60.0)
    await records.runs.finish(call)
    assert await records.keys.find(key) is None
    assert (await records.runs.get(EVERYTHING, call.run.run_id)).state is RunState.FAILED


async def test_of_many_runs_under_one_key_exactly_one_is_accepted(records: Records, others: Records) -> None:
    for _ in range(5):
        key = new_key()
        work = [accepted(key=KeyUse(key=key), seed=(given("s"),)) for _ in range(8)]
        stores = (records, others) * 4
        results = await asyncio.gather(
            *(store.runs.accept(each) for store, each in zip(stores, work, strict=True)), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in results) == ["KeyLost"] * 7 + ["NoneType"]
        known = await records.keys.find(key)
        assert known is not None
        assert (known.lease_until, known.seed) == (None, ("s",))
        there = await records.runs.find([each.run.run_id for each in work])
        assert [run.run_id for run in there] == [known.run_id]
        assert sum([await records.jobs(each.run.run_id) for each in work]) == 1


async def test_a_run_in_the_background_does_not_take_the_key_of_a_call_that_is_waited_for(records: Records) -> None:
    key, holder = new_key(), new_id()
    assert await records.keys.reserve(key, holder, "e", 60.0)
    with pytest.raises(KeyLost):
        await records.runs.accept(accepted(key=KeyUse(key=key)))
    known = await records.keys.find(key)
    assert known is not None
    assert known.run_id == holder
