"""What stands before the routes of REST: it names each request, and traces it."""

from typing import Any, Final

from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from gateway import telemetry, tracing
from gateway.api.rates import rate_headers
from gateway.api.request_id import HEADER, request_id
from gateway.api.rest.entering import ALLOWANCE
from gateway.api.rest.head import refusal_headers
from gateway.api.rest.safe_headers import Header
from gateway.domain.rates import Allowance
from gateway.errors import GatewayError
from gateway.wire import problem

#: Under this name a request's own state holds the refusal that it came in with.
REFUSAL: Final = "refusal"
_NAME: Final = HEADER.encode()
_TRACE: Final = frozenset((b"traceparent", b"tracestate"))


class Entry:
    """An ASGI application around the routes."""

    def __init__(self, app: Litestar, safe: tuple[Header, ...] = ()):
        self._app = app
        #: What every answer has that does not name it itself.
        self._safe = safe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its name in the scope, in the log and in the answer."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        name = request_id(_header(scope, _NAME))
        scope["request_id"] = name  # type: ignore[typeddict-unknown-key]  # beside those of ASGI
        header = (_NAME, name.encode())

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {key for key, _ in message["headers"]}
                added = (header, *_rate(scope), *self._safe)
                message["headers"] = [*message["headers"], *(each for each in added if each[0] not in there)]
            await send(message)

        with telemetry.about(request_id=name):
            if (error := scope.get("state", {}).get(REFUSAL)) is not None:
                await refuse(named, error, name)
            elif tracing.on():
                await self._traced(scope, receive, named)
            else:
                await self._app(scope, receive, named)

    async def _traced(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        parent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _TRACE}
        method = str(scope["method"])
        with tracing.span(method, tracing.SERVER, parent or None, **{"http.request.method": method}) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.note(**{"http.response.status_code": message["status"]})
                    if message["status"] >= GatewayError.http:
                        span.failed(str(message["status"]))
                await send(message)

            await self._app(scope, receive, noted)
            span.rename(f"{method} {scope.get('path_template', '')}".strip())


async def refuse(send: Send, error: GatewayError, name: str) -> None:
    """Answer a request that no route has answered."""
    body = problem.problem(error, name)
    headers = refusal_headers(error, name, body)
    await send({"type": "http.response.start", "status": error.http, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _rate(scope: Scope) -> tuple[Header, ...]:
    allowance = scope.get(ALLOWANCE)
    if not isinstance(allowance, Allowance):
        return ()
    return tuple((name.encode(), value.encode()) for name, value in rate_headers(allowance))


def request_name(request: Request[Any, Any, Any]) -> str:
    """The name of a request, as the entry has put it in the scope."""
    return str(request.scope.get("request_id") or request_id(request.headers.get(HEADER)))


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)
