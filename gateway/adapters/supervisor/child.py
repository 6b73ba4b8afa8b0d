"""What a child of the gateway is: the program, its user, its signals, what it leaves behind and what it last logged."""

import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.supervisor.account import Account

#: How much of a log's end is read for the reason of a failed start.
LOG_TAIL_BYTES = 64 * 1024
LOG_TAIL_LINES = 3
#: A log larger than this is put aside at the next start.
LOG_LIMIT_BYTES = 32 * 1024 * 1024

_ERROR_LINE = re.compile(r"^E\d{4} |\b(FATAL|PANIC|ERROR)\b|^cannot |error while loading|initdb: error", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ChildPlan:
    """One program to keep running."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    log: Path
    #: None: it runs as the gateway does.
    account: Account | None = None
    #: The signals that ask it to end, each with the seconds it has before the next.
    stop: tuple[tuple[signal.Signals, float], ...]
    death_signal: signal.Signals
    #: Globs of what it leaves behind.
    sweep: tuple[str, ...] = ()
    #: A word that stands in the command line of all its processes and of no others.
    mark: str
    #: The names of the programs that its processes run.
    programs: tuple[str, ...]
    umask: int = 0o077


def log_size(log: Path) -> int:
    """The length of a log so far; one that has grown too large is put aside first."""
    with contextlib.suppress(FileNotFoundError):
        size = log.stat().st_size
        if size <= LOG_LIMIT_BYTES:
            return size
        log.replace(log.with_suffix(".log.1"))
    return 0


def last_words(log: Path, since: int) -> str:
    """The last lines of error that a log got since an offset, on one line; else its last lines."""
    try:
        with log.open("rb") as book:
            book.seek(max(since, book.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            lines = [line.strip() for line in book.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return ""
    errors = [line for line in lines if _ERROR_LINE.search(line)]
    return " | ".join((errors or lines)[-LOG_TAIL_LINES:])
