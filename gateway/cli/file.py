"""`gateway file`: files, put in once and used by their ID."""

from itertools import islice
from pathlib import Path

import click

from gateway.cli.connecting import client_options
from gateway.cli.execution import on_terminal
from gateway.cli.output import Output, output_options
from gateway.cli.saving import save
from gateway.sdk.client import Client
from gateway.sdk.errors import Refused

_COLUMNS = ("fileId", "filename", "contentType", "size", "expiresAt")


@click.group()
def file() -> None:
    """Put in files, fetch them, list them, or remove some."""


@file.command(epilog="\b\nExamples:\n  gateway file put scan.pdf\n  gateway file put *.png --expires-after 3600")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--purpose", help="What they are for, in a word of your own.")
@click.option("--expires-after", type=click.FloatRange(0), metavar="SECONDS", help="Keep them so long; 0 is for ever.")
@client_options
@output_options
@click.pass_context
def put(
    ctx: click.Context,
    client: Client,
    output: Output,
    files: tuple[Path, ...],
    purpose: str | None,
    expires_after: float | None,
) -> None:
    """Put in files, to be used by their IDs; these are printed on a terminal, on a pipe one JSON line for each."""
    failed = False
    for path in files:
        try:
            with output.transfer(path.name, path.stat().st_size) as sent:
                stored = client.put_file(path, purpose=purpose, expires_after=expires_after, sent=sent)
        except (Refused, OSError) as refusal:
            reason = refusal.strerror or refusal if isinstance(refusal, OSError) else refusal
            click.echo(f"Error: {click.format_filename(path)}: {reason}", err=True)
            failed = True
        else:
            output.text(stored["fileId"]) if output.readable else output.line(stored)
    if failed:
        ctx.exit(1)


@file.command(epilog="\b\nExamples:\n  gateway file get ID --to scan.pdf\n  gateway file get ID > scan.pdf")
@click.argument("file_id", metavar="ID")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it; else stdout.")
@client_options
def get(client: Client, file_id: str, target: Path | None) -> None:
    """Fetch the bytes of a file; --to replaces what is there only when all of them have come."""
    save(client.file_content(file_id), target)


@file.command(
    "list",
    epilog="""\b
Examples:
  gateway file list
  gateway file list --purpose vision --all > files.jsonl
""",
)
@click.option("--purpose", help="Only those of this purpose.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at the most.")
@click.option("--all", "all_of_them", is_flag=True, help="All, whatever --limit says.")
@client_options
@output_options
def list_(client: Client, output: Output, purpose: str | None, limit: int, all_of_them: bool) -> None:
    """List files, newest first; on a pipe one JSON line for each."""
    rows = client.files(purpose) if all_of_them else islice(client.files(purpose, limit), limit)
    if output.readable:
        output.table(_COLUMNS, ([row.get(column) for column in _COLUMNS] for row in rows))
        return
    for row in rows:
        output.line(row)


@file.command(epilog="\b\nExamples:\n  gateway file delete ID\n  gateway file delete ID ID --yes")
@click.argument("file_ids", metavar="ID…", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@client_options
@click.pass_context
def delete(ctx: click.Context, client: Client, file_ids: tuple[str, ...], yes: bool) -> None:
    """Remove files; asks on a terminal."""
    what = file_ids[0] if len(file_ids) == 1 else f"{len(file_ids)} files"
    if on_terminal() and not yes and not click.confirm(f"Remove {what}?"):
        ctx.exit(1)
    failed = [each for each in file_ids if not _deleted(client, each)]
    if failed:
        ctx.exit(1)


def _deleted(client: Client, file_id: str) -> bool:
    try:
        client.delete_file(file_id)
    except Refused as refusal:
        click.echo(f"Error: {file_id}: {refusal}", err=True)
        return False
    return True
