"""Counting calls against a rate."""

from typing import Protocol

from gateway.domain.rates import Allowance, Rate


class RateCounter(Protocol):
    """Counts the calls of this process, by name of who makes them."""

    async def take(self, name: str, rate: Rate) -> Allowance:
        """Count one call, unless the rate is used up; what is left is told."""
        ...
