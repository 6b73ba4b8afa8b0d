import msgspec
import pytest

from gateway.core.admitted import Admitted, Gatekeeper
from gateway.domain.access import ANYONE
from gateway.domain.calls import Call
from gateway.domain.executions import NewExecution
from gateway.domain.ids import is_uuid
from gateway.domain.media import Media, MediaRecord, given
from gateway.domain.observations import Given
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.domain.runs import RunState
from gateway.errors import ExecutionNotFound, GatewayError, InvalidInput, MediaNotFound, PipelineNotFound
from gateway.limits import MAX_MEDIA_PER_CALL
from unit.fakes import MEDIA_INPUT, START, FakeExecutions, Gateway, gateway, pipeline

PROMPT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT)
SEED = Input("SEED", "BYTES", (1,), InputRole.JSON)
PIXELS = Input("PIXELS", "UINT8", (-1, -1, 3), InputRole.IMAGE)
SEEDED = {"seed": (Given("e", None, b'{"a":1}'),), "seed_json": b'{"mediaContents":[{"id":"e","a":1}]}'}


def optional(entry: Input) -> Input:
    return msgspec.structs.replace(entry, optional=True)


async def with_media(*media_ids: str, pipelines: tuple[Pipeline, ...] = ()) -> Gateway:
    """A gateway with the execution `mine`, which holds these media."""
    built = await gateway(*pipelines)
    await built.executions.create(ANYONE, "mine", None, None)
    for media_id in media_ids:
        built.records.media.append(
            MediaRecord(
                execution_id="mine",
                media_id=media_id,
                content_type="image/png",
                size=1,
                created_at=START,
                blob=f"executions/mine/{media_id}",
            )
        )
    return built


async def admit(built: Gateway, *media: bytes, state: RunState = RunState.RUNNING, **fields: object) -> Admitted:
    asked = {"pipeline_id": "ocr", "media": given(list(media)), "timeout": 30.0} | fields
    gate = Gatekeeper(built.pipelines, FakeExecutions(built.records), built.telling, built.rates, built.gathering)
    return await gate.admit(ANYONE, Call(**asked), START, state)  # type: ignore[arg-type]


async def refused(built: Gateway, *media: bytes, **fields: object) -> tuple[type[GatewayError], str | None]:
    with pytest.raises(GatewayError) as failed:
        await admit(built, *media, **fields)
    return type(failed.value), failed.value.field


async def test_an_execution_alone_runs_on_all_its_stored_media_in_the_order_they_came() -> None:
    admitted = await admit(await with_media("b", "a", "c"), execution_id="mine")
    assert [each.media_id for each in admitted.stored] == ["b", "a", "c"]
    assert (admitted.media, admitted.new, admitted.run.execution_id, admitted.run.media_count) == ((), None, "mine", 3)


async def test_media_ids_run_those_in_their_own_order() -> None:
    admitted = await admit(await with_media("b", "a", "c"), execution_id="mine", media_ids=("c", "b"))
    assert [each.media_id for each in admitted.stored] == ["c", "b"]


async def test_an_execution_alone_runs_on_no_more_media_than_a_call_takes() -> None:
    names = [f"m{number}" for number in range(MAX_MEDIA_PER_CALL)]
    assert len((await admit(await with_media(*names), execution_id="mine")).stored) == MAX_MEDIA_PER_CALL
    built = await with_media(*names, "more")
    assert await refused(built, execution_id="mine") == (InvalidInput, "mediaIds")
    assert len((await admit(built, execution_id="mine", media_ids=("m1", "more"))).stored) == 2


async def test_media_that_is_not_stored_is_named_by_its_place() -> None:
    built = await with_media("a")
    assert await refused(built, execution_id="mine", media_ids=("a", "never")) == (MediaNotFound, "mediaIds[1]")


async def test_media_that_a_call_brings_runs_alone_on_an_execution_that_has_some() -> None:
    admitted = await admit(await with_media("a"), b"x", execution_id="mine")
    assert (admitted.media, admitted.stored) == (given([b"x"]), ())


async def test_media_on_an_execution_that_is_not_there_is_refused() -> None:
    for fields in ({}, {"media_ids": ("a",)}, {"text": "x"}):
        assert await refused(await gateway(), execution_id="never", **fields) == (ExecutionNotFound, None)
    assert await refused(await gateway(), b"x", execution_id="never") == (ExecutionNotFound, None)


@pytest.mark.parametrize("execution_id", ["a/b", "..", "", "x" * 129])
async def test_what_cannot_be_an_execution_is_not_found(execution_id: str) -> None:
    assert await refused(await gateway(), b"x", execution_id=execution_id) == (ExecutionNotFound, None)


