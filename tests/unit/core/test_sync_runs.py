import asyncio

import msgspec
import pytest

from gateway.domain.access import ANYONE
from gateway.domain.calls import Call
from gateway.domain.ids import new_id
from gateway.domain.observations import Given
from gateway.domain.pipelines import Input, InputRole, PipelineStatus
from gateway.domain.runs import RunState
from gateway.domain.tensors import Value
from gateway.errors import (
    ExecutionNotFound,
    GatewayError,
    Internal,
    InvalidInput,
    MediaLimit,
    MediaNotFound,
    MediaUnreadable,
    PipelineNotFound,
    PipelineNotReady,
    ResultGone,
    RunNotFound,
    RunTimeout,
    StorageUnavailable,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
    WiringInvalid,
)
from gateway.limits import MEDIA_IN_PARALLEL
from gateway.ports import Dispatch, Inference
from unit.fakes import (
    EXECUTION_ID,
    START,
    Gateway,
    answering,
    call,
    failing,
    finished_run,
    gateway,
    media_of,
    never,
    pipeline,
    text,
)

PROMPT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT)


async def echo(inference: Inference, _: Dispatch) -> list[Value]:
    return [text("OBSERVATION", msgspec.json.encode({"rawText": media_of(inference).decode()}))]


async def test_a_call_is_answered_with_the_observation_that_was_recorded() -> None:
    built = await gateway(answer=answering(b'{ "rawText" :"hello"}'))
    outcome = await built.runs.execute_sync(ANYONE, call(b"x", tag="mine", meta_data=b'{"a": 1}'))
    (finished,) = built.records.finished
    assert finished.new is not None
    assert outcome.execution_id == finished.new.execution_id
    assert outcome.run_id == finished.run.run_id
    assert (finished.new.tag, finished.new.meta_data) == ("mine", b'{"a": 1}')
    assert finished.new.created_at == START
    assert finished.run.state is RunState.COMPLETED
    assert b',"rawText" :"hello"}' in outcome.observation
    assert await built.observations.document(ANYONE, outcome.execution_id) == outcome.observation


async def test_triton_is_asked_for_the_ensemble_under_the_run_id() -> None:
    built = await gateway()
    outcome = await built.runs.execute_sync(ANYONE, call(b"x"))
    (asked,) = built.engine.asked
    assert (asked.model, asked.request_id) == ("ocr", outcome.run_id)
    assert media_of(asked) == b"x"


async def test_a_pipeline_without_media_is_run_once_on_its_named_inputs() -> None:
    built = await gateway(pipeline(inputs=(PROMPT,)))
    outcome = await built.runs.execute_sync(ANYONE, call(inputs={"PROMPT": "hi"}))
    (asked,) = built.engine.asked
    assert [each.only_element() for each in asked.inputs] == [b"hi"]
    (entry,) = msgspec.json.decode(outcome.observation)["mediaContents"]
    assert "mediaId" not in entry


async def test_named_inputs_go_with_every_media() -> None:
    built = await gateway(pipeline(inputs=(pipeline().inputs[0], PROMPT)))
    await built.runs.execute_sync(ANYONE, call(b"a", b"b", inputs={"PROMPT": "hi"}))
    assert [[each.only_element() for each in asked.inputs] for asked in built.engine.asked] == [
        [b"a", b"hi"],
        [b"b", b"hi"],
    ]


async def test_entries_stand_in_call_order_whatever_order_inferences_end_in() -> None:
    last_ended = asyncio.Event()

    async def last_first(inference: Inference, dispatch: Dispatch) -> list[Value]:
        if media_of(inference) == b"c":
            last_ended.set()
        await last_ended.wait()
        return await echo(inference, dispatch)

    built = await gateway(answer=last_first)
    outcome = await built.runs.execute_sync(ANYONE, call(b"a", b"b", b"c"))
    found = msgspec.json.decode(outcome.observation)["mediaContents"]
    assert [(each["mediaId"], each["rawText"]) for each in found] == [
        ("media-1", "a"),
        ("media-2", "b"),
        ("media-3", "c"),
    ]


