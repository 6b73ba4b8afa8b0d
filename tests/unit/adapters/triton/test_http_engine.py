import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.domain.tensors import Value, frame
from gateway.errors import (
    GatewayError,
    MediaUnreadable,
    ModelDied,
    PipelineNotReady,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
)
from gateway.ports import Dispatch, Inference
from unit.fakes import RUN_ID

MEDIA = b"\x89PNG\r\n\x00"
INFERENCE = Inference(
    "ocr",
    (
        Value("IMAGE", "BYTES", (1, 1), (frame(MEDIA), MEDIA)),
        Value("LIMIT", "INT32", (1,), (b"\x07\x00\x00\x00",)),
        Value("EMPTY", "FP32", (0,), (b"",)),
    ),
    RUN_ID,
)


class OneAnswer:
    """A Triton that answers every request with the same bytes and remembers the last request."""

    def __init__(self, status: str, header: bytes, tensors: bytes):
        split = f"Inference-Header-Content-Length: {len(header)}\r\n" if status == "200 OK" else ""
        length = len(header) + len(tensors)
        self._answer = f"HTTP/1.1 {status}\r\n{split}Content-Length: {length}\r\n\r\n".encode() + header + tensors
        self.line = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.line, *lines = head.strip().split(b"\r\n")
        self.headers = dict(line.lower().split(b": ", 1) for line in lines)
        self.body = await reader.readexactly(int(self.headers[b"content-length"]))
        writer.write(self._answer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        self.left.set()
        writer.close()


@contextlib.asynccontextmanager
async def triton(status: str, header: object, tensors: bytes = b"") -> AsyncIterator[tuple[OneAnswer, HttpEngine]]:
    raw = header if isinstance(header, bytes) else msgspec.json.encode(header)
    answer = OneAnswer(status, raw, tensors)
    async with await asyncio.start_server(answer.serve, "127.0.0.1", 0) as server:
        engine = HttpEngine("127.0.0.1", server.sockets[0].getsockname()[1], 2, Deaths())
        yield answer, engine
        await engine.close()


def output(name: str, datatype: str, shape: list[int], size: int) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}


async def test_a_request_is_a_json_header_with_the_raw_tensors_behind_it() -> None:
    async with triton("200 OK", {"id": RUN_ID, "outputs": []}) as (asked, engine):
        await engine.infer(INFERENCE, Dispatch())
    assert asked.line == b"POST /v2/models/ocr/infer HTTP/1.1"
    split = int(asked.headers[b"inference-header-content-length"])
    assert asked.body[split:] == frame(MEDIA) + MEDIA + b"\x07\x00\x00\x00"
    assert msgspec.json.decode(asked.body[:split]) == {
        "id": RUN_ID,
        "inputs": [
            output("IMAGE", "BYTES", [1, 1], 4 + len(MEDIA)),
            output("LIMIT", "INT32", [1], 4),
            output("EMPTY", "FP32", [0], 0),
        ],
        "parameters": {"binary_data_output": True},
    }


@pytest.mark.parametrize("header", [{"id": "another", "outputs": []}, {"outputs": []}])
async def test_an_answer_that_names_another_request_is_nobody_s_and_closes_its_connection(
    header: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with triton("200 OK", header) as (asked, engine):
        with pytest.raises(TritonUnavailable):
            await engine.infer(INFERENCE, Dispatch())
        await asked.left.wait()
    assert "triton.answer_mixed_up" in caplog.messages


@pytest.mark.parametrize(("name", "path"), [("a/b", b"a%2Fb"), ("a b", b"a%20b"), ("a?x=1", b"a%3Fx%3D1")])
async def test_a_model_name_cannot_leave_its_place_in_the_path(name: str, path: bytes) -> None:
    async with triton("200 OK", {"id": RUN_ID, "outputs": []}) as (asked, engine):
        await engine.infer(Inference(name, (), RUN_ID), Dispatch())
    assert asked.line == b"POST /v2/models/%b/infer HTTP/1.1" % path


async def test_the_outputs_are_cut_from_the_bytes_behind_the_header() -> None:
    header = {
        "model_name": "ocr",
        "model_version": "1",
        "id": RUN_ID,
        "outputs": [output("A", "BYTES", [1], 5), output("B", "UINT8", [0], 0), output("C", "INT16", [1, 1], 2)],
    }
    async with triton("200 OK", header, b"\x01\x00\x00\x00x\x05\x00") as (_, engine):
        a, b, c = await engine.infer(INFERENCE, Dispatch())
    assert (a.name, a.datatype, a.shape, a.only_element()) == ("A", "BYTES", (1,), b"x")
    assert (b.datatype, b.shape, bytes(b.data)) == ("UINT8", (0,), b"")
    assert (c.datatype, c.shape, bytes(c.data)) == ("INT16", (1, 1), b"\x05\x00")


@pytest.mark.parametrize(
    "header", [b"", b"words", b"{}", b"[]", {"outputs": [{"name": "A", "datatype": "INT8", "shape": [1], "data": [1]}]}]
)
async def test_an_answer_that_is_not_of_the_protocol_is_a_failure_of_triton(header: object) -> None:
    async with triton("200 OK", header) as (_, engine):
        with pytest.raises(TritonFailed, match="protocol"):
            await engine.infer(INFERENCE, Dispatch())


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("400 Bad Request", "in ensemble 'ocr', decode: the media is empty", MediaUnreadable),
        ("400 Bad Request", "[request id: 1] unexpected shape for input 'IMAGE'", TritonFailed),
        ("500 Internal Server Error", "in ensemble 'ocr', decode: the media is empty", TritonFailed),
        ("500 Internal Server Error", "Stub process 'decode_0_0' is not healthy.", ModelDied),
        ("404 Not Found", "Request for unknown model: 'ocr' is not found", PipelineNotReady),
        ("503 Service Unavailable", "Exceeds maximum queue size", TritonOverloaded),
        ("503 Service Unavailable", "Server is stopping, scheduler rejected", TritonUnavailable),
        ("429 Too Many Requests", "something else", TritonFailed),
    ],
)
async def test_a_refusal_is_translated(status: str, said: str, kind: type[GatewayError]) -> None:
    async with triton(status, {"error": said}) as (_, engine):
        with pytest.raises(kind) as failed:
            await engine.infer(INFERENCE, Dispatch())
    assert type(failed.value) is kind


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"\xff", b'{"error":5}', b"[]"])
async def test_a_refusal_that_is_not_of_the_protocol_shows_nothing_of_it(body: bytes) -> None:
    async with triton("500 Internal Server Error", body) as (_, engine):
        with pytest.raises(TritonFailed) as failed:
            await engine.infer(INFERENCE, Dispatch())
    assert failed.value.message == "A model failed on this input."
