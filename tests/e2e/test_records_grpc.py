"""Executions, media, runs in the background and transforms, over gRPC."""

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from e2e.served import until
from gateway.v1 import (
    executions_pb2,
    executions_pb2_grpc,
    media_pb2,
    observations_pb2,
    observations_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)

Document = Callable[[str], bytes]
IN_HAND = (runs_pb2.RUN_STATE_QUEUED, runs_pb2.RUN_STATE_RUNNING)


class Stubs:
    """Every service of the gateway."""

    def __init__(self, channel: grpc.Channel):
        self.executions = executions_pb2_grpc.ExecutionsStub(channel)
        self.observations = observations_pb2_grpc.ObservationsStub(channel)
        self.pipelines = pipelines_pb2_grpc.PipelinesStub(channel)
        self.runs = runs_pb2_grpc.RunsStub(channel)

    def new(self, **fields: object) -> str:
        """A new execution."""
        answer = self.executions.CreateExecution(executions_pb2.CreateExecutionRequest(**fields))
        assert answer.created
        name: str = answer.execution.execution_id
        return name

    def entries(self, execution_id: str) -> list[dict[str, object]]:
        """What all runs have found."""
        request = observations_pb2.GetObservationRequest(execution_id=execution_id)
        found: list[dict[str, object]] = json.loads(self.observations.GetObservation(request).observation)[
            "mediaContents"
        ]
        return found

    def ended(self, run_id: str) -> runs_pb2.Run:
        """The run, once it has ended."""
        request = runs_pb2.GetRunRequest(run_id=run_id)
        until(lambda: self.runs.GetRun(request).state not in IN_HAND, 60)
        return self.runs.GetRun(request)


@pytest.fixture(scope="module")
def stubs(small_channel: grpc.Channel) -> Stubs:
    return Stubs(small_channel)


def asked(*texts: str, pipeline_id: str = "say", **fields: object) -> pipelines_pb2.ExecuteSyncRequest:
    media = [media_pb2.Media(data=text.encode()) for text in texts]
    return pipelines_pb2.ExecuteSyncRequest(pipeline_id=pipeline_id, media=media, **fields)


def test_an_execution_is_created_once_and_stays_as_it_is(stubs: Stubs) -> None:
    name = f"mine.{uuid4()}"
    request = executions_pb2.CreateExecutionRequest(execution_id=name, tag="one", meta_data=b'{"a": 1.50}')
    first = stubs.executions.CreateExecution(request)
    second = stubs.executions.CreateExecution(executions_pb2.CreateExecutionRequest(execution_id=name, tag="two"))
    assert (first.created, second.created) == (True, False)
    assert first.execution == second.execution
    assert (first.execution.tag, first.execution.meta_data) == ("one", b'{"a": 1.50}')
    assert stubs.executions.GetExecution(executions_pb2.GetExecutionRequest(execution_id=name)) == first.execution


def test_executions_are_listed_by_tag_and_state_page_by_page(stubs: Stubs) -> None:
    tag = str(uuid4())
    names = [stubs.new(tag=tag) for _ in range(3)]
    ran = stubs.pipelines.ExecuteSync(asked("x", tag=tag)).execution_id
    request = executions_pb2.ListExecutionsRequest(tag=tag, limit=3)
    first = stubs.executions.ListExecutions(request)
    request.cursor = first.next_cursor
    second = stubs.executions.ListExecutions(request)
    assert [each.execution_id for each in first.executions] == [ran, names[2], names[1]]
    assert [each.execution_id for each in second.executions] == [names[0]]
    assert second.next_cursor == ""
    wanted = executions_pb2.ListExecutionsRequest(tag=tag, state=runs_pb2.RUN_STATE_COMPLETED)
    assert [each.execution_id for each in stubs.executions.ListExecutions(wanted).executions] == [ran]


def pieces(execution_id: str, data: bytes, content_type: str = "") -> Iterator[executions_pb2.UploadMediaRequest]:
    yield executions_pb2.UploadMediaRequest(execution_id=execution_id, content_type=content_type)
    for start in range(0, len(data), 1000):
        yield executions_pb2.UploadMediaRequest(data=data[start : start + 1000])


