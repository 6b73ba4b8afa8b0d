"""Another's records are not there, on every route and by every RPC; one's own are, and to an admin all are."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import grpc.aio
import httpx
import msgspec
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway import telemetry
from gateway.api.grpc.server import GrpcServer
from gateway.api.rest.app import rest_app
from gateway.api.rest.entry import Entry
from gateway.api.rest.openapi.document import OPERATIONS, document
from gateway.core.drain import Drain
from gateway.v1 import executions_pb2, files_pb2, hooks_pb2, observations_pb2, pipelines_pb2, runs_pb2
from unit.api.owned import PNG, Owned, owned
from unit.fakes import Gateway, gateway

#: The parameters of paths that name a record, and that do not.
RECORDS = {
    "executionId": "execution_id",
    "mediaId": "media_id",
    "runId": "run_id",
    "hookId": "hook_id",
    "deliveryId": "delivery_id",
    "fileId": "file_id",
    "artifactId": "artifact_id",
}
OTHERS = {"pipelineId"}
MODULES = (pipelines_pb2, executions_pb2, runs_pb2, observations_pb2, hooks_pb2, files_pb2)
RPCS = {
    f"{service.full_name}/{method.name}": method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
#: Those that name no record that there must be: they list, or bring about, or name a pipeline alone.
NAMING_NONE = {
    "CreateExecution",
    "ListExecutions",
    "CreateHook",
    "ListHooks",
    "CreateFile",
    "ListFiles",
    "ListPipelines",
    "GetPipeline",
    "GetPipelineDefinition",
}
CALLS = ("executeSync", "executeSync/json", "executeSync/transform", "executeAsync")
#: What each caller gets: the record of Ann's is there to her and to the admin.
SEEING = [("ann", True), ("root", True), ("bob", False)]


def paths() -> dict[str, dict[str, Any]]:
    """The paths of the OpenAPI document."""
    found: dict[str, dict[str, Any]] = document(rest_app(Gateway().services).routes, asks=True)["paths"]
    return found


PATHS = paths()


def routes() -> Iterator[tuple[str, str]]:
    for path, item in PATHS.items():
        if RECORDS.keys() & set(re.findall(r"{(\w+)}", path)):
            yield from ((method, path) for method in item)


ROUTES = list(routes())


@contextlib.asynccontextmanager
async def rest(built: Gateway, who: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Entry(rest_app(built.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers={"x-api-key": who}) as client:
        yield client


@contextlib.asynccontextmanager
async def channel(built: Gateway) -> AsyncIterator[grpc.aio.Channel]:
    server = GrpcServer(built.services, "127.0.0.1:0")
    port = await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
            yield opened
    finally:
        await server.stop(Drain())


def body_of(operation: dict[str, Any]) -> bytes | None:
    """The first example of an operation's body; the address says which hook it is."""
    told = OPERATIONS[operation["operationId"]].body
    if told is None:
        return None
    for content in told.content.values():
        for example in content.get("examples", {}).values():
            value = example["value"]
            if isinstance(value, str):
                return value.encode()
            return msgspec.json.encode({name: each for name, each in value.items() if name != "hookId"})
    return PNG


def test_every_parameter_of_a_path_names_a_record_that_is_asked_for_here_or_none() -> None:
    assert {name for path in PATHS for name in re.findall(r"{(\w+)}", path)} == RECORDS.keys() | OTHERS
    assert len(ROUTES) > 20


@pytest.mark.parametrize(("who", "sees"), SEEING)
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_route_shows_only_what_its_caller_sees(method: str, path: str, who: str, *, sees: bool) -> None:
    has, operation = await owned(), PATHS[path][method]
    url = re.sub(r"{(\w+)}", lambda found: has[RECORDS[found[1]]], path)
    before = msgspec.json.encode(sorted(has.built.records.executions)), has.built.blobs.kept.copy()
    async with rest(has.built, who) as client:
        response = await client.request(method, url, content=body_of(operation))
    if sees:
        assert response.status_code < 300, response.text
        assert str(response.status_code) in operation["responses"]
    else:
        assert response.status_code == 404, response.text
        assert response.json()["code"].endswith(".not_found")
        assert before == (msgspec.json.encode(sorted(has.built.records.executions)), has.built.blobs.kept)


