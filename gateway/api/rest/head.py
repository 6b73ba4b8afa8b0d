"""The head of a request within its limits: target, query and headers; and refusals that are made without a route."""

from collections.abc import Sequence
from http import HTTPStatus

from gateway.api.rest.safe_headers import safe_headers
from gateway.errors import GatewayError, HeadersTooLarge, TargetTooLong
from gateway.limits import (
    MAX_QUERY_PARAMETERS,
    MAX_REQUEST_HEADERS,
    MAX_REQUEST_HEADERS_BYTES,
    MAX_TARGET_BYTES,
)
from gateway.wire import problem

#: What a header takes on the wire beside its name and value: a colon, a space and the end of its line.
_AROUND = 4


def refusal_of(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> GatewayError | None:
    """Why a head is not taken, if it is not."""
    if len(target) > MAX_TARGET_BYTES or target.partition(b"?")[2].count(b"&") >= MAX_QUERY_PARAMETERS:
        return TargetTooLong()
    if len(headers) > MAX_REQUEST_HEADERS:
        return HeadersTooLarge()
    size = sum([len(name) + len(value) for name, value in headers]) + _AROUND * len(headers)
    return HeadersTooLarge() if size > MAX_REQUEST_HEADERS_BYTES else None


def refusal_headers(error: GatewayError, name: str, body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a refusal, as ASGI has them."""
    headers = [*problem.headers(error, name), ("content-length", str(len(body)))]
    return [(key.encode(), value.encode()) for key, value in headers]


def whole_refusal(error: GatewayError, name: str) -> bytes:
    """A refusal as it goes over the wire, the last of its connection."""
    body = problem.problem(error, name)
    safe = safe_headers(encrypted=False, cors=False)
    headers = [*refusal_headers(error, name, body), *safe, (b"connection", b"close")]
    first = f"HTTP/1.1 {error.http} {HTTPStatus(error.http).phrase}".encode()
    return b"\r\n".join([first, *(b": ".join(each) for each in headers), b"", body])