def test_media_is_uploaded_and_fetched_in_pieces_byte_for_byte(stubs: Stubs, document: Document) -> None:
    image, name = document("receipt.jpg"), stubs.new()
    stored = stubs.executions.UploadMedia(pieces(name, image))
    assert (stored.content_type, stored.size) == ("image/jpeg", len(image))
    listed = stubs.executions.ListMedia(executions_pb2.ListMediaRequest(execution_id=name))
    assert list(listed.media) == [stored]
    request = executions_pb2.GetMediaRequest(execution_id=name, media_id=stored.media_id)
    fetched = list(stubs.executions.GetMedia(request))
    assert fetched[0].media == stored
    assert b"".join(piece.data for piece in fetched) == image
    stubs.executions.DeleteMedia(executions_pb2.DeleteMediaRequest(execution_id=name, media_id=stored.media_id))
    with pytest.raises(grpc.RpcError) as gone:
        list(stubs.executions.GetMedia(request))
    assert gone.value.code() is grpc.StatusCode.NOT_FOUND


def test_media_larger_than_one_piece_comes_in_several(stubs: Stubs) -> None:
    data, name = b"x" * 2_500_000, stubs.new()
    stored = stubs.executions.UploadMedia(pieces(name, data, "text/plain"))
    request = executions_pb2.GetMediaRequest(execution_id=name, media_id=stored.media_id)
    fetched = [piece.data for piece in stubs.executions.GetMedia(request)]
    assert len(fetched) == 3
    assert b"".join(fetched) == data


def test_a_deleted_execution_is_gone(stubs: Stubs) -> None:
    name = stubs.new()
    stubs.executions.DeleteExecution(executions_pb2.DeleteExecutionRequest(execution_id=name))
    with pytest.raises(grpc.RpcError) as gone:
        stubs.executions.GetExecution(executions_pb2.GetExecutionRequest(execution_id=name))
    assert gone.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_run_in_the_background_ends_and_its_observation_is_there(stubs: Stubs) -> None:
    request = pipelines_pb2.ExecuteAsyncRequest(call=asked("a", "b", tag="later"), timeout=30)
    accepted = stubs.pipelines.ExecuteAsync(request)
    run = stubs.ended(accepted.run_id)
    assert (run.state, run.attempt, run.media_count) == (runs_pb2.RUN_STATE_COMPLETED, 1, 2)
    assert [entry["rawText"] for entry in stubs.entries(accepted.execution_id)] == ["a", "b"]


def test_stored_media_text_and_seeds_run_as_over_rest(stubs: Stubs) -> None:
    name = stubs.new()
    one, two = (stubs.executions.UploadMedia(pieces(name, text, "text/plain")).media_id for text in (b"one", b"two"))
    stubs.pipelines.ExecuteSync(asked(execution_id=name))
    stubs.pipelines.ExecuteSync(asked(execution_id=name, media_ids=[two]))
    stubs.pipelines.ExecuteSync(asked(execution_id=name, text="text"))
    seed = b'{"mediaContents":[{"id":"own","rawText":"mine"}]}'
    stubs.pipelines.ExecuteSync(asked("x", execution_id=name, observation=seed, idempotent=True))
    assert [entry["rawText"] for entry in stubs.entries(name)] == ["mine", "x"]
    request = observations_pb2.ListEntriesRequest(execution_id=name, superseded=True, limit=4)
    first = stubs.observations.ListEntries(request)
    request.cursor = first.next_cursor
    second = stubs.observations.ListEntries(request)
    entries = [entry for page in (first, second) for entry in json.loads(page.observation)["mediaContents"]]
    assert [entry["rawText"] for entry in entries] == ["one", "two", "two", "text", "mine", "x"]
    assert [entry["mediaId"] for entry in entries[:3]] == [one, two, two]
    assert second.next_cursor == ""


def test_an_observation_is_merged(stubs: Stubs) -> None:
    name = stubs.new()
    for text in ("one", "two"):
        observation = json.dumps({"mediaContents": [{"id": "own", "rawText": text}]}).encode()
        request = observations_pb2.MergeObservationRequest(execution_id=name, observation=observation)
        stubs.observations.MergeObservation(request)
    assert [(entry["id"], entry["rawText"]) for entry in stubs.entries(name)] == [("own", "two")]


def test_json_and_transforms_of_calls_and_of_what_is_stored(stubs: Stubs) -> None:
    plain = stubs.pipelines.ExecuteSyncJson(asked("a"))
    assert plain.json == b'{"label":"a"}'
    name = plain.execution_id
    stored = stubs.observations.GetObservationJson(observations_pb2.GetObservationJsonRequest(execution_id=name))
    assert stored.json == plain.json
    for expression, made in (("", b'"a"'), ("mediaContents.label.name", b'"a"'), ("never", b"null")):
        request = pipelines_pb2.ExecuteSyncTransformRequest(call=asked("a"), transform=expression)
        assert stubs.pipelines.ExecuteSyncTransform(request).result == made
    for expression, made in (("mediaContents.rawText", b'"a"'), ("never", b"null")):
        again = observations_pb2.TransformObservationRequest(execution_id=name, transform=expression)
        assert stubs.observations.TransformObservation(again).result == made


