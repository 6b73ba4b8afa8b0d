"""A target: where one request goes, what it carries, and what a good reply looks like."""

from typing import Literal

import msgspec

Protocol = Literal["http", "grpc"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One request, to be sent again and again."""

    protocol: Protocol
    port: int
    #: Of HTTP the path, of gRPC `/package.Service/Method`.
    path: str
    #: Of HTTP the body, of gRPC the serialised message.
    body: bytes
    headers: dict[str, str] = {}
    host: str = "127.0.0.1"
    #: Bytes of a good reply, once one has been seen; every good reply of a contender has the same length.
    reply_bytes: int = 0

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where it goes, as a URL."""
        return f"http://{self.address}{self.path}"


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """What a load generator saw while it sent one request for some seconds over several connections."""

    requests: int
    seconds: float
    errors: int
    #: How many requests took how many microseconds.
    latencies: dict[int, int]


def framed(message: bytes) -> bytes:
    """A message as gRPC puts it into an HTTP/2 body: not compressed, with its length before it."""
    return b"\0" + len(message).to_bytes(4, "big") + message
