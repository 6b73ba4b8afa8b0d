"""Limits that only a running gateway shows, with settings turned down: as much is taken, one more is refused."""

import base64
import json
import re
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from e2e.served import Served, serving
from gateway import limits
from gateway.v1 import executions_pb2, executions_pb2_grpc, media_pb2, pipelines_pb2, pipelines_pb2_grpc

BODY_BYTES = 20_000
SAY = "/v1/pipelines/say/executeSync"
GIF = b"GIF89a"


@pytest.fixture(scope="module")
def narrow(short_folder: Path, small_models: Path) -> Iterator[Served]:
    """A gateway that takes small bodies."""
    flags = ("--model-repository", str(small_models), "--max-body-bytes", str(BODY_BYTES))
    with serving(short_folder / "narrow", *flags) as served:
        yield served


@pytest.fixture(scope="module")
def client(narrow: Served) -> Iterator[httpx.Client]:
    with narrow.client() as client:
        yield client


@pytest.fixture(scope="module")
def stub(narrow: Served) -> Iterator[pipelines_pb2_grpc.PipelinesStub]:
    with narrow.channel() as channel:
        yield pipelines_pb2_grpc.PipelinesStub(channel)


def body_of(size: int) -> bytes:
    """A call whose body has so many bytes."""
    body = json.dumps({"media": [base64.b64encode(b"words").decode()]}).encode()
    return body[:-1].ljust(size - 1) + body[-1:]


def problem(reply: httpx.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    found = reply.json()
    assert found["status"] == reply.status_code
    assert found["request_id"] == reply.headers["x-request-id"]
    return reply.status_code, found["code"]


@pytest.mark.parametrize("chunked", [False, True], ids=["at once", "in chunks"])
def test_a_body_may_have_as_many_bytes_as_the_setting_says(client: httpx.Client, chunked: bool) -> None:
    def post(size: int) -> httpx.Response:
        body = body_of(size)
        pieces = (body[at : at + 1000] for at in range(0, size, 1000))
        return client.post(SAY, content=pieces if chunked else body)

    assert [post(BODY_BYTES + by).status_code for by in (-1, 0)] == [200, 200]
    assert problem(post(BODY_BYTES + 1)) == (413, "request.too_large")


def test_a_message_may_have_as_many_bytes_too(stub: pipelines_pb2_grpc.PipelinesStub) -> None:
    def request(size: int) -> pipelines_pb2.ExecuteSyncRequest:
        made = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=b"x" * size)])
        data = 2 * size - made.ByteSize()
        return pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=b"x" * data)])

    for by in (-1, 0):
        made = request(BODY_BYTES + by)
        assert made.ByteSize() == BODY_BYTES + by
        assert stub.ExecuteSync(made).observation
    with pytest.raises(grpc.RpcError) as refused:
        stub.ExecuteSync(request(BODY_BYTES + 1))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_media_in_pieces_is_as_large_as_a_body_at_most(narrow: Served, client: httpx.Client) -> None:
    execution_id = client.post("/v1/executions", json={}).json()["executionId"]
    with narrow.channel() as channel:
        stub = executions_pb2_grpc.ExecutionsStub(channel)

        def upload(size: int) -> Any:
            data = GIF.ljust(size, b"x")
            pieces = [data[at : at + 5000] for at in range(0, size, 5000)]
            return stub.UploadMedia(
                executions_pb2.UploadMediaRequest(execution_id=execution_id, data=piece) for piece in pieces
            )

        assert [upload(BODY_BYTES + by).size for by in (-1, 0)] == [BODY_BYTES - 1, BODY_BYTES]
        with pytest.raises(grpc.RpcError) as refused:
            upload(BODY_BYTES + 1)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_metadata_may_have_so_many_bytes(stub: pipelines_pb2_grpc.PipelinesStub) -> None:
    def answered(size: int) -> str | None:
        call = stub.ListPipelines.future(pipelines_pb2.ListPipelinesRequest(), metadata=[("x-filler", "x" * size)])
        if call.code() is grpc.StatusCode.OK:
            return None
        assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        return str(call.details())

    # What gRPC itself adds is told in the refusal: the whole size and the limit.
    told = re.search(r"\((\d+) vs\. (\d+)\)", answered(limits.MAX_METADATA_BYTES - 100) or "")
    assert told is not None
    whole, limit = map(int, told.groups())
    assert limit == limits.MAX_METADATA_BYTES
    largest = limits.MAX_METADATA_BYTES - 100 - (whole - limit) - 1
    assert [answered(largest + by) for by in (-1, 0)] == [None, None]
    assert all(answered(largest + 1) for _ in range(3))