def test_runtime_parameters_reach_every_step(stubs: Stubs) -> None:
    request = asked("x", pipeline_id="parameters", runtime_parameters=b'{"level":3,"name":"x"}')
    (entry,) = json.loads(stubs.pipelines.ExecuteSync(request).observation)["mediaContents"]
    assert [(step["level"], step["name"]) for step in entry["json"]] == [(3, "x")] * 2


def test_what_a_transient_call_found_is_gone(stubs: Stubs) -> None:
    answer = stubs.pipelines.ExecuteSync(asked("a", transient=True))
    with pytest.raises(grpc.RpcError) as gone:
        stubs.entries(answer.execution_id)
    assert (gone.value.code(), reason(gone.value)) == (grpc.StatusCode.NOT_FOUND, "result.gone")


def reason(failure: grpc.RpcError) -> str:
    status = rpc_status.from_call(failure)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    found: str = info.reason
    return found


def in_background(**fields: object) -> pipelines_pb2.ExecuteAsyncRequest:
    return pipelines_pb2.ExecuteAsyncRequest(call=asked(**fields))  # type: ignore[arg-type]


New = executions_pb2.CreateExecutionRequest
REFUSED: list[tuple[Callable[[Stubs], object], str]] = [
    (
        lambda s: s.executions.CreateExecution(New(execution_id="a/b")),
        "input.invalid",
    ),
    (lambda s: s.executions.CreateExecution(New(tag="x" * 257)), "input.invalid"),
    (lambda s: s.executions.CreateExecution(New(meta_data=b"[]")), "input.invalid"),
    (
        lambda s: s.executions.CreateExecution(New(meta_data=b'{"a":"' + b"x" * 70_000 + b'"}')),
        "input.invalid",
    ),
    (lambda s: s.executions.ListExecutions(executions_pb2.ListExecutionsRequest(cursor="x")), "input.invalid"),
    (lambda s: s.executions.ListExecutions(executions_pb2.ListExecutionsRequest(limit=1001)), "input.invalid"),
    (lambda s: s.executions.ListExecutions(executions_pb2.ListExecutionsRequest(state=99)), "input.invalid"),
    (lambda s: s.executions.UploadMedia(pieces("", b"%PDF-1.7")), "input.invalid"),
    (lambda s: s.executions.UploadMedia(pieces("never", b"%PDF-1.7")), "execution.not_found"),
    (lambda s: s.executions.UploadMedia(pieces("never", b"\x00\x01")), "media.unsupported"),
    (lambda s: s.executions.ListMedia(executions_pb2.ListMediaRequest(execution_id="..")), "execution.not_found"),
    (lambda s: s.pipelines.ExecuteAsync(in_background(text="x", transient=True)), "input.invalid"),
    (lambda s: s.pipelines.ExecuteAsync(in_background()), "input.invalid"),
    (lambda s: s.pipelines.ExecuteAsync(in_background(text="x", pipeline_id="never")), "pipeline.not_found"),
    (lambda s: s.pipelines.ExecuteAsync(in_background(text="x", execution_id="never")), "execution.not_found"),
    (lambda s: s.pipelines.ExecuteSync(asked(media_ids=["a"])), "input.invalid"),
    (lambda s: s.pipelines.ExecuteSync(asked("x", observation=b'{"a":1}')), "observation.invalid"),
    (lambda s: s.pipelines.ExecuteSync(asked("x", runtime_parameters=b'{"a":[]}')), "input.invalid"),
    (
        lambda s: s.observations.MergeObservation(
            observations_pb2.MergeObservationRequest(execution_id="never", observation=b"[]")
        ),
        "observation.invalid",
    ),
    (
        lambda s: s.observations.TransformObservation(
            observations_pb2.TransformObservationRequest(execution_id="never", transform="1")
        ),
        "execution.not_found",
    ),
    (
        lambda s: s.pipelines.ExecuteSyncTransform(
            pipelines_pb2.ExecuteSyncTransformRequest(call=asked("x"), transform="(")
        ),
        "transform.invalid",
    ),
]


@pytest.mark.parametrize(("call", "code"), REFUSED)
def test_what_cannot_be_is_refused(stubs: Stubs, call: Callable[[Stubs], object], code: str) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(stubs)
    assert reason(failed.value) == code
