"""How a process stops: what is in hand gets a time to end, which a second signal cuts short."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.limits import DRAIN_TIMEOUT


class Drain:
    """The times of one stop: `delay` seconds in which work is still taken, then `grace` seconds to end it."""

    def __init__(self, delay: float = 0.0, grace: float = DRAIN_TIMEOUT, hurry: asyncio.Event | None = None):
        self.delay = delay
        self.grace = grace
        #: Set, all waits end at once.
        self._hurry = hurry or asyncio.Event()
        self._steps: list[Callable[[], object]] = []
        self._until: float | None = None

    def at_begin(self, step: Callable[[], object]) -> None:
        """Have `step` called when the stop begins."""
        self._steps.append(step)

    def begin(self) -> None:
        """Start the clock; a repeat does nothing."""
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self.delay + self.grace
            for step in self._steps:
                step()

    @property
    def left(self) -> float:
        """Seconds until delay and grace are over, once the stop has begun; none after somebody has hurried it."""
        if self._until is None:
            return self.delay + self.grace
        return 0.0 if self._hurry.is_set() else max(0.0, self._until - asyncio.get_running_loop().time())

    async def pause(self, seconds: float) -> None:
        """Let the seconds pass, less if somebody hurries."""
        await self.wait(asyncio.sleep(seconds), seconds)

    async def wait(self, work: Coroutine[Any, Any, object], seconds: float | None = None) -> bool:
        """Whether `work` ended within the seconds, by default those left, before somebody hurried; else cancel it."""
        ending, hurry = asyncio.ensure_future(work), asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait(
                (ending, hurry),
                timeout=self.left if seconds is None else seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return ending.done()
        finally:
            for task in (ending, hurry):
                task.cancel()
            await asyncio.gather(ending, hurry, return_exceptions=True)
