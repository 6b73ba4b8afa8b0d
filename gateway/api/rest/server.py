"""The REST server: uvicorn on the process's own loop, stopped by the process and not by signals of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from gateway.api.rest.app import rest_app
from gateway.api.rest.counting import Counted
from gateway.api.services import Services
from gateway.limits import DRAIN_TIMEOUT


class _Server(uvicorn.Server):
    """Leaves signals to the process, and says when it listens."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RestServer:
    """Serves REST on sockets that are already bound."""

    def __init__(self, services: Services, listener: socket.socket):
        config = uvicorn.Config(
            Counted(rest_app(services)),
            http="httptools",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=int(DRAIN_TIMEOUT),
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

    async def stop(self) -> None:
        """Take no more connections; requests in hand get their answer within the drain time."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
