"""`gateway pipeline`: which pipelines there are, and running one on files."""

from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import Asking, Line
from gateway.cli.batch import found, lines
from gateway.cli.connecting import client_options
from gateway.cli.fields import call_fields, json_object, parameter
from gateway.cli.output import Output, output_options
from gateway.cli.reading import text_read
from gateway.sdk.client import Client


@click.group()
def pipeline() -> None:
    """List pipelines, show one, or run one on files."""


@pipeline.command("list", epilog="\b\nExamples:\n  gateway pipeline list\n  gateway pipeline list --json")
@client_options
@output_options
def list_(client: Client, output: Output) -> None:
    """List the pipelines; on a pipe one JSON line for each."""
    rows = client.pipelines()
    if not output.readable:
        for row in rows:
            output.line(row)
        return
    columns = ("pipelineId", "status", "inputs", "outputs", "description")
    output.table(columns, [[row["pipelineId"], row["status"], *_tensors(row), _about(row)] for row in rows])


@pipeline.command(epilog="\b\nExamples:\n  gateway pipeline show ocr\n  gateway pipeline show ocr --json")
@click.argument("name")
@client_options
@output_options
def show(client: Client, output: Output, name: str) -> None:
    """Show one pipeline: its status, its inputs and outputs, and its graph."""
    output.document(client.pipeline(name))


@pipeline.command(
    epilog="""\b
Examples:
  gateway pipeline run ocr invoice.png
  gateway pipeline run ocr --dir ./scans --parallel 8 > found.jsonl
  gateway pipeline run ocr receipt.jpg --transform 'mediaContents.rawText'
  gateway pipeline run ocr *.png --async --wait
  gateway pipeline run caption photo.jpg --param PROMPT='how many?' --param THRESHOLD=0.5
"""
)
@click.argument("name")
@click.argument("files", nargs=-1, metavar="FILE…", type=click.Path(path_type=Path))
@click.option(
    "-d", "--dir", "folders", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Every file in this folder and below it, except hidden ones.",
)  # fmt: skip
@click.option("--text", help="Text for the pipeline's text input.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", type=parameter,
              help="An input of the pipeline: JSON or text; @path is the content of a file.")  # fmt: skip
@click.option("--execution", metavar="ID", help="Append to this execution; without files its stored media are run.")
@click.option("--file-id", "file_ids", multiple=True, metavar="ID", help="A file that was uploaded before.")
@click.option("--media-url", "urls", multiple=True, metavar="URL",
              help="A media that the gateway fetches itself, where its operator allows that.")  # fmt: skip
@click.option("--tag", help="Tag of the execution.")
@click.option("--meta", metavar="JSON", type=json_object, help="Metadata of the execution.")
@click.option("--idempotent", is_flag=True, help="Replace what this pipeline found earlier on the execution.")
@click.option("--transform", metavar="EXPR", help="Print what this JSONata expression makes of each observation.")
@click.option("--async", "in_background", is_flag=True, help="Run in the background; print the IDs at once.")
@click.option("--wait", "waiting", is_flag=True, help="With --async: wait for what each run finds.")
@click.option("--priority", type=click.Choice(("low", "normal", "high")),
              help="With --async: which of the runs that are due comes first.")  # fmt: skip
@click.option("--execute-after", metavar="TIME",
              help="With --async: not before this moment, as 2026-12-01T08:00:00+01:00.")  # fmt: skip
@click.option("--key", help="Your own name for the call of one file: asked again under it, nothing is done twice.")
@click.option("--parallel", type=click.IntRange(1, 256), default=4, show_default=True, help="Files in hand at once.")
@click.option("--timeout", type=click.FloatRange(0, 600, min_open=True), help="Seconds that one file may take.")
@client_options
@output_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    client: Client,
    output: Output,
    name: str,
    files: tuple[Path, ...],
    folders: tuple[Path, ...],
    in_background: bool,
    waiting: bool,
    key: str | None,
    parallel: int,
    **flags: Any,
) -> None:
    """Run pipeline NAME on each file, several at a time.

    On a pipe it prints one JSON line per file as each is done: {"file", "executionId", "runId", "observation"},
    or {"file", "error"}; with --transform "transformed" stands in the place of "observation". A file that cannot be
    read does not stop the others. Exit code 1 if one failed.
    """
    fields = call_fields(**flags)
    if flags["transform"] is not None and in_background:
        raise click.UsageError(
            "--transform needs the answer: leave --async away, or use gateway observation transform."
        )
    if waiting and not in_background:
        raise click.UsageError("--wait belongs to --async; without it the answer is waited for anyway.")
    if not in_background and (flags["priority"] or flags["execute_after"]):
        raise click.UsageError("--priority and --execute-after belong to --async: what is waited for begins at once.")
    named = _named(files, folders, fields)
    if "media" in fields and named != [None]:
        raise click.UsageError("--file-id and --media-url make one call of their own: name no files beside them.")
    if key is not None and len(named) > 1:
        raise click.UsageError("--key names one call: give one file.")
    asking = Asking(
        client=client,
        pipeline=name,
        fields=fields,
        timeout=flags["timeout"],
        transform=flags["transform"] is not None,
        in_background=in_background,
        waiting=waiting,
        key=key,
    )
    if _print(asking, output, named, parallel):
        ctx.exit(1)


def _named(files: tuple[Path, ...], folders: tuple[Path, ...], fields: dict[str, object]) -> list[Path | None]:
    named = found(files, folders)
    if named:
        return list(named)
    if folders:
        raise click.UsageError("There is no file in the folder: name another with --dir.")
    if not fields.keys() & {"text", "inputs", "executionId", "media"}:
        raise click.UsageError("Nothing to run on: name files, or --dir, --text or --execution.")
    return [None]


def _print(asking: Asking, output: Output, files: list[Path | None], parallel: int) -> int:
    """Print the line of every file as it is done; how many failed."""
    failed = 0
    with output.progress(asking.pipeline, len(files)) as step:
        for line in lines(asking, files, parallel):
            failed += line.error is not None
            if output.readable:
                _readable(output, line)
            else:
                output.line(line)
            step()
    return failed


def _readable(output: Output, line: Line) -> None:
    output.text(line.file or line.execution_id or "", "bold")
    if line.error is not None:
        output.text(line.error, "red")
    elif line.transformed is not None:
        output.document(line.transformed)
    elif line.observation is not None:
        output.text(text_read(bytes(line.observation)))
    else:
        output.text(f"execution {line.execution_id}, run {line.run_id}")


def _tensors(row: dict[str, Any]) -> list[str]:
    return [", ".join(each["name"] for each in row.get(side) or ()) for side in ("inputs", "outputs")]


def _about(row: dict[str, Any]) -> str:
    return str(row.get("reason") or row.get("description") or "")
