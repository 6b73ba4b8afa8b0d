import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.adapters.triton.counters import Counters, HttpCounting
from gateway.errors import PipelineNotReady, TritonUnavailable


def version(name: str, successes: int, failures: int, failing: int) -> dict[str, object]:
    """What Triton says of one version of a model, and more than is asked."""
    stats = {"success": {"count": successes, "ns": 7}, "fail": {"count": failures, "ns": failing}, "queue": {"ns": 3}}
    return {"name": "read", "version": name, "inference_stats": stats, "last_inference": 5}


class Door:
    """An HTTP port that gives every request the same answer."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.body: object = {"model_stats": [version("1", 3, 2, 40)]}
        self.lines: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                self.lines.append((await reader.readuntil(b"\r\n\r\n")).splitlines()[0])
                body = self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)
                writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()


@pytest.fixture
async def door() -> Door:
    return Door()


@pytest.fixture
async def counting(door: Door) -> AsyncIterator[HttpCounting]:
    async with await asyncio.start_server(door.serve, "127.0.0.1", 0) as server:
        counting = HttpCounting("127.0.0.1", server.sockets[0].getsockname()[1])
        yield counting
        await counting.close()


async def test_counters_are_asked_over_http(counting: HttpCounting, door: Door) -> None:
    assert [await counting.counters("read") for _ in range(2)] == [Counters(("1",), 3, 2, 40)] * 2
    await counting.counters("a/b c")
    assert door.lines == [b"GET /v2/models/read/stats HTTP/1.1"] * 2 + [b"GET /v2/models/a%2Fb%20c/stats HTTP/1.1"]


async def test_those_of_all_versions_are_taken_together(counting: HttpCounting, door: Door) -> None:
    door.body = {"model_stats": [version("2", 3, 2, 40), version("1", 1, 1, 2)]}
    assert await counting.counters("read") == Counters(("1", "2"), 4, 3, 42)


async def test_a_model_that_is_not_loaded_has_none(counting: HttpCounting, door: Door) -> None:
    door.status, door.body = "400 Bad Request", {"error": "requested model 'read' is not available"}
    with pytest.raises(PipelineNotReady):
        await counting.counters("read")


@pytest.mark.parametrize("body", [b"no JSON", {"model_stats": [{"version": "1"}]}, {}])
async def test_an_answer_of_another_protocol_says_nothing(counting: HttpCounting, door: Door, body: object) -> None:
    door.body = body
    with pytest.raises(TritonUnavailable):
        await counting.counters("read")


async def test_a_triton_that_is_gone_does_not_say(unused_tcp_port: int) -> None:
    with pytest.raises(TritonUnavailable):
        await HttpCounting("127.0.0.1", unused_tcp_port).counters("read")


async def test_a_triton_that_does_not_answer_is_not_waited_for(
    counting: HttpCounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.triton.counters.CONTROL_TIMEOUT", 0.0)
    with pytest.raises(TritonUnavailable):
        await counting.counters("read")
