"""HTTP/1.1 on one connection: uvicorn's own protocol, which also gives up what nobody waits for any more."""

import asyncio
from typing import Any, Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.api.request_id import request_id
from gateway.errors import Draining
from gateway.wire import problem

#: The segment of a path, and its place, that says that the caller waits for a run.
_WAITED_FOR: Final = (4, "executeSync")


class Protocol(HttpToolsProtocol):
    """Cancels a synchronous call whose caller has left; any other request ends what it began."""

    def __init__(self, *given: Any, **named: Any):
        super().__init__(*given, **named)
        self._application = self.app
        self.app = self._answer
        #: The request whose answer is not complete, of the one or more that have come; they are answered in order.
        self._answering: tuple[asyncio.Task[Any], Scope] | None = None
        self._left = False

    async def _answer(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering = task, scope
        try:
            await self._application(scope, receive, send)
        except asyncio.CancelledError:
            if not self._left:
                await _refuse(send)

    def on_response_complete(self) -> None:
        self._answering = None
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._left = True
        if self._answering is not None:
            task, scope = self._answering
            if _is_waited_for(scope):
                task.cancel()

    def let_go(self) -> None:
        """Close the connection after the answer that is being made; an idle one stays."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False


def _is_waited_for(scope: Scope) -> bool:
    place, segment = _WAITED_FOR
    return scope["type"] == "http" and scope["path"].split("/")[place : place + 1] == [segment]


async def _refuse(send: ASGISendCallable) -> None:
    """Tell the caller of a request that the process gave up as it stopped."""
    error, name = Draining(), request_id(None)
    headers = [(key.encode(), value.encode()) for key, value in problem.headers(error, name)]
    body = problem.problem(error, name)
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": error.http, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
