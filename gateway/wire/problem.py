"""An error as `application/problem+json` (RFC 9457), with the short form `{code, message}` in it."""

import math
from http import HTTPStatus
from typing import Final

import msgspec

from gateway.errors import GatewayError, RunTimeout
from gateway.wire.runs import run_url

CONTENT_TYPE: Final = "application/problem+json"
#: What a caller is asked for who may not enter (RFC 6750).
CHALLENGE: Final = 'Bearer realm="gateway"'


#: Of statuses that the standard library does not know, or not in every version by the same name.
_TITLES: Final = {414: "URI Too Long", 499: "Client Closed Request"}


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The body of every refusal."""

    title: str
    status: int
    detail: str
    code: str
    message: str
    request_id: str
    field: str | None = None
    execution_id: str | None = msgspec.field(default=None, name="executionId")
    run_id: str | None = msgspec.field(default=None, name="runId")


def problem(error: GatewayError, request_id: str) -> bytes:
    """The body for `error`."""
    return msgspec.json.encode(
        Problem(
            title=_TITLES.get(error.http) or HTTPStatus(error.http).phrase,
            status=error.http,
            detail=error.message,
            code=error.code,
            message=error.message,
            request_id=request_id,
            field=error.field,
            execution_id=error.execution_id,
            run_id=error.run_id,
        )
    )


def headers(error: GatewayError, request_id: str) -> list[tuple[str, str]]:
    """The headers that go with the body."""
    found = [("content-type", CONTENT_TYPE), ("x-request-id", request_id)]
    if error.retry_after is not None:
        found.append(("retry-after", str(math.ceil(error.retry_after))))
    if error.http == HTTPStatus.UNAUTHORIZED:
        found.append(("www-authenticate", CHALLENGE))
    if isinstance(error, RunTimeout) and error.run_id is not None:
        found.append(("location", run_url(error.run_id)))
    return found + record_headers(error.execution_id, error.run_id, replayed=error.replayed)


def record_headers(execution_id: str | None, run_id: str | None, *, replayed: bool) -> list[tuple[str, str]]:
    """The headers that name the records a call has left, and say whether it was an earlier one under the same key."""
    again = "true" if replayed else None
    named = (("x-execution-id", execution_id), ("x-run-id", run_id), ("idempotency-replayed", again))
    return [(name, value) for name, value in named if value is not None]
