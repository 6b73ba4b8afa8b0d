"""Whether and when a run in the background is tried again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.domain.runs import Run
from gateway.errors import Draining, GatewayError, Overloaded, StorageUnavailable, Unavailable
from gateway.limits import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS, WRITE_RETRY

T = TypeVar("T")


def heals(error: GatewayError) -> bool:
    """Whether what failed can succeed later."""
    return isinstance(error, Unavailable | Overloaded)


def spent(run: Run) -> bool:
    """Whether a run has had all its tries before the attempt that it is on."""
    return failed_tries(run) >= MAX_ATTEMPTS


def last(run: Run) -> bool:
    """Whether the attempt that a run is on is its last one."""
    return failed_tries(run) + 1 >= MAX_ATTEMPTS


def failed_tries(run: Run) -> int:
    """How many attempts have failed before this one; those that a stopping worker handed back do not count."""
    return run.tries(but=Draining.code)


def pause(run: Run) -> float:
    """Seconds before the next try: twice as long each time, and never the same for two runs."""
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2 ** failed_tries(run))
    return random.uniform(longest / 2, longest)


async def persistently(write: Callable[[], Awaitable[T]], seconds: float) -> T:
    """The result of a write that may be repeated, tried for so long while the store is away.

    Raises:
        StorageUnavailable: it was away all the time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            return await write()
        except StorageUnavailable:
            if loop.time() > deadline:
                raise
        await asyncio.sleep(random.uniform(0.5, 1.5) * WRITE_RETRY)
