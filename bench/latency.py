"""Latencies as counts: how many requests took how many microseconds."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping


def merged(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """The counts of several rounds together."""
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def percentile(counts: Mapping[int, int], share: float) -> float:
    """Milliseconds within which `share` (0..1) of the requests were answered: the nearest rank; 0 of none."""
    wanted = math.ceil(share * sum(counts.values()))
    seen = 0
    for microseconds in sorted(counts):
        seen += counts[microseconds]
        if seen >= wanted:
            return microseconds / 1000
    return 0.0
