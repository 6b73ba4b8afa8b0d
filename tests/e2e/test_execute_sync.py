"""The main job, end to end: a real document through a real Triton ensemble into a lasting observation."""

import base64
import json
import re
from collections.abc import Callable

import grpc
import httpx
import pytest

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
RUN = "/v1/pipelines/{}/executeSync"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ask(pipeline: str, *media: media_pb2.Media, **fields: object) -> pipelines_pb2.ExecuteSyncRequest:
    return pipelines_pb2.ExecuteSyncRequest(pipeline_id=pipeline, media=media, **fields)


def test_a_document_sent_by_rest_is_read_and_kept(rest: httpx.Client, document: Document) -> None:
    reply = rest.post(RUN.format("ocr"), json={"media": [encoded(document("invoice.png"))]})
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert set(found) == {"executionId", "mediaContents", "documents"}
    (entry,) = found["mediaContents"]
    assert list(entry)[:6] == ["id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"]
    assert entry["mediaId"] == "media-1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["createdAt"])
    assert "Invoice number: INV-2025-0417" in entry["rawText"]
    assert reply.headers["x-execution-id"] == found["executionId"]
    kept = rest.get(f"/v1/executions/{found['executionId']}/observation")
    assert kept.content == reply.content


def test_the_same_document_by_grpc_gives_the_same_reading(
    channel: grpc.Channel, rest: httpx.Client, document: Document
) -> None:
    image = document("receipt.jpg")
    pipelines = pipelines_pb2_grpc.PipelinesStub(channel)
    answer = pipelines.ExecuteSync(ask("ocr", media_pb2.Media(data=image)), timeout=60)
    by_grpc = json.loads(answer.observation)
    by_rest = rest.post(RUN.format("ocr"), json={"media": [encoded(image)]}).json()
    ours = {"id", "runId", "createdAt"}
    first, second = (
        {key: value for key, value in found["mediaContents"][0].items() if key not in ours}
        for found in (by_grpc, by_rest)
    )
    assert first == second
    kept = observations_pb2_grpc.ObservationsStub(channel).GetObservation(
        observations_pb2.GetObservationRequest(execution_id=answer.execution_id)
    )
    assert kept.observation == answer.observation


def test_a_blank_page_is_an_empty_document(rest: httpx.Client, document: Document) -> None:
    found = rest.post(RUN.format("ocr"), json={"media": [encoded(document("blank.png"))]}).json()
    (entry,) = found["mediaContents"]
    assert entry["documentPages"][0]["document"]["entities"] == []
    assert entry["rawText"] == ""


def test_many_media_of_one_call_stand_in_call_order_in_one_observation(rest: httpx.Client, document: Document) -> None:
    names = ["receipt.jpg", "invoice.png", "blank.png"] * 5
    sizes = {"receipt.jpg": 640, "invoice.png": 900}
    found = rest.post(RUN.format("image_stats"), json={"media": [encoded(document(name)) for name in names]}).json()
    entries = found["mediaContents"]
    assert [entry["mediaId"] for entry in entries] == [f"media-{number}" for number in range(1, 16)]
    widths = [entry["metaData"]["width"] for entry in entries]
    assert widths[0::3] == [sizes["receipt.jpg"]] * 5
    assert widths[1::3] == [sizes["invoice.png"]] * 5
    assert len({entry["runId"] for entry in entries}) == 1


def test_grpc_takes_bytes_base64_and_data_urls_in_one_call(channel: grpc.Channel, document: Document) -> None:
    image = document("receipt.jpg")
    media = (
        media_pb2.Media(data=image),
        media_pb2.Media(base64=encoded(image)),
        media_pb2.Media(base64=f"data:image/jpeg;base64,{encoded(image)}"),
        media_pb2.Media(uri=f"data:image/jpeg;base64,{encoded(image)}"),
    )
    answer = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(ask("image_stats", *media))
    entries = json.loads(answer.observation)["mediaContents"]
    assert len(entries) == 4
    assert len({entry["imageHash"] for entry in entries}) == 1


def test_a_data_url_is_taken_by_rest(rest: httpx.Client, document: Document) -> None:
    url = f"data:image/jpeg;base64,{encoded(document('receipt.jpg'))}"
    assert rest.post(RUN.format("image_stats"), json={"media": [url]}).status_code == 200


def test_the_envelope_holds_the_ids_beside_the_observation(rest: httpx.Client, document: Document) -> None:
    body = {"media": [encoded(document("receipt.jpg"))]}
    found = rest.post(RUN.format("image_stats"), params={"envelope": "true"}, json=body).json()
    assert set(found) == {"executionId", "runId", "observation"}
    assert found["observation"]["executionId"] == found["executionId"]


