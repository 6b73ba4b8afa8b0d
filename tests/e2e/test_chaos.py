"""Everything is killed and stopped under a load of runs: nothing is lost, nothing is doubled, nothing is left."""

from pathlib import Path

from rich.console import Console

from bench.progress import Progress
from bench.survival.report import lines
from bench.survival.schedule import schedule
from bench.survival.trial import Plan, tried

LEASE = 2.0


async def test_no_run_is_lost_or_doubled_whatever_is_killed(new_folder: Path) -> None:
    faults = schedule(kills=12, stops=3, every=2.5, lease=LEASE, seed=4)
    plan = Plan(runs=150, faults=faults, seed=4, lease=LEASE, sweep_after=10.0)
    logs = new_folder / "logs"
    logs.mkdir()
    with Progress(Console(), len(faults)) as progress:
        verdict = await tried(plan, new_folder, logs, progress)
    said = "\n".join(lines(verdict))
    assert verdict.findings.broken == {}, said
    assert verdict.left == [], said
    assert (verdict.acknowledged, verdict.given_up) == (150, 0), said
    assert sum(verdict.killed.values()) == 12, said
