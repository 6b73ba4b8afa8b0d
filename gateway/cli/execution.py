"""`gateway execution`: the records of calls, and removing them."""

import mimetypes
import sys
from itertools import islice
from pathlib import Path

import click

from gateway.cli.connecting import client_options
from gateway.cli.output import Output, output_options
from gateway.cli.saving import save
from gateway.sdk.client import Client, Json
from gateway.sdk.errors import Refused

_MADE = ("artifactId", "name", "page", "contentType", "size", "createdAt")
_COLUMNS = ("executionId", "status", "createdAt", "duration", "tag")


@click.group()
def execution() -> None:
    """List executions, show one, submit one, or remove some."""


@execution.command(
    "list",
    epilog="""\b
Examples:
  gateway execution list
  gateway execution list --tag invoices --status failed
  gateway execution list --all > executions.jsonl
""",
)
@click.option("--tag", help="Only those of this tag.")
@click.option("--status", help="Only those whose newest run is in this state, as completed or failed.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at the most.")
@click.option("--all", "all_of_them", is_flag=True, help="All, whatever --limit says.")
@client_options
@output_options
def list_(client: Client, output: Output, tag: str | None, status: str | None, limit: int, all_of_them: bool) -> None:
    """List executions, newest first; on a pipe one JSON line for each."""
    rows = client.executions(tag, status) if all_of_them else islice(client.executions(tag, status, limit), limit)
    if output.readable:
        output.table(_COLUMNS, ([row.get(column) for column in _COLUMNS] for row in rows))
        return
    for row in rows:
        output.line(row)


@execution.command(epilog="\b\nExamples:\n  gateway execution show order-17")
@click.argument("execution_id", metavar="ID")
@client_options
@output_options
def show(client: Client, output: Output, execution_id: str) -> None:
    """Show one execution; its status and error are those of its newest run."""
    output.document(client.execution(execution_id))


@execution.command(epilog="\b\nExamples:\n  gateway execution delete order-17\n  gateway execution delete a b --yes")
@click.argument("execution_ids", metavar="ID…", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@client_options
@click.pass_context
def delete(ctx: click.Context, client: Client, execution_ids: tuple[str, ...], yes: bool) -> None:
    """Remove executions with all that belongs to them; asks on a terminal."""
    what = execution_ids[0] if len(execution_ids) == 1 else f"{len(execution_ids)} executions"
    if on_terminal() and not yes and not click.confirm(f"Remove {what} with media, runs and observation?"):
        ctx.exit(1)
    failed = [each for each in execution_ids if not _deleted(client, each)]
    if failed:
        ctx.exit(1)


@execution.command(epilog="\b\nExamples:\n  gateway execution submit order-17")
@click.argument("execution_id", metavar="ID")
@client_options
@output_options
def submit(client: Client, output: Output, execution_id: str) -> None:
    """Tell the hooks of an execution of the event SUBMIT; what is sent to whom is printed, one JSON line for each."""
    for row in client.submit(execution_id):
        output.line(row)


@execution.command(
    epilog="""\b
Examples:
  gateway execution artifacts order-17
  gateway execution artifacts order-17 --to found/
"""
)
@click.argument("execution_id", metavar="ID")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Fetch them into this folder.")
@client_options
@output_options
def artifacts(client: Client, output: Output, execution_id: str, folder: Path | None) -> None:
    """List what the runs of an execution have made, one JSON line for each on a pipe; --to fetches it, too."""
    rows = list(client.artifacts(execution_id))
    if folder is not None:
        _fetch(client, execution_id, rows, folder)
    if output.readable:
        output.table(_MADE, ([row.get(column) for column in _MADE] for row in rows))
        return
    for row in rows:
        output.line(row)


def on_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def _deleted(client: Client, execution_id: str) -> bool:
    try:
        client.delete_execution(execution_id)
    except Refused as refusal:
        click.echo(f"Error: {execution_id}: {refusal}", err=True)
        return False
    return True


def _fetch(client: Client, execution_id: str, rows: list[Json], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise click.ClickException(f"{click.format_filename(folder)}: {failure.strerror}.") from None
    for row in rows:
        ending = mimetypes.guess_extension(row["contentType"]) or ".bin"
        save(client.artifact(execution_id, row["artifactId"]), folder / f"{row['artifactId']}{ending}")
