"""The REST server over real connections: callers who leave, refusals before the body, and the stop."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.api.rest.server import RestServer
from gateway.core.drain import Drain
from gateway.domain.access import ANYONE
from gateway.domain.runs import RunState
from gateway.domain.tensors import Value
from gateway.limits import MAX_QUERY_PARAMETERS, MAX_REQUEST_HEADERS_BYTES, MAX_TARGET_BYTES
from gateway.ports import Dispatch, Inference
from unit.fakes import Gateway, gateway, text

BODY = b'{"media":["YWJj"]}'


def request(path: str = "/v1/pipelines/ocr/executeSync", body: bytes = BODY, length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


READY = b"GET /ready HTTP/1.1\r\nHost: gateway\r\n\r\n"


class Held:
    """An answer of the engine that comes when `go` is set."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG002
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return [text("OBSERVATION", b'{"rawText":"held"}')]


class Connection:
    """One connection of a caller, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer

    def send(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def reply(self) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the body of the next answer."""
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return int(first.split(" ")[1]), headers, await self._reader.readexactly(int(headers["content-length"]))

    async def ended(self) -> bool:
        """Whether the server has closed the connection and sent nothing more."""
        return await self._reader.read() == b""

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class Door:
    """A server on a port of its own, and its callers."""

    def __init__(self, built: Gateway):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.server = RestServer(built.services, self.listener)
        self.callers: list[Connection] = []

    async def caller(self) -> Connection:
        self.callers.append(Connection(*await asyncio.open_connection(*self.address)))
        return self.callers[-1]


@contextlib.asynccontextmanager
async def door(built: Gateway) -> AsyncIterator[Door]:
    opened = Door(built)
    await opened.server.start()
    try:
        async with asyncio.timeout(60):
            yield opened
    finally:
        for each in opened.callers:
            await each.leave()
        await opened.server.stop(Drain())