async def test_one_call_has_only_so_many_inferences_with_triton_at_once() -> None:
    full = asyncio.Event()

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:
        if built.engine.at_once == MEDIA_IN_PARALLEL:
            full.set()
        await full.wait()
        return await echo(inference, dispatch)

    built = await gateway(answer=answer)
    await built.runs.execute_sync(ANYONE, call(*(b"%d" % number for number in range(3 * MEDIA_IN_PARALLEL))))
    assert built.engine.most_at_once == MEDIA_IN_PARALLEL
    assert len(built.engine.asked) == 3 * MEDIA_IN_PARALLEL


@pytest.mark.parametrize("kind", [MediaUnreadable, MediaLimit])
async def test_one_media_that_fails_fails_the_run_names_it_and_cancels_the_others(kind: type[GatewayError]) -> None:
    async def second_fails(inference: Inference, dispatch: Dispatch) -> list[Value]:
        if media_of(inference) != b"b":
            return await never(inference, dispatch)
        raise kind("Step decode refused it.")

    built = await gateway(answer=second_fails)
    with pytest.raises(kind) as failed:
        await built.runs.execute_sync(ANYONE, call(b"a", b"b", b"c"))
    assert failed.value.field == "media[1]"
    assert sorted(map(media_of, built.engine.canceled)) == [b"a", b"c"]
    (finished,) = built.records.finished
    assert finished.entries == ()
    assert finished.run.state is RunState.FAILED
    assert finished.run.error is not None
    assert finished.run.error.field == "media[1]"
    assert (failed.value.execution_id, failed.value.run_id) == (finished.run.execution_id, finished.run.run_id)


@pytest.mark.parametrize("error", [TritonFailed(), TritonOverloaded(), WiringInvalid(field="OUT"), MediaUnreadable()])
async def test_a_run_that_fails_leaves_its_record_and_the_error_names_it(error: GatewayError) -> None:
    built = await gateway(answer=failing(error))
    with pytest.raises(type(error)) as failed:
        await built.runs.execute_sync(ANYONE, call(b"a"))
    (finished,) = built.records.finished
    assert finished.run.state is RunState.FAILED
    assert finished.run.error is not None
    assert finished.run.error.code == error.code
    assert (failed.value.execution_id, failed.value.run_id) == (finished.run.execution_id, finished.run.run_id)


@pytest.mark.parametrize("count", [1, 2])
async def test_a_run_past_its_deadline_is_timed_out(count: int) -> None:
    built = await gateway(answer=never)
    with pytest.raises(RunTimeout, match=r"deadline of 0\.001 s") as failed:
        await built.runs.execute_sync(ANYONE, call(*[b"a"] * count, timeout=0.001))
    (finished,) = built.records.finished
    assert finished.run.state is RunState.TIMED_OUT
    assert finished.entries == ()
    assert failed.value.run_id == finished.run.run_id
    assert built.engine.at_once == 0


async def test_a_model_that_answers_what_its_role_forbids_fails_the_run() -> None:
    async def nothing_valid(_: Inference, __: Dispatch) -> list[Value]:
        return [Value("OBSERVATION", "BYTES", (1,), (b"\x09\x00\x00\x00cut",))]

    built = await gateway(answer=nothing_valid)
    with pytest.raises(TritonFailed, match="cut off"):
        await built.runs.execute_sync(ANYONE, call(b"a"))
    assert built.records.finished[0].run.state is RunState.FAILED


async def test_a_result_that_cannot_be_recorded_is_not_acknowledged() -> None:
    built = await gateway()
    built.records.failure = StorageUnavailable()
    with pytest.raises(StorageUnavailable) as failed:
        await built.runs.execute_sync(ANYONE, call(b"a"))
    assert (failed.value.execution_id, failed.value.run_id) == (None, None)


async def test_a_failure_that_cannot_be_recorded_is_one_of_storage() -> None:
    built = await gateway(answer=failing(TritonFailed()))
    built.records.failure = StorageUnavailable()
    with pytest.raises(StorageUnavailable):
        await built.runs.execute_sync(ANYONE, call(b"a"))


