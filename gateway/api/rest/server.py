"""The REST server: uvicorn on the process's own loop, stopped by the process and not by signals of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn

from gateway.api.certificates import Certificates
from gateway.api.rest.app import rest_app
from gateway.api.rest.counting import Counted
from gateway.api.rest.entry import Entry
from gateway.api.rest.protocol import Protocol
from gateway.api.rest.safe_headers import safe_headers
from gateway.api.services import Services
from gateway.core.drain import Drain
from gateway.limits import DRAIN_LINGER, KEEP_ALIVE_TIMEOUT


class _Server(uvicorn.Server):
    """Leaves signals to the process, says when it listens, and stops as the process's drain says."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.listening = asyncio.Event()
        self.drain = Drain()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def announce(self) -> None:
        """Have every answer from now on be the last of its connection."""
        close = (b"connection", b"close")
        self.config.encoded_headers.append(close)
        self.server_state.default_headers = [*self.server_state.default_headers, close]
        for connection in self.server_state.connections:
            if isinstance(connection, Protocol):
                connection.let_go()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, answer what still comes on open connections, then wait for what is in hand."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        await self.drain.wait(self._quiet(), min(DRAIN_LINGER, self.drain.left))
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self.drain.wait(self._quiet())
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _quiet(self) -> None:
        # As the library itself waits: nothing tells when the last connection has gone.
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RestServer:
    """Serves REST on sockets that are already bound."""

    def __init__(
        self,
        services: Services,
        listener: socket.socket,
        certificates: Certificates | None = None,
        origins: Sequence[str] = (),
    ):
        safe = safe_headers(encrypted=certificates is not None, cors=bool(origins))
        config = uvicorn.Config(
            Counted(Entry(rest_app(services, origins), safe)),
            ssl_context_factory=None if certificates is None else lambda *_: certificates.server_context(),
            http=Protocol,
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=int(KEEP_ALIVE_TIMEOUT),
        )
        self._server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take connections from now on."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        started = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait((self._task, started), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            started.cancel()
            self._task.result()

    def announce(self) -> None:
        """Tell every caller, with its answer, that its connection ends; all are still served."""
        self._server.announce()

    async def stop(self, drain: Drain) -> None:
        """Take no more connections; requests in hand get their answer while the drain has time left."""
        if self._task is not None:
            self._server.drain = drain
            self._server.should_exit = True
            await self._task
