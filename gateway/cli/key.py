"""`gateway key`: the API keys that callers enter with, made and revoked by an operator."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import click

from gateway import bootstrap, telemetry
from gateway.cli.account import account
from gateway.cli.foreground import report
from gateway.cli.options import records_options, resolve
from gateway.cli.output import Output, output_options
from gateway.core.api_keys import ApiKeys
from gateway.domain.access import Scope
from gateway.domain.api_keys import ApiKey, NewKey
from gateway.domain.ids import now, rfc3339
from gateway.errors import GatewayError, InvalidInput

T = TypeVar("T")

_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([smhdw])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_COLUMNS: Final = ("keyId", "name", "owner", "state", "scopes", "pipelines", "expiresAt")


@click.group()
def key() -> None:
    """Make, list and revoke the keys that callers of a gateway with --auth api_key hold.

    Where a gateway runs on --data-dir its database is used, else it is started for the command.
    """


@key.command(
    epilog="""\b
Examples:
  gateway key create scanner --scope run --scope read
  gateway key create dashboard --scope read --owner scanner --expires 90d
  gateway key create partner --scope run --pipeline ocr --rate 600/minute --concurrency 8
  gateway key create operator --scope admin --database-url postgresql://gateway@db/gateway > key
"""
)
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice([str(each) for each in Scope]),
              help="What it may do; may be repeated. admin is everything, on the records of every owner.")  # fmt: skip
@click.option("--owner", help="Whose the records are that it makes and sees; without it the NAME.")
@click.option("--pipeline", "pipelines", multiple=True, help="A pipeline that it is for; may be repeated. Else all.")
@click.option("--expires", metavar="SPAN", help="When it ends: 90d, 12h, 30m, 52w from now. Else never.")
@click.option("--rate", help="Calls in a time, as 600/minute.")
@click.option("--concurrency", type=click.IntRange(1), help="Calls at once.")
@records_options
def create(
    name: str,
    scopes: tuple[str, ...],
    owner: str | None,
    pipelines: tuple[str, ...],
    expires: str | None,
    rate: str | None,
    concurrency: int | None,
    config: Path | None,
    **flags: object,
) -> None:
    """Make a key and print it: here, and never again. Nothing else goes to standard output."""
    wanted = NewKey(
        name=name,
        scopes=frozenset(map(Scope, scopes)),
        owner=owner,
        pipelines=frozenset(pipelines) or None,
        rate=rate,
        concurrency=concurrency,
        expires_at=None if expires is None else _end(expires),
    )
    try:
        wanted.check(now())
    except InvalidInput as refusal:
        raise click.UsageError(refusal.message) from None
    click.echo(_over(config, flags, lambda keys: keys.create(wanted, account())))
    report("keep the key: the gateway holds only a digest of it")


@key.command("list", epilog="\b\nExamples:\n  gateway key list\n  gateway key list --data-dir /srv/gateway --json")
@records_options
@output_options
def list_(output: Output, config: Path | None, **flags: object) -> None:
    """List the keys, newest first, without what opens a door; on a pipe one JSON line for each."""
    rows = [_shown(each) for each in _over(config, flags, lambda keys: keys.list())]
    if output.readable:
        output.table(_COLUMNS, ([_cell(row.get(column)) for column in _COLUMNS] for row in rows))
        return
    for row in rows:
        output.line(row)


@key.command(epilog="\b\nExamples:\n  gateway key revoke 3f9c2a5be1d04477")
@click.argument("key_id", metavar="KEYID")
@records_options
def revoke(key_id: str, config: Path | None, **flags: object) -> None:
    """Let a key open nothing any more; a gateway that has just seen it learns of it within a second."""
    if not _over(config, flags, lambda keys: keys.revoke(key_id, account())):
        raise click.ClickException("There is no key of this ID: gateway key list shows those there are.")
    report(f"the key {key_id} is revoked")


def _over(config: Path | None, flags: dict[str, object], work: Callable[[ApiKeys], Awaitable[T]]) -> T:
    settings = resolve(config, flags)
    telemetry.configure("error")
    try:
        return asyncio.run(bootstrap.over_keys(settings, report, work))
    except GatewayError as refusal:
        raise click.ClickException(refusal.message) from None


def _end(span: str) -> datetime:
    found = _SPAN.fullmatch(span)
    if found is None:
        raise click.UsageError("--expires is a number with s, m, h, d or w behind it, as 90d.")
    return now() + timedelta(**{_UNITS[found[2]]: int(found[1])})


def _shown(key: ApiKey) -> dict[str, object]:
    row: dict[str, object] = {
        "keyId": key.key_id,
        "name": key.name,
        "owner": key.owner,
        "state": _state(key),
        "scopes": sorted(key.scopes),
        "pipelines": None if key.pipelines is None else sorted(key.pipelines),
        "rate": key.rate,
        "concurrency": key.concurrency,
        "createdAt": rfc3339(key.created_at),
        "expiresAt": key.expires_at and rfc3339(key.expires_at),
        "revokedAt": key.revoked_at and rfc3339(key.revoked_at),
    }
    return {name: value for name, value in row.items() if value is not None}


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "good" if key.good_at(now()) else "expired"


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
