"""One HTTP/1.1 connection to Triton: a request goes out in parts, one answer comes back."""

import asyncio
import socket
import sys
from typing import Final, cast

import httptools
import msgspec

from gateway.errors import TritonFailed, TritonUnavailable
from gateway.limits import DEAD_PEER_TIMEOUT, MAX_INFERENCE_REPLY_BYTES

#: The header that says where JSON ends and raw tensors begin.
HEADER_LENGTH: Final = b"inference-header-content-length"


class Broken(TritonUnavailable):
    """The connection to Triton broke."""


class Stale(Broken):
    """The connection was closed by Triton before it took the request; a fresh one may do."""


def notice_death(connection: socket.socket) -> None:
    """Have the system end the connection when the machine at the other end is gone; a busy one answers its probes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        third = max(1, int(DEAD_PEER_TIMEOUT / 3))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, third)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, third)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(DEAD_PEER_TIMEOUT * 1000))


class HttpReply(msgspec.Struct, frozen=True):
    """An answer: its JSON part and, behind it, the raw tensors; and what it came over."""

    status: int
    header: memoryview
    tensors: memoryview
    connection: "Connection"


class Connection(asyncio.Protocol):
    """Carries one exchange at a time; the pool sees to that. One that says what nobody asked for is closed."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[HttpReply] | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._json_size: int | None = None
        self._heard = False
        self._used = False

    @property
    def usable(self) -> bool:
        """Whether another exchange can be begun."""
        return self._transport is not None and not self._transport.is_closing() and self._answer is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no common class.
        self._transport = cast("asyncio.Transport", transport)
        notice_death(transport.get_extra_info("socket"))

    def begin(self, parts: list[bytes | memoryview]) -> "asyncio.Future[HttpReply]":
        """Send a request; the future ends with the answer, with `Broken`, or with `TritonFailed`.

        Raises:
            Stale: it was closed since it was opened.
        """
        if self._transport is None:
            raise Stale
        self._answer = asyncio.get_running_loop().create_future()
        self._body, self._size, self._json_size, self._heard = [], 0, None, False
        self._transport.writelines(parts)
        return self._answer

    def close(self) -> None:
        """Break off; an exchange in hand ends with `Broken`."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._answer is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(Broken("Triton sent something that is not HTTP."))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._transport = None
        self._fail(Stale() if self._used and not self._heard else Broken())

    def on_message_begin(self) -> None:
        if self._answer is None:
            # It follows an answer in the same piece, and could be taken for the next one.
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == HEADER_LENGTH:
            self._json_size = int(value)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_INFERENCE_REPLY_BYTES:
            self._fail(TritonFailed("Triton's answer is larger than the gateway accepts."))
            self.close()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = memoryview(self._body[0] if len(self._body) == 1 else b"".join(self._body))
        self._body = []
        split = len(body) if self._json_size is None else self._json_size
        reply = HttpReply(self._parser.get_status_code(), body[:split], body[split:], self)
        answer, self._answer, self._used = self._answer, None, True
        if not self._parser.should_keep_alive():
            self.close()
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
