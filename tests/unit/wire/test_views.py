from datetime import timedelta

import msgspec

from gateway.domain.executions import Execution
from gateway.domain.pipelines import PipelineStatus
from gateway.domain.runs import Attempt, Priority, RunError, RunState, Timings
from gateway.wire import views
from gateway.wire.runs import run_view
from unit.fakes import EXECUTION_ID, RUN_ID, START, finished_run, pipeline


def plain(view: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(view))


def test_a_pipeline_is_shown_with_its_typed_inputs_and_outputs() -> None:
    assert plain(views.pipeline_view(pipeline())) == {
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
    shown = plain(views.pipeline_view(found))
    assert isinstance(shown, dict)
    assert (shown["status"], shown["reason"]) == ("UNAVAILABLE", "unloaded")


def test_an_execution_without_a_run_shows_no_more_than_it_has() -> None:
    assert plain(views.execution_view(Execution(execution_id="e", created_at=START))) == {
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
    assert b'"metaData":{"a": 1.0}' in msgspec.json.encode(views.execution_view(found))
    assert plain(views.execution_view(found)) == {
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
    assert plain(run_view(run)) == {
        "runId": RUN_ID,
        "executionId": EXECUTION_ID,
        "pipelineId": "ocr",
        "pipelineVersion": 0,
        "state": "completed",
        "done": True,
        "priority": "normal",
        "attempt": 1,
        "attempts": [{"number": 1, "startedAt": "2026-11-21T07:15:00.123Z", "endedAt": "2026-11-21T07:15:02.123Z"}],
        "mediaCount": 1,
        "createdAt": "2026-11-21T07:15:00.123Z",
        "startedAt": "2026-11-21T07:15:00.123Z",
        "completedAt": "2026-11-21T07:15:02.123Z",
        "timings": {"queueMs": 1.5, "computeMs": 2.0, "gatewayMs": 0.25},
        "modelVersions": {"read": "3"},
        "urls": {
            "self": f"/v1/runs/{RUN_ID}",
            "events": f"/v1/runs/{RUN_ID}/events",
            "cancel": f"/v1/runs/{RUN_ID}/cancel",
        },
    }


def test_a_run_that_waits_again_is_shown_with_what_became_of_its_tries() -> None:
    lost = Attempt(
        number=1, worker="host-7", started_at=START, ended_at=START, error=RunError("worker.lost", "It is gone.")
    )
    run = msgspec.structs.replace(
        finished_run().run,
        state=RunState.QUEUED,
        started_at=None,
        completed_at=None,
        past_attempts=(lost,),
        priority=Priority.HIGH,
        execute_after=START,
        cancel_requested_at=START,
    )
    shown = plain(run_view(run))
    assert isinstance(shown, dict)
    at = "2026-11-21T07:15:00.123Z"
    error = {"code": "worker.lost", "message": "It is gone."}
    assert shown["attempts"] == [{"number": 1, "worker": "host-7", "startedAt": at, "endedAt": at, "error": error}]
    assert (shown["done"], shown["priority"], shown["executeAfter"], shown["cancelRequestedAt"]) == (
        False,
        "high",
        at,
        at,
    )
