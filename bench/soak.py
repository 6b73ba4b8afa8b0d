"""`python -m bench.soak`: a steady load for minutes, and whether memory, files, connections or shared memory grow."""

import asyncio
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from bench.faults import BenchFailed
from bench.ground import ROOT, folder
from bench.progress import Progress
from bench.stopping import outcome, terminal
from bench.survival.flatness import Measure, Trend, trends
from bench.survival.mixed import Mixed
from bench.survival.samples import sample
from bench.survival.topology import Topology

LOGS: Final = ROOT / ".bench" / "soak"
LEASE_S: Final = 30.0
SWEEP_AFTER_S: Final = 60.0
#: The share of the time after which everything is warm.
WARM_UP: Final = 0.2
SAMPLES: Final = 90
TITLES: Final = ("process", "measure", "first third", "last third", "highest", "growth", "")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(0.5), default=10.0, show_default=True, help="How long.")
@click.option("--rate", type=click.FloatRange(1), default=15.0, show_default=True, help="Calls per second.")
def main(minutes: float, rate: float) -> None:
    """Call two gateways and two workers over REST, gRPC and in the background at a steady rate.

    The first fifth of the time is the warm-up. Exits 1 where anything has grown by more than 5 % from the first
    third of the rest to the last one, or a call was refused.
    """
    console = terminal()
    found = outcome(_soaked(minutes * 60, rate, console), console)
    console.print(_table(found))
    sys.exit(0 if all(trend.flat for trend in found) else 1)


async def _soaked(seconds: float, rate: float, console: Console) -> list[Trend]:
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    with Progress(console, 2) as progress, folder() as work:
        async with Topology(work, LOGS, lease=LEASE_S, sweep_after=SWEEP_AFTER_S).running() as topology:
            load = Mixed(topology)
            try:
                with progress.step("warm-up"):
                    await load.steady(rate, seconds * WARM_UP)
                with progress.step("steady load") as said:
                    found = await _sampled(topology, load, rate, seconds * (1 - WARM_UP))
                    said(", ".join(f"{count} {kind}" for kind, count in load.answered.items()))
            finally:
                await load.close()
    if load.refused:
        raise BenchFailed(f"Calls were refused: {dict(load.refused)}.")
    return trends(found)


async def _sampled(topology: Topology, load: Mixed, rate: float, seconds: float) -> list[Mapping[Measure, float]]:
    found: list[Mapping[Measure, float]] = []
    loading = asyncio.create_task(load.steady(rate, seconds))
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        found.append(await asyncio.to_thread(sample, topology))
        await asyncio.sleep(min(left, seconds / SAMPLES))
    await loading
    return found


def _table(found: list[Trend]) -> Table:
    table = Table(*TITLES)
    for trend in found:
        numbers = [f"{value:.1f}" for value in (trend.first, trend.last, trend.highest)]
        table.add_row(trend.process, trend.measure, *numbers, f"{trend.growth:+.1%}", "flat" if trend.flat else "GROWS")
    return table


if __name__ == "__main__":
    main()
