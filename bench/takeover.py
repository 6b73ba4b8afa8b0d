"""`python -m bench.takeover`: what a worker that was stopped past its lease and woke again can still spoil."""

import asyncio
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console

from bench.faults import BenchFailed
from bench.ground import ROOT, folder
from bench.progress import Progress
from bench.stopping import outcome, terminal
from bench.survival import records
from bench.survival.history import Findings, History, check
from bench.survival.load import Ask, Load, asks
from bench.survival.logs import events
from bench.survival.program import Program
from bench.survival.topology import WORKER_RUNS, Topology

RUNS_PER_ROUND: Final = 20
#: Seconds that each inference takes: several rounds of them are in hand when the worker is stopped.
PAUSE_S: Final = 0.4
SWEEP_AFTER_S: Final = 60.0
LOOK_EVERY_S: Final = 0.02
PATIENCE_S: Final = 60.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    runs: int
    rounds: int
    take_overs: int
    refused: int
    findings: Findings

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        found = self.findings
        doubled = len(set(found.doubled + found.split))
        return (
            f"{self.runs} runs in {self.rounds} rounds: {self.take_overs} take-overs, {self.refused} late attempts"
            f" refused, {len(found.lost + found.open + found.missing)} lost, {doubled} doubled,"
            f" {sum(found.failed.values())} failed {found.failed or ''}".rstrip()
        )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--runs", type=click.IntRange(1), default=500, show_default=True, help="Runs in all.")
@click.option("--lease", type=click.FloatRange(1), default=2.0, show_default=True, help="Seconds of a lease.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which media the calls bring.")
def main(runs: int, lease: float, seed: int) -> None:
    """Stop one of two workers past its lease, let the other take over, wake the first, kill the taker; again and again.

    Exits 1 where a run was lost or doubled.
    """
    console = terminal()
    figures = outcome(_measured(asks(runs, seed, PAUSE_S, "takeover"), lease, console), console)
    console.print(figures.sentence, highlight=False, soft_wrap=True)
    if not figures.findings.holds:
        console.print(figures.findings.broken)
        sys.exit(1)


async def _measured(wanted: list[Ask], lease: float, console: Console) -> Figures:
    logs = ROOT / ".bench" / "takeover"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    rounds = [wanted[at : at + RUNS_PER_ROUND] for at in range(0, len(wanted), RUNS_PER_ROUND)]
    with Progress(console, len(rounds)) as progress, folder() as work:
        async with Topology(work, logs, lease=lease, sweep_after=SWEEP_AFTER_S).running() as topology:
            return await _rounds(topology, rounds, progress)


async def _rounds(topology: Topology, rounds: list[list[Ask]], progress: Progress) -> Figures:
    load = Load(topology.doors, 1, repeats=False)
    for number, wanted in enumerate(rounds):
        stopped, taker = topology.workers[:: -1 if number % 2 else 1]
        with progress.step(f"stop {stopped.name}, kill {taker.name}") as said:
            said(f"{await _round(topology, load, wanted, stopped, taker)} held by the taker")
    await load.close()
    runs, entries = await records.kept(topology.database_url)
    history = History(asked=load.asked, acknowledged=load.acknowledged, runs=runs, entries=entries)
    return Figures(
        runs=len(load.acknowledged),
        rounds=len(rounds),
        take_overs=sum(max(0, run.attempt - 1) for run in runs),
        refused=events(_logs(topology.workers))["run.lost"],
        findings=check(history),
    )


async def _round(topology: Topology, load: Load, wanted: list[Ask], stopped: Program, taker: Program) -> int:
    """One time; how many runs the taker held when it was killed."""
    url = topology.database_url
    await topology.until_ready()
    await asyncio.gather(*map(load.one, wanted))
    # More than one worker may hold: both of them do.
    await _until(url, records.HELD, more_than=WORKER_RUNS)
    stopped.signal(signal.SIGSTOP)
    held = await _until(url, records.HELD_AGAIN)
    stopped.signal(signal.SIGCONT)
    await asyncio.sleep(PAUSE_S / 2)
    taker.kill()
    if left := await records.until_none(url, records.OPEN, PATIENCE_S):
        raise BenchFailed(f"{left} runs have not ended.")
    return held


async def _until(url: str, statement: str, more_than: int = 0) -> int:
    """Wait until there are more such runs than that; how many there are."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := await records.count(url, statement)) <= more_than:
        if time.monotonic() > deadline:
            raise BenchFailed(f"No run came to be as wanted: {statement}")
        await asyncio.sleep(LOOK_EVERY_S)
    return found


def _logs(workers: list[Program]) -> list[Path]:
    return [worker.log for worker in workers]


if __name__ == "__main__":
    main()
