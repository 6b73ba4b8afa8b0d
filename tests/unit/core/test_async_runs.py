import pytest

from gateway.domain.access import ANYONE
from gateway.domain.calls import Call
from gateway.domain.observations import Given
from gateway.domain.runs import RunState
from gateway.errors import ExecutionNotFound, GatewayError, InvalidInput, PipelineNotFound, StorageUnavailable
from unit.fakes import START, Gateway, call, gateway


async def test_a_run_is_accepted_with_all_it_needs_and_does_not_run_yet() -> None:
    built = await gateway()
    name = await built.runs.execute_async(ANYONE, call(b"x", tag="mine", meta_data=b"{}"))
    (accepted,) = built.records.accepted
    assert (accepted.run.run_id, accepted.run.execution_id) == (name.run_id, name.execution_id)
    assert (accepted.run.state, accepted.run.attempt, accepted.run.started_at) == (RunState.QUEUED, 0, None)
    assert accepted.new is not None
    assert (accepted.new.execution_id, accepted.new.tag, accepted.new.created_at) == (name.execution_id, "mine", START)
    assert (accepted.tag, accepted.meta_data) == ("mine", b"{}")
    assert list(built.blobs.kept) == list(accepted.request.staged)
    assert built.engine.asked == []


async def test_a_seed_is_put_in_when_the_run_is_accepted() -> None:
    built = await gateway()
    await built.runs.execute_async(ANYONE, call(b"x", seed=(Given("e", "m", b'{"a":1}'),), seed_json=b"{}"))
    (seed,) = built.records.accepted[0].seed
    assert (seed.entry_id, seed.media_id, seed.content, seed.run_id) == ("e", "m", b'{"a":1}', None)


async def test_a_run_on_an_execution_brings_none_about() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    name = await built.runs.execute_async(ANYONE, call(b"x", execution_id="mine"))
    assert name.execution_id == "mine"
    assert built.records.accepted[0].new is None


async def test_a_transient_run_in_the_background_has_nobody_to_tell() -> None:
    with pytest.raises(InvalidInput) as refused:
        await (await gateway()).runs.execute_async(ANYONE, call(b"x", transient=True))
    assert refused.value.field == "transient"


async def refusing(built: Gateway, error: GatewayError, asked: Call) -> None:
    with pytest.raises(type(error)):
        await built.runs.execute_async(ANYONE, asked)


async def test_a_call_that_is_refused_stages_nothing() -> None:
    built = await gateway()
    await refusing(built, PipelineNotFound(), call(b"x", pipeline_id="never"))
    await refusing(built, InvalidInput(), call())
    assert (built.blobs.kept, built.records.accepted) == ({}, [])


async def test_media_that_cannot_be_staged_are_not_accepted() -> None:
    built = await gateway()
    built.blobs.failure = StorageUnavailable()
    await refusing(built, StorageUnavailable(), call(b"x", b"y"))
    assert built.records.accepted == []


async def test_a_run_whose_execution_is_gone_by_then_leaves_no_blobs() -> None:
    built = await gateway()
    built.records.failure = ExecutionNotFound()
    await refusing(built, ExecutionNotFound(), call(b"x"))
    assert built.blobs.kept == {}


async def test_a_run_that_may_have_been_written_keeps_its_blobs() -> None:
    built = await gateway()
    built.records.failure = StorageUnavailable()
    await refusing(built, StorageUnavailable(), call(b"x"))
    assert len(built.blobs.kept) == 1
