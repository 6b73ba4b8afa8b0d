import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.adapters.triton.connection import Connection, HttpReply
from gateway.adapters.triton.pool import Pool
from gateway.errors import TritonFailed, TritonUnavailable
from gateway.limits import DEAD_PEER_TIMEOUT
from gateway.ports import Dispatch

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 0\r\nName: %b\r\n\r\n"

Behaviour = Callable[["Peer", bytes], Awaitable[None]]


class Peer:
    """One connection as the server sees it."""

    def __init__(self, number: int, writer: asyncio.StreamWriter):
        self.number = number
        self._writer = writer

    def send(self, raw: bytes) -> None:
        self._writer.write(raw)

    def answer(self, body: bytes, status: bytes = b"200 OK", headers: bytes = b"") -> None:
        self.send(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), headers, body))

    def close(self) -> None:
        self._writer.close()


class ScriptedServer:
    """An HTTP server on loopback that does with each request what `behaviour` says."""

    def __init__(self, behaviour: Behaviour):
        self.behaviour = behaviour
        self.names: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._heard = asyncio.Condition()

    async def __aenter__(self) -> "ScriptedServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        peer = Peer(self.connections, writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await self._take(peer, head)
        self._open.discard(writer)
        writer.close()

    async def _take(self, peer: Peer, head: bytes) -> None:
        name = head.partition(b"Name: ")[2].strip()
        async with self._heard:
            self.names.append(name)
            self._heard.notify_all()
        await self.behaviour(peer, name)

    async def heard(self, requests: int) -> None:
        """Wait until this many requests have come."""
        async with self._heard:
            await self._heard.wait_for(lambda: len(self.names) >= requests)

    async def left(self) -> None:
        """Close every connection, as a server does with those that idle."""
        for writer in list(self._open):
            writer.close()
            await writer.wait_closed()


async def echo(peer: Peer, name: bytes) -> None:
    peer.answer(name)


class Held:
    """A behaviour that answers each request only when it is let go."""

    def __init__(self) -> None:
        self._gates: dict[bytes, asyncio.Event] = {}

    def _gate(self, name: bytes) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())

    def let_go(self, *names: bytes) -> None:
        for name in names:
            self._gate(name).set()

    async def __call__(self, peer: Peer, name: bytes) -> None:
        await self._gate(name).wait()
        peer.answer(name)


@contextlib.asynccontextmanager
async def serving(behaviour: Behaviour, size: int = 4) -> AsyncIterator[tuple[ScriptedServer, Pool]]:
    async with ScriptedServer(behaviour) as server:
        pool = Pool("127.0.0.1", server.port, size, lambda *_: None)
        try:
            yield server, pool
        finally:
            await pool.close()


async def asked(pool: Pool, name: bytes = b"a", dispatch: Dispatch | None = None) -> HttpReply:
    return await pool.exchange([REQUEST % name], dispatch or Dispatch())


async def test_one_connection_carries_one_exchange_after_another() -> None:
    async with serving(echo) as (server, pool):
        for name in (b"a", b"b", b"c"):
            reply = await asked(pool, name)
            assert (reply.status, bytes(reply.header), bytes(reply.tensors)) == (200, name, b"")
    assert server.connections == 1


async def test_a_header_says_where_json_ends_and_tensors_begin() -> None:
    async def split(peer: Peer, _: bytes) -> None:
        peer.answer(b"{}\x00\x01", headers=b"inference-header-content-length: 2\r\n")

    async with serving(split) as (_, pool):
        reply = await asked(pool)
    assert (bytes(reply.header), bytes(reply.tensors)) == (b"{}", b"\x00\x01")


async def test_an_answer_may_come_in_pieces_and_in_chunks() -> None:
    async def in_pieces(peer: Peer, _: bytes) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\nTransfer-", b"Encoding: chunked\r\n\r\n2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n"):
            peer.send(piece)
            await asyncio.sleep(0)

    async with serving(in_pieces) as (server, pool):
        for _ in range(2):
            assert bytes((await asked(pool)).header) == b"abc"
    assert server.connections == 1


