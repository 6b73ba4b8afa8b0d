"""The figures of the background, and the gateway's over those of the service written by hand."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from bench import latency
from bench.background.contenders import GATEWAY, HAND_WRITTEN
from bench.background.rounds import Round, Size
from bench.ratios import Ratio, ratio

#: The titles of the table of figures.
TITLES: Final = ("background", "acks/s", "runs/s", "CPU µs/run", "start p50 ms", "start p99 ms", "runs", "errors")


class Figures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a row of the table shows: of rates and CPU time the median of the rounds, of starts all runs together."""

    contender: str
    acks_per_second: float
    runs_per_second: float
    cpu_us_per_run: float
    start_p50_ms: float
    start_p99_ms: float
    runs: int
    errors: int
    #: Each of them by round.
    rounds: dict[str, list[float]]

    @property
    def row(self) -> tuple[str, ...]:
        """As text."""
        rates = (f"{self.acks_per_second:.0f}", f"{self.runs_per_second:.0f}", f"{self.cpu_us_per_run:.0f}")
        starts = (f"{self.start_p50_ms:.1f}", f"{self.start_p99_ms:.1f}")
        return (self.contender, *rates, *starts, str(self.runs), str(self.errors))


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """The background's part of a result."""

    size: Size
    rounds: int
    figures: list[Figures]
    ratios: list[Ratio]

    @property
    def conditions(self) -> str:
        """How it was measured, in one line."""
        burst = f"{self.size.burst} runs over {self.size.connections} connections as fast as they are acknowledged"
        trickle = f"{self.size.rate:g} runs/s for {self.size.seconds:g} s"
        return f"Background, {self.rounds} interleaved rounds: {burst}, then {trickle}, from 202 to start."


def background(size: Size, count: int, rounds: Sequence[Round]) -> Background:
    """The part of the result that these rounds make."""
    found = {name: figures(name, rounds) for name in (GATEWAY, HAND_WRITTEN)}
    return Background(size=size, rounds=count, figures=list(found.values()), ratios=ratios(found))


def figures(name: str, rounds: Sequence[Round]) -> Figures:
    """The figures of the contender `name`."""
    mine = [each for each in rounds if each.contender == name]
    by_round = {
        "acks/s": [each.acks_per_second for each in mine],
        "runs/s": [each.runs_per_second for each in mine],
        "CPU per run": [each.cpu_us_per_run for each in mine],
        "start p50": [latency.percentile(each.starts, 0.5) for each in mine],
        "start p99": [latency.percentile(each.starts, 0.99) for each in mine],
    }
    starts = latency.merged(each.starts for each in mine)
    return Figures(
        contender=name,
        acks_per_second=median(by_round["acks/s"]),
        runs_per_second=median(by_round["runs/s"]),
        cpu_us_per_run=median(by_round["CPU per run"]),
        start_p50_ms=latency.percentile(starts, 0.5),
        start_p99_ms=latency.percentile(starts, 0.99),
        runs=sum(each.runs for each in mine),
        errors=sum(each.errors for each in mine),
        rounds=by_round,
    )


def ratios(found: Mapping[str, Figures]) -> list[Ratio]:
    """The gateway's figures over those of the service written by hand."""
    ours, theirs = found[GATEWAY].rounds, found[HAND_WRITTEN].rounds
    return [ratio(f"{what}: {GATEWAY} / {HAND_WRITTEN}", ours[what], theirs[what]) for what in ours]
