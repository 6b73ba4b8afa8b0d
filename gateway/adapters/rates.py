"""Counts of calls in the memory of this process, as a window that slides."""

import time

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.domain.rates import Allowance, Rate


class MemoryRates:
    """A `RateCounter` on the library `limits`; several processes count each for itself."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items: dict[Rate, RateLimitItem] = {}

    async def take(self, name: str, rate: Rate) -> Allowance:
        """See `RateCounter.take`."""
        item = self._items.get(rate)
        if item is None:
            item = self._items[rate] = RateLimitItemPerSecond(rate.calls, rate.seconds)
        granted = await self._limiter.hit(item, name)
        reset_at, remaining = await self._limiter.get_window_stats(item, name)
        return Allowance(rate, max(0, remaining) if granted else 0, max(0.0, reset_at - time.time()), granted)
