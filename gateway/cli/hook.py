"""`gateway hook`: who is told of what happens to executions, and what came of it."""

from collections.abc import Iterable
from itertools import islice

import click

from gateway.cli.connecting import client_options
from gateway.cli.output import Output, output_options
from gateway.sdk.client import Client, Json

_COLUMNS = ("hookId", "eventType", "payloadType", "endpoint", "enabled", "name")
_DELIVERY_COLUMNS = ("deliveryId", "status", "state", "attempt", "lastFailure")
_EVENTS = click.Choice(("STATUS_CHANGE", "OBSERVATION_UPDATE", "SUBMIT"), case_sensitive=False)
_PAYLOADS = click.Choice(("RAW", "JSON", "TRANSFORM", "FORM_RAW", "FORM_JSON", "FORM_TRANSFORM"), case_sensitive=False)


@click.group()
def hook() -> None:
    """Create, list and remove hooks, and look at what they were told."""


@hook.command(
    epilog="""\b
Examples:
  gateway hook create https://example.com/told
  gateway hook create https://example.com/told --status completed --status failed --payload JSON
  gateway hook create https://example.com/told --event SUBMIT --header "Authorization: Bearer 4711"
""",
)
@click.argument("endpoint", metavar="URL")
@click.option("--event", default="STATUS_CHANGE", show_default=True, type=_EVENTS, help="What it is told of.")
@click.option("--payload", default="RAW", show_default=True, type=_PAYLOADS, help="What it is sent.")
@click.option("--status", "statuses", multiple=True, help="Which statuses it is told of; may be repeated.")
@click.option("--transform", help="The JSONata expression of TRANSFORM and FORM_TRANSFORM.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME: VALUE", help="A header of your own; may be repeated."
)
@click.option("--secret", "secrets", multiple=True, help="What signs it; without any it gets a fresh one.")
@click.option("--id", "hook_id", help="Its ID; without it a UUID.")
@click.option("--name", help="A name for people.")
@client_options
@output_options
def create(
    client: Client,
    output: Output,
    endpoint: str,
    event: str,
    payload: str,
    statuses: tuple[str, ...],
    transform: str | None,
    headers: tuple[str, ...],
    secrets: tuple[str, ...],
    hook_id: str | None,
    name: str | None,
) -> None:
    """Create a hook; its secret is shown here and never again."""
    fields = {
        "hookId": hook_id,
        "name": name,
        "eventType": event,
        "endpoint": endpoint,
        "headers": dict(map(_header, headers)) or None,
        "statusFilter": [each.upper() for each in statuses] or None,
        "payloadType": payload,
        "transform": transform,
        "secrets": list(secrets) or None,
    }
    output.document(client.create_hook({key: value for key, value in fields.items() if value is not None}))


@hook.command("list", epilog="\b\nExamples:\n  gateway hook list\n  gateway hook list --json")
@client_options
@output_options
def list_(client: Client, output: Output) -> None:
    """List hooks, newest first; on a pipe one JSON line for each."""
    _rows(output, _COLUMNS, client.hooks())


@hook.command(epilog="\b\nExamples:\n  gateway hook show invoices-told")
@click.argument("hook_id", metavar="ID")
@client_options
@output_options
def show(client: Client, output: Output, hook_id: str) -> None:
    """Show one hook, without its secrets."""
    output.document(client.hook(hook_id))


@hook.command(epilog="\b\nExamples:\n  gateway hook delete invoices-told")
@click.argument("hook_id", metavar="ID")
@client_options
def delete(client: Client, hook_id: str) -> None:
    """Remove a hook; deliveries that wait for it are canceled."""
    client.delete_hook(hook_id)


@hook.command(epilog="\b\nExamples:\n  gateway hook deliveries invoices-told\n  gateway hook deliveries -e order-17")
@click.argument("hook_id", metavar="ID", required=False)
@click.option("-e", "--execution", help="Those of an execution instead.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at the most.")
@client_options
@output_options
def deliveries(client: Client, output: Output, hook_id: str | None, execution: str | None, limit: int) -> None:
    """List what a hook was told, newest first; on a pipe one JSON line for each."""
    if (hook_id is None) == (execution is None):
        raise click.UsageError("Name a hook, or an execution with --execution.")
    _rows(output, _DELIVERY_COLUMNS, islice(client.deliveries(hook_id, execution), limit))


@hook.command(epilog="\b\nExamples:\n  gateway hook resend 01a1fd6b-0c3e-7d10-9a55-30a1c27f1b02")
@click.argument("delivery_id", metavar="DELIVERY")
@client_options
@output_options
def resend(client: Client, output: Output, delivery_id: str) -> None:
    """Have a delivery sent again, under the same ID."""
    output.document(client.resend(delivery_id))


def _rows(output: Output, columns: tuple[str, ...], rows: Iterable[Json]) -> None:
    if output.readable:
        output.table(columns, ([row.get(column) for column in columns] for row in rows))
        return
    for row in rows:
        output.line(row)


def _header(given: str) -> tuple[str, str]:
    name, colon, value = given.partition(":")
    if not (name and colon):
        raise click.BadParameter(f"{given!r} is not of the form NAME: VALUE.")
    return name.strip(), value.strip()