async def test_text_is_media_where_the_pipeline_takes_none_by_name() -> None:
    admitted = await admit(await gateway(), b"x", text="größe")
    assert admitted.media == (Media("media-1", b"x"), Media("media-2", "größe".encode()))
    assert admitted.run.media_count == 2


async def test_text_alone_on_an_execution_runs_on_the_text_and_not_on_what_is_stored() -> None:
    admitted = await admit(await with_media("a"), execution_id="mine", text="x")
    assert (admitted.media, admitted.stored) == ((Media("media-1", b"x"),), ())


async def test_text_goes_to_the_first_text_input_that_is_free() -> None:
    built = await gateway(pipeline(inputs=(MEDIA_INPUT, PROMPT, optional(msgspec.structs.replace(PROMPT, name="TWO")))))
    assert (await admit(built, b"x", text="hi")).inputs == {"PROMPT": "hi"}
    second = await admit(built, b"x", text="hi", inputs={"PROMPT": "first"})
    assert second.inputs == {"PROMPT": "first", "TWO": "hi"}
    assert len(second.named) == 2


async def test_text_beside_named_media_goes_to_the_text_input() -> None:
    built = await with_media("a", pipelines=(pipeline(inputs=(MEDIA_INPUT, PROMPT)),))
    admitted = await admit(built, execution_id="mine", media_ids=("a",), text="hi")
    assert ([each.media_id for each in admitted.stored], admitted.inputs) == (["a"], {"PROMPT": "hi"})


@pytest.mark.parametrize("inputs", [(PIXELS,), (SEED,)])
async def test_text_that_has_no_place_is_refused(inputs: tuple[Input, ...]) -> None:
    built = await gateway(pipeline(inputs=inputs))
    assert await refused(built, b"x", text="hi") == (InvalidInput, "text")


async def test_an_observation_goes_to_the_json_input_that_is_free() -> None:
    built = await gateway(pipeline(inputs=(SEED,)))
    admitted = await admit(built, **SEEDED)
    assert admitted.inputs == {"SEED": {"mediaContents": [{"id": "e", "a": 1}]}}
    assert admitted.named[0].only_element() == b'{"mediaContents":[{"id":"e","a":1}]}'


async def test_an_observation_is_put_in_where_the_pipeline_takes_none() -> None:
    admitted = await admit(await gateway(), b"x", **SEEDED)
    assert (admitted.inputs, admitted.named) == ({}, ())


@pytest.mark.parametrize("fields", [{}, {"execution_id": "mine"}, {"execution_id": "mine", "media_ids": ()}, SEEDED])
async def test_a_call_with_nothing_to_run_on_is_refused(fields: dict[str, object]) -> None:
    assert await refused(await with_media(), **fields) == (InvalidInput, "media")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"media_ids": ("a",)}, "mediaIds"),
        ({"execution_id": "mine", "transient": True}, "transient"),
    ],
)
async def test_what_cannot_go_together_is_refused_first(fields: dict[str, object], field: str) -> None:
    assert await refused(await with_media("a"), pipeline_id="never", **fields) == (InvalidInput, field)


async def test_media_beside_stored_media_is_refused() -> None:
    assert await refused(await with_media("a"), b"x", execution_id="mine", media_ids=("a",)) == (
        InvalidInput,
        "mediaIds",
    )


async def test_an_unknown_pipeline_is_not_found() -> None:
    assert await refused(await gateway(), b"x", pipeline_id="never") == (PipelineNotFound, None)


async def test_a_call_without_an_execution_brings_one_about() -> None:
    admitted = await admit(await gateway(), b"x", tag="mine", meta_data=b"{}")
    assert admitted.new is not None
    assert is_uuid(admitted.new.execution_id)
    assert admitted.new == NewExecution(
        execution_id=admitted.run.execution_id, created_at=START, tag="mine", meta_data=b"{}"
    )


async def test_a_transient_call_leaves_neither_tag_nor_metadata() -> None:
    admitted = await admit(await gateway(), b"x", tag="mine", meta_data=b"{}", transient=True)
    assert admitted.new == NewExecution(execution_id=admitted.run.execution_id, created_at=START, transient=True)


@pytest.mark.parametrize(("state", "attempt", "started"), [(RunState.RUNNING, 1, START), (RunState.QUEUED, 0, None)])
async def test_a_run_that_waits_has_neither_attempt_nor_start(state: RunState, attempt: int, started: object) -> None:
    run = (await admit(await gateway(), b"x", state=state)).run
    assert (run.state, run.attempt, run.started_at, run.created_at) == (state, attempt, started, START)
    assert (run.pipeline_id, run.pipeline_version, is_uuid(run.run_id)) == ("ocr", 0, True)