@pytest.mark.parametrize(("who", "sees"), SEEING)
@pytest.mark.parametrize("form", CALLS)
@pytest.mark.parametrize("named", ["the execution", "its media"])
async def test_a_call_adds_to_what_its_caller_sees_alone(form: str, named: str, who: str, *, sees: bool) -> None:
    has = await owned()
    media = {} if named == "the execution" else {"mediaIds": [has.media_id]}
    runs = len(has.built.records.runs)
    async with rest(has.built, who) as client:
        body = {"executionId": "hers", "transform": "$", **media}
        response = await client.post(f"/v1/pipelines/ocr/{form}", json=body)
    assert response.status_code == ((202 if form == "executeAsync" else 200) if sees else 404)
    assert len(has.built.records.runs) == runs + sees
    assert has.built.records.executions["hers"].owner == "ann"


def fields(message: Message, has: Owned) -> set[str]:
    """Name Ann's records in a request, wherever it has a place for one; which these are is returned."""
    named = set()
    for field in message.DESCRIPTOR.fields:
        if field.name in RECORDS.values():
            setattr(message, field.name, has[field.name])
            named.add(field.name)
        elif field.name in ("call", "hook"):
            named |= fields(getattr(message, field.name), has)
    return named


def request_of(method: MethodDescriptor, has: Owned) -> tuple[Message, set[str]]:
    request = GetMessageClass(method.input_type)()
    named = fields(request, has)
    if method.name == "UploadMedia":
        request.data = PNG
    if method.name == "MergeObservation":
        request.observation = b'{"mediaContents":[]}'
    if hasattr(request, "transform"):
        request.transform = "$"
    if method.name == "UpdateHook":
        request.hook.endpoint = "https://receiver.example/"
        request.hook.event_type, request.hook.payload_type = 1, 1
    for call in (request, getattr(request, "call", request)):
        if hasattr(call, "pipeline_id"):
            call.pipeline_id = "ocr"
    return request, named


