"""Runs are waited for, followed and canceled over gRPC."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import grpc
import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from e2e.held import Held, accepted, encoded, waiting_long
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc, runs_pb2, runs_pb2_grpc


@pytest.fixture(scope="module")
def runs(small_channel: grpc.Channel) -> runs_pb2_grpc.RunsStub:
    return runs_pb2_grpc.RunsStub(small_channel)


def reason(failed: pytest.ExceptionInfo[grpc.RpcError]) -> tuple[str, str]:
    status = rpc_status.from_call(failed.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info.reason, info.metadata.get("field", "")


def test_a_run_is_waited_for_until_it_has_ended(
    runs: runs_pb2_grpc.RunsStub, small_rest: httpx.Client, new_folder: Path
) -> None:
    held = Held(new_folder)
    run_id = accepted(small_rest, "hold", held.media)["runId"]
    held.begun()
    still = runs.WaitRun(runs_pb2.WaitRunRequest(run_id=run_id, timeout=0.1), timeout=60)
    assert not still.done
    # The deadline of the call is no failure either.
    assert not runs.WaitRun(runs_pb2.WaitRunRequest(run_id=run_id), timeout=1).done
    waiting = runs.WaitRun.future(runs_pb2.WaitRunRequest(run_id=run_id), timeout=60)
    held.let_go()
    ended = waiting.result()
    assert (ended.done, ended.state) == (True, runs_pb2.RUN_STATE_COMPLETED)
    assert [each.number for each in ended.attempts] == [1]
    assert ended.priority == runs_pb2.PRIORITY_NORMAL


def test_the_events_of_a_run_end_with_the_run(runs: runs_pb2_grpc.RunsStub, small_rest: httpx.Client) -> None:
    run_id = accepted(small_rest, "say", encoded("a"))["runId"]
    told = list(runs.WatchRun(runs_pb2.WatchRunRequest(run_id=run_id), timeout=60))
    assert [(each.sequence, each.state) for each in told] == [
        (1, runs_pb2.RUN_STATE_QUEUED),
        (2, runs_pb2.RUN_STATE_RUNNING),
        (3, runs_pb2.RUN_STATE_COMPLETED),
    ]
    assert [each.HasField("run") for each in told] == [False, False, True]
    assert told[-1].run == runs.GetRun(runs_pb2.GetRunRequest(run_id=run_id))
    for seen, left in ((2, told[2:]), (3, told[2:])):
        assert list(runs.WatchRun(runs_pb2.WatchRunRequest(run_id=run_id, after_sequence=seen), timeout=60)) == left


@pytest.mark.parametrize("after", [-1, 4])
def test_an_event_that_there_is_not_cannot_be_resumed_from(
    runs: runs_pb2_grpc.RunsStub, small_rest: httpx.Client, after: int
) -> None:
    run_id = accepted(small_rest, "say", encoded("a"))["runId"]
    runs.WaitRun(runs_pb2.WaitRunRequest(run_id=run_id), timeout=60)
    with pytest.raises(grpc.RpcError) as failed:
        list(runs.WatchRun(runs_pb2.WatchRunRequest(run_id=run_id, after_sequence=after), timeout=60))
    assert reason(failed) == ("input.invalid", "after_sequence")


def test_who_leaves_a_watch_or_a_wait_cancels_nothing(
    runs: runs_pb2_grpc.RunsStub, small_rest: httpx.Client, new_folder: Path
) -> None:
    held = Held(new_folder)
    run_id = accepted(small_rest, "hold", held.media)["runId"]
    held.begun()
    watching = runs.WatchRun(runs_pb2.WatchRunRequest(run_id=run_id), timeout=60)
    assert next(watching).sequence == 1
    watching.cancel()
    runs.WaitRun.future(runs_pb2.WaitRunRequest(run_id=run_id), timeout=60).cancel()
    held.let_go()
    ended = runs.WaitRun(runs_pb2.WaitRunRequest(run_id=run_id), timeout=60)
    assert ended.state == runs_pb2.RUN_STATE_COMPLETED


def test_a_run_is_canceled(runs: runs_pb2_grpc.RunsStub, small_rest: httpx.Client, new_folder: Path) -> None:
    run_id = waiting_long(small_rest)
    canceled = runs.CancelRun(runs_pb2.CancelRunRequest(run_id=run_id))
    assert (canceled.state, canceled.done) == (runs_pb2.RUN_STATE_CANCELED, True)
    assert runs.CancelRun(runs_pb2.CancelRunRequest(run_id=run_id)) == canceled
    held = Held(new_folder)
    run_id = accepted(small_rest, "hold", held.media)["runId"]
    held.begun()
    try:
        assert runs.CancelRun(runs_pb2.CancelRunRequest(run_id=run_id)).HasField("cancel_requested_at")
        ended = runs.WaitRun(runs_pb2.WaitRunRequest(run_id=run_id), timeout=60)
    finally:
        held.let_go()
    assert (ended.state, ended.error.code) == (runs_pb2.RUN_STATE_CANCELED, "run.canceled")


def test_a_run_that_has_ended_or_that_there_is_not_cannot_be_canceled(
    runs: runs_pb2_grpc.RunsStub, small_rest: httpx.Client
) -> None:
    run_id = accepted(small_rest, "say", encoded("a"))["runId"]
    runs.WaitRun(runs_pb2.WaitRunRequest(run_id=run_id), timeout=60)
    for name, code, why in (
        (run_id, grpc.StatusCode.FAILED_PRECONDITION, "run.finished"),
        (str(uuid4()), grpc.StatusCode.NOT_FOUND, "run.not_found"),
    ):
        with pytest.raises(grpc.RpcError) as failed:
            runs.CancelRun(runs_pb2.CancelRunRequest(run_id=name))
        assert (failed.value.code(), reason(failed)[0]) == (code, why)


def test_a_run_in_the_background_is_put_off_and_put_first(
    runs: runs_pb2_grpc.RunsStub, small_channel: grpc.Channel
) -> None:
    later = Timestamp()
    later.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    accepted = pipelines_pb2_grpc.PipelinesStub(small_channel).ExecuteAsync(
        pipelines_pb2.ExecuteAsyncRequest(
            call=pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=b"a")]),
            priority=runs_pb2.PRIORITY_HIGH,
            execute_after=later,
        )
    )
    run = runs.CancelRun(runs_pb2.CancelRunRequest(run_id=accepted.run_id))
    assert run.priority == runs_pb2.PRIORITY_HIGH
    assert abs(run.execute_after.ToDatetime(UTC) - later.ToDatetime(UTC)) < timedelta(milliseconds=1)
