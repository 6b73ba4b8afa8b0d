import base64
from datetime import timedelta

import msgspec
import pytest
from unit.fakes import EXECUTION_ID, RUN_ID, START, finished_run, pipeline

from gateway.domain.executions import Execution
from gateway.domain.media import Media
from gateway.domain.pipelines import PipelineStatus
from gateway.domain.runs import RunError, RunState, Timings
from gateway.errors import InvalidInput, Malformed
from gateway.limits import MAX_MEDIA_PER_CALL, MAX_META_DATA_BYTES, MAX_SYNC_TIMEOUT, MAX_TAG_CHARACTERS
from gateway.wire import rest


def body(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


def plain(view: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(view))


def test_a_body_becomes_a_call() -> None:
    media = [base64.b64encode(each).decode() for each in (b"one", b"two")]
    asked = body(media=media, inputs={"PROMPT": "hi"}, tag="mine", metaData={"a": [1]}, timeout=2.5)
    call = rest.call("ocr", asked, default_timeout=30)
    assert call.pipeline_id == "ocr"
    assert call.media == (Media("media-1", b"one"), Media("media-2", b"two"))
    assert call.inputs == {"PROMPT": "hi"}
    assert (call.tag, call.meta_data, call.timeout) == ("mine", b'{"a":[1]}', 2.5)


@pytest.mark.parametrize(
    "asked", [b"{}", body(media=None, inputs=None, tag=None, metaData=None, timeout=None), body(media=[], inputs={})]
)
def test_null_is_absent(asked: bytes) -> None:
    call = rest.call("ocr", asked, default_timeout=30)
    assert (call.media, call.inputs, call.tag, call.meta_data, call.timeout) == ((), {}, None, None, 30)


def test_metadata_keep_their_digits() -> None:
    asked = b'{"metaData":{"a":12345678901234567890.10,"b":{"c" : 1}}}'
    assert rest.call("ocr", asked, 30).meta_data == b'{"a":12345678901234567890.10,"b":{"c" : 1}}'


def test_the_largest_of_everything_is_accepted() -> None:
    media, size = ["YQ=="] * MAX_MEDIA_PER_CALL, MAX_META_DATA_BYTES - len(b'{"a":""}')
    asked = body(media=media, tag="ü" * MAX_TAG_CHARACTERS, metaData={"a": "x" * size}, timeout=MAX_SYNC_TIMEOUT)
    call = rest.call("ocr", asked, 30)
    assert len(call.media) == MAX_MEDIA_PER_CALL
    assert call.meta_data is not None
    assert len(call.meta_data) == MAX_META_DATA_BYTES


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (body(tag="x" * (MAX_TAG_CHARACTERS + 1)), "tag"),
        (body(metaData={"a": "x" * MAX_META_DATA_BYTES}), "metaData"),
        (body(metaData=[1]), "metaData"),
        (body(media=["YQ=="] * (MAX_MEDIA_PER_CALL + 1)), "media"),
        (body(media="YQ=="), "media"),
        (body(media=["YQ==", 5]), "media[1]"),
        (body(media=["YQ==", "!"]), "media[1]"),
        (body(media=["YQ==", ""]), "media[1]"),
        (body(timeout=0), "timeout"),
        (body(timeout=-1), "timeout"),
        (body(timeout=MAX_SYNC_TIMEOUT + 0.1), "timeout"),
        (body(timeout="5"), "timeout"),
        (body(timeout=True), "timeout"),
        (b'{"timeout":1e999}', "timeout"),
        (body(inputs=[1]), "inputs"),
        (body(meta_data={}), "meta_data"),
        (body(document="x"), "document"),
    ],
)
def test_what_is_past_a_limit_or_of_another_kind_is_refused_by_its_field(asked: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rest.call("ocr", asked, 30)
    assert refused.value.field == field


@pytest.mark.parametrize("asked", [b'{"timeout":NaN}', b'{"timeout":Infinity}'])
def test_numbers_that_json_does_not_have_are_malformed(asked: bytes) -> None:
    with pytest.raises(Malformed):
        rest.call("ocr", asked, 30)


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), float("-inf"), 0.0])
def test_a_timeout_that_is_no_span_of_time_is_refused(timeout: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        rest.checked_call("ocr", [], inputs={}, tag=None, meta_data=None, timeout=timeout)
    assert refused.value.field == "timeout"


def test_too_many_media_are_refused_before_any_is_decoded() -> None:
    with pytest.raises(InvalidInput, match="at most"):
        rest.call("ocr", body(media=["!"] * (MAX_MEDIA_PER_CALL + 1)), 30)


def test_a_pipeline_is_shown_with_its_typed_inputs_and_outputs() -> None:
    assert plain(rest.pipeline_view(pipeline())) == {
        "pipelineId": "ocr",
        "name": "ocr",
        "status": "READY",
        "version": 0,
        "inputs": [{"name": "IMAGE", "datatype": "BYTES", "shape": [1], "role": "media", "optional": False}],
        "outputs": [{"name": "OBSERVATION", "datatype": "BYTES", "shape": [1], "role": "auto"}],
        "modelVersions": {"read": "3"},
        "description": "Reads.",
        "tag": "documents",
    }


def test_a_pipeline_that_is_not_ready_says_why() -> None:
    found = msgspec.structs.replace(pipeline(status=PipelineStatus.UNAVAILABLE), reason="unloaded")
    shown = plain(rest.pipeline_view(found))
    assert isinstance(shown, dict)
    assert (shown["status"], shown["reason"]) == ("UNAVAILABLE", "unloaded")


def test_an_execution_without_a_run_shows_no_more_than_it_has() -> None:
    assert plain(rest.execution_view(Execution(execution_id="e", created_at=START))) == {
        "executionId": "e",
        "createdAt": "2026-11-21T07:15:00.123Z",
    }


def test_an_execution_shows_the_state_of_its_newest_run_in_upper_case() -> None:
    found = Execution(
        execution_id="e",
        created_at=START,
        tag="mine",
        meta_data=b'{"a": 1.0}',
        state=RunState.TIMED_OUT,
        started_at=START,
        completed_at=START + timedelta(seconds=1.5),
        error=RunError("run.timeout", "Late."),
    )
    assert b'"metaData":{"a": 1.0}' in msgspec.json.encode(rest.execution_view(found))
    assert plain(rest.execution_view(found)) == {
        "executionId": "e",
        "createdAt": "2026-11-21T07:15:00.123Z",
        "tag": "mine",
        "metaData": {"a": 1.0},
        "status": "TIMED_OUT",
        "completedAt": "2026-11-21T07:15:01.623Z",
        "duration": 1.5,
        "error": {"code": "run.timeout", "message": "Late."},
    }


def test_a_run_is_shown_with_its_state_timings_and_versions() -> None:
    run = msgspec.structs.replace(finished_run().run, timings=Timings(1.5, 2.0, 0.25))
    assert plain(rest.run_view(run)) == {
        "runId": RUN_ID,
        "executionId": EXECUTION_ID,
        "pipelineId": "ocr",
        "pipelineVersion": 0,
        "state": "completed",
        "attempt": 1,
        "mediaCount": 1,
        "createdAt": "2026-11-21T07:15:00.123Z",
        "startedAt": "2026-11-21T07:15:00.123Z",
        "completedAt": "2026-11-21T07:15:02.123Z",
        "timings": {"queueMs": 1.5, "computeMs": 2.0, "gatewayMs": 0.25},
        "modelVersions": {"read": "3"},
    }
