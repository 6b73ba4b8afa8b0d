import asyncio
from datetime import timedelta

import msgspec
import pytest

from gateway.core.keys import frees, key_of
from gateway.domain.access import ANYONE, Caller, Scope
from gateway.domain.calls import Call, Outcome, Webhook
from gateway.domain.ids import new_id
from gateway.domain.keys import digest
from gateway.domain.media import FileReference, Media, StoredReference, UrlReference, given
from gateway.domain.observations import Given
from gateway.domain.pipelines import PipelineStatus
from gateway.domain.runs import Priority, RunState
from gateway.domain.tensors import Value
from gateway.errors import (
    Draining,
    GatewayError,
    Internal,
    KeyInFlight,
    KeyLost,
    KeyReused,
    MediaUnreadable,
    Overloaded,
    PipelineNotReady,
    ResultGone,
    RunCanceled,
    RunTimeout,
    StorageUnavailable,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
    WiringInvalid,
)
from gateway.ports import Dispatch, DueRun, Inference
from unit.fakes import PATIENCE, START, Gateway, answering, call, failing, gateway, never, pipeline

SEED = (Given("mine", None, b'{"seed":1}'),)
ASKED = call(b"a", b"b", key="k", inputs={"A": 1, "B": [2]})
HEALS = [TritonUnavailable(), TritonOverloaded(), PipelineNotReady(), StorageUnavailable(), Overloaded(), Draining()]
LASTS = [TritonFailed(), MediaUnreadable("No.", field="media[0]"), WiringInvalid(field="OUT"), Internal()]


def print_of(asked: Call, **changed: object) -> bytes:
    key = key_of("", msgspec.structs.replace(asked, **changed))
    assert key is not None
    return key.fingerprint


async def sync(built: Gateway, *media: bytes, **fields: object) -> Outcome:
    return await built.runs.execute_sync(ANYONE, call(*media or (b"a",), **{"key": "k"} | fields))


async def failed(built: Gateway, **fields: object) -> GatewayError:
    with pytest.raises(GatewayError) as failure:
        await sync(built, **fields)
    return failure.value


async def under_way(built: Gateway) -> asyncio.Task[Outcome]:
    """A call under the key `k` that somebody waits for."""
    waiting = asyncio.create_task(sync(built))
    await built.engine.begun()
    return waiting


async def left(built: Gateway, waiting: asyncio.Task[Outcome]) -> None:
    """Its caller has gone."""
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await built.runs.close()


def test_a_call_without_a_key_has_none() -> None:
    assert key_of("", call(b"a")) is None


def test_of_a_key_only_its_digest_is_kept() -> None:
    key = key_of("", ASKED)
    assert key is not None
    assert key.digest == digest("", "k")


def test_the_same_call_has_the_same_fingerprint_in_whatever_order_its_inputs_come() -> None:
    again = call(b"a", b"b", key="k", inputs={"B": [2], "A": 1})
    assert print_of(again) == print_of(ASKED)


@pytest.mark.parametrize("apart", [{"timeout": 1.0}, {"key": "other"}])
def test_neither_the_deadline_nor_the_key_makes_it_another_call(apart: dict[str, object]) -> None:
    assert print_of(ASKED, **apart) == print_of(ASKED)


OTHERS: list[dict[str, object]] = [
    {"ttl": 60.0},
    {"pipeline_id": "other"},
    {"execution_id": "mine"},
    {"media": given([b"a", b"c"])},
    {"media": given([b"b", b"a"])},
    {"media": given([b"ab"])},
    {"media": given([b"a", b"b", b""])},
    {"media": (Media("media-1", b"a", "0"), Media("media-2", b"b"))},
    {"media": (Media("media-1", b"a"), FileReference("f"))},
    {"media": (Media("media-1", b"a"), StoredReference("f"))},
    {"media": (Media("media-1", b"a"), UrlReference("f"))},
    {"media": tuple(msgspec.structs.replace(each, pages="0") for each in given([b"a", b"b"]))},
    {"page_range": "0-1"},
    {"image_conversion": True},
    {"simple_text": True},
    {"media_ids": ("m",)},
    {"media_ids": ()},
    {"inputs": {"A": 1, "B": [3]}},
    {"inputs": {"A": "1", "B": [2]}},
    {"text": "a"},
    {"seed": SEED},
    {"seed_json": b"{}"},
    {"tag": "mine"},
    {"meta_data": b"{}"},
    {"idempotent": True},
    {"transient": True},
    {"parameters": {"a": 1}},
    {"answer": "json"},
    {"goes_on": True},
    {"priority": Priority.HIGH},
    {"execute_after": START},
    {"hook_ids": ("h",)},
    {"webhook": Webhook("https://one.example/")},
    {"webhook": Webhook("https://one.example/", "whsec_x")},
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda each: next(iter(each)))
def test_any_other_content_makes_it_another_call(other: dict[str, object]) -> None:
    assert print_of(ASKED, **other) != print_of(ASKED)