async def test_another_status_is_handed_on() -> None:
    async def refuse(peer: Peer, _: bytes) -> None:
        peer.answer(b'{"error":"no"}', status=b"400 Bad Request")

    async with serving(refuse) as (_, pool):
        reply = await asked(pool)
    assert (reply.status, bytes(reply.header)) == (400, b'{"error":"no"}')


async def test_a_connection_that_the_server_will_not_keep_is_not_used_again() -> None:
    async def once(peer: Peer, name: bytes) -> None:
        peer.answer(name, headers=b"Connection: close\r\n")
        peer.close()

    async with serving(once) as (server, pool):
        for _ in range(2):
            assert bytes((await asked(pool)).header) == b"a"
    assert server.connections == 2


@pytest.mark.parametrize("extra", [1, 2], ids=["half an answer", "a whole one"])
async def test_a_second_answer_behind_the_first_is_not_taken_for_that_of_the_next_request(extra: int) -> None:
    second = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
    asked_for = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"

    async def twice(peer: Peer, name: bytes) -> None:
        if peer.number == 1 and name == b"a":
            peer.send(asked_for + second[: len(second) * extra // 2])
        else:
            peer.answer(name)

    async with serving(twice) as (server, pool):
        assert bytes((await asked(pool, b"a")).header) == b"a"
        assert bytes((await asked(pool, b"b")).header) == b"b"
    assert server.connections == 2


async def test_an_answer_that_nobody_asked_for_closes_the_connection() -> None:
    peers: list[Peer] = []

    async def known(peer: Peer, name: bytes) -> None:
        peers.append(peer)
        peer.answer(name)

    async with serving(known) as (server, pool):
        await asked(pool, b"a")
        (connection,) = pool._idle
        peers[0].answer(b"wrong")
        async with asyncio.timeout(5):
            while connection.usable:
                await asyncio.sleep(0)
        assert bytes((await asked(pool, b"b")).header) == b"b"
    assert server.connections == 2


async def test_a_caller_that_leaves_as_its_answer_comes_leaves_the_connection_to_one_other() -> None:
    async with serving(echo, size=1) as (server, pool):
        await asked(pool, b"a")
        leaving = asyncio.create_task(asked(pool, b"b"))
        await asyncio.sleep(0)
        (connection,) = pool._open
        assert connection._answer is not None
        connection._answer.add_done_callback(lambda _: leaving.cancel())
        await asyncio.gather(leaving, return_exceptions=True)
        names = [b"c", b"d", b"e"]
        replies = await asyncio.gather(*(asked(pool, name) for name in names))
        assert [bytes(reply.header) for reply in replies] == names
        assert (len(pool._idle), pool._places._value) == (1, 1)
    assert server.connections == 1


async def test_a_connection_that_is_lost_before_it_is_used_costs_one_try_and_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = Pool._fresh

    async def lost(pool: Pool) -> Connection:
        connection = await fresh(pool)
        connection.connection_lost(None)
        return connection

    async with serving(echo, size=1) as (_, pool):
        with monkeypatch.context() as patched:
            patched.setattr(Pool, "_fresh", lost)
            with pytest.raises(TritonUnavailable):
                await asked(pool)
        assert bytes((await asked(pool, b"b")).header) == b"b"
        assert pool._places._value == 1


async def test_an_idle_connection_that_the_server_closed_costs_nobody_anything() -> None:
    async with serving(echo) as (server, pool):
        await asked(pool, b"a")
        await server.left()
        assert bytes((await asked(pool, b"b")).header) == b"b"
    assert server.connections == 2


async def test_a_request_that_met_a_closed_connection_goes_out_once_more_on_a_fresh_one() -> None:
    async def second_is_lost(peer: Peer, name: bytes) -> None:
        if peer.number == 1 and name == b"b":
            peer.close()
        else:
            peer.answer(name)

    async with serving(second_is_lost) as (server, pool):
        await asked(pool, b"a")
        assert bytes((await asked(pool, b"b")).header) == b"b"
        assert server.names == [b"a", b"b", b"b"]
    assert server.connections == 2


async def test_a_request_goes_out_twice_at_the_most() -> None:
    async def lost(peer: Peer, name: bytes) -> None:
        if name == b"a":
            peer.answer(name)
        else:
            peer.close()

    async with serving(lost) as (server, pool):
        await asked(pool, b"a")
        with pytest.raises(TritonUnavailable):
            await asked(pool, b"b")
        assert server.names == [b"a", b"b", b"b"]
        assert bytes((await asked(pool, b"a")).header) == b"a"


@pytest.mark.parametrize("first_is_used", [True, False])
async def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_not_tried_again(first_is_used: bool) -> None:
    async def breaking(peer: Peer, name: bytes) -> None:
        if name == b"a":
            peer.answer(name)
            return
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        peer.close()

    async with serving(breaking) as (server, pool):
        if first_is_used:
            await asked(pool, b"a")
        with pytest.raises(TritonUnavailable):
            await asked(pool, b"b")
        assert server.names.count(b"b") == 1


async def test_what_is_not_http_is_a_triton_that_is_away() -> None:
    async def nonsense(peer: Peer, _: bytes) -> None:
        peer.send(b"\x00\x01\x02 nonsense\r\n\r\n")

    async with serving(nonsense, size=1) as (_, pool):
        for _ in range(2):
            with pytest.raises(TritonUnavailable):
                await asked(pool)


async def test_an_answer_larger_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.triton.connection.MAX_INFERENCE_REPLY_BYTES", 10)

    async def sized(peer: Peer, name: bytes) -> None:
        peer.answer(bytes(int(name)))

    async with serving(sized, size=1) as (server, pool):
        with pytest.raises(TritonFailed, match="larger"):
            await asked(pool, b"11")
        assert len((await asked(pool, b"10")).header) == 10
    assert server.connections == 2


async def test_nobody_at_the_address_is_a_triton_that_is_away_and_takes_no_place() -> None:
    async with ScriptedServer(echo) as server:
        port = server.port
    pool = Pool("127.0.0.1", port, 1, lambda *_: None)
    for _ in range(3):
        with pytest.raises(TritonUnavailable):
            await asked(pool)
    await pool.close()


async def test_only_so_many_exchanges_are_under_way_and_the_others_wait_in_order() -> None:
    held = Held()
    async with serving(held, size=2) as (server, pool):
        tasks = [asyncio.create_task(asked(pool, name)) for name in (b"a", b"b", b"c", b"d")]
        await server.heard(2)
        assert server.names == [b"a", b"b"]
        held.let_go(b"b")
        await server.heard(3)
        assert server.names[2:] == [b"c"]
        held.let_go(b"a", b"c", b"d")
        assert [bytes(each.header) for each in await asyncio.gather(*tasks)] == [b"a", b"b", b"c", b"d"]
        assert server.names == [b"a", b"b", b"c", b"d"]
    assert server.connections == 2


async def test_a_caller_that_leaves_keeps_its_place_until_the_answer_came() -> None:
    held = Held()
    async with serving(held, size=1) as (server, pool):
        gone = asyncio.create_task(asked(pool, b"gone"))
        await server.heard(1)
        gone.cancel()
        await asyncio.wait((gone,))
        assert gone.cancelled()
        waiting = asyncio.create_task(asked(pool, b"next"))
        await asyncio.sleep(0)
        assert server.names == [b"gone"]
        held.let_go(b"gone", b"next")
        assert bytes((await waiting).header) == b"next"
    assert server.connections == 1


async def test_a_caller_that_leaves_while_it_waits_takes_no_place() -> None:
    held = Held()
    async with serving(held, size=1) as (server, pool):
        first = asyncio.create_task(asked(pool, b"a"))
        await server.heard(1)
        gone = asyncio.create_task(asked(pool, b"gone"))
        last = asyncio.create_task(asked(pool, b"b"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait((gone,))
        held.let_go(b"a", b"b")
        await asyncio.gather(first, last)
        assert server.names == [b"a", b"b"]


async def test_an_answer_that_breaks_off_after_its_caller_left_frees_the_place() -> None:
    broken = asyncio.Event()

    async def break_off(peer: Peer, name: bytes) -> None:
        if name == b"a":
            await broken.wait()
            peer.close()
        else:
            peer.answer(name)

    async with serving(break_off, size=1) as (server, pool):
        gone = asyncio.create_task(asked(pool, b"a"))
        await server.heard(1)
        gone.cancel()
        await asyncio.wait((gone,))
        broken.set()
        assert bytes((await asked(pool, b"b")).header) == b"b"


async def test_an_inference_that_is_left_alone_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.triton.pool.ABANDONED_INFERENCE_TIMEOUT", 0.001)

    async def only_b(peer: Peer, name: bytes) -> None:
        if name == b"b":
            peer.answer(name)

    async with serving(only_b, size=1) as (server, pool):
        gone = asyncio.create_task(asked(pool, b"a"))
        await server.heard(1)
        gone.cancel()
        await asyncio.wait((gone,))
        assert bytes((await asked(pool, b"b")).header) == b"b"
    assert server.connections == 2


async def test_closing_ends_what_is_under_way_and_what_waits() -> None:
    async with serving(Held(), size=1) as (server, pool):
        tasks = [asyncio.create_task(asked(pool, name)) for name in (b"a", b"b")]
        await server.heard(1)
        await pool.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(each, TritonUnavailable) for each in found] == [True, True]
        with pytest.raises(TritonUnavailable, match="stopping"):
            await asked(pool)
        assert server.names == [b"a"]


async def test_closing_ends_what_nobody_waits_for_any_more() -> None:
    async with serving(Held(), size=1) as (server, pool):
        gone = asyncio.create_task(asked(pool, b"a"))
        await server.heard(1)
        gone.cancel()
        await asyncio.wait((gone,))
        await pool.close()


async def test_an_answer_that_nobody_waited_for_is_shown_with_the_time_of_its_request() -> None:
    seen: asyncio.Queue[tuple[HttpReply, float]] = asyncio.Queue()
    held, begun = Held(), time.perf_counter()
    async with ScriptedServer(held) as server:
        pool = Pool("127.0.0.1", server.port, 1, lambda reply, sent: seen.put_nowait((reply, sent)))
        gone = asyncio.create_task(asked(pool, b"a"))
        await server.heard(1)
        gone.cancel()
        await asyncio.wait((gone,))
        held.let_go(b"a")
        reply, sent = await asyncio.wait_for(seen.get(), 20)
        await pool.close()
    assert reply.status == 200
    assert begun <= sent <= time.perf_counter()


async def test_the_time_of_an_exchange_is_told_apart_from_the_wait_for_its_place() -> None:
    held = Held()
    first, second = Dispatch(-1.0, -1.0), Dispatch(-1.0, -1.0)
    async with serving(held, size=1) as (server, pool):
        tasks = [
            asyncio.create_task(asked(pool, b"a", first)),
            asyncio.create_task(asked(pool, b"b", second)),
        ]
        await server.heard(1)
        held.let_go(b"a", b"b")
        await asyncio.gather(*tasks)
    assert first.waited >= 0
    assert first.computed > 0
    assert second.waited >= first.computed


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such timer")
async def test_a_connection_notices_that_the_machine_at_its_other_end_is_gone() -> None:
    async def behaviour(peer: Peer, _: bytes) -> None:
        peer.answer(b"{}")

    async with ScriptedServer(behaviour) as server:
        pool = Pool("127.0.0.1", server.port, 1, lambda *_: None)
        await pool.exchange([REQUEST % b"a"], Dispatch())
        (connection,) = pool._open
        assert connection._transport is not None
        raw = connection._transport.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == DEAD_PEER_TIMEOUT * 1000
        await pool.close()