@pytest.mark.parametrize("error", [TritonUnavailable(), PipelineNotReady()])
async def test_a_triton_that_is_away_has_the_watch_look_again(error: GatewayError) -> None:
    built = await gateway(answer=failing(error))
    watch = asyncio.create_task(built.pipelines.watch())
    try:
        await built.source.looked(2)
        with pytest.raises(type(error)):
            await built.runs.execute_sync(ANYONE, call(b"a"))
        await built.source.looked(3)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (call(b"a", pipeline_id="never"), PipelineNotFound),
        (call(b"a", pipeline_id="loading"), PipelineNotReady),
        (call(), InvalidInput),
        (call(b"a", inputs={"WRONG": 1}), InvalidInput),
        (call(pipeline_id="prompted", inputs={"PROMPT": 5}), InvalidInput),
    ],
)
async def test_a_call_that_is_refused_before_it_runs_leaves_no_record(asked: Call, error: type[GatewayError]) -> None:
    loading = pipeline("loading", status=PipelineStatus.LOADING)
    built = await gateway(pipeline(), loading, pipeline("prompted", inputs=(PROMPT,)))
    with pytest.raises(error) as refused:
        await built.runs.execute_sync(ANYONE, asked)
    assert built.records.finished == []
    assert built.engine.asked == []
    assert (refused.value.execution_id, refused.value.run_id) == (None, None)


async def test_a_picture_that_the_gateway_itself_cannot_read_is_named() -> None:
    built = await gateway(pipeline(inputs=(Input("X", "UINT8", (-1, -1, 3), InputRole.IMAGE),)))
    built.reader.failures[0] = MediaUnreadable()
    with pytest.raises(MediaUnreadable) as failed:
        await built.runs.execute_sync(ANYONE, call(b"a"))
    assert failed.value.field == "media[0]"
    assert built.records.finished[0].run.state is RunState.FAILED


def recorded(runs: int) -> Gateway:
    built = Gateway()
    for _ in range(runs):
        built.records.write(finished_run(run_id=new_id()))
    return built


async def test_a_list_of_runs_is_read_page_by_page() -> None:
    built = recorded(5)
    names = [each.run.run_id for each in built.records.finished]
    pages, cursor = [], None
    while True:
        page = await built.runs.page(ANYONE, EXECUTION_ID, 2, cursor)
        pages.append([run.run_id for run in page.runs])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [names[:2], names[2:4], names[4:]]


async def test_a_list_that_ends_with_its_page_has_no_next_one() -> None:
    assert (await recorded(2).runs.page(ANYONE, EXECUTION_ID, 2, None)).next_cursor is None


async def test_a_cursor_of_somebody_else_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        await recorded(1).runs.page(ANYONE, EXECUTION_ID, 2, "mine")
    assert refused.value.field == "cursor"


@pytest.mark.parametrize("run_id", ["mine", "", "019aa000-0000-7000-8000-00000000ffff"])
async def test_a_run_that_is_not_there_is_not_found(run_id: str) -> None:
    with pytest.raises(RunNotFound):
        await recorded(1).runs.get(ANYONE, run_id)


async def test_an_execution_that_is_not_there_is_not_found() -> None:
    built = recorded(1)
    assert (await built.executions.get(ANYONE, EXECUTION_ID)).state is RunState.COMPLETED
    for read in (built.executions.get, built.observations.document):
        with pytest.raises(ExecutionNotFound):
            await read(ANYONE, "other")


async def test_a_caller_who_leaves_leaves_a_canceled_run() -> None:
    built = await gateway(answer=never)
    leaving = asyncio.create_task(built.runs.execute_sync(ANYONE, call(b"a")))
    await built.engine.begun()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await built.runs.close()
    (finished,) = built.records.finished
    assert (finished.run.state, finished.entries) == (RunState.CANCELED, ())


async def test_a_caller_who_leaves_at_its_deadline_leaves_a_run_that_timed_out() -> None:
    built = await gateway(answer=never)
    leaving = asyncio.create_task(built.runs.execute_sync(ANYONE, call(b"a", timeout=1.0)))
    await built.engine.begun()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await built.runs.close()
    assert built.records.finished[0].run.state is RunState.TIMED_OUT


