"""The figures of one contender: of rates and CPU time the median of its rounds, of latencies all requests."""

from collections.abc import Sequence
from statistics import median

import msgspec

from bench import latency
from bench.rounds import Round


class Figures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a row of the table shows."""

    contender: str
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    #: User and system time of the server's processes; None where no server of ours stands between.
    cpu_us_per_request: float | None
    requests: int
    errors: int
    #: Requests per second of each round, in the order of the rounds.
    rates: list[float]
    #: The same for the CPU time.
    cpu_us: list[float]


def figures(name: str, rounds: Sequence[Round]) -> Figures:
    """The figures of the contender `name`."""
    mine = [each for each in rounds if each.contender == name]
    bursts = [each.burst for each in mine]
    counts = latency.merged(each.latencies for each in bursts)
    rates = [each.requests / each.seconds for each in bursts]
    cpu_us = [each.cpu_seconds / each.burst.requests * 1e6 for each in mine if each.cpu_seconds is not None]
    return Figures(
        contender=name,
        requests_per_second=median(rates),
        p50_ms=latency.percentile(counts, 0.5),
        p99_ms=latency.percentile(counts, 0.99),
        cpu_us_per_request=median(cpu_us) if cpu_us else None,
        requests=sum(each.requests for each in bursts),
        errors=sum(each.errors for each in bursts),
        rates=rates,
        cpu_us=cpu_us,
    )
