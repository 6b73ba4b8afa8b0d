"""The ratios that count, each against its goal.

A ratio is taken within each round, whose bursts lie next to each other in time, and the median of the rounds
is the one that counts: what else the machine does falls on both sides of it.
"""

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from bench.contenders import DIRECT_GRPC, DIRECT_HTTP, GATEWAY_GRPC, GATEWAY_REST, HAND_WRITTEN
from bench.figures import Figures


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over another: the median of the rounds."""

    name: str
    value: float
    lowest: float
    highest: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def goal(self) -> str:
        """The goal in words; empty where there is none."""
        if self.at_least is not None:
            return f"≥ {self.at_least:.2f}"
        return f"≤ {self.at_most:.2f}" if self.at_most is not None else ""

    @property
    def verdict(self) -> str:
        """Reached, or by how much not; empty where there is no goal."""
        missing = max(
            self.at_least - self.value if self.at_least is not None else 0.0,
            self.value - self.at_most if self.at_most is not None else 0.0,
        )
        if not self.goal:
            return ""
        return "reached" if missing <= 0 else f"missed by {missing:.3f}"


def ratios(found: Mapping[str, Figures]) -> list[Ratio]:
    """All ratios of one run."""
    return [
        _throughput(found, GATEWAY_REST, DIRECT_HTTP, at_least=0.85),
        _throughput(found, GATEWAY_GRPC, DIRECT_GRPC, at_least=0.68),
        _throughput(found, GATEWAY_GRPC, DIRECT_HTTP),
        _throughput(found, HAND_WRITTEN, DIRECT_HTTP),
        _cpu(found, GATEWAY_REST, HAND_WRITTEN, at_most=0.45),
        _cpu(found, GATEWAY_GRPC, HAND_WRITTEN),
    ]


def _throughput(found: Mapping[str, Figures], above: str, below: str, **goal: float) -> Ratio:
    return ratio(f"requests/s: {above} / {below}", found[above].rates, found[below].rates, **goal)


def _cpu(found: Mapping[str, Figures], above: str, below: str, **goal: float) -> Ratio:
    return ratio(f"CPU per request: {above} / {below}", found[above].cpu_us, found[below].cpu_us, **goal)


def ratio(name: str, above: Sequence[float], below: Sequence[float], **goal: float) -> Ratio:
    """One figure over another, both by round."""
    single = [one / other for one, other in zip(above, below, strict=True)]
    return Ratio(name=name, value=median(single), lowest=min(single), highest=max(single), **goal)
