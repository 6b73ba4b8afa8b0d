"""One case for each row of the table of errors, over both doors: status, shape, code, details, and nothing echoed."""

import base64
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from e2e.failing import write_failing
from e2e.served import Served, serving, until
from gateway import errors, limits
from gateway.errors import GatewayError
from gateway.v1 import (
    executions_pb2,
    executions_pb2_grpc,
    hooks_pb2,
    hooks_pb2_grpc,
    media_pb2,
    observations_pb2,
    observations_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from places import ROOT

SECRET = "s3cret-of-the-caller"
NOBODY = "00000000-0000-7000-8000-000000000000"
BODY_BYTES = 100_000
PLACES = 6
#: An address that is public; nothing is ever sent there.
PUBLIC = "http://93.184.216.34/"
#: Bytes that are no media.
NO_MEDIA = b"\x00" + SECRET.encode()

Refused = grpc.RpcError | None
Json = dict[str, object]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Doors:
    """Both doors of one gateway."""

    def __init__(self, served: Served, client: httpx.Client, channel: grpc.Channel, folder: Path):
        self._address, self._folder = served.rest, folder
        self.client = client
        self.pipelines = pipelines_pb2_grpc.PipelinesStub(channel)
        self.executions = executions_pb2_grpc.ExecutionsStub(channel)
        self.runs = runs_pb2_grpc.RunsStub(channel)
        self.observations = observations_pb2_grpc.ObservationsStub(channel)
        self.hooks = hooks_pb2_grpc.HooksStub(channel)

    def run(self, pipeline: str, text: str = SECRET, key: str | None = None, **fields: object) -> httpx.Response:
        """A call that is waited for, by REST."""
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"media": [encoded(text)], **fields}
        with httpx.Client(base_url=self._address, timeout=60) as client:
            return client.post(f"/v1/pipelines/{pipeline}/executeSync", json=body, headers=headers)

    def ask(self, pipeline: str, text: str = SECRET, **fields: object) -> grpc.RpcError:
        """The refusal of a call that is waited for, by gRPC."""
        return failure(self.pipelines.ExecuteSync, call(pipeline, text, **fields))

    def execution(self) -> str:
        """A new execution."""
        name: str = self.client.post("/v1/executions", json={}).json()["executionId"]
        return name

    def held(self) -> Path:
        """What to give to a model that holds: it says when it has begun, and goes on when it is told to."""
        return self._folder / uuid.uuid4().hex


def call(pipeline: str, text: str = SECRET, **fields: object) -> pipelines_pb2.ExecuteSyncRequest:
    """A call, as gRPC has it."""
    return pipelines_pb2.ExecuteSyncRequest(
        pipeline_id=pipeline,
        media=[media_pb2.Media(data=text.encode())],
        **fields,  # type: ignore[arg-type]
    )


def failure(method: Callable[[object], object], request: object) -> grpc.RpcError:
    """How a call by gRPC fails."""
    with pytest.raises(grpc.RpcError) as failed:
        _read(method(request))
    return failed.value


def _read(answer: object) -> None:
    """A stream fails when it is read, and no sooner."""
    for _ in answer if isinstance(answer, Iterator) else ():
        pass


Row = Callable[[Doors], tuple[httpx.Response, Refused]]
ROWS: dict[str, Row] = {}


def row(code: str) -> Callable[[Row], Row]:
    """Register what provokes the error of this code: its answers by REST and by gRPC."""

    def registered(provoke: Row) -> Row:
        ROWS[code] = provoke
        return provoke

    return registered


@pytest.fixture(scope="module")
def doors(short_folder: Path) -> Iterator[Doors]:
    """A gateway over models that fail, with few places and small bodies."""
    repository = write_failing(short_folder / "failing-models")
    flags = ("--max-body-bytes", str(BODY_BYTES), "--max-sync-calls", str(PLACES), "--sync-timeout", "5")
    folder = short_folder / "failing-held"
    folder.mkdir()
    folder.chmod(0o777)
    with (
        serving(short_folder / "failing", "--model-repository", str(repository), *flags) as served,
        served.client() as client,
        served.channel() as channel,
    ):
        yield Doors(served, client, channel, folder)


@row("request.malformed")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = doors.execution()
    reply = doors.client.post("/v1/pipelines/say/executeSync", content=f"{{{SECRET}")
    merge = observations_pb2.MergeObservationRequest(execution_id=name, observation=f"{{{SECRET}".encode())
    return reply, failure(doors.observations.MergeObservation, merge)


@row("input.invalid")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    tag = SECRET * 100
    return doors.run("say", tag=tag), doors.ask("say", tag=tag)


