import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from gateway.api.grpc.server import NAMES, GrpcServer
from gateway.core.drain import Drain
from gateway.domain.access import ANYONE
from gateway.domain.ids import new_id
from gateway.domain.runs import RunState
from gateway.domain.tensors import Value
from gateway.errors import Internal, MediaUnreadable
from gateway.ports import Dispatch, DueRun, Inference
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
from unit.fakes import EXECUTION_ID, RUN_ID, Gateway, answering, failing, finished_run, gateway, pipeline

#: How a client balances by itself, and heeds the health of each door.
HEEDING_HEALTH = json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}})
REQUEST = pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=[media_pb2.Media(data=b"abc")])


@contextlib.asynccontextmanager
async def door(built: Gateway) -> AsyncIterator[grpc.aio.Channel]:
    server = GrpcServer(built.services, "127.0.0.1:0")
    port = await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(Drain())


async def execute(
    channel: grpc.aio.Channel, request: pipelines_pb2.ExecuteSyncRequest = REQUEST, **options: object
) -> pipelines_pb2.ExecuteSyncResponse:
    return await pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request, **options)


def info_of(failure: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """What the richer error model's own reader finds in a failure."""
    status = rpc_status.from_call(failure)
    assert status is not None
    assert status.message == failure.details()
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


async def test_a_call_is_answered_with_the_observation_as_json_bytes() -> None:
    built = await gateway(answer=answering(b'{ "rawText" :"hello"}'))
    async with door(built) as channel:
        answer = await execute(channel)
    (finished,) = built.records.finished
    assert (answer.execution_id, answer.run_id) == (finished.run.execution_id, finished.run.run_id)
    assert b'"rawText" :"hello"}' in answer.observation
    assert json.loads(answer.observation)["executionId"] == answer.execution_id


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (
            pipelines_pb2.ExecuteSyncRequest(pipeline_id="never", media=REQUEST.media),
            grpc.StatusCode.NOT_FOUND,
            "pipeline.not_found",
        ),
        (pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr"), grpc.StatusCode.INVALID_ARGUMENT, "input.invalid"),
        (
            pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=[media_pb2.Media(base64="!")]),
            grpc.StatusCode.INVALID_ARGUMENT,
            "input.invalid",
        ),
    ],
)
async def test_a_bad_call_is_refused_with_a_status_of_details(
    request_: pipelines_pb2.ExecuteSyncRequest, code: grpc.StatusCode, reason: str
) -> None:
    built = await gateway()
    async with door(built) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await execute(channel, request_)
    assert failed.value.code() is code
    assert info_of(failed.value).reason == reason
    assert built.records.finished == []


async def test_a_run_that_failed_names_its_records_and_the_request() -> None:
    built = await gateway(answer=failing(MediaUnreadable("Step decode refused it: no.")))
    async with door(built) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await execute(channel, metadata=(("x-request-id", "req-1"),))
    run = built.records.finished[0].run
    assert failed.value.details() == "Step decode refused it: no."
    assert dict(info_of(failed.value).metadata) == {
        "field": "media[0]",
        "executionId": run.execution_id,
        "runId": run.run_id,
    }
    assert ("x-request-id", "req-1") in [tuple(each) for each in failed.value.trailing_metadata()]


async def test_what_nobody_foresaw_shows_a_fixed_text(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway(answer=failing(ZeroDivisionError("secret")))
    async with door(built) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await execute(channel)
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.INTERNAL, Internal().message)
    assert "run.broke" in [record.getMessage() for record in caplog.records]
    assert built.admission.taken == 0


async def test_a_call_past_the_last_place_is_refused() -> None:
    built = await gateway(places=1)
    async with door(built) as channel:
        with built.admission.place(ANYONE), pytest.raises(grpc.aio.AioRpcError) as failed:
            await execute(channel)
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert info_of(failed.value).reason == "queue.full"


async def test_pipelines_are_listed_and_shown_with_their_graph() -> None:
    built = await gateway(pipeline("ocr"), pipeline("image_stats"))
    async with door(built) as channel:
        stub = pipelines_pb2_grpc.PipelinesStub(channel)
        listed = await stub.ListPipelines(pipelines_pb2.ListPipelinesRequest())
        shown = await stub.GetPipeline(pipelines_pb2.GetPipelineRequest(pipeline_id="ocr"))
        graph = await stub.GetPipelineDefinition(pipelines_pb2.GetPipelineDefinitionRequest(pipeline_id="ocr"))
    assert [each.pipeline_id for each in listed.pipelines] == ["image_stats", "ocr"]
    assert shown == listed.pipelines[1]
    assert graph.pipeline_definition_id == "ocr"


