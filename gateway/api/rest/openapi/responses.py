"""The responses of an operation: what it answers with, and each status that it refuses with."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from gateway.api.rest.openapi.operation import Answer, Operation, ref
from gateway.errors import GatewayError, RateLimited, RunTimeout
from gateway.wire.fields import Schema
from gateway.wire.problem import CONTENT_TYPE, Problem


def _header(description: str, kind: str = "string") -> Schema:
    return {"description": description, "schema": {"type": kind}}


#: Every header that a response can have.
HEADERS: Final[Mapping[str, Schema]] = {
    "X-Request-Id": _header("The name of the request: the caller's own where it gave a proper one."),
    "X-Execution-Id": _header("The execution that the call belongs to."),
    "X-Run-Id": _header("The run that the call has left."),
    "Location": _header("Where the run can be looked at."),
    "Idempotency-Replayed": _header("`true` where the call was made before, under the same key."),
    "ETag": _header("The tag of this state of the run."),
    "Link": _header('The next page, as `<…>; rel="next"`; absent on the last.'),
    "Content-Disposition": _header("The name under which to save it."),
    "WWW-Authenticate": _header("What to enter with: `Bearer`."),
    "RateLimit": _header("What is left of the rate of your key: `r` requests for the next `t` seconds."),
    "RateLimit-Policy": _header("The rate of your key: `q` requests in `w` seconds."),
    "Retry-After": _header("Seconds after which a repeat can succeed.", "integer"),
}


def responses(operation: Operation) -> dict[str, Schema]:
    """The responses, by status."""
    answers = {str(each.status): _answer(each) for each in operation.answers}
    statuses = sorted({each.http for each in operation.refusals})
    return answers | {
        str(status): _refusal(status, [each for each in operation.refusals if each.http == status])
        for status in statuses
    }


def _answer(answer: Answer) -> Schema:
    found: Schema = {"description": answer.description}
    if answer.headers:
        found["headers"] = _headers(answer.headers)
    if answer.content:
        found["content"] = answer.content
    return found


def _refusal(status: int, errors: Sequence[type[GatewayError]]) -> Schema:
    codes = sorted({each.code for each in errors})
    names = ["X-Request-Id"]
    if any(each.retry_after is not None for each in errors):
        names.append("Retry-After")
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if RateLimited in errors:
        names += ["RateLimit", "RateLimit-Policy"]
    if RunTimeout in errors:
        names.append("Location")
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}.",
        "headers": _headers(names),
        "content": {CONTENT_TYPE: {"schema": ref(Problem), "examples": _examples(codes)}},
    }


def _examples(codes: Sequence[str]) -> Schema:
    return {code: {"$ref": f"#/components/examples/{code}"} for code in codes}


def _headers(names: Sequence[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
