"""`gateway observation`: what the runs on an execution found."""

import sys

import click
import msgspec

from gateway.cli.connecting import client_options
from gateway.cli.output import Output, output_options
from gateway.cli.reading import text_read
from gateway.sdk.client import Client


@click.group()
def observation() -> None:
    """Show what was found, or what an expression makes of it."""


@observation.command(
    epilog="""\b
Examples:
  gateway observation show order-17
  gateway observation show order-17 --json | jq .mediaContents
  gateway observation show order-17 --plain
"""
)
@click.argument("execution_id", metavar="ID")
@click.option("--plain", is_flag=True, help="Its plain JSON form: labels become keys.")
@client_options
@output_options
def show(client: Client, output: Output, execution_id: str, plain: bool) -> None:
    """Show the observation of execution ID: on a terminal the text that was read, on a pipe the JSON."""
    pieces = client.observation(execution_id, plain=plain)
    if not output.readable:
        for piece in pieces:
            output.raw(piece)
        output.raw(b"\n")
        return
    whole = b"".join(pieces)
    if plain:
        output.document(msgspec.Raw(whole))
    else:
        output.text(text_read(whole))


@observation.command(
    epilog="""\b
Examples:
  gateway observation transform order-17 'mediaContents.rawText'
  gateway observation transform order-17 - < expression.jsonata
"""
)
@click.argument("execution_id", metavar="ID")
@click.argument("expression", metavar="EXPR")
@client_options
@output_options
def transform(client: Client, output: Output, execution_id: str, expression: str) -> None:
    """Print what the JSONata expression EXPR makes of the observation of execution ID; - reads it from stdin."""
    wanted = sys.stdin.read() if expression == "-" else expression
    output.document(msgspec.Raw(client.transform(execution_id, wanted)))