def test_the_run_says_what_ran_and_where_its_time_went(rest: httpx.Client, document: Document) -> None:
    reply = rest.post(RUN.format("image_stats"), json={"media": [encoded(document("receipt.jpg"))]})
    run = rest.get(f"/v1/runs/{reply.headers['x-run-id']}").json()
    assert run["state"] == "completed"
    assert run["attempt"] == 1
    assert run["modelVersions"] == {"decode": "1", "image_measure": "1"}
    assert set(run["timings"]) == {"queueMs", "computeMs", "gatewayMs"}
    assert run["timings"]["computeMs"] > 0
    listed = rest.get(f"/v1/executions/{run['executionId']}/runs").json()
    assert listed == [run]


def test_tag_and_meta_data_come_back_with_the_execution(rest: httpx.Client, document: Document) -> None:
    meta_data = {"order": 17, "nested": {"ü": [1, None]}}
    body = {"media": [encoded(document("receipt.jpg"))], "tag": "invoices", "metaData": meta_data}
    execution_id = rest.post(RUN.format("image_stats"), json=body).json()["executionId"]
    execution = rest.get(f"/v1/executions/{execution_id}").json()
    assert execution["tag"] == "invoices"
    assert execution["metaData"] == meta_data
    assert execution["status"] == "COMPLETED"
    assert execution["duration"] > 0


def test_grpc_shows_the_same_records_as_rest(channel: grpc.Channel, rest: httpx.Client, document: Document) -> None:
    request = ask("image_stats", media_pb2.Media(data=document("receipt.jpg")), tag="t", meta_data=b'{"a": 1}')
    answer = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request)
    execution = executions_pb2_grpc.ExecutionsStub(channel).GetExecution(
        executions_pb2.GetExecutionRequest(execution_id=answer.execution_id)
    )
    assert (execution.tag, json.loads(execution.meta_data)) == ("t", {"a": 1})
    assert execution.state == runs_pb2.RUN_STATE_COMPLETED
    runs = runs_pb2_grpc.RunsStub(channel)
    run = runs.GetRun(runs_pb2.GetRunRequest(run_id=answer.run_id))
    listed = runs.ListRuns(runs_pb2.ListRunsRequest(execution_id=answer.execution_id))
    assert list(listed.runs) == [run]
    shown = rest.get(f"/v1/runs/{answer.run_id}").json()
    assert shown["timings"]["computeMs"] == pytest.approx(run.timings.compute_ms)
    assert dict(run.model_versions) == shown["modelVersions"]


def test_pipelines_are_discovered_with_their_inputs_and_outputs(rest: httpx.Client, channel: grpc.Channel) -> None:
    listed = {each["pipelineId"]: each for each in rest.get("/v1/pipelines").json()}
    assert set(listed) == {"image_stats", "image_thumbnail", "ocr"}
    assert listed["ocr"]["status"] == "READY"
    (entry,) = listed["ocr"]["inputs"]
    assert entry == {"name": "IMAGE", "datatype": "BYTES", "shape": [1], "role": "media", "optional": False}
    detail = rest.get("/v1/pipelines/ocr").json()
    assert detail["pipeline"] == listed["ocr"]
    assert detail["pipelineDefinition"] == rest.get("/v1/pipelines/ocr/definition").json()
    stub = pipelines_pb2_grpc.PipelinesStub(channel)
    by_grpc = stub.ListPipelines(pipelines_pb2.ListPipelinesRequest()).pipelines
    assert [each.pipeline_id for each in by_grpc] == ["image_stats", "image_thumbnail", "ocr"]
    assert stub.GetPipeline(pipelines_pb2.GetPipelineRequest(pipeline_id="ocr")) == by_grpc[2]


def test_the_definition_shows_each_step_and_the_way_of_each_tensor(rest: httpx.Client, channel: grpc.Channel) -> None:
    shown = rest.get("/v1/pipelines/ocr/definition").json()
    assert [node["modelName"] for node in shown["nodes"]] == ["decode", "text_detect", "text_recognize"]
    ways = {(edge["source"], edge["target"]) for edge in shown["edges"]}
    assert ways == {
        ("input", "decode"),
        ("decode", "text_detect"),
        ("decode", "text_recognize"),
        ("text_detect", "text_recognize"),
        ("text_recognize", "output"),
    }
    request = pipelines_pb2.GetPipelineDefinitionRequest(pipeline_id="ocr")
    by_grpc = pipelines_pb2_grpc.PipelinesStub(channel).GetPipelineDefinition(request)
    assert [edge.id for edge in by_grpc.edges] == [edge["id"] for edge in shown["edges"]]
