"""The children that decode and render media, and what a caller is told of what they say."""

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from gateway import metrics
from gateway.adapters.children.child import Program
from gateway.adapters.children.pool import ChildDied, ChildPool, OutOfTime
from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.frames import OUT_OF_MEMORY, Outcome, Request, Wish, request_bytes, sized
from gateway.domain.conversion import Shape
from gateway.domain.tensors import Value
from gateway.errors import GatewayError, MediaLimit, MediaUnreadable, Overloaded
from gateway.limits import DECODER_CHILDREN, DECODER_MEMORY, DECODER_TIMEOUT

_PROGRAM: Final = "gateway.adapters.rendering.program"
#: One heap for all threads, and memory that is free goes back to the system.
_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1048576"}
#: Bytes that are copied at once.
_PIECE: Final = 4 * 1024 * 1024
_REFUSALS: Final = {Outcome.UNREADABLE: MediaUnreadable, Outcome.LIMIT: MediaLimit}


class DecoderPool:
    """A `MediaReader` on spawned children; a media goes to them once, as an open file."""

    def __init__(
        self,
        *,
        children: int = DECODER_CHILDREN,
        memory: int = DECODER_MEMORY,
        timeout: float = DECODER_TIMEOUT,
        bounds: Bounds | None = None,
    ):
        bounds = bounds or Bounds()
        words = (msgspec.json.encode(bounds).decode(),)
        program = Program(_PROGRAM, memory, words, _ENVIRONMENT, bounds.reply_bytes)
        gauge = metrics.DECODER_CHILDREN
        self._pool = ChildPool(program, children=children, timeout=timeout, gauge=gauge, name="decoder")
        self._numbers = itertools.count(1)

    @contextlib.asynccontextmanager
    async def opened(self, data: bytes, kind: str) -> AsyncIterator["HeldMedia"]:
        """See `MediaReader.opened`."""
        file = os.memfd_create("media")
        try:
            await _fill(file, data)
            yield HeldMedia(self._pool, file, next(self._numbers), kind)
        finally:
            # A child may have it open still; it holds nothing then.
            os.ftruncate(file, 0)
            os.close(file)

    async def close(self) -> None:
        """See `MediaReader.close`; what is in hand ends with `Draining`."""
        await self._pool.close()

    def pids(self) -> set[int]:
        """The process numbers of the children there are."""
        return self._pool.pids()


class HeldMedia:
    """An `OpenedMedia` in a file without a name."""

    def __init__(self, pool: ChildPool, file: int, number: int, kind: str):
        self._pool, self._file, self._number, self._kind = pool, file, number, kind

    async def describe(self) -> Shape:
        """See `OpenedMedia.describe`."""
        return msgspec.json.decode(await self._asked(Wish.DESCRIBE), type=Shape)

    async def page(self, number: int) -> memoryview:
        """See `OpenedMedia.page`."""
        return memoryview(await self._asked(Wish.PAGE, (number,)))

    async def pixels(self, name: str, number: int) -> Value:
        """See `OpenedMedia.pixels`."""
        height, width, pixels = sized(await self._asked(Wish.PIXELS, (number,)))
        return Value(name, "UINT8", (height, width, 3), (pixels,))

    async def text(self, pages: Sequence[int]) -> str:
        """See `OpenedMedia.text`."""
        return (await self._asked(Wish.TEXT, tuple(pages))).decode()

    async def _asked(self, wish: Wish, pages: tuple[int, ...] = ()) -> bytearray:
        request = request_bytes(Request(wish, self._number, self._kind, pages))
        try:
            outcome, payload = await self._pool.ask(request, (self._file,))
        except OutOfTime:
            metrics.DECODER_OUT_OF_TIME.inc()
            raise MediaLimit("The media needs more time to be decoded than it may have.") from None
        except ChildDied as died:
            raise _died(died.status) from None
        if outcome == Outcome.DONE:
            return payload
        raise _REFUSALS[Outcome(outcome)](payload.decode())


async def _fill(file: int, data: bytes) -> None:
    """Copy a piece at a time, with others in between; a thread might still write when the file is closed."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest[:_PIECE]) :]
        if rest:
            await asyncio.sleep(0)


def _died(status: int) -> GatewayError:
    if status == -signal.SIGKILL:
        # Nobody but the machine does that, where memory is short: the media may be as good as any.
        return Overloaded("The machine has ended the gateway's decoder; try again shortly.")
    if status == OUT_OF_MEMORY:
        metrics.DECODER_OUT_OF_MEMORY.inc()
        return MediaLimit("The media needs more memory to be decoded than it may have.")
    metrics.DECODER_CRASHED.inc()
    return MediaUnreadable("The gateway's decoder broke on it.")