async def test_records_can_be_read() -> None:
    built = await gateway()
    built.records.write(finished_run(content=b'{ "a":1}'))
    async with door(built) as channel:
        execution = await executions_pb2_grpc.ExecutionsStub(channel).GetExecution(
            executions_pb2.GetExecutionRequest(execution_id=EXECUTION_ID)
        )
        run = await runs_pb2_grpc.RunsStub(channel).GetRun(runs_pb2.GetRunRequest(run_id=RUN_ID))
        found = await observations_pb2_grpc.ObservationsStub(channel).GetObservation(
            observations_pb2.GetObservationRequest(execution_id=EXECUTION_ID)
        )
    assert (execution.execution_id, execution.duration) == (EXECUTION_ID, 2.0)
    assert run.run_id == RUN_ID
    assert json.loads(found.observation)["mediaContents"][0]["a"] == 1


async def test_a_list_of_runs_is_read_page_by_page() -> None:
    built = await gateway()
    for _ in range(3):
        built.records.write(finished_run(run_id=new_id()))
    request = runs_pb2.ListRunsRequest(execution_id=EXECUTION_ID, limit=2)
    async with door(built) as channel:
        stub = runs_pb2_grpc.RunsStub(channel)
        first = await stub.ListRuns(request)
        request.cursor = first.next_cursor
        second = await stub.ListRuns(request)
    names = [each.run.run_id for each in built.records.finished]
    assert [run.run_id for run in first.runs] == names[:2]
    assert [run.run_id for run in second.runs] == names[2:]
    assert second.next_cursor == ""


@pytest.mark.parametrize("limit", [-1, 1001])
async def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    async with door(await gateway()) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await runs_pb2_grpc.RunsStub(channel).ListRuns(runs_pb2.ListRunsRequest(execution_id="e", limit=limit))
    assert info_of(failed.value).metadata["field"] == "limit"


async def test_health_says_what_ready_says_of_the_whole_and_of_every_service() -> None:
    async with door(await gateway()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", *NAMES):
            changes = stub.Watch(health_pb2.HealthCheckRequest(service=name))
            async for change in changes:
                if change.status == health_pb2.HealthCheckResponse.SERVING:
                    break
            changes.cancel()
    assert len(NAMES) == 6


async def test_a_call_that_goes_on_tells_its_own_address_when_it_has_ended() -> None:
    built = await gateway()
    request = pipelines_pb2.ExecuteSyncRequest(
        pipeline_id="ocr",
        media=[media_pb2.Media(data=b"abc")],
        on_timeout=pipelines_pb2.ON_TIMEOUT_CONTINUE,
        webhook_url="https://one.example/",
    )
    async with door(built) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await execute(channel, request, timeout=0.5)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    run_id = built.records.accepted[0].run.run_id
    await built.worker.take_up(DueRun(run_id, "ocr"))
    (told,) = built.records.deliveries.values()
    assert (told.url, told.event.run_id, told.event.status) == ("https://one.example/", run_id, "COMPLETED")


async def test_a_caller_who_leaves_cancels_its_run_and_frees_its_place() -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def held(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return []

    built = await gateway(answer=held)
    async with door(built) as channel:
        call = asyncio.create_task(execute(channel))
        await begun.wait()
        call.cancel()
        await left.wait()
    await built.runs.close()
    assert [finished.run.state for finished in built.records.finished] == [RunState.CANCELED]
    assert built.admission.taken == 0


async def test_callers_that_heed_health_leave_a_door_whose_stop_is_announced_without_an_error() -> None:
    built = [await gateway(), await gateway()]
    servers = [GrpcServer(each.services, "127.0.0.1:0") for each in built]
    target = "ipv4:" + ",".join([f"127.0.0.1:{await server.start()}" for server in servers])
    stopped = asyncio.Event()

    async def keep_calling(stub: pipelines_pb2_grpc.PipelinesStub) -> int:
        calls = 0
        while not stopped.is_set():
            await stub.ExecuteSync(REQUEST, wait_for_ready=True)
            calls += 1
        return calls

    def ran(door: int) -> int:
        return len(built[door].records.finished)

    async with grpc.aio.insecure_channel(target, options=[("grpc.service_config", HEEDING_HEALTH)]) as channel:
        stub = pipelines_pb2_grpc.PipelinesStub(channel)
        callers = [asyncio.create_task(keep_calling(stub)) for _ in range(8)]
        while min(ran(0), ran(1)) < 50:
            await asyncio.sleep(0)
        await servers[0].announce()
        seen = (-1, 0)
        while ran(0) != seen[0] or ran(1) < seen[1] + 200:
            seen = (ran(0), ran(1)) if ran(0) != seen[0] else seen
            await asyncio.sleep(0)
        await servers[0].stop(Drain())
        stopped.set()
        calls = await asyncio.gather(*callers)
    await servers[1].stop(Drain())
    assert ran(0) + ran(1) == sum(calls)


async def test_health_says_not_serving_as_soon_as_the_stop_is_announced() -> None:
    built = await gateway()
    server = GrpcServer(built.services, "127.0.0.1:0")
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=NAMES[0]))
        async for told in watch:
            if told.status == health_pb2.HealthCheckResponse.SERVING:
                break
        await server.announce()
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await anext(aiter(watch))).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await execute(channel)).run_id
        watch.cancel()
    await server.stop(Drain())