def test_no_two_of_these_calls_are_the_same() -> None:
    assert len({print_of(ASKED, **each) for each in OTHERS}) == len(OTHERS)


def test_every_field_of_a_call_has_been_thought_of() -> None:
    assert {name for each in OTHERS for name in each} | {"key", "timeout"} == set(Call.__struct_fields__)


@pytest.mark.parametrize("error", [*HEALS, RunCanceled()], ids=lambda each: each.code)
def test_what_can_heal_frees_the_key(error: GatewayError) -> None:
    assert frees(error)


@pytest.mark.parametrize("error", [*LASTS, RunTimeout()], ids=lambda each: each.code)
def test_what_cannot_heal_is_remembered_under_the_key(error: GatewayError) -> None:
    assert not frees(error)


async def test_a_call_that_is_repeated_is_answered_with_the_same_observation_and_run_once() -> None:
    built = await gateway()
    first = await sync(built, b"a", b"b", seed=SEED)
    again = await sync(built, b"a", b"b", seed=SEED, timeout=1.0)
    assert len(msgspec.json.decode(first.observation)["mediaContents"]) == 3
    assert (first.replayed, again) == (False, msgspec.structs.replace(first, replayed=True))
    assert (len(built.engine.asked), len(built.records.finished)) == (2, 1)


async def test_what_others_put_on_the_execution_meanwhile_is_not_in_the_repeated_answer() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    first = await sync(built, execution_id="mine")
    await sync(built, execution_id="mine", key="other")
    assert (await sync(built, execution_id="mine")).observation == first.observation


async def test_another_call_under_the_same_key_is_refused_and_leaves_nothing() -> None:
    built = await gateway()
    await sync(built)
    with pytest.raises(KeyReused):
        await sync(built, b"other")
    assert len(built.records.finished) == 1


async def test_a_call_that_somebody_waits_for_is_in_flight() -> None:
    built = await gateway(answer=never)
    waiting = await under_way(built)
    with pytest.raises(KeyInFlight) as refused:
        await sync(built)
    assert refused.value.retry_after is not None
    assert len(built.engine.asked) == 1
    await left(built, waiting)


async def test_another_call_under_a_key_in_flight_is_told_so() -> None:
    built = await gateway(answer=never)
    waiting = await under_way(built)
    with pytest.raises(KeyReused):
        await sync(built, b"other")
    await left(built, waiting)


async def test_a_key_is_held_for_twice_the_deadline() -> None:
    built = await gateway(answer=never)
    waiting = await under_way(built)
    (known,) = built.records.keys.values()
    assert known.lease_until == START + timedelta(seconds=60.0)
    await left(built, waiting)


async def test_of_two_calls_at_once_one_is_run() -> None:
    begun = asyncio.Event()

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:
        await begun.wait()
        return await answering(b"{}")(inference, dispatch)

    built = await gateway(answer=answer)
    first, second = asyncio.create_task(sync(built)), asyncio.create_task(sync(built))
    ended, _ = await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
    assert isinstance(ended.pop().exception(), KeyInFlight)
    begun.set()
    await asyncio.gather(first, second, return_exceptions=True)
    assert len(built.records.finished) == len(built.engine.asked) == 1


async def test_a_call_whose_key_was_used_while_it_was_admitted_is_answered_with_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = await gateway()
    first = await sync(built)
    find = built.key_store.find
    looks = iter([True])

    async def not_yet_there(key: object) -> object:
        return None if next(looks, False) else await find(key)  # type: ignore[arg-type]

    monkeypatch.setattr(built.key_store, "find", not_yet_there)
    assert (await sync(built)).observation == first.observation
    assert len(built.records.finished) == 1


@pytest.mark.parametrize("error", [TritonUnavailable(), TritonOverloaded(), PipelineNotReady()])
async def test_a_call_that_failed_with_what_can_heal_is_made_anew(error: GatewayError) -> None:
    built = await gateway(answer=failing(error))
    assert (await failed(built)).code == error.code
    built.engine.answer = answering(b"{}")
    assert not (await sync(built)).replayed
    assert len(built.records.finished) == 2


async def test_a_call_whose_caller_left_is_made_anew() -> None:
    built = await gateway(answer=never)
    await left(built, await under_way(built))
    built.engine.answer = answering(b"{}")
    assert not (await sync(built)).replayed


@pytest.mark.parametrize("error", LASTS, ids=lambda each: each.code)
async def test_a_call_that_failed_otherwise_fails_again_in_the_same_words(error: GatewayError) -> None:
    built = await gateway(answer=failing(error))
    first, again = await failed(built), await failed(built)
    for each in (first, again):
        assert (each.code, each.http, each.grpc, each.message) == (error.code, error.http, error.grpc, error.message)
    assert again.field == first.field
    assert (again.execution_id, again.run_id) == (first.execution_id, first.run_id)
    assert first.run_id is not None
    assert len(built.engine.asked) == 1


