import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace

import grpc
import grpc.aio
import httpx
import pytest
from litestar.routes import HTTPRoute

from gateway.api.credentials import NOBODYS, credential
from gateway.api.grpc.entrance import Entrance
from gateway.api.grpc.refusals import guarded as guarded_by
from gateway.api.grpc.server import GrpcServer
from gateway.api.rest.app import rest_app
from gateway.api.rest.entering import NEEDS
from gateway.api.rest.entry import Entry
from gateway.core.api_keys import ApiKeys
from gateway.core.drain import Drain
from gateway.core.key_access import KeyAccess
from gateway.domain.access import ANYONE, Scope
from gateway.domain.api_keys import NewKey
from gateway.errors import StorageUnavailable
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc
from unit.fakes import FakeApiKeys, Gateway, gateway, pipeline

EXECUTE = "/v1/pipelines/ocr/executeSync"
MEDIA = {"media": ["YWJj"]}
#: What anybody may ask for.
OPEN = {"/health", "/ready", "/openapi.json", "/openapi.yaml", "/docs", "/redoc", "/docs/assets/{name}"}


class Guarded:
    """A gateway over fakes that asks for keys."""

    def __init__(self, built: Gateway, store: FakeApiKeys):
        self.built, self.store = built, store

    async def key(self, *scopes: Scope, pipelines: frozenset[str] | None = None) -> str:
        wanted = NewKey(name="scanner", scopes=frozenset(scopes), pipelines=pipelines)
        return await ApiKeys(self.store).create(wanted, "root")

    @contextlib.asynccontextmanager
    async def rest(self, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        headers = {} if key is None else {"X-API-Key": key}
        transport = httpx.ASGITransport(Entry(rest_app(self.built.services)), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            yield client

    @contextlib.asynccontextmanager
    async def grpc(self) -> AsyncIterator[grpc.aio.Channel]:
        server = GrpcServer(self.built.services, "127.0.0.1:0")
        port = await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield channel
        finally:
            await server.stop(Drain())


@pytest.fixture
async def guarded() -> Guarded:
    store = FakeApiKeys()
    built = await gateway(pipeline("ocr"), pipeline("image_stats"), access=KeyAccess(store), places=1)
    return Guarded(built, store)


@pytest.mark.parametrize(
    ("headers", "held"),
    [
        ([], None),
        ([("x-api-key", "k")], "k"),
        ([("x-api-key", " k ")], "k"),
        ([("authorization", "Bearer k")], "k"),
        ([("authorization", "bEARER  k")], "k"),
        ([("authorization", "Bearer k"), ("x-api-key", "k")], "k"),
        ([("authorization", "Bearer k"), ("x-api-key", "other")], NOBODYS),
        ([("x-api-key", "k"), ("x-api-key", "other")], NOBODYS),
        ([("authorization", "Basic YTpi")], NOBODYS),
        ([("authorization", "Basic YTpi"), ("x-api-key", "k")], NOBODYS),
        ([("authorization", "Bearer")], NOBODYS),
        ([("authorization", "Bearerk")], NOBODYS),
        ([("authorization", "")], None),
        ([("x-api-key", "")], None),
        ([("cookie", "x-api-key=k")], None),
    ],
)
def test_a_credential_is_read_from_two_headers_that_must_agree(
    headers: list[tuple[str, str]], held: str | None
) -> None:
    assert credential(headers) == held


async def test_every_route_says_what_scope_it_needs_or_is_open(guarded: Guarded) -> None:
    unguarded = {
        route.path_format
        for route in rest_app(guarded.built.services).routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS" and not isinstance(handler.opt.get(NEEDS), Scope)
    }
    assert unguarded == OPEN


class Forgotten:
    """A servicer one of whose methods says no scope."""

    async def GetRun(self, request: object, context: object) -> None:  # noqa: N802
        """It is never called."""


def test_a_method_that_says_no_scope_is_not_served(guarded: Guarded) -> None:
    with pytest.raises(TypeError, match="does not say what scope it needs"):
        _ = guarded_by(Forgotten(), guarded.built.services.access).GetRun


async def test_a_method_that_stands_behind_no_guard_lets_nobody_in(guarded: Guarded) -> None:
    handler = grpc.unary_unary_rpc_method_handler(Forgotten().GetRun)
    key = await guarded.key(Scope.ADMIN)

    async def found(_: grpc.HandlerCallDetails) -> object:
        return handler

    details = SimpleNamespace(method="/gateway.v1.Runs/GetRun", invocation_metadata=(("x-api-key", key),))
    entrance = Entrance(guarded.built.services.access)
    answer = await entrance.intercept_service(found, details)  # type: ignore[arg-type]
    assert answer is not handler


async def test_a_caller_without_a_key_is_asked_for_one(guarded: Guarded) -> None:
    async with guarded.rest() as client:
        response = await client.get("/v1/pipelines")
    assert (response.status_code, response.json()["code"]) == (401, "auth.missing")
    assert response.headers["www-authenticate"] == 'Bearer realm="gateway"'


async def test_who_may_not_enter_has_nothing_read_and_takes_no_place(guarded: Guarded) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"{")
        yield b"{"

    with guarded.built.admission.place(ANYONE, "ocr"):
        async with guarded.rest(await guarded.key(Scope.READ)) as client:
            refused = await client.post(EXECUTE, content=body())
            full = await client.post(EXECUTE, json=MEDIA, headers={"X-API-Key": await guarded.key(Scope.RUN)})
    assert (refused.status_code, read) == (403, [])
    assert full.status_code == 429


async def test_where_nobody_can_say_the_answer_is_503(guarded: Guarded) -> None:
    key = await guarded.key(Scope.READ)
    guarded.store.failure = StorageUnavailable()
    async with guarded.rest(key) as client:
        response = await client.get("/v1/pipelines")
    assert (response.status_code, response.json()["code"]) == (503, "storage.unavailable")
    assert "retry-after" in response.headers


async def test_a_key_for_some_pipelines_meets_no_others_by_rest(guarded: Guarded) -> None:
    key = await guarded.key(Scope.RUN, Scope.READ, pipelines=frozenset(("ocr",)))
    async with guarded.rest(key) as client:
        assert [each["pipelineId"] for each in (await client.get("/v1/pipelines")).json()] == ["ocr"]
        assert (await client.post(EXECUTE, json=MEDIA)).status_code == 200
        for name in ("image_stats", "never"):
            for path in ("", "/definition"):
                response = await client.get(f"/v1/pipelines/{name}{path}")
                assert (response.status_code, response.json()["code"]) == (403, "auth.forbidden")
            for path in ("executeSync", "executeSync/json", "executeSync/transform", "executeAsync"):
                assert (await client.post(f"/v1/pipelines/{name}/{path}", json=MEDIA)).status_code == 403


async def test_a_key_for_some_pipelines_meets_no_others_by_grpc(guarded: Guarded) -> None:
    key = await guarded.key(Scope.RUN, Scope.READ, pipelines=frozenset(("ocr",)))
    held, media = (("x-api-key", key),), [media_pb2.Media(data=b"abc")]
    async with guarded.grpc() as channel:
        stub = pipelines_pb2_grpc.PipelinesStub(channel)
        listed = await stub.ListPipelines(pipelines_pb2.ListPipelinesRequest(), metadata=held)
        assert [each.pipeline_id for each in listed.pipelines] == ["ocr"]
        fine = pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=media)
        assert (await stub.ExecuteSync(fine, metadata=held)).observation
        other = pipelines_pb2.ExecuteSyncRequest(pipeline_id="image_stats", media=media)
        for call in (
            stub.ExecuteSync(other, metadata=held),
            stub.ExecuteSyncJson(other, metadata=held),
            stub.ExecuteSyncTransform(pipelines_pb2.ExecuteSyncTransformRequest(call=other), metadata=held),
            stub.ExecuteAsync(pipelines_pb2.ExecuteAsyncRequest(call=other), metadata=held),
            stub.GetPipeline(pipelines_pb2.GetPipelineRequest(pipeline_id="image_stats"), metadata=held),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await call
            assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_grpc_refuses_a_call_before_its_message_has_come(guarded: Guarded) -> None:
    async with guarded.grpc() as channel:
        # As the method is not: so that a message need not be sent.
        call = channel.stream_unary("/gateway.v1.Pipelines/ExecuteSync")()
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "X-API-Key" in await call.details()
        assert dict(await call.trailing_metadata())["x-request-id"]


async def test_a_method_that_nobody_serves_is_unimplemented(guarded: Guarded) -> None:
    async with guarded.grpc() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await channel.unary_unary("/gateway.v1.Pipelines/Never")(b"")
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_where_nobody_is_asked_any_credential_will_do() -> None:
    open_to_all = Guarded(await gateway(), FakeApiKeys())
    async with open_to_all.rest("anything") as client:
        response = await client.get("/v1/pipelines", headers={"Authorization": "Basic YTpi"})
    assert response.status_code == 200


async def test_the_document_says_what_each_operation_needs_where_callers_are_asked(guarded: Guarded) -> None:
    async with guarded.rest() as client:
        document = (await client.get("/openapi.json")).json()
    needs = {
        each["operationId"]: each["security"]
        for item in document["paths"].values()
        for method, each in item.items()
        if method != "parameters"
    }
    assert {name for name, told in needs.items() if not told} == {"health", "ready"}
    assert needs["executeSync"] == [{"apiKey": ["run"]}, {"bearer": ["run"]}]
    assert needs["metrics"] == [{"apiKey": ["admin"]}, {"bearer": ["admin"]}]
    assert set(document["components"]["securitySchemes"]) == {"apiKey", "bearer"}
    refused = document["paths"]["/v1/pipelines"]["get"]["responses"]
    assert set(refused["401"]["content"]["application/problem+json"]["examples"]) == {"auth.missing", "auth.invalid"}
    assert "WWW-Authenticate" in refused["401"]["headers"]
