"""`gateway audit`: who changed keys, and how pipelines changed."""

import asyncio
from pathlib import Path
from typing import Final

import click
import msgspec

from gateway import bootstrap, telemetry
from gateway.cli.foreground import report
from gateway.cli.options import records_options, resolve
from gateway.cli.output import Output, output_options
from gateway.domain.audit import AuditEvent
from gateway.domain.ids import rfc3339
from gateway.errors import GatewayError
from gateway.limits import MAX_AUDIT_EVENTS

_COLUMNS: Final = ("at", "actor", "action", "subject", "details")


@click.command(
    epilog="""\b
Examples:
  gateway audit
  gateway audit --limit 1000 --json | grep key.revoked
  gateway audit --database-url postgresql://gateway@db/gateway
"""
)
@click.option("--limit", type=click.IntRange(1, MAX_AUDIT_EVENTS), default=100, show_default=True, help="How many.")
@records_options
@output_options
def audit(output: Output, limit: int, config: Path | None, **flags: object) -> None:
    """List audit events, newest first: keys made and revoked, pipelines added, changed and gone.

    On a pipe one JSON line for each. Where a gateway runs on --data-dir its database is used, else it is started for
    the command.
    """
    settings = resolve(config, flags)
    telemetry.configure("error")
    try:
        events = asyncio.run(bootstrap.audit_events(settings, report, limit))
    except GatewayError as refusal:
        raise click.ClickException(refusal.message) from None
    if output.readable:
        output.table(_COLUMNS, ([*_row(each).values()] for each in events))
        return
    for each in events:
        output.line(_row(each) | {"details": each.details})


def _row(event: AuditEvent) -> dict[str, object]:
    return {
        "at": rfc3339(event.at),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "details": msgspec.json.encode(event.details).decode(),
    }
