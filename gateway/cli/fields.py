"""The fields of a call, from the flags of the command line."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec


def parameter(given: str) -> tuple[str, object]:
    """`name=value`: the value is JSON where it is JSON, else text; after an @ it is the content of a file.

    Raises:
        click.BadParameter: it is not of that form, or the file cannot be read.
    """
    name, equals, text = given.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{given!r} is not of the form NAME=VALUE.")
    return name, json_or_text(_content(Path(text[1:])) if text.startswith("@") else text)


def json_object(given: str) -> dict[str, object]:
    """A JSON object.

    Raises:
        click.BadParameter: it is none.
    """
    found = json_or_text(given)
    if not isinstance(found, dict):
        raise click.BadParameter(f'{given!r} is not a JSON object, as {{"customer": 4}} is.')
    return found


def json_or_text(text: str) -> object:
    """What the text says in JSON, else the text."""
    try:
        found: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    return found


def call_fields(
    *,
    params: Sequence[tuple[str, object]],
    text: str | None,
    execution: str | None,
    tag: str | None,
    meta: dict[str, object] | None,
    transform: str | None,
    timeout: float | None,
    idempotent: bool,
    priority: str | None,
    execute_after: str | None,
    file_ids: Sequence[str] = (),
    urls: Sequence[str] = (),
) -> dict[str, object]:
    """The body of the call, without the media that files bring."""
    given = {
        "media": [*({"fileId": each} for each in file_ids), *({"url": each} for each in urls)] or None,
        "executionId": execution,
        "text": text,
        "inputs": dict(params) or None,
        "tag": tag,
        "metaData": meta,
        "transform": transform,
        "timeout": timeout,
        "idempotent": idempotent or None,
        "priority": priority,
        "executeAfter": execute_after,
    }
    return {name: value for name, value in given.items() if value is not None}


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as failure:
        raise click.BadParameter(f"The file {path} cannot be read: {failure.strerror}.") from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"The file {path} is not UTF-8 text.") from None
