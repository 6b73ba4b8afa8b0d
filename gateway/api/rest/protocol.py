"""HTTP/1.1 on one connection: uvicorn's own protocol, which also bounds the heads of requests, and gives up what nobody
waits for any more."""

import asyncio
from typing import Any, Final, cast

from litestar.types import Send
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.api.request_id import request_id
from gateway.api.rest.entry import REFUSAL, refuse
from gateway.api.rest.head import refusal_of, whole_refusal
from gateway.errors import Draining, GatewayError, HeadersTooLarge, Malformed, RequestIncomplete
from gateway.limits import HEAD_TIMEOUT, MAX_REQUEST_HEADERS_BYTES, MAX_TARGET_BYTES

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
        #: Bytes of a head that is not complete, but for those that came together with the end of a request before.
        self._head: int | None = None
        self._ended = False
        #: What gives up a head that does not become complete; most come whole.
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the library
        super().connection_made(transport)
        # One that never asks anything is as idle as one that has been answered.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        self._ended = False
        super().data_received(data)
        if self._head is not None:
            self._wait_for_head(0 if self._ended else len(data))

    def _wait_for_head(self, more: int) -> None:
        """A head has come in part, of which these bytes are new."""
        assert self._head is not None
        self._head += more
        if self._head > MAX_TARGET_BYTES + MAX_REQUEST_HEADERS_BYTES:
            self._end(HeadersTooLarge())
        elif self._late is None:
            late = RequestIncomplete("The head of the request did not arrive in time.")
            self._late = self.loop.call_later(HEAD_TIMEOUT, self._end, late)

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        if self._late is not None:
            self._late.cancel()
            self._late = None
        refusal = refusal_of(self.url, self.headers)
        if refusal is not None:
            self.scope["state"][REFUSAL] = refusal
            # The library cannot take a longer one apart.
            self.url = b"/"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._ended = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it has words of our own
        self._end(Malformed("The request is not HTTP/1.1."))

    def _end(self, error: GatewayError) -> None:
        """Refuse what cannot be read on, and with it the connection."""
        if not self.transport.is_closing():
            self.transport.write(whole_refusal(error, request_id(None)))
            self.transport.close()

    async def _answer(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering = task, scope
        try:
            await self._application(scope, receive, send)
        except asyncio.CancelledError:
            if not self._left:
                # The caller of a request that the process gave up as it stopped is told so.
                await refuse(cast("Send", send), Draining(), request_id(None))

    def on_response_complete(self) -> None:
        self._answering = None
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._left = True
        if self._late is not None:
            self._late.cancel()
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
