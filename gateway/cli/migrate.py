"""`gateway migrate`: brings the schema of the database up to date."""

import asyncio
from pathlib import Path

import click

from gateway import bootstrap, telemetry
from gateway.cli.foreground import report
from gateway.cli.options import resolve, settings_options


@click.command(
    epilog="""\b
Examples:
  gateway migrate
  gateway migrate --data-dir /srv/gateway
  gateway migrate --database-url postgresql://gateway@db/gateway
"""
)
@settings_options
def migrate(config: Path | None, **flags: object) -> None:
    """Bring the schema up to date: of --database-url, else of the database in --data-dir.

    Where a gateway runs on the data directory its database is used, else it is started for this command.
    Safe to run twice, and at once from two processes. `gateway serve` does the same when it starts.
    """
    settings = resolve(config, flags)
    telemetry.configure("error")
    asyncio.run(bootstrap.migrate_records(settings, report))
    report("the schema is up to date")
