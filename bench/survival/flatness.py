"""Whether what was measured again and again stays as it is."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

#: The growth that counts as none.
TOLERANCE: Final = 0.05
#: Things by which a count may grow beyond that: one connection more of ten is no leak.
SLACK: Final = 2.0

#: Of which process, and what.
Measure = tuple[str, str]


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """One measure at the beginning and at the end, each the median of a third of all samples."""

    process: str
    measure: str
    first: float
    last: float
    highest: float

    @property
    def growth(self) -> float:
        """How much more it is at the end, as a share of the beginning."""
        return self.last / self.first - 1 if self.first else float(self.last > 0)

    @property
    def flat(self) -> bool:
        """Whether it did not grow; what has become less has not."""
        slack = 0.0 if self.measure.endswith("MiB") else SLACK
        return self.last <= self.first * (1 + TOLERANCE) + slack


def trends(samples: Sequence[Mapping[Measure, float]]) -> list[Trend]:
    """The trend of every measure that all samples have; of three samples at least."""
    third = len(samples) // 3
    measures = [measure for measure in samples[0] if all(measure in sample for sample in samples)]
    return [_trend(measure, [sample[measure] for sample in samples], third) for measure in measures]


def _trend(measure: Measure, values: Sequence[float], third: int) -> Trend:
    process, name = measure
    return Trend(
        process=process,
        measure=name,
        first=median(values[:third]),
        last=median(values[-third:]),
        highest=max(values),
    )
