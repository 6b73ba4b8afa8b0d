"""Children that do what the gateway itself may not: started at first use, kept warm, replaced when killed."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from gateway.adapters.children.child import Child, ChildGone, Program, Reply
from gateway.errors import Draining, Internal

log: Final = logging.getLogger(__name__)


class Gauge(Protocol):
    """A number that goes up and down."""

    def inc(self) -> object:
        """One more."""
        ...

    def dec(self) -> object:
        """One less."""
        ...


class OutOfTime(Exception):
    """The child was killed, for it took longer than it may."""


class ChildDied(Exception):
    """The child ended of what it was asked; `status` is its exit status, or below zero the signal that ended it."""

    def __init__(self, status: int):
        self.status = status


class ChildPool:
    """A few children of one program; what is asked past their number waits in the order it came."""

    def __init__(self, program: Program, *, children: int, timeout: float, gauge: Gauge, name: str):
        self.program = program
        self._timeout, self._gauge, self._name = timeout, gauge, name
        #: The places that are free; last in, first out, so that a warm child is found before an empty place.
        self._free: asyncio.LifoQueue[Child | None] = asyncio.LifoQueue()
        for _ in range(children):
            self._free.put_nowait(None)
        self._children: set[Child] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, request: bytes, files: Sequence[int] = ()) -> Reply:
        """What a child answers to this.

        Raises:
            OutOfTime, ChildDied: it is no more.
            Draining: the pool is closed.
            Internal: no child could be started.
        """
        child = await self._take()
        try:
            async with asyncio.timeout(self._timeout):
                return await child.ask(request, files)
        except TimeoutError:
            raise OutOfTime from None
        except ChildGone:
            self._refuse_when_closed()
            raise ChildDied(await child.end()) from None
        finally:
            self._give_back(child)

    async def close(self) -> None:
        """End every child; what is in hand ends with `Draining`."""
        self._closed = True
        for task in self._replacing:
            task.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        await asyncio.gather(*map(self._bury, list(self._children)))

    def pids(self) -> set[int]:
        """The process numbers of the children there are."""
        return {child.pid for child in self._children}

    async def _take(self) -> Child:
        child = await self._free.get()
        if child is not None and child.usable and not self._closed:
            return child
        try:
            self._refuse_when_closed()
            if child is not None:
                await self._bury(child)
            return await self._start()
        except BaseException:
            self._free.put_nowait(None)
            raise

    async def _start(self) -> Child:
        try:
            child = await Child.start(self.program)
        except (ChildGone, OSError) as failure:
            log.exception("child.not_started", extra={"kind": self._name})
            raise Internal from failure
        self._children.add(child)
        self._gauge.inc()
        if self._closed:
            await self._bury(child)
            raise Draining
        return child

    def _give_back(self, child: Child) -> None:
        if child.usable or self._closed:
            self._free.put_nowait(child)
            return
        child.kill()
        task = asyncio.create_task(self._replace(child))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _replace(self, child: Child) -> None:
        fresh = None
        try:
            fresh = await self._start()
        except Internal:
            pass  # it is logged; who takes the empty place tries again
        finally:
            self._free.put_nowait(fresh)
        await self._bury(child)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Draining from None

    async def _bury(self, child: Child) -> None:
        await child.end()
        if child in self._children:
            self._children.remove(child)
            self._gauge.dec()