async def test_a_call_that_was_out_of_time_is_so_again() -> None:
    built = await gateway(answer=never)
    assert (await failed(built, timeout=0.001)).code == "run.timeout"
    assert (await failed(built)).code == "run.timeout"
    assert len(built.engine.asked) == 1


async def test_a_refusal_at_admission_is_not_remembered() -> None:
    built = await gateway(pipeline(status=PipelineStatus.LOADING))
    assert (await failed(built)).code == "pipeline.not_ready"
    built.source.pipelines = [pipeline()]
    await built.pipelines.refresh()
    assert not (await sync(built)).replayed


async def test_what_a_transient_call_found_cannot_be_told_again() -> None:
    built = await gateway()
    await sync(built, transient=True)
    with pytest.raises(ResultGone):
        await sync(built, transient=True)


async def test_what_was_deleted_cannot_be_told_again() -> None:
    built = await gateway()
    outcome = await sync(built)
    await built.executions.delete(ANYONE, outcome.execution_id)
    with pytest.raises(ResultGone, match="deleted"):
        await sync(built)


async def test_a_key_that_was_taken_over_writes_nothing() -> None:
    built = await gateway()

    async def taken_over(*_: object) -> list[object]:
        ((held, known),) = built.records.keys.items()
        built.records.keys[held] = msgspec.structs.replace(known, run_id=new_id())
        return await answering(b"{}")(*_)  # type: ignore[arg-type, return-value]

    built.engine.answer = taken_over  # type: ignore[assignment]
    with pytest.raises(KeyLost):
        await sync(built)
    assert built.records.finished == []


async def test_a_run_in_the_background_is_accepted_once_and_told_again() -> None:
    built = await gateway()
    asked = call(b"a", key="k", seed=SEED)
    first = await built.runs.execute_async(ANYONE, asked)
    again = await built.runs.execute_async(ANYONE, asked)
    await built.worker.take_up(DueRun(first.run_id, "ocr"))
    assert (first.replayed, again) == (False, msgspec.structs.replace(first, replayed=True))
    assert await built.runs.execute_async(ANYONE, asked) == again
    assert len(built.records.accepted) == 1


async def test_another_run_in_the_background_under_the_same_key_is_refused() -> None:
    built = await gateway()
    await built.runs.execute_async(ANYONE, call(b"a", key="k"))
    with pytest.raises(KeyReused):
        await built.runs.execute_async(ANYONE, call(b"b", key="k"))
    assert len(built.blobs.kept) == 1


async def test_of_two_runs_in_the_background_at_once_one_is_accepted() -> None:
    built = await gateway()
    asked = call(b"a", key="k")
    first, second = await asyncio.gather(
        built.runs.execute_async(ANYONE, asked), built.runs.execute_async(ANYONE, asked)
    )
    assert (first.run_id, first.execution_id) == (second.run_id, second.execution_id)
    assert sorted((first.replayed, second.replayed)) == [False, True]
    assert list(built.blobs.kept) == list(built.records.accepted[0].request.staged)


async def test_a_run_in_the_background_that_has_not_ended_is_in_flight_for_a_caller_who_waits() -> None:
    built = await gateway()
    await built.runs.execute_async(ANYONE, call(b"a", key="k"))
    with pytest.raises(KeyInFlight):
        await sync(built)
    assert built.engine.asked == []


async def test_a_run_in_the_background_that_failed_fails_for_a_caller_who_waits() -> None:
    built = await gateway(answer=failing(TritonFailed()))
    name = await built.runs.execute_async(ANYONE, call(b"a", key="k"))
    await built.worker.take_up(DueRun(name.run_id, "ocr"))
    error = await failed(built)
    assert (error.code, error.run_id) == ("triton.failed", name.run_id)
    assert (await built.runs.get(ANYONE, name.run_id)).state is RunState.FAILED


@pytest.mark.parametrize("way", ["execute_sync", "execute_async"])
async def test_one_key_of_two_owners_names_two_calls(way: str) -> None:
    built, owners = await gateway(), [msgspec.structs.replace(ANYONE, owner=owner) for owner in ("", "ann", "bob")]
    first = [await getattr(built.runs, way)(owner, call(b"a", key="k")) for owner in owners]
    assert len({each.run_id for each in first}) == len(owners)
    for owner, each in zip(owners, first, strict=True):
        again = await getattr(built.runs, way)(owner, call(b"a", key="k"))
        assert (again.run_id, again.replayed) == (each.run_id, True)


async def test_a_call_on_what_is_no_longer_in_sight_is_not_told_again() -> None:
    built = await gateway()
    root = Caller(owner="ops", scopes=frozenset({Scope.ADMIN}))
    ann, ops = (Caller(owner=owner, scopes=frozenset({Scope.RUN})) for owner in ("ann", "ops"))
    await built.executions.create(ann, "hers", None, None)
    asked = call(b"a", key="k", execution_id="hers")
    await built.runs.execute_sync(root, asked)
    assert (await built.runs.execute_sync(root, asked)).replayed
    with pytest.raises(ResultGone):
        await built.runs.execute_sync(ops, asked)
