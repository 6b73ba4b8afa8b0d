"""The body of a request, read within a size and a time."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.errors import RequestIncomplete, TooLarge
from gateway.limits import BODY_TIMEOUT

#: The three of ASGI.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Disconnected(Exception):
    """The caller has gone; there is nobody to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """One header of the request, by its name in lower case."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes | bytearray:
    """The whole body.

    Raises:
        TooLarge: it has more than `limit` bytes; a length announced is refused before a byte is read.
        RequestIncomplete: it did not arrive in time.
        Disconnected: the caller went away first.
    """
    announced = header(scope, b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _read(receive, limit)
    except TimeoutError:
        raise RequestIncomplete from None


async def _read(receive: Receive, limit: int) -> bytes | bytearray:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False) and len(message["body"]) <= limit:
        # The whole body in one piece, as it came.
        return bytes(message["body"])
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return body
        message = await receive()


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes; send fewer media at once.")
