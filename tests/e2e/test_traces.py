"""A trace goes on from its caller through both doors, the queue and the worker to the models in Triton."""

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from e2e.served import Served, serving, until
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

MEDIA = {"media": [base64.b64encode(b"x").decode()]}


class Collector(http.server.ThreadingHTTPServer):
    """An OpenTelemetry collector that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans: dict[str, set[str]] = {}

    def take(self, body: bytes) -> None:
        """Keep the names of the spans of each trace."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.setdefault(span.trace_id.hex(), set()).add(span.name)


class Receiver(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.take(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as server:
        serving_it = threading.Thread(target=server.serve_forever)
        serving_it.start()
        yield server
        server.shutdown()
        serving_it.join()


@pytest.fixture(scope="module")
def traced(short_folder: Path, small_models: Path, collector: Collector) -> Iterator[Served]:
    url = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    with serving(short_folder / "traced", "--model-repository", str(small_models), "--trace-url", url) as served:
        yield served


def parent(number: int) -> tuple[str, dict[str, str]]:
    """A trace of its own, and the header that names it."""
    trace = f"{number:032x}"
    return trace, {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}


def reached(observation: dict[str, list[dict[str, object]]]) -> set[str]:
    """The traces that the models of `parameters` were told of: each step says the parameters of its request."""
    (entry,) = observation["mediaContents"]
    steps = entry["json"]
    assert isinstance(steps, list)
    assert len(steps) == 2
    return {step["traceparent"].split("-")[1] for step in steps}


def test_over_rest(traced: Served, collector: Collector) -> None:
    trace, headers = parent(0xA1)
    with traced.client() as client:
        reply = client.post("/v1/pipelines/parameters/executeSync", json=MEDIA, headers=headers)
    assert reached(reply.json()) == {trace}
    door = "POST /v1/pipelines/{pipeline_id}/executeSync"
    until(lambda: {door, "inference", "commit"} <= collector.spans.get(trace, set()), 30)


def test_over_grpc(traced: Served, collector: Collector) -> None:
    trace, headers = parent(0xA2)
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="parameters", media=[media_pb2.Media(data=b"x")])
    with traced.channel() as channel:
        stub = pipelines_pb2_grpc.PipelinesStub(channel)
        reply, call = stub.ExecuteSync.with_call(request, metadata=(*headers.items(), ("x-request-id", "mine")))
    assert reached(json.loads(reply.observation)) == {trace}
    assert dict(call.trailing_metadata())["x-request-id"] == "mine"
    until(lambda: {"ExecuteSync", "inference", "commit"} <= collector.spans.get(trace, set()), 30)


def test_through_the_queue(traced: Served, collector: Collector) -> None:
    trace, headers = parent(0xA3)
    with traced.client() as client:
        names = client.post("/v1/pipelines/parameters/executeAsync", json=MEDIA, headers=headers).json()
        until(lambda: client.get(f"/v1/runs/{names['runId']}").json()["state"] == "completed", 60)
        found = client.get(f"/v1/executions/{names['executionId']}/observation").json()
    assert reached(found) == {trace}
    wanted = {"POST /v1/pipelines/{pipeline_id}/executeAsync", "stage", "accept", "run", "inference", "commit"}
    until(lambda: wanted <= collector.spans.get(trace, set()), 30)
