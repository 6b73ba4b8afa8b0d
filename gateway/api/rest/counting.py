"""Counts what the REST door answers: in front of the application, so that no answer is missed."""

import asyncio
import time
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import Method, method

#: Requests that no route takes.
_UNKNOWN: Final = method("rest", "unknown")
#: The code of a request whose caller has left before there was an answer.
_LEFT: Final = 499


class Counted:
    """An ASGI application whose answers are counted by route and status; a path itself is nobody's label."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it when its answer has ended."""
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            status = _LEFT
            raise
        finally:
            _method(scope).answered(str(status), time.perf_counter() - began)


def _method(scope: Scope) -> Method:
    template = scope.get("path_template")
    return method("rest", f"{scope.get('method')} {template}") if template else _UNKNOWN
