"""Every refusal of the main job, over both doors: the same code, a clear sentence, nothing of the caller's echoed."""

import base64
import contextlib
import http.client
import json
from dataclasses import dataclass

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from e2e.served import Served
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

SECRET = "s3cret"
NOT_AN_IMAGE = f"{SECRET}, and no image at all".encode()
RUN = "/v1/pipelines/{}/executeSync"


@dataclass(frozen=True)
class Refusal:
    """What a caller learns of a refusal by gRPC."""

    status: grpc.StatusCode
    code: str
    field: str | None
    message: str


def refusal(call: grpc.UnaryUnaryMultiCallable, request: object, timeout: float | None = None) -> Refusal:
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=timeout)
    status = rpc_status.from_call(raised.value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return Refusal(raised.value.code(), info.reason, info.metadata.get("field"), status.message)


def execute(pipeline: str, *media: media_pb2.Media) -> pipelines_pb2.ExecuteSyncRequest:
    return pipelines_pb2.ExecuteSyncRequest(pipeline_id=pipeline, media=media)


BODIES = [
    ("ocr", b"{not json", 400, "request.malformed", None),
    ("ocr", b'"a string"', 422, "input.invalid", None),
    ("ocr", b'{"media": [], "nothing": 1}', 422, "input.invalid", "nothing"),
    ("ocr", b'{"media": [7]}', 422, "input.invalid", "media[0]"),
    ("ocr", b"{}", 422, "input.invalid", "media"),
    ("ocr", b'{"media": null}', 422, "input.invalid", "media"),
    ("ocr", b'{"media": [""]}', 422, "input.invalid", "media[0]"),
    ("ocr", b'{"media": ["data:image/png;base64,"]}', 422, "input.invalid", "media[0]"),
    ("ocr", b'{"media": ["aGFsbG8=", "aGF*"]}', 422, "input.invalid", "media[1]"),
    ("ocr", b'{"media": ["aGFsbG8="], "timeout": 0}', 422, "input.invalid", "timeout"),
    ("ocr", b'{"media": ["aGFsbG8="], "inputs": {"NO": 1}}', 422, "input.invalid", "inputs.NO"),
    ("never_was", b'{"media": ["aGFsbG8="]}', 404, "pipeline.not_found", None),
]


@pytest.mark.parametrize(("pipeline", "body", "status", "code", "field"), BODIES)
def test_a_bad_body_is_refused_with_its_code_and_field(
    rest: httpx.Client, pipeline: str, body: bytes, status: int, code: str, field: str | None
) -> None:
    reply = rest.post(RUN.format(pipeline), content=body, headers={"X-Request-Id": "mine-1"})
    problem = reply.json()
    assert (reply.status_code, problem["code"], problem.get("field")) == (status, code, field)
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["message"] == problem["detail"]
    assert problem["request_id"] == reply.headers["x-request-id"] == "mine-1"


def test_bad_base64_is_refused_with_the_item_and_the_offset(rest: httpx.Client, channel: grpc.Channel) -> None:
    text = f"data:image/png;base64,{'QUJD' * 5}!{SECRET}"
    problem = rest.post(RUN.format("ocr"), json={"media": ["aGFsbG8=", text]}).json()
    assert problem["field"] == "media[1]"
    assert "offset 42" in problem["message"]
    stub = pipelines_pb2_grpc.PipelinesStub(channel)
    by_grpc = refusal(stub.ExecuteSync, execute("ocr", media_pb2.Media(base64=text)))
    assert (by_grpc.status, by_grpc.code) == (grpc.StatusCode.INVALID_ARGUMENT, "input.invalid")
    assert by_grpc.field == "media[0]"
    assert "offset 42" in by_grpc.message
    assert SECRET not in problem["message"] + by_grpc.message


def test_media_that_is_no_image_is_refused_by_name_of_media_and_step(rest: httpx.Client, channel: grpc.Channel) -> None:
    picture = base64.b64encode(NOT_AN_IMAGE).decode()
    reply = rest.post(RUN.format("ocr"), json={"media": [picture]})
    problem = reply.json()
    assert (reply.status_code, problem["code"], problem["field"]) == (422, "media.unreadable", "media[0]")
    assert "Step decode" in problem["message"]
    assert SECRET not in reply.text
    stub = pipelines_pb2_grpc.PipelinesStub(channel)
    by_grpc = refusal(stub.ExecuteSync, execute("ocr", media_pb2.Media(data=NOT_AN_IMAGE)))
    assert (by_grpc.status, by_grpc.code) == (grpc.StatusCode.INVALID_ARGUMENT, "media.unreadable")
    assert (by_grpc.field, by_grpc.message) == ("media[0]", problem["message"])


def test_a_failed_run_is_a_record_with_its_error_and_no_entry(rest: httpx.Client) -> None:
    good, bad = (base64.b64encode(each).decode() for each in (b"GIF89a", NOT_AN_IMAGE))
    reply = rest.post(RUN.format("ocr"), json={"media": [good, bad]})
    assert reply.status_code == 422
    problem = reply.json()
    run = rest.get(f"/v1/runs/{problem['runId']}").json()
    assert run["state"] == "failed"
    assert run["error"]["code"] == "media.unreadable"
    assert reply.headers["x-run-id"] == problem["runId"]
    execution = rest.get(f"/v1/executions/{problem['executionId']}").json()
    assert execution["status"] == "FAILED"
    assert execution["error"] == run["error"]
    observation = rest.get(f"/v1/executions/{problem['executionId']}/observation").json()
    assert observation["mediaContents"] == []


def test_a_run_past_its_deadline_is_timed_out_over_both_doors(
    rest: httpx.Client, channel: grpc.Channel, invoice: bytes
) -> None:
    body = {"media": [base64.b64encode(invoice).decode()], "timeout": 0.05}
    reply = rest.post(RUN.format("ocr"), json=body)
    assert (reply.status_code, reply.json()["code"]) == (504, "run.timeout")
    assert rest.get(f"/v1/runs/{reply.json()['runId']}").json()["state"] == "timed_out"
    stub = pipelines_pb2_grpc.PipelinesStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
        stub.ExecuteSync(execute("ocr", media_pb2.Media(data=invoice)), timeout=0.1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_body_that_is_too_large_is_refused_before_it_is_read(gateway: Served) -> None:
    connection = http.client.HTTPConnection(gateway.rest.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("POST", RUN.format("ocr"))
        connection.putheader("Content-Length", str(2**40))
        connection.endheaders()
        reply = connection.getresponse()
        assert (reply.status, json.load(reply)["code"]) == (413, "request.too_large")


def test_a_body_that_grows_too_large_is_refused_while_it_comes(rest: httpx.Client) -> None:
    reply = rest.post(RUN.format("ocr"), content=(b" " * 2**20 for _ in range(65)))
    assert (reply.status_code, reply.json()["code"]) == (413, "request.too_large")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/pipelines/never_was", "pipeline.not_found"),
        ("/v1/pipelines/never_was/definition", "pipeline.not_found"),
        ("/v1/executions/never-was", "execution.not_found"),
        ("/v1/executions/never-was/observation", "execution.not_found"),
        ("/v1/executions/never-was/runs", "execution.not_found"),
        ("/v1/runs/never-was", "run.not_found"),
        ("/v1/runs/00000000-0000-7000-8000-000000000000", "run.not_found"),
        ("/never-was", "route.not_found"),
    ],
)
def test_what_there_is_not_is_404_by_its_code(rest: httpx.Client, path: str, code: str) -> None:
    reply = rest.get(path)
    assert (reply.status_code, reply.json()["code"]) == (404, code)


def test_a_wrong_method_and_a_wrong_parameter_are_named(rest: httpx.Client) -> None:
    reply = rest.get(RUN.format("ocr"))
    assert (reply.status_code, reply.json()["code"]) == (405, "route.method_not_allowed")
    paged = rest.get("/v1/executions/x/runs", params={"limit": 100_000})
    assert (paged.status_code, paged.json()["field"]) == (422, "limit")


@pytest.fixture
def invoice(document) -> bytes:  # type: ignore[no-untyped-def]
    """A document that takes the ensemble about a second."""
    return document("invoice.png")
