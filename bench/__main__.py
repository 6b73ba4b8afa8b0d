"""`python -m bench`: what the gateway costs, side by side in one run."""

import asyncio
import contextlib
import signal
import sys
from typing import Final

import click
import msgspec
from rich.console import Console

from bench.calls import get
from bench.contenders import Contender, Gateway, Handwritten, checked, direct
from bench.faults import BenchFailed
from bench.figures import figures
from bench.ground import MEDIA, ROOT, folder, ground
from bench.load import Load
from bench.machine import Machine, this_machine
from bench.progress import Progress
from bench.ratios import ratios
from bench.records import create_database, server_version
from bench.report import Result, show, write
from bench.rounds import Rounds
from gateway.adapters.supervisor.stack import Endpoints
from gateway.errors import CannotStart

RESULTS: Final = ROOT / ".bench"
CONTENDERS: Final = 5
INTERRUPTED: Final = 130
WIDTH_ON_A_PIPE: Final = 120


class Plan:
    """What the options ask for."""

    def __init__(self, seconds: int, rounds: int, connections: int, quick: bool):
        self.seconds = 2 if quick else seconds
        self.rounds = 1 if quick else rounds
        self.connections = connections
        self.warm_up = 1 if quick else 3


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  python -m bench                        eight rounds of three seconds, about three minutes
  python -m bench --quick                whether it works; its numbers say little
  python -m bench --seconds 10 --rounds 12 --connections 32
""",
)
@click.option("--seconds", type=click.IntRange(1), default=3, show_default=True, help="Seconds of one round.")
@click.option("--rounds", type=click.IntRange(1), default=8, show_default=True, help="Rounds of each contender.")
@click.option("--connections", type=click.IntRange(1), default=16, show_default=True, help="Callers at once.")
@click.option("--quick", is_flag=True, help="One round of two seconds.")
def main(seconds: int, rounds: int, connections: int, quick: bool) -> None:
    """Measure the gateway beside Triton itself and beside a service written by hand.

    Starts Triton, PostgreSQL and all contenders, and stops them at the end. Writes .bench/result.json and
    .bench/result.md. Exits 1 where a single request failed or a record is missing.
    """
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=WIDTH_ON_A_PIPE)
    try:
        result = asyncio.run(_until_stopped(Plan(seconds, rounds, connections, quick), console))
    except (BenchFailed, CannotStart) as failure:
        raise click.ClickException(str(failure)) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; everything is stopped and removed")
        sys.exit(INTERRUPTED)
    write(result, RESULTS)
    show(result, console)
    console.print(f"written to {RESULTS.name}/result.json and {RESULTS.name}/result.md", highlight=False)


async def _until_stopped(plan: Plan, console: Console) -> Result:
    """The bench, ended in order by SIGTERM as by Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with Progress(console, CONTENDERS * (plan.rounds + 1)) as progress, folder() as work:
        async with contextlib.AsyncExitStack() as cleanup:
            endpoints = await cleanup.enter_async_context(ground(work, progress.line))
            contenders = await _started(endpoints, cleanup, progress)
            rounds = Rounds(contenders, Load(work, plan.connections), progress)
            measured = await rounds.run(plan.rounds, plan.seconds, plan.warm_up)
            machine = await _machine(endpoints)
    found = {each.name: figures(each.name, measured) for each in contenders}
    return Result(
        machine=machine,
        seconds=plan.seconds,
        rounds=plan.rounds,
        connections=plan.connections,
        media_bytes=MEDIA.stat().st_size,
        figures=list(found.values()),
        ratios=ratios(found),
    )


async def _started(endpoints: Endpoints, cleanup: contextlib.AsyncExitStack, progress: Progress) -> list[Contender]:
    """All contenders, running, each seen to answer rightly."""
    assert endpoints.database_url is not None
    logs = RESULTS / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    media = MEDIA.read_bytes()
    contenders = direct(endpoints, media)
    for kind, name in ((Gateway, "bench_gateway"), (Handwritten, "bench_handwritten")):
        service = kind.plan(endpoints, await create_database(endpoints.database_url, name), logs)
        cleanup.push_async_callback(service.server.stop)
        await service.start()
        contenders += service.contenders(media)
    progress.line("all contenders run; each is asked once")
    return await checked(contenders)


async def _machine(endpoints: Endpoints) -> Machine:
    assert endpoints.database_url is not None
    assert endpoints.triton_http is not None
    host, _, port = endpoints.triton_http.rpartition(":")
    metadata = msgspec.json.decode(get(host, int(port), "/v2") or b"{}")
    version = await server_version(endpoints.database_url)
    return this_machine(triton=metadata.get("version", "unknown"), postgresql=version)


if __name__ == "__main__":
    main()
