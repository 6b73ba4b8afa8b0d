"""One trial: the load and the schedule at once, then the proof."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bench.faults import BenchFailed
from bench.progress import Progress
from bench.survival import leftovers, records
from bench.survival.blows import Blows
from bench.survival.history import Findings, History, check, evidence
from bench.survival.load import MEDIA, Load, asks
from bench.survival.logs import events
from bench.survival.models import STUBS
from bench.survival.schedule import Fault
from bench.survival.topology import Topology
from bench.survival.waiting import until

#: Seconds without any run that ends, after which those that are open count as never ending.
END_PATIENCE_S: Final = 120.0
#: Seconds within which the queue must have forgotten a run that has ended.
QUEUE_PATIENCE_S: Final = 30.0
#: Seconds within which staged media must be gone, beside the sweeper's own.
SWEEP_PATIENCE_S: Final = 30.0
#: Seconds within which nothing may be left of what was stopped.
STOP_PATIENCE_S: Final = 10.0
#: The share of its time for which the model is busy: there is always something in hand, and what piles up goes down.
BUSY: Final = 0.5


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    runs: int
    faults: list[Fault]
    seed: int
    lease: float
    sweep_after: float
    repeats: bool = True

    @property
    def seconds(self) -> float:
        """How long the schedule takes if nothing has to be waited for."""
        return sum(fault.pause for fault in self.faults)

    @property
    def per_second(self) -> float:
        """Runs asked for per second."""
        return self.runs / self.seconds

    @property
    def pause(self) -> float:
        """Seconds that an inference is to take on average."""
        media = sum(number * share for number, share in enumerate(MEDIA, 1)) / sum(MEDIA)
        return BUSY * STUBS / (self.per_second * media)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    runs: int
    acknowledged: int
    killed: dict[str, int]
    stopped: dict[str, int]
    #: Answers other than a promise, and calls without an answer.
    others: dict[str, int]
    given_up: int
    attempts: int
    refused_writes: int
    findings: Findings
    #: What is kept of the runs that the findings name.
    evidence: list[str]
    #: Programs that ended although nobody had killed them, with their exit codes.
    unasked: dict[str, list[int]]
    left: list[str]

    @property
    def holds(self) -> bool:
        """Whether every promise was kept and nothing is left over."""
        return self.findings.holds and not self.left


async def tried(plan: Plan, work: Path, logs: Path, progress: Progress) -> Verdict:
    """Start everything, have it loaded and struck, wait until it has come to rest, stop it, and look.

    Raises:
        BenchFailed: a part did not start, or did not come back.
    """
    topology = Topology(work, logs, lease=plan.lease, sweep_after=plan.sweep_after)
    async with topology.running():
        stack = topology.stack
        verdict = await _loaded(topology, plan, progress)
    left = await gone(lambda: leftovers.traces(stack), STOP_PATIENCE_S)
    return msgspec.structs.replace(verdict, left=[*verdict.left, *left])


async def _loaded(topology: Topology, plan: Plan, progress: Progress) -> Verdict:
    load, blows = Load(topology.doors, plan.seed, repeats=plan.repeats), Blows(topology, progress)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(load.steady(asks(plan.runs, plan.seed, plan.pause), plan.per_second))
            group.create_task(blows.carry_out(plan.faults))
    except* BenchFailed as failures:
        raise _first(failures) from None
    finally:
        await load.close()
    await topology.until_ready()
    progress.line("all calls are answered; the rest of the runs ends")
    url = topology.database_url
    await records.until_none(url, records.OPEN, END_PATIENCE_S)
    runs, entries = await records.kept(url)
    history = History(asked=load.asked, acknowledged=load.acknowledged, runs=runs, entries=entries)
    findings = check(history)
    return Verdict(
        runs=len(runs),
        acknowledged=len({each.key for each in load.acknowledged}),
        killed=dict(blows.killed),
        stopped=dict(blows.stopped),
        others=dict(load.others),
        given_up=len(load.given_up),
        attempts=sum(run.attempt for run in runs),
        refused_writes=events(program.log for program in topology.workers)["run.lost"],
        findings=findings,
        evidence=evidence(history, findings),
        unasked={program.name: program.unasked for program in topology.programs if program.unasked},
        left=await _left(topology, plan, url),
    )


async def _left(topology: Topology, plan: Plan, url: str) -> list[str]:
    """What a load that is over has left, while everything still runs."""
    counted = {
        "executions without a run": await records.count(url, records.BARREN),
        "jobs in the queue": await records.until_none(url, records.JOBS, QUEUE_PATIENCE_S),
    }
    staged = await gone(lambda: leftovers.staged(topology.blobs), plan.sweep_after + SWEEP_PATIENCE_S)
    found = [f"{count} {what}" for what, count in counted.items() if count]
    return [*found, *staged, *leftovers.files(topology.programs)]


async def gone(look: Callable[[], list[str]], seconds: float) -> list[str]:
    """What is still there when everything is gone, or the time is over."""
    await until(lambda: not look(), seconds)
    return look()


def _first(failures: BaseExceptionGroup[BenchFailed]) -> BaseException:
    """The failure that came first."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