@row("observation.invalid")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name, body = doors.execution(), f'{{"mediaContents":[{{"id":["{SECRET}"]}}]}}'.encode()
    reply = doors.client.post(f"/v1/executions/{name}/observation", content=body)
    merge = observations_pb2.MergeObservationRequest(execution_id=name, observation=body)
    return reply, failure(doors.observations.MergeObservation, merge)


@row("request.too_large")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name, large = doors.execution(), SECRET.encode() * BODY_BYTES
    pieces = [
        executions_pb2.UploadMediaRequest(execution_id=name, data=large[at : at + BODY_BYTES // 2])
        for at in range(0, 4 * BODY_BYTES, BODY_BYTES // 2)
    ]
    return doors.client.post("/v1/pipelines/say/executeSync", content=large[: BODY_BYTES + 1]), failure(
        doors.executions.UploadMedia, iter(pieces)
    )


@row("request.target_too_long")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.client.get("/v1/executions", params={"tag": SECRET.ljust(limits.MAX_TARGET_BYTES, "x")}), None


@row("request.headers_too_large")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    large = {"x-large": SECRET.ljust(limits.MAX_REQUEST_HEADERS_BYTES, "x")}
    return doors.client.get("/v1/executions", headers=large), None


@row("media.unreadable")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run("refuse"), doors.ask("refuse")


@row("media.limit")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run("shrink"), doors.ask("shrink")


@row("media.unsupported")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = doors.execution()
    piece = executions_pb2.UploadMediaRequest(execution_id=name, data=NO_MEDIA)
    reply = doors.client.post(f"/v1/executions/{name}/observation/media", content=NO_MEDIA)
    return reply, failure(doors.executions.UploadMedia, iter([piece]))


@row("transform.invalid")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return _transform(doors, f"'{SECRET}' +")


@row("transform.limit")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return _transform(doors, f"($f := function($n) {{ $f($n + 1) + 1 }}; $f('{SECRET}' = 1 ? 1 : 0))")


def _transform(doors: Doors, expression: str) -> tuple[httpx.Response, Refused]:
    name = doors.execution()
    reply = doors.client.post(f"/v1/executions/{name}/observation/transform", content=expression)
    request = observations_pb2.TransformObservationRequest(execution_id=name, transform=expression)
    return reply, failure(doors.observations.TransformObservation, request)


@row("idempotency.reused")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    key = uuid.uuid4().hex
    assert doors.run("say", "first", key).status_code == 200
    return doors.run("say", SECRET, key), doors.ask("say", idempotency_key=key)


@row("idempotency.in_flight")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    key, held = uuid.uuid4().hex, doors.held()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(doors.run, "hold", str(held), key)
        try:
            until(held.with_suffix(".begun").exists, 60)
            return doors.run("hold", str(held), key), doors.ask("hold", str(held), idempotency_key=key)
        finally:
            held.with_suffix(".go").touch()
            assert first.result().status_code in {200, 504}


@row("hook.target_forbidden")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return _hook(doors, f"http://127.0.0.1/{SECRET}", NOBODY)


@row("hook.exists")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = f"hook-{uuid.uuid4().hex}"
    body = {"hookId": name, "eventType": "SUBMIT", "payloadType": "JSON", "endpoint": PUBLIC}
    assert doors.client.post("/v1/hooks", json=body).status_code == 200
    return _hook(doors, PUBLIC + SECRET, name)


def _hook(doors: Doors, endpoint: str, name: str) -> tuple[httpx.Response, Refused]:
    body = {"hookId": name, "eventType": "SUBMIT", "payloadType": "JSON", "endpoint": endpoint}
    hook = hooks_pb2.Hook(
        hook_id=name,
        endpoint=endpoint,
        event_type=hooks_pb2.EVENT_TYPE_SUBMIT,
        payload_type=hooks_pb2.PAYLOAD_TYPE_JSON,
    )
    reply = doors.client.post("/v1/hooks", json=body)
    return reply, failure(doors.hooks.CreateHook, hooks_pb2.CreateHookRequest(hook=hook))


@row("run.finished")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = doors.run("say").headers["x-run-id"]
    reply = doors.client.post(f"/v1/runs/{name}/cancel")
    return reply, failure(doors.runs.CancelRun, runs_pb2.CancelRunRequest(run_id=name))


@row("result.gone")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = doors.run("say", transient=True).headers["x-execution-id"]
    reply = doors.client.get(f"/v1/executions/{name}/observation")
    request = observations_pb2.GetObservationRequest(execution_id=name)
    return reply, failure(doors.observations.GetObservation, request)


@row("pipeline.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run(SECRET), doors.ask(SECRET)


@row("execution.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    request = executions_pb2.GetExecutionRequest(execution_id=SECRET)
    return doors.client.get(f"/v1/executions/{SECRET}"), failure(doors.executions.GetExecution, request)


@row("media.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = doors.execution()
    request = executions_pb2.GetMediaRequest(execution_id=name, media_id=SECRET)
    reply = doors.client.get(f"/v1/executions/{name}/observation/media/{SECRET}")
    return reply, failure(doors.executions.GetMedia, request)


@row("artifact.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    name = doors.execution()
    request = executions_pb2.GetArtifactRequest(execution_id=name, artifact_id=SECRET)
    reply = doors.client.get(f"/v1/executions/{name}/artifacts/{SECRET}")
    return reply, failure(doors.executions.GetArtifact, request)


@row("file.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(file_id=SECRET)])
    return doors.run("say", media=[{"fileId": SECRET}]), failure(doors.pipelines.ExecuteSync, request)


@row("media.url_forbidden")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    url = f"{PUBLIC}?{SECRET}"
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(uri=url)])
    return doors.run("say", media=[{"url": url}]), failure(doors.pipelines.ExecuteSync, request)


@row("run.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    request = runs_pb2.GetRunRequest(run_id=SECRET)
    return doors.client.get(f"/v1/runs/{SECRET}"), failure(doors.runs.GetRun, request)


@row("hook.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    request = hooks_pb2.GetHookRequest(hook_id=SECRET)
    return doors.client.get(f"/v1/hooks/{SECRET}"), failure(doors.hooks.GetHook, request)


@row("delivery.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    request = hooks_pb2.GetDeliveryRequest(delivery_id=SECRET)
    return doors.client.get(f"/v1/deliveries/{SECRET}"), failure(doors.hooks.GetDelivery, request)


@row("route.not_found")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.client.get(f"/{SECRET}"), None


@row("route.method_not_allowed")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.client.put("/v1/executions", content=SECRET), None


@row("queue.full")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    held = doors.held()
    with ThreadPoolExecutor(PLACES + 1) as threads:
        calls = [threads.submit(doors.run, "hold", str(held), timeout=60) for _ in range(PLACES + 1)]
        try:
            # One of them finds no place; which is chance.
            until(lambda: any(each.done() for each in calls), 60)
            (reply,) = [each.result() for each in calls if each.done()]
            return reply, doors.ask("say")
        finally:
            held.with_suffix(".go").touch()
            assert sorted(each.result().status_code for each in calls) == [*[200] * PLACES, 429]


@row("rate.limited")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    assert [doors.run("rare").status_code for _ in range(2)] == [200, 200]
    return doors.run("rare"), doors.ask("rare")


@row("triton.overloaded")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    held = doors.held()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(doors.run, "queue", str(held), timeout=30)
        try:
            until(held.with_suffix(".begun").exists, 60)
            # One of them waits in the queue; which is chance.
            others = [threads.submit(doors.run, "queue", str(held), timeout=30) for _ in range(2)]
            until(lambda: any(each.done() for each in others), 60)
            (reply,) = [each.result() for each in others if each.done()]
            return reply, doors.ask("queue", str(held))
        finally:
            held.with_suffix(".go").touch()
            assert running.result().status_code == 200


@row("triton.failed")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run("fail"), doors.ask("fail")


@row("pipeline.wiring_invalid")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run("miswired"), doors.ask("miswired")


@row("pipeline.not_ready")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run("broken"), doors.ask("broken")


@row("runtime.unsupported")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    return doors.run("streaming"), doors.ask("streaming")


@row("run.timeout")
def _(doors: Doors) -> tuple[httpx.Response, Refused]:
    held = doors.held()
    try:
        # Without a deadline of the client's that of the settings holds, so that it is the gateway that answers.
        return doors.run("hold", str(held), timeout=0.2), doors.ask("hold", str(held))
    finally:
        held.with_suffix(".go").touch()


#: Rows that need pages, a part that is dead, a caller who is gone, or two owners: which test shows them.
ELSEWHERE = {
    "media.page_range_empty": (
        "e2e/test_pages_of_media.py",
        "test_a_page_range_that_leaves_nothing_or_is_none_is_refused",
    ),
    "request.incomplete": ("unit/api/test_rest_door.py", "test_a_body_that_does_not_arrive_in_time_is_refused"),
    "triton.unavailable": (
        "e2e/test_serve.py",
        "test_without_triton_it_lives_is_not_ready_says_503_and_recovers_by_itself",
    ),
    "storage.unavailable": ("e2e/test_s3_blobs.py", "test_without_its_bucket_the_gateway_says_so_and_comes_back"),
    "gateway.draining": (
        "unit/api/test_rest_server.py",
        "test_what_does_not_end_in_time_is_cancelled_recorded_and_answered",
    ),
    "worker.lost": ("unit/core/test_worker.py", "test_a_run_that_took_every_worker_with_it_is_not_run_again"),
    "media.url_failed": ("e2e/test_ways_in_served.py", "test_a_url_that_leads_to_no_media_is_refused"),
    "run.canceled": ("e2e/test_following_runs.py", "test_a_run_that_is_worked_on_is_canceled_soon"),
    "auth.forbidden": (
        "unit/api/test_owners_at_the_doors.py",
        "test_a_pipeline_that_is_not_the_callers_is_forbidden_and_not_listed",
    ),
    "auth.unavailable": ("unit/api/test_entering.py", "test_where_nobody_can_say_the_answer_is_503"),
    "execution.taken": ("unit/api/test_owners_at_the_doors.py", "test_the_id_of_anothers_record_is_taken"),
    "internal": ("unit/api/test_grpc_door.py", "test_what_nobody_foresaw_shows_a_fixed_text"),
}
#: Rows of a gateway that asks for keys: what a caller shows it.
OF_KEYS = {"auth.missing": {}, "auth.invalid": {"x-api-key": SECRET}}
#: Rows that there is no way to by gRPC: it has no paths, no headers but metadata, and no methods of HTTP.
REST_ALONE = {"request.target_too_long", "request.headers_too_large", "route.not_found", "route.method_not_allowed"}


def kinds(of: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    for each in of.__subclasses__():
        if each.__module__.startswith(errors.__name__):
            yield each
            yield from kinds(each)


def kind_of(code: str) -> GatewayError:
    return errors.error_of_code(code, "It says.")


def check_rest(reply: httpx.Response, code: str) -> None:
    """A refusal by REST is whole."""
    kind, body = kind_of(code), reply.json()
    assert (reply.status_code, body["code"]) == (kind.http, code), reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert {"title", "status", "detail", "code", "message", "request_id"} <= body.keys()
    assert body.keys() <= {
        "title",
        "status",
        "detail",
        "code",
        "message",
        "request_id",
        "field",
        "executionId",
        "runId",
    }
    assert (body["status"], body["message"]) == (kind.http, body["detail"])
    assert re.fullmatch(r"[A-Z].*\.", body["message"])
    assert body["request_id"] == reply.headers["x-request-id"]
    assert ("retry-after" in reply.headers) == (kind.retry_after is not None)
    assert SECRET not in reply.text + str(reply.headers)


def check_grpc(failed: grpc.RpcError, code: str) -> None:
    """A refusal by gRPC is whole."""
    kind, status = kind_of(code), rpc_status.from_call(failed)
    assert status is not None, failed
    details = [each for kind in _DETAILS for each in [kind()] for packed in status.details if packed.Unpack(each)]
    info = details[0]
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == (code, "gateway")
    assert failed.code().name == kind.grpc.name
    assert failed.details() == status.message
    assert isinstance(details[1], error_details_pb2.RequestInfo)
    assert details[1].request_id == dict(failed.trailing_metadata())["x-request-id"]
    assert (len(details) == 3) == (kind.retry_after is not None)
    assert SECRET not in str(status)


_DETAILS = (error_details_pb2.ErrorInfo, error_details_pb2.RequestInfo, error_details_pb2.RetryInfo)


@pytest.mark.parametrize("code", ROWS)
def test_a_row_is_answered_as_the_table_says(doors: Doors, code: str) -> None:
    reply, failed = ROWS[code](doors)
    check_rest(reply, code)
    assert (failed is None) == (code in REST_ALONE)
    if failed is not None:
        check_grpc(failed, code)


@pytest.fixture(scope="module")
def keyed(short_folder: Path, outside: tuple[str, ...]) -> Iterator[Served]:
    """A gateway that asks for keys."""
    with serving(short_folder / "keyed", *outside, "--no-worker", "--auth", "api_key") as served:
        yield served


@pytest.mark.parametrize("code", OF_KEYS)
def test_a_row_of_keys_is_answered_as_the_table_says(keyed: Served, code: str) -> None:
    with keyed.client() as client:
        check_rest(client.get("/v1/executions", headers=OF_KEYS[code]), code)
    with keyed.channel() as channel:
        asked = executions_pb2_grpc.ExecutionsStub(channel).ListExecutions.with_call
        with pytest.raises(grpc.RpcError) as failed:
            asked(executions_pb2.ListExecutionsRequest(), metadata=[*OF_KEYS[code].items()])
    check_grpc(failed.value, code)


def test_every_row_has_a_test() -> None:
    shown = [*ROWS, *ELSEWHERE, *OF_KEYS]
    assert sorted(shown) == sorted({each.code for each in kinds()})


@pytest.mark.parametrize(("path", "name"), ELSEWHERE.values())
def test_a_test_that_stands_elsewhere_is_there(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / path).read_text(), re.MULTILINE)