def head(**sizes: int) -> dict[str, str]:
    return {name: "x" * size for name, size in sizes.items()}


def test_a_request_may_have_so_large_and_so_many_headers(client: httpx.Client) -> None:
    usual = client.build_request("GET", "/health").headers.raw
    taken = sum(len(name) + len(value) + 4 for name, value in usual)
    rest = limits.MAX_REQUEST_HEADERS_BYTES - taken - len("filler") - 4
    assert [client.get("/health", headers=head(filler=rest + by)).status_code for by in (-1, 0)] == [200, 200]
    assert problem(client.get("/health", headers=head(filler=rest + 1))) == (431, "request.headers_too_large")
    many = {f"x-{number}": "" for number in range(limits.MAX_REQUEST_HEADERS - len(usual))}
    assert client.get("/health", headers=many).status_code == 200
    assert problem(client.get("/health", headers=many | {"x-more": ""})) == (431, "request.headers_too_large")
    assert client.get("/health").status_code == 200


def test_an_address_may_be_so_long_and_have_so_many_parameters(client: httpx.Client) -> None:
    most = limits.MAX_TARGET_BYTES
    assert [client.get("/".ljust(most + by, "x")).status_code for by in (-1, 0)] == [404, 404]
    for size in (most + 1, 30_000, 65_000):
        assert problem(client.get("/".ljust(size, "x"))) in {
            (414, "request.target_too_long"),
            (431, "request.headers_too_large"),
        }
    query = [("a", "1")] * limits.MAX_QUERY_PARAMETERS
    assert client.get("/health", params=query).status_code == 200
    assert problem(client.get("/health", params=[*query, ("a", "1")])) == (414, "request.target_too_long")


@pytest.mark.parametrize("piece", [b"x" * 1000, b"x: y\r\n" * 100], ids=["one value", "many headers"])
def test_a_head_that_does_not_end_is_refused_while_it_comes(narrow: Served, piece: bytes) -> None:
    host, port = narrow.rest.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as caller:
        caller.sendall(b"GET /health HTTP/1.1\r\nHost: gateway\r\nX-Filler: ")
        pieces = 4 * limits.MAX_REQUEST_HEADERS_BYTES // len(piece)
        while pieces and not select.select([caller], [], [], 0)[0]:
            caller.sendall(piece)
            pieces -= 1
        said = _read(caller)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "request.headers_too_large"


def _read(caller: socket.socket) -> bytes:
    """What has come until the connection ended; one that was reset may have taken the answer with it."""
    said = b""
    try:
        while piece := caller.recv(65536):
            said += piece
    except ConnectionError:
        pass
    return said


def test_what_is_no_http_is_refused_in_the_one_shape_of_refusals(narrow: Served) -> None:
    host, port = narrow.rest.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as caller:
        caller.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        said = _read(caller)
    first, _, body = said.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "request.malformed"


@pytest.mark.parametrize("depth", [limits.MAX_JSON_DEPTH - 1, limits.MAX_JSON_DEPTH, limits.MAX_JSON_DEPTH + 1, 9000])
def test_json_may_be_nested_so_deep_over_both_doors(
    client: httpx.Client, stub: pipelines_pb2_grpc.PipelinesStub, depth: int
) -> None:
    meta_data = b'{"a":%b}' % (b"[" * (depth - 1) + b"]" * (depth - 1))
    media = base64.b64encode(b"words")
    reply = client.post(SAY, content=b'{"media":["%b"],"metaData":%b}' % (media, meta_data))
    request = pipelines_pb2.ExecuteSyncRequest(
        pipeline_id="say", media=[media_pb2.Media(data=b"words")], meta_data=meta_data
    )
    if depth <= limits.MAX_JSON_DEPTH:
        assert reply.status_code == 200
        assert stub.ExecuteSync(request).observation
        return
    assert problem(reply) in {(422, "input.invalid"), (400, "request.malformed")}
    with pytest.raises(grpc.RpcError) as refused:
        stub.ExecuteSync(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