async def until(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("path", ["executeSync", "executeSync/json", "executeSync/transform"])
async def test_a_caller_who_leaves_cancels_its_run_and_frees_its_place(path: str) -> None:
    held = Held()
    built = await gateway(answer=held)
    async with door(built) as opened:
        caller = await opened.caller()
        caller.send(request(f"/v1/pipelines/ocr/{path}", b'{"media":["YWJj"],"transform":"$"}'))
        await held.begun.wait()
        await caller.leave()
        await held.left.wait()
        await until(lambda: built.admission.taken == 0)
    await built.runs.close()
    assert [finished.run.state for finished in built.records.finished] == [RunState.CANCELED]


async def test_a_caller_who_leaves_after_its_answer_cancels_nothing(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway()
    async with door(built) as opened:
        caller = await opened.caller()
        for _ in range(2):
            caller.send(request())
            assert (await caller.reply())[0] == 200
        await caller.leave()
    assert [finished.run.state for finished in built.records.finished] == [RunState.COMPLETED] * 2
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_call_behind_an_answered_one_is_cancelled_and_those_behind_it_never_begin() -> None:
    held = Held()
    built = await gateway(answer=held)
    async with door(built) as opened:
        caller = await opened.caller()
        caller.send(READY + request() + request())
        assert (await caller.reply())[0] == 200
        await held.begun.wait()
        await caller.leave()
        await held.left.wait()
        await until(lambda: built.admission.taken == 0)
    await built.runs.close()
    assert [finished.run.state for finished in built.records.finished] == [RunState.CANCELED]
    assert len(built.engine.asked) == 1


async def test_a_run_that_is_being_accepted_is_accepted_though_its_caller_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = await gateway()
    begun, go, put = asyncio.Event(), asyncio.Event(), built.blobs.put

    async def slow(key: str, data: bytes) -> None:
        begun.set()
        await go.wait()
        await put(key, data)

    monkeypatch.setattr(built.blobs, "put", slow)
    async with door(built) as opened:
        caller = await opened.caller()
        caller.send(request("/v1/pipelines/ocr/executeAsync"))
        await begun.wait()
        await caller.leave()
        go.set()
        await until(lambda: len(built.records.accepted) == 1)
    assert list(built.blobs.kept) == list(built.records.accepted[0].request.staged)


async def test_a_call_past_the_last_place_is_refused_before_its_body_has_come() -> None:
    built = await gateway(places=1)
    async with door(built) as opened:
        caller = await opened.caller()
        with built.admission.place(ANYONE, "ocr"):
            caller.send(request(body=b"", length=1000))
            status, headers, body = await caller.reply()
        assert (status, json.loads(body)["code"], headers["retry-after"]) == (429, "queue.full", "1")
        caller.send(b" " * 1000 + request())
        assert (await caller.reply())[0] == 200


async def test_once_the_stop_is_announced_each_answer_is_the_last_of_its_connection() -> None:
    held = Held()
    async with door(await gateway(answer=held)) as opened:
        busy, idle = await opened.caller(), await opened.caller()
        idle.send(READY)
        assert "connection" not in (await idle.reply())[1]
        busy.send(request())
        await held.begun.wait()
        opened.server.announce()
        held.go.set()
        idle.send(request())
        late = await opened.caller()
        late.send(request())
        for caller in (busy, idle, late):
            status, headers, _ = await caller.reply()
            assert (status, headers["connection"]) == (200, "close")
            assert await caller.ended()


async def test_a_stopped_door_refuses_connects_and_answers_what_comes_on_open_connections() -> None:
    held = Held()
    built = await gateway(answer=held)
    async with door(built) as opened:
        busy, idle = await opened.caller(), await opened.caller()
        idle.send(READY)
        await idle.reply()
        busy.send(request())
        await held.begun.wait()
        opened.server.announce()
        stopping = asyncio.create_task(opened.server.stop(Drain()))
        await until(lambda: opened.listener.fileno() == -1)
        with pytest.raises(ConnectionRefusedError):
            await opened.caller()
        idle.send(request())
        await until(lambda: built.admission.taken == 2)
        held.go.set()
        assert [(await caller.reply())[0] for caller in (busy, idle)] == [200, 200]
        await stopping


async def test_what_does_not_end_in_time_is_cancelled_recorded_and_answered() -> None:
    held, hurry = Held(), asyncio.Event()
    built = await gateway(answer=held)
    async with door(built) as opened:
        caller = await opened.caller()
        caller.send(request())
        await held.begun.wait()
        stopping = asyncio.create_task(opened.server.stop(Drain(hurry=hurry)))
        hurry.set()
        status, _, body = await caller.reply()
        assert (status, json.loads(body)["code"]) == (503, "gateway.draining")
        assert await caller.ended()
        await stopping
    await built.runs.close()
    assert [finished.run.state for finished in built.records.finished] == [RunState.CANCELED]
    assert built.admission.taken == 0


async def test_a_head_that_does_not_come_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.rest.protocol.HEAD_TIMEOUT", 0.01)
    async with door(await gateway()) as opened:
        caller = await opened.caller()
        caller.send(READY[:20])
        status, headers, body = await caller.reply()
        assert (status, json.loads(body)["code"], headers["connection"]) == (408, "request.incomplete", "close")
        assert await caller.ended()


async def test_a_head_that_comes_in_pieces_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with door(await gateway()) as opened:
        caller = await opened.caller()
        for piece in (READY[:20], READY[20:]):
            caller.send(piece)
            await asyncio.sleep(0)
        assert (await caller.reply())[0] == 200
        monkeypatch.setattr("gateway.api.rest.protocol.HEAD_TIMEOUT", 0.0)
        caller.send(READY)
        assert (await caller.reply())[0] == 200


async def test_a_head_that_begins_behind_a_large_body_is_not_taken_for_a_large_head() -> None:
    built = await gateway()
    large = BODY[:-1].ljust(MAX_TARGET_BYTES + MAX_REQUEST_HEADERS_BYTES) + BODY[-1:]
    async with door(built) as opened:
        caller = await opened.caller()
        caller.send(request(body=large) + READY[:20])
        assert (await caller.reply())[0] == 200
        caller.send(READY[20:])
        assert (await caller.reply())[0] == 200


async def test_a_head_without_an_end_is_refused_and_the_process_keeps_little_of_it() -> None:
    async with door(await gateway()) as opened:
        caller = await opened.caller()
        caller.send(READY[:-2] + b"X-Large: " + b"x" * (MAX_TARGET_BYTES + MAX_REQUEST_HEADERS_BYTES))
        status, _, body = await caller.reply()
        assert (status, json.loads(body)["code"]) == (431, "request.headers_too_large")
        assert await caller.ended()


async def test_a_request_whose_head_is_refused_is_read_to_its_end_and_the_next_is_answered() -> None:
    async with door(await gateway()) as opened:
        caller = await opened.caller()
        for path in ("/" + "x" * MAX_TARGET_BYTES, "/health?" + "a=1&" * MAX_QUERY_PARAMETERS):
            caller.send(request(path))
            status, _, body = await caller.reply()
            assert (status, json.loads(body)["code"]) == (414, "request.target_too_long")
        caller.send(READY)
        assert (await caller.reply())[0] == 200


@pytest.mark.parametrize("raw", [b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
async def test_what_is_no_http_is_refused_in_the_one_shape_of_refusals(raw: bytes) -> None:
    async with door(await gateway()) as opened:
        caller = await opened.caller()
        caller.send(raw)
        status, headers, body = await caller.reply()
        assert (status, json.loads(body)["code"]) == (400, "request.malformed")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"] == "application/problem+json"
        assert await caller.ended()
