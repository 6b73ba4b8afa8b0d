"""`python -m bench`: what the gateway costs, side by side in one run."""

from typing import Final

import click
import msgspec
from rich.console import Console

from bench import synchronous
from bench.background import part as background
from bench.calls import get
from bench.contenders import Site
from bench.ground import MEDIA, ROOT, folder, ground
from bench.machine import Machine, this_machine
from bench.plan import Part, Plan
from bench.progress import Progress
from bench.records import server_version
from bench.report import Result, show, write
from bench.stopping import outcome, terminal
from gateway.adapters.supervisor.stack import Endpoints

RESULTS: Final = ROOT / ".bench"


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  python -m bench                        both parts, about five minutes
  python -m bench --quick                whether it works; its numbers say little
  python -m bench --only background      runs in the background alone
  python -m bench --seconds 10 --rounds 12 --connections 32
""",
)
@click.option("--seconds", type=click.IntRange(1), default=3, show_default=True, help="Seconds of one round.")
@click.option("--rounds", type=click.IntRange(1), default=8, show_default=True, help="Rounds of each contender.")
@click.option("--connections", type=click.IntRange(1), default=16, show_default=True, help="Callers at once.")
@click.option("--only", type=click.Choice(["sync", "background"]), help="One part alone.")
@click.option("--quick", is_flag=True, help="One short round.")
def main(seconds: int, rounds: int, connections: int, only: Part | None, quick: bool) -> None:
    """Measure the gateway beside Triton itself and beside services written by hand.

    Starts Triton, PostgreSQL and all contenders, and stops them at the end. Writes .bench/result.json and
    .bench/result.md. Exits 1 where a single request or run failed, or a record is missing.
    """
    console = terminal()
    plan = Plan(seconds=seconds, rounds=rounds, connections=connections, quick=quick, only=only)
    result = outcome(_run(plan, console), console)
    write(result, RESULTS)
    show(result, console)
    console.print(f"written to {RESULTS.name}/result.json and {RESULTS.name}/result.md", highlight=False)


async def _run(plan: Plan, console: Console) -> Result:
    logs = RESULTS / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with Progress(console, plan.steps) as progress, folder() as work:
        async with ground(work, progress.line) as endpoints:
            return await _measured(plan, Site(endpoints=endpoints, work=work, logs=logs), progress)


async def _measured(plan: Plan, site: Site, progress: Progress) -> Result:
    """Each part that was asked for, one after the other, so that neither is in the other's way."""
    return Result(
        machine=await _machine(site.endpoints),
        media_bytes=MEDIA.stat().st_size,
        synchronous=await synchronous.measured(site, plan.synchronous, progress) if plan.has("sync") else None,
        background=await background.measured(site, plan.background, plan.background_rounds, progress)
        if plan.has("background")
        else None,
    )


async def _machine(endpoints: Endpoints) -> Machine:
    assert endpoints.database_url is not None
    assert endpoints.triton_http is not None
    host, _, port = endpoints.triton_http.rpartition(":")
    metadata = msgspec.json.decode(get(host, int(port), "/v2") or b"{}")
    version = await server_version(endpoints.database_url)
    return this_machine(triton=metadata.get("version", "unknown"), postgresql=version)


if __name__ == "__main__":
    main()
