"""The connections to Triton's HTTP port: how many, who waits, and what becomes of an answer nobody wants."""

import asyncio
import time
import weakref
from collections import deque
from collections.abc import Callable

from gateway.adapters.triton.connection import Connection, HttpReply, Stale
from gateway.errors import GatewayError, TritonUnavailable
from gateway.limits import ABANDONED_INFERENCE_TIMEOUT, CONNECT_TIMEOUT
from gateway.ports import Dispatch

Parts = list[bytes | memoryview]


class Pool:
    """At most `size` exchanges at once; those past it wait in the order they came."""

    def __init__(self, host: str, port: int, size: int, dropped: Callable[[HttpReply, float], None]):
        self._host, self._port = host, port
        #: Is shown the answers that nobody waited for, with when they were asked for (perf_counter).
        self._dropped = dropped
        self._places = asyncio.Semaphore(size)
        self._idle: deque[Connection] = deque()
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()
        #: Exchanges whose caller has gone; each keeps its place until Triton has answered.
        self._abandoned: set[asyncio.Task[None]] = set()
        self._closed = False

    async def exchange(self, parts: Parts, dispatch: Dispatch) -> HttpReply:
        """Send a request and return the answer.

        Raises:
            TritonUnavailable: no connection, or it broke.
        """
        asked = time.perf_counter()
        try:
            await self._places.acquire()
        finally:
            dispatch.waited = time.perf_counter() - asked
        try:
            connection = await self._connection()
        except BaseException:
            self._places.release()
            raise
        return await self._carry(connection, parts, dispatch)

    async def _carry(self, connection: Connection, parts: Parts, dispatch: Dispatch) -> HttpReply:
        sent = time.perf_counter()
        try:
            answer = connection.begin(parts)
        except Stale:
            self._places.release()
            raise
        try:
            reply = await asyncio.shield(answer)
        except asyncio.CancelledError:
            self._abandon(connection, answer, sent)
            raise
        except Stale:
            return await self._carry_again(parts, dispatch)
        except BaseException:
            self._give_back(connection)
            raise
        finally:
            dispatch.computed = time.perf_counter() - sent
        self._give_back(connection)
        return reply

    async def _carry_again(self, parts: Parts, dispatch: Dispatch) -> HttpReply:
        """A connection that Triton closed while it was idle most likely took nothing in: ask once more."""
        try:
            connection = await self._fresh()
        except BaseException:
            self._places.release()
            raise
        return await self._carry(connection, parts, dispatch)

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return await self._fresh()

    async def _fresh(self) -> Connection:
        if self._closed:
            raise TritonUnavailable("The gateway is stopping.")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                _, connection = await loop.create_connection(Connection, self._host, self._port)
        except OSError as failure:
            raise TritonUnavailable from failure
        if self._closed:
            connection.close()
            raise TritonUnavailable("The gateway is stopping.")
        self._open.add(connection)
        return connection

    def _give_back(self, connection: Connection) -> None:
        if connection.usable:
            self._idle.append(connection)
        self._places.release()

    def _abandon(self, connection: Connection, answer: "asyncio.Future[HttpReply]", sent: float) -> None:
        task = asyncio.create_task(self._drop(connection, answer, sent))
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)

    async def _drop(self, connection: Connection, answer: "asyncio.Future[HttpReply]", sent: float) -> None:
        try:
            self._dropped(await asyncio.wait_for(answer, ABANDONED_INFERENCE_TIMEOUT), sent)
        except (GatewayError, TimeoutError):
            connection.close()
        finally:
            self._give_back(connection)

    async def close(self) -> None:
        """Close every connection; exchanges in hand end with `TritonUnavailable`."""
        self._closed = True
        for connection in list(self._open):
            connection.close()
        await asyncio.gather(*self._abandoned, return_exceptions=True)
