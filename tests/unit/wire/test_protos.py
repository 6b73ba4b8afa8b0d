import base64
from datetime import timedelta

import msgspec
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.domain.calls import Form
from gateway.domain.executions import Execution
from gateway.domain.graph import definition
from gateway.domain.media import Media
from gateway.domain.pipelines import PipelineStatus
from gateway.domain.run_events import events
from gateway.domain.runs import Priority, RunError, RunState, Timings
from gateway.errors import InvalidInput
from gateway.limits import (
    MAX_MEDIA_PER_CALL,
    MAX_MEDIA_URL_CHARACTERS,
    MAX_META_DATA_BYTES,
    MAX_TAG_CHARACTERS,
)
from gateway.v1 import media_pb2, pipelines_pb2, runs_pb2
from gateway.wire import protos, run_protos
from gateway.wire.call_protos import async_call, sync_call
from gateway.wire.calls import asked as asked_of
from unit.fakes import EXECUTION_ID, RUN_ID, START, finished_run, pipeline


def request(*media: media_pb2.Media, **fields: object) -> pipelines_pb2.ExecuteSyncRequest:
    return pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=media, **fields)


def test_raw_bytes_base64_and_data_urls_are_the_same_media() -> None:
    text = base64.b64encode(b"abc").decode()
    call = sync_call(
        request(
            media_pb2.Media(data=b"abc"),
            media_pb2.Media(base64=text),
            media_pb2.Media(base64=f"data:image/png;base64,{text}"),
            media_pb2.Media(uri=f"DATA:image/png;base64,{text}"),
        ),
        30,
    )
    assert call.media == tuple(Media(f"media-{number}", b"abc") for number in (1, 2, 3, 4))


def test_a_request_becomes_the_same_call_as_a_rest_body() -> None:
    asked = request(
        media_pb2.Media(data=b"abc"), inputs=b'{"PROMPT":"hi"}', tag="mine", meta_data=b'{"a":12345678901234567890.10}'
    )
    body = b'{"media":["YWJj"],"inputs":{"PROMPT":"hi"},"tag":"mine","metaData":{"a":12345678901234567890.10}}'
    assert sync_call(asked, 30) == asked_of("ocr", body, 30).call


