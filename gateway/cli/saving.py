"""Bytes that a command fetches: to a file, whole or not at all, or to a pipe."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click


def save(pieces: Iterator[bytes], target: Path | None) -> None:
    """Write what comes to `target`, which is replaced when all of it is there; without one to a pipe."""
    if target is None:
        _to_a_pipe(pieces)
        return
    try:
        _replaced(pieces, target)
    except OSError as failure:
        raise click.ClickException(f"{click.format_filename(target)}: {failure.strerror}.") from None


def _to_a_pipe(pieces: Iterator[bytes]) -> None:
    if sys.stdout.isatty():
        raise click.UsageError("The bytes are for a file, not for a terminal: name one with --to, or use a pipe.")
    for piece in pieces:
        sys.stdout.buffer.write(piece)


def _replaced(pieces: Iterator[bytes], target: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
