"""Events out of a stream of the REST door (`text/event-stream`)."""

from collections.abc import Iterator
from http.client import HTTPResponse

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One event of a stream."""

    kind: str
    data: bytes


def events(response: HTTPResponse) -> Iterator[Event]:
    """The events as they come; signs of life are left out."""
    kind, data = b"", []
    while line := response.readline():
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            kind = value
        elif name == b"data":
            data.append(value)
        elif not line.strip():
            if data:
                yield Event(kind.decode(), b"\n".join(data))
            kind, data = b"", []