def test_what_is_not_set_is_absent() -> None:
    call = sync_call(request(), 30)
    assert (call.media, call.inputs, call.tag, call.meta_data, call.timeout) == ((), {}, None, None, 30)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (request(media_pb2.Media(data=b"a"), media_pb2.Media()), "media[1]"),
        (request(media_pb2.Media(data=b"")), "media[0]"),
        (request(media_pb2.Media(base64="!")), "media[0]"),
        (request(media_pb2.Media(uri="data:image/png,abc")), "media[0]"),
        (request(media_pb2.Media(uri="http://a/" + "x" * MAX_MEDIA_URL_CHARACTERS)), "media[0]"),
        (request(*[media_pb2.Media(data=b"a")] * (MAX_MEDIA_PER_CALL + 1)), "media"),
        (request(inputs=b"[1]"), "inputs"),
        (request(inputs=b'{"a":'), "inputs"),
        (request(inputs=b'{"a":"\xff"}'), "inputs"),
        (request(meta_data=b"null"), "metaData"),
        (request(meta_data=b'{"a":"\xff"}'), "metaData"),
        (request(meta_data=b'{"a":"%b"}' % (b"x" * MAX_META_DATA_BYTES)), "metaData"),
        (request(tag="x" * (MAX_TAG_CHARACTERS + 1)), "tag"),
    ],
)
def test_what_is_not_a_call_is_refused_by_its_field(asked: pipelines_pb2.ExecuteSyncRequest, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sync_call(asked, 30)
    assert refused.value.field == field


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan")])
def test_a_deadline_that_has_passed_is_refused(timeout: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        sync_call(request(media_pb2.Media(data=b"a")), timeout)
    assert refused.value.field == "timeout"


@pytest.mark.parametrize("status", PipelineStatus)
def test_every_status_of_a_pipeline_has_its_number(status: PipelineStatus) -> None:
    message = protos.pipeline(pipeline(status=status))
    assert pipelines_pb2.PipelineStatus.Name(message.status) == f"PIPELINE_STATUS_{status}"


def test_a_pipeline_becomes_its_message() -> None:
    message = protos.pipeline(pipeline())
    assert (message.pipeline_id, message.description, message.tag, message.version) == ("ocr", "Reads.", "documents", 0)
    (tensor,) = message.inputs
    assert (tensor.name, tensor.datatype, list(tensor.shape), tensor.role) == ("IMAGE", "BYTES", [1], "media")
    assert [each.role for each in message.outputs] == ["auto"]
    assert dict(message.model_versions) == {"read": "3"}


def test_a_graph_becomes_its_message() -> None:
    message = protos.definition(definition(pipeline()))
    assert message.pipeline_definition_id == "ocr"
    assert [(node.model_id, node.model_version) for node in message.nodes] == [("read", -1)]
    assert [(edge.source, edge.data_handle, edge.target) for edge in message.edges] == [
        ("input", "IMAGE", "read"),
        ("read", "OBSERVATION", "output"),
    ]


@pytest.mark.parametrize("state", RunState)
def test_every_state_of_a_run_has_its_number(state: RunState) -> None:
    message = run_protos.run(msgspec.structs.replace(finished_run().run, state=state))
    assert runs_pb2.RunState.Name(message.state) == f"RUN_STATE_{state.upper()}"


def test_a_run_becomes_its_message() -> None:
    run = msgspec.structs.replace(
        finished_run().run, timings=Timings(1.5, 2.0, 0.25), error=RunError("run.timeout", "Late.")
    )
    message = run_protos.run(run)
    assert (message.run_id, message.execution_id, message.attempt, message.media_count) == (RUN_ID, EXECUTION_ID, 1, 1)
    assert message.started_at.ToDatetime(tzinfo=START.tzinfo) == START
    assert (message.timings.queue_ms, message.timings.compute_ms, message.timings.gateway_ms) == (1.5, 2.0, 0.25)
    assert (message.error.code, message.error.message, message.error.field) == ("run.timeout", "Late.", "")


def test_a_run_that_did_not_end_has_neither_end_nor_error() -> None:
    message = run_protos.run(msgspec.structs.replace(finished_run().run, completed_at=None))
    assert not message.HasField("completed_at")
    assert not message.HasField("timings")
    assert not message.HasField("error")


def test_an_execution_becomes_its_message() -> None:
    found = Execution(
        execution_id="e",
        created_at=START,
        tag="mine",
        meta_data=b'{"a": 1}',
        state=RunState.COMPLETED,
        started_at=START,
        completed_at=START + timedelta(seconds=1.5),
    )
    message = protos.execution(found)
    assert (message.execution_id, message.tag, message.meta_data, message.duration) == ("e", "mine", b'{"a": 1}', 1.5)
    assert message.state == runs_pb2.RUN_STATE_COMPLETED


def test_an_execution_without_a_run_has_no_state() -> None:
    message = protos.execution(Execution(execution_id="e", created_at=START))
    assert message.state == runs_pb2.RUN_STATE_UNSPECIFIED
    assert not message.HasField("completed_at")
    assert not message.HasField("error")


def test_a_request_for_the_background_becomes_the_same_call_as_a_rest_body() -> None:
    moment = Timestamp()
    moment.FromDatetime(START)
    asked = pipelines_pb2.ExecuteAsyncRequest(
        call=request(media_pb2.Media(data=b"abc")), priority=runs_pb2.PRIORITY_HIGH, execute_after=moment
    )
    body = b'{"media":["YWJj"],"priority":"high","executeAfter":"2026-11-21T08:15:00.123456+01:00"}'
    assert async_call(asked, 30, "k") == asked_of("ocr", body, 30, Form.ACCEPTED, "k").call


def test_a_call_that_goes_on_says_so() -> None:
    asked = request(media_pb2.Media(data=b"abc"), on_timeout=pipelines_pb2.ON_TIMEOUT_CONTINUE)
    assert sync_call(asked, 30).goes_on
    with pytest.raises(InvalidInput) as refused:
        async_call(pipelines_pb2.ExecuteAsyncRequest(call=asked), 30)
    assert refused.value.field == "onTimeout"


@pytest.mark.parametrize("priority", Priority)
def test_every_priority_has_its_number(priority: Priority) -> None:
    message = run_protos.run(msgspec.structs.replace(finished_run().run, priority=priority))
    assert runs_pb2.Priority.Name(message.priority) == f"PRIORITY_{priority.upper()}"


def test_a_run_shows_its_tries_and_that_it_has_ended() -> None:
    message = run_protos.run(finished_run().run)
    assert (message.done, [each.number for each in message.attempts]) == (True, [1])
    assert not message.HasField("execute_after")


def test_the_event_of_the_end_carries_the_run() -> None:
    run = finished_run().run
    told = [run_protos.run_event(each, run if each.state.ended else None) for each in events(run)]
    assert [each.sequence for each in told] == [1, 2, 3]
    assert [each.HasField("run") for each in told] == [False, False, True]
