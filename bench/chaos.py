"""`python -m bench.chaos`: a load of runs while everything is killed, and whether anything was lost or doubled."""

import shutil
import sys

import click
import msgspec
from rich.console import Console

from bench.ground import ROOT, folder
from bench.progress import Progress
from bench.stopping import outcome, terminal
from bench.survival.report import lines
from bench.survival.schedule import WEIGHTS, Target, schedule
from bench.survival.trial import Plan, Verdict, tried

RESULTS = ROOT / ".bench" / "chaos"


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  python -m bench.chaos --runs 10000 --kills 200 --seed 1
  python -m bench.chaos --runs 300 --kills 20 --only worker --only postmaster
""",
)
@click.option("--runs", type=click.IntRange(1), default=1000, show_default=True, help="Runs in all.")
@click.option("--kills", type=click.IntRange(0), default=20, show_default=True, help="Processes killed with -9.")
@click.option(
    "--stops", type=click.IntRange(0), default=None, help="Processes stopped past the lease.  [default: kills/4]"
)
@click.option(
    "--every", type=click.FloatRange(0.1), default=3.0, show_default=True, help="Seconds between two, on average."
)
@click.option("--lease", type=click.FloatRange(1), default=3.0, show_default=True, help="Seconds of a lease.")
@click.option(
    "--sweep-after",
    type=click.FloatRange(1),
    default=20.0,
    show_default=True,
    help="Seconds after which media without a run are removed.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="What is drawn: the same seed, the same faults.")
@click.option("--only", type=click.Choice(list(WEIGHTS)), multiple=True, help="Strike this alone; may be repeated.")
def main(
    runs: int,
    kills: int,
    stops: int | None,
    every: float,
    lease: float,
    sweep_after: float,
    seed: int,
    only: tuple[Target, ...],
) -> None:
    """Kill and stop gateways, workers, Triton, its stubs and PostgreSQL under a load of runs in the background.

    Then every promise is held against the records. Writes .bench/chaos/verdict.json and the logs of all programs
    beside it. Exits 1 where a run was lost or doubled, or anything is left over.
    """
    console = terminal()
    stops = kills // 4 if stops is None else stops
    faults = schedule(kills=kills, stops=stops, every=every, lease=lease, seed=seed, only=only)
    plan = Plan(runs=runs, faults=faults, seed=seed, lease=lease, sweep_after=sweep_after)
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    verdict = outcome(_tried(plan, console), console)
    (RESULTS / "verdict.json").write_bytes(msgspec.json.format(msgspec.json.encode(verdict)))
    for line in lines(verdict):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    sys.exit(0 if verdict.holds else 1)


async def _tried(plan: Plan, console: Console) -> Verdict:
    with Progress(console, len(plan.faults)) as progress, folder() as work:
        return await tried(plan, work, RESULTS, progress)


if __name__ == "__main__":
    main()
