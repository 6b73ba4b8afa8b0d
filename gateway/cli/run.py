"""`gateway run`: single runs, and those of an execution."""

import threading
from typing import Any

import click

from gateway.cli.connecting import client_options
from gateway.cli.output import Output, output_options
from gateway.cli.waiting import ended, followed, has_found, is_done, said_of
from gateway.sdk.client import Client

_COLUMNS = ("runId", "pipelineId", "state", "attempt", "createdAt", "completedAt", "error")


@click.group()
def run() -> None:
    """Show a run, wait for it, watch or cancel it, or list those of an execution."""


@run.command(epilog="\b\nExamples:\n  gateway run show 01a1fd2b-9430-75e5-b7b1-e8587bcaf3f7")
@click.argument("run_id", metavar="ID")
@client_options
@output_options
def show(client: Client, output: Output, run_id: str) -> None:
    """Show one run: its state, its error, and where its time went."""
    output.document(client.run(run_id))


@run.command("list", epilog="\b\nExamples:\n  gateway run list order-17\n  gateway run list order-17 --json")
@click.argument("execution_id", metavar="EXECUTION")
@client_options
@output_options
def list_(client: Client, output: Output, execution_id: str) -> None:
    """List the runs of an execution, oldest first; on a pipe one JSON line for each."""
    rows = client.runs(execution_id)
    if output.readable:
        shown = (row | {"error": (row.get("error") or {}).get("code")} for row in rows)
        output.table(_COLUMNS, ([row.get(column) for column in _COLUMNS] for row in shown))
        return
    for row in rows:
        output.line(row)


@run.command(epilog="\b\nExamples:\n  gateway run wait 01a1fd2b-9430-75e5-b7b1-e8587bcaf3f7 --timeout 60")
@click.argument("run_id", metavar="ID")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds to wait at the most.")
@client_options
@output_options
@click.pass_context
def wait(ctx: click.Context, client: Client, output: Output, run_id: str, timeout: float | None) -> None:
    """Wait until a run has ended, and show it; the exit code is 1 where it found nothing, or goes on."""
    found = ended(client, run_id, timeout, threading.Event())
    if found is None:
        raise click.ClickException(f"The run has not ended within {timeout:g} s, and goes on.")
    output.document(found)
    if not has_found(found):
        ctx.exit(1)


@run.command(epilog="\b\nExamples:\n  gateway run watch 01a1fd2b-9430-75e5-b7b1-e8587bcaf3f7")
@click.argument("run_id", metavar="ID")
@client_options
@output_options
@click.pass_context
def watch(ctx: click.Context, client: Client, output: Output, run_id: str) -> None:
    """Print what becomes of a run as it happens, until its end; on a pipe one JSON line for each event.

    The last line is the run itself. The exit code is 1 where it found nothing.
    """
    for event in followed(client, run_id):
        if output.readable:
            output.text(_told(event))
        else:
            output.line(event)
        if is_done(event) and not has_found(event):
            ctx.exit(1)


def _told(event: dict[str, Any]) -> str:
    """An event as people read it."""
    at = event.get("at") or event.get("completedAt") or event["createdAt"]
    why = f"  {said_of(event)}" if event.get("error") else ""
    return f"{at}  {event['state']}{why}"


@run.command(epilog="\b\nExamples:\n  gateway run cancel 01a1fd2b-9430-75e5-b7b1-e8587bcaf3f7")
@click.argument("run_id", metavar="ID")
@client_options
@output_options
def cancel(client: Client, output: Output, run_id: str) -> None:
    """Have a run canceled, and show it: one that waits at once, one that is worked on soon."""
    output.document(client.cancel(run_id))
