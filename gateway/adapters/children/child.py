"""One running child as the gateway sees it: asked one thing at a time, and killed rather than waited for."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.adapters.children.frames import READY, REPLY_HEAD, reply_head

#: Seconds within which a child must be ready.
START_TIMEOUT: Final = 30.0
#: What a Python may need to find its own libraries; the rest of the environment may hold secrets.
_KEPT: Final = ("LD_LIBRARY_PATH",)

Reply = tuple[int, bytearray]


class ChildGone(Exception):
    """The child has ended before it had answered."""


class Program(msgspec.Struct, frozen=True):
    """What children run: a module of ours, which is told its memory, these words and its parent."""

    module: str
    #: Bytes of address space of one child.
    memory: int
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    #: Bytes of one reply; a child that says more has lost its mind.
    max_reply: int = 2**32 - 1


class Child:
    """A process at the other end of a socket that is its standard input and output."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, max_reply: int) -> None:
        self._process, self._channel, self._max_reply = process, channel, max_reply
        self._idle = False

    @classmethod
    async def start(cls, program: Program) -> "Child":
        """A new child, ready; it lives no longer than the thread that calls this.

        Raises:
            ChildGone: it ended at once, or did not become ready in time; what it had to say is on standard error.
            OSError: it could not be started.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            try:
                process = _spawn(program, theirs)
            except OSError:
                ours.close()
                raise
        child = cls(process, ours, program.max_reply)
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

    async def ask(self, request: bytes, files: Sequence[int] = ()) -> Reply:
        """What it answers: a number of its own that says how it ended, and bytes; `files` are open for it, too.

        Raises:
            ChildGone: it has died of this.
        """
        self._idle = False
        try:
            await self._say(request, files)
            outcome, length = reply_head(await self._read(REPLY_HEAD))
            if length > self._max_reply:
                raise ChildGone
            payload = await self._read(length)
        except OSError as failure:
            raise ChildGone from failure
        self._idle = True
        return outcome, payload

    def kill(self) -> None:
        """End it now; it gets no word in."""
        self._idle = False
        self._process.kill()

    async def end(self) -> int:
        """Kill it, and wait until nothing of it is left; its exit status, or the signal that ended it below zero."""
        self.kill()
        status = await asyncio.shield(asyncio.to_thread(self._process.wait))
        self._channel.close()
        return status

    async def _say(self, request: bytes, files: Sequence[int]) -> None:
        if files:
            # It is idle, so that nothing stands in the way of a few bytes.
            said = socket.send_fds(self._channel, [request[:1]], list(files))
            request = request[said:]
        await asyncio.get_running_loop().sock_sendall(self._channel, request)

    async def _become_ready(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self._idle = await self._read(len(READY)) == READY
        except (TimeoutError, OSError) as failure:
            raise ChildGone from failure

    async def _read(self, length: int) -> bytearray:
        found = bytearray(length)
        rest = memoryview(found)
        while rest:
            received = await asyncio.get_running_loop().sock_recv_into(self._channel, rest)
            if not received:
                raise ChildGone
            rest = rest[received:]
        return found


def _spawn(program: Program, pipe: socket.socket) -> subprocess.Popen[bytes]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-m", program.module, str(program.memory), *program.words, str(os.getpid())],
        stdin=pipe.fileno(),
        stdout=pipe.fileno(),
        env=kept | {"LC_ALL": "C.UTF-8"} | dict(program.environment),
        cwd="/",
        start_new_session=True,
    )