async def asked(opened: grpc.aio.Channel, method: MethodDescriptor, request: Message, who: str) -> list[Message]:
    """What a method answers."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    coding = {
        "request_serializer": type(request).SerializeToString,
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    metadata = (("x-api-key", who),)
    if method.client_streaming:
        return [await opened.stream_unary(path, **coding)(iter([request]), metadata=metadata)]
    if method.server_streaming:
        return [each async for each in opened.unary_stream(path, **coding)(request, metadata=metadata)]
    return [await opened.unary_unary(path, **coding)(request, metadata=metadata)]


async def code(opened: grpc.aio.Channel, method: MethodDescriptor, request: Message, who: str) -> str:
    try:
        await asked(opened, method, request, who)
    except grpc.aio.AioRpcError as failure:
        return failure.code().name
    return "OK"


async def test_every_rpc_names_a_record_or_is_known_to_name_none() -> None:
    has = await owned()
    assert {method.name for method in RPCS.values() if not request_of(method, has)[1]} | {
        "CreateExecution",
        "CreateHook",
    } == NAMING_NONE


@pytest.mark.parametrize(("who", "sees"), SEEING)
@pytest.mark.parametrize("name", sorted(name for name, method in RPCS.items() if method.name not in NAMING_NONE))
async def test_an_rpc_shows_only_what_its_caller_sees(name: str, who: str, *, sees: bool) -> None:
    has = await owned()
    async with channel(has.built) as opened:
        request, _ = request_of(RPCS[name], has)
        assert await code(opened, RPCS[name], request, who) == ("OK" if sees else "NOT_FOUND")


@pytest.mark.parametrize(("who", "sees"), SEEING)
async def test_the_deliveries_of_a_hook_are_its_owners(who: str, *, sees: bool) -> None:
    has = await owned()
    method = RPCS["gateway.v1.Hooks/ListDeliveries"]
    async with channel(has.built) as opened:
        request = hooks_pb2.ListDeliveriesRequest(hook_id="her-hook")
        assert await code(opened, method, request, who) == ("OK" if sees else "NOT_FOUND")


@pytest.mark.parametrize(("who", "sees"), SEEING)
async def test_lists_have_only_what_their_caller_sees(who: str, *, sees: bool) -> None:
    has = await owned()
    async with rest(has.built, who) as client:
        executions = [each["executionId"] for each in (await client.get("/v1/executions")).json()]
        hooks = [each["hookId"] for each in (await client.get("/v1/hooks")).json()]
    async with channel(has.built) as opened:
        requests = executions_pb2.ListExecutionsRequest(), hooks_pb2.ListHooksRequest()
        (of_executions,) = await asked(opened, RPCS["gateway.v1.Executions/ListExecutions"], requests[0], who)
        (of_hooks,) = await asked(opened, RPCS["gateway.v1.Hooks/ListHooks"], requests[1], who)
    assert executions == [each.execution_id for each in of_executions.executions] == (["hers"] if sees else [])
    assert hooks == [each.hook_id for each in of_hooks.hooks] == (["her-hook"] if sees else [])


async def test_the_id_of_anothers_record_is_taken() -> None:
    has = await owned()
    hook = {"hookId": "her-hook", "endpoint": "https://r.example/", "eventType": "SUBMIT", "payloadType": "RAW"}
    async with rest(has.built, "ann") as client:
        assert (await client.post("/v1/executions", json={"executionId": "hers"})).status_code == 204
    async with rest(has.built, "bob") as client:
        responses = [
            await client.post("/v1/executions", json={"executionId": "hers"}),
            await client.post("/v1/hooks", json=hook),
        ]
    assert [each.status_code for each in responses] == [409, 409]
    assert [each.json()["code"] for each in responses] == ["execution.taken", "hook.exists"]
    async with channel(has.built) as opened:
        request = executions_pb2.CreateExecutionRequest(execution_id="hers")
        assert await code(opened, RPCS["gateway.v1.Executions/CreateExecution"], request, "bob") == "ALREADY_EXISTS"


@pytest.mark.parametrize("path", ["executions", "pipelines/ocr/executeSync", "pipelines/ocr/executeAsync"])
async def test_nobody_has_another_s_hook_told(path: str) -> None:
    has = await owned()
    body = {"hookIds": ["her-hook"]} if path == "executions" else {"hookIds": ["her-hook"], "media": ["YWJj"]}
    async with rest(has.built, "bob") as client:
        response = await client.post(f"/v1/{path}", json=body)
    assert (response.status_code, response.json()["field"]) == (422, "hookIds[0]")


async def test_one_key_of_two_owners_is_two_calls() -> None:
    built = (await owned()).built
    found = []
    for who in ("ann", "bob", "ann"):
        async with rest(built, who) as client:
            response = await client.post(
                "/v1/pipelines/ocr/executeSync", json={"media": ["YWJj"]}, headers={"idempotency-key": "k"}
            )
        assert response.status_code == 200
        found.append(response.headers["x-run-id"])
    assert found[0] == found[2] != found[1]


async def test_a_pipeline_that_is_not_the_callers_is_forbidden_and_not_listed() -> None:
    built = (await owned()).built
    async with rest(built, "bob") as client:
        for path in ("", "/definition"):
            assert (await client.get(f"/v1/pipelines/other{path}")).json()["code"] == "auth.forbidden"
        for path in CALLS:
            response = await client.post(f"/v1/pipelines/other/{path}", json={"media": ["YWJj"], "transform": "$"})
            assert (response.status_code, response.json()["code"]) == (403, "auth.forbidden")
        assert (await client.get("/v1/pipelines/ocr")).status_code == 200
        assert [each["pipelineId"] for each in (await client.get("/v1/pipelines")).json()] == ["ocr"]
    async with channel(built) as opened:
        for name in ("GetPipeline", "GetPipelineDefinition", "ExecuteSync", "ExecuteSyncJson"):
            method = RPCS[f"gateway.v1.Pipelines/{name}"]
            request = GetMessageClass(method.input_type)(pipeline_id="other")
            assert await code(opened, method, request, "bob") == "PERMISSION_DENIED"
        for name in ("ExecuteSyncTransform", "ExecuteAsync"):
            method = RPCS[f"gateway.v1.Pipelines/{name}"]
            request = GetMessageClass(method.input_type)()
            request.call.pipeline_id = "other"
            assert await code(opened, method, request, "bob") == "PERMISSION_DENIED"


async def test_the_log_says_whose_each_request_is(monkeypatch: pytest.MonkeyPatch) -> None:
    has, noted = await owned(), []
    monkeypatch.setattr(telemetry, "note", lambda **names: noted.append(names))
    async with rest(has.built, "ann") as client:
        await client.get("/v1/executions/hers")
    async with channel(has.built) as opened:
        method = RPCS["gateway.v1.Executions/GetExecution"]
        await code(opened, method, executions_pb2.GetExecutionRequest(execution_id="hers"), "ann")
    assert noted == [{"owner": "ann"}] * 2
    built = await gateway()
    async with rest(built, "nobody") as client:
        await client.get("/v1/pipelines")
    assert len(noted) == 2
