"""`gateway serve`: the whole gateway in the foreground, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from pathlib import Path

import click
import uvloop

from gateway import bootstrap, telemetry
from gateway.cli.options import resolve, settings_options
from gateway.errors import CannotStart
from gateway.settings import Settings


@click.command(
    epilog="""\b
Examples:
  gateway serve
  gateway serve --rest-port 8000 --model-repository ./models
  gateway serve --triton-url grpc://gpu-host:8001 --triton-http-url http://gpu-host:8000
"""
)
@settings_options
def serve(config: Path | None, **flags: object) -> None:
    """Serve REST and gRPC; start what no --…-url says is outside.

    Every setting can also stand in the environment (--rest-port is GATEWAY_REST_PORT) or in a TOML file
    named by --config.
    """
    settings = resolve(config, flags)
    telemetry.configure(settings.log_level)
    try:
        uvloop.run(_until_stopped(settings))
    except CannotStart as refusal:
        raise click.ClickException(str(refusal)) from None


async def _until_stopped(settings: Settings) -> None:
    """Run the gateway until a signal; a second one cuts the wait for calls in hand short."""
    task = asyncio.create_task(bootstrap.serve(settings, _report))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()


def _report(line: str) -> None:
    click.echo(f"gateway: {line}", err=True)
