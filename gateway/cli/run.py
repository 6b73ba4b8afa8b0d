"""`gateway run`: single runs, and those of an execution."""

import click

from gateway.cli.connecting import client_options
from gateway.cli.output import Output, output_options
from gateway.sdk.client import Client

_COLUMNS = ("runId", "pipelineId", "state", "attempt", "createdAt", "completedAt", "error")


@click.group()
def run() -> None:
    """Show a run, or list those of an execution."""


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
