"""HTTP to one gateway: a kept connection for each thread, and every failure as a sentence."""

import contextlib
import http.client
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Final

from gateway.sdk.call import Call
from gateway.sdk.errors import ConnectionLost, Unreachable
from gateway.sdk.upload import Upload

CONNECT_TIMEOUT: Final = 10.0
#: Seconds after which a kept connection is not used again: the server may be closing it at that moment.
_KEPT: Final = 2.0
_PIECE: Final = 64 * 1024


class Connections:
    """The connections to one gateway; each thread has its own."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Connections that are opened when they are needed.

        Raises:
            ValueError: the URL is not one of HTTP.
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("The URL is not of the form http://host:port.")
        self.url = url
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port, self._base = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = dict(headers)
        self._mine = threading.local()
        self._all: set[HTTPConnection] = set()
        self._closed = False

    @contextlib.contextmanager
    def answer(
        self, method: str, target: str, body: Call | Upload | bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Iterator[HTTPResponse]:
        """The answer to one request, to be read while the block lasts.

        Raises:
            Unreachable, ConnectionLost, OSError: there is none; OSError only of the file that `body` names.
        """
        connection, kept = self._connection(timeout)
        try:
            with self._failures(timeout):
                response = _asked(connection, method, self._base + target, body, {**self._headers, **headers})
        except ConnectionLost:
            self._drop(connection)
            if not kept or method == "POST":
                raise
            # The server closed a kept connection; what only reads or removes can be asked again.
            with self.answer(method, target, body, headers, timeout) as response:
                yield response
            return
        except BaseException:
            self._drop(connection)
            raise
        try:
            with self._failures(timeout):
                yield response
        finally:
            self._keep(connection, response)

    def close(self) -> None:
        """Give every connection back; no call may be in hand."""
        self._closed = True
        for connection in list(self._all):
            self._drop(connection)

    def call_off(self) -> None:
        """End the calls in hand on other threads with ConnectionLost, and take no more."""
        self._closed = True
        for connection in list(self._all):
            with contextlib.suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _connection(self, timeout: float) -> tuple[HTTPConnection, bool]:
        """This thread's connection, and whether it was kept from an earlier call."""
        if self._closed:
            raise ConnectionLost("The client is closed.")
        connection: HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is not None and time.monotonic() - self._mine.used > _KEPT:
            self._drop(connection)
            connection = None
        kept = connection is not None and connection.sock is not None
        if connection is None or connection.sock is None:
            connection = self._opened()
        connection.sock.settimeout(timeout)
        return connection, kept

    def _opened(self) -> HTTPConnection:
        connection = self._kind(self._host, self._port, timeout=CONNECT_TIMEOUT)
        try:
            connection.connect()
        except OSError as failure:
            raise Unreachable(self.url) from failure
        self._mine.connection = connection
        self._all.add(connection)
        return connection

    def _keep(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        if response.isclosed() and connection.sock is not None:
            self._mine.used = time.monotonic()
        else:
            self._drop(connection)

    def _drop(self, connection: HTTPConnection) -> None:
        connection.close()
        self._mine.connection = None
        self._all.discard(connection)

    @contextlib.contextmanager
    def _failures(self, timeout: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError as failure:
            raise ConnectionLost(f"The gateway at {self.url} did not answer within {timeout:g} s.") from failure
        except (http.client.HTTPException, ConnectionError) as failure:
            raise ConnectionLost(f"The connection to {self.url} ended before the whole answer was there.") from failure


def _asked(
    connection: HTTPConnection, method: str, target: str, body: Call | Upload | bytes | None, headers: Mapping[str, str]
) -> HTTPResponse:
    lengths = {} if body is None else {"Content-Length": str(len(body))}
    try:
        connection.request(method, target, body, {**headers, **lengths})
    except (BrokenPipeError, ConnectionResetError):
        # It refused before it had read all: its answer may be there.
        return connection.getresponse()
    return connection.getresponse()


def pieces(response: HTTPResponse) -> Iterator[bytes]:
    """The content of an answer, piece by piece."""
    while piece := response.read(_PIECE):
        yield piece