@pytest.mark.parametrize("count", [1, 2])
async def test_a_failure_nobody_foresaw_is_a_record_too(count: int) -> None:
    async def broken(_: Inference, __: Dispatch) -> list[Value]:
        raise ZeroDivisionError

    built = await gateway(answer=broken)
    with pytest.raises(Internal) as failed:
        await built.runs.execute_sync(ANYONE, call(*[b"a"] * count))
    (finished,) = built.records.finished
    assert finished.run.state is RunState.FAILED
    assert failed.value.run_id == finished.run.run_id


async def test_a_refusal_in_the_name_of_no_step_of_the_pipeline_is_not_shown() -> None:
    built = await gateway(
        answer=failing(MediaUnreadable("Step FileNotFoundError refused it: x.", step="FileNotFoundError"))
    )
    with pytest.raises(TritonFailed) as failed:
        await built.runs.execute_sync(ANYONE, call(b"a"))
    assert "FileNotFoundError" not in failed.value.message


async def test_stored_media_are_run_on_under_their_own_ids() -> None:
    built = await gateway(answer=echo)
    await built.executions.create(ANYONE, "mine", None, None)
    records = [await built.executions.upload(ANYONE, "mine", each, "text/plain") for each in (b"a", b"b")]
    outcome = await built.runs.execute_sync(ANYONE, call(execution_id="mine"))
    found = msgspec.json.decode(outcome.observation)["mediaContents"]
    assert [(each["mediaId"], each["rawText"]) for each in found] == [
        (records[0].media_id, "a"),
        (records[1].media_id, "b"),
    ]
    assert len(built.blobs.kept) == 2


async def test_a_run_on_an_execution_is_answered_with_what_it_found_alone() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    for _ in range(2):
        outcome = await built.runs.execute_sync(ANYONE, call(b"a", execution_id="mine", idempotent=True, tag="new"))
        assert len(msgspec.json.decode(outcome.observation)["mediaContents"]) == 1
    assert len(msgspec.json.decode(await built.observations.document(ANYONE, "mine"))["mediaContents"]) == 2
    assert [(each.new, each.supersedes, each.tag) for each in built.records.finished] == [(None, True, "new")] * 2


async def test_what_the_caller_puts_in_stands_before_what_was_found() -> None:
    built = await gateway()
    outcome = await built.runs.execute_sync(ANYONE, call(b"a", seed=(Given("mine", None, b'{"seed":1}'),)))
    first, second = msgspec.json.decode(outcome.observation)["mediaContents"]
    assert (first["id"], first["seed"], second["rawText"]) == ("mine", 1, "hello")
    assert await built.observations.document(ANYONE, outcome.execution_id) == outcome.observation


async def test_a_transient_call_is_answered_and_keeps_no_more_than_its_run() -> None:
    built = await gateway()
    seed = (Given("mine", None, b'{"seed":1}'),)
    outcome = await built.runs.execute_sync(ANYONE, call(b"a", transient=True, tag="mine", seed=seed))
    assert len(msgspec.json.decode(outcome.observation)["mediaContents"]) == 2
    (finished,) = built.records.finished
    assert finished.new is not None
    assert (finished.new.transient, finished.new.tag, finished.seed, finished.entries) == (True, None, (), ())
    with pytest.raises(ResultGone):
        await built.observations.document(ANYONE, outcome.execution_id)


async def test_parameters_go_with_every_inference() -> None:
    built = await gateway()
    await built.runs.execute_sync(ANYONE, call(b"a", b"b", parameters={"level": 3}))
    assert [each.parameters for each in built.engine.asked] == [{"level": 3}] * 2


async def test_stored_media_whose_bytes_are_gone_are_not_found() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    await built.executions.upload(ANYONE, "mine", b"a", "text/plain")
    built.blobs.kept.clear()
    with pytest.raises(MediaNotFound):
        await built.runs.execute_sync(ANYONE, call(execution_id="mine"))
    assert built.records.finished == []
