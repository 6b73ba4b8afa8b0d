"""One running child as the gateway sees it: asked one thing at a time, and killed rather than waited for."""

import asyncio
import os
import socket
import subprocess
import sys
from typing import Final

from gateway.adapters.jsonata.frames import READY, REPLY_HEAD, Outcome, reply_head, request_bytes

_PROGRAM: Final = "gateway.adapters.jsonata.program"
#: Seconds within which a child must be ready.
START_TIMEOUT: Final = 30.0
#: Bytes of a reply that may wait to be read.
_BUFFER: Final = 1024 * 1024
#: The allocator of the engine would reserve 128 MiB or more of the address space at its start.
_ENVIRONMENT: Final = {"MIMALLOC_ARENA_RESERVE": "0", "LC_ALL": "C.UTF-8"}
#: What a Python may need to find its own libraries; the rest of the environment may hold secrets.
_KEPT: Final = ("LD_LIBRARY_PATH",)


class ChildGone(Exception):
    """The child has ended before it had answered."""


class Child:
    """A process that evaluates expressions, at the other end of a socket that is its standard input and output."""

    def __init__(
        self, process: subprocess.Popen[bytes], replies: asyncio.StreamReader, requests: asyncio.StreamWriter
    ) -> None:
        self._process, self._replies, self._requests = process, replies, requests
        self._idle = False

    @classmethod
    async def start(cls, memory: int, max_result: int) -> "Child":
        """A new child, ready; it lives no longer than the thread that calls this.

        Raises:
            ChildGone: it ended at once, or did not become ready in time; what it had to say is on standard error.
            OSError: it could not be started.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            replies, requests = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER)
            try:
                process = _spawn(memory, max_result, theirs)
            except OSError:
                requests.close()
                raise
        child = cls(process, replies, requests)
        try:
            await child._become_ready()
        except BaseException:
            await child.end()
            raise
        return child

    @property
    def usable(self) -> bool:
        """Whether it can be asked: alive, and with nothing half said."""
        return self._idle and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    async def ask(self, expression: bytes, document: bytes) -> tuple[Outcome, bytes]:
        """How the evaluation ended, with its result or the refusal.

        Raises:
            ChildGone: it has died of this.
        """
        self._idle = False
        try:
            self._requests.write(request_bytes(expression, document))
            await self._requests.drain()
        except ConnectionError as failure:
            raise ChildGone from failure
        head = reply_head(await self._read(REPLY_HEAD))
        payload = await self._read(head.length)
        self._idle = True
        return head.outcome, payload

    def kill(self) -> None:
        """End it now; it gets no word in."""
        self._idle = False
        self._process.kill()

    async def end(self) -> None:
        """Kill it, and wait until nothing of it is left."""
        self.kill()
        self._requests.close()
        await asyncio.shield(asyncio.to_thread(self._process.wait))

    async def _become_ready(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self._idle = await self._read(len(READY)) == READY
        except TimeoutError as failure:
            raise ChildGone from failure

    async def _read(self, length: int) -> bytes:
        try:
            return await self._replies.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as failure:
            raise ChildGone from failure


def _spawn(memory: int, max_result: int, pipe: socket.socket) -> subprocess.Popen[bytes]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-m", _PROGRAM, str(memory), str(max_result), str(os.getpid())],
        stdin=pipe.fileno(),
        stdout=pipe.fileno(),
        env=kept | _ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
