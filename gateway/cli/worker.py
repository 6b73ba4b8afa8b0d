"""`gateway worker`: takes up runs in the background, beside any number of gateways and other workers."""

from pathlib import Path

import click

from gateway import bootstrap, telemetry
from gateway.cli.foreground import report, until_stopped
from gateway.cli.options import resolve, settings_options


@click.command(
    epilog="""\b
Examples:
  gateway worker --database-url postgresql://gateway@db/gateway --triton-url grpc://gpu-host:8001
  gateway worker --config gateway.toml --worker-runs 4
"""
)
@settings_options
def worker(config: Path | None, **flags: object) -> None:
    """Take up runs in the background, until Ctrl-C or SIGTERM; those in hand may end.

    It shares the database and Triton with the gateways that take the calls, so it needs --database-url and
    --triton-url; and their --blob-url, where media are kept outside a folder that both see.
    """
    settings = resolve(config, flags)
    telemetry.configure(settings.log_level)
    until_stopped(lambda hurry: bootstrap.work(settings, report, hurry))
