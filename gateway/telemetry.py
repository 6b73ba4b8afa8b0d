"""Logs as one JSON object a line: an event's name and its fields, never a payload."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

import msgspec

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
#: The names of what is being worked on, which every line within has: the request, the run.
_about: Final[ContextVar[dict[str, str] | None]] = ContextVar("about", default=None)


@contextmanager
def about(**names: str) -> Iterator[None]:
    """Have every line of the block, and of the tasks it starts, carry these names."""
    token = _about.set({**(_about.get() or {}), **names})
    try:
        yield
    finally:
        _about.reset(token)


def note(**names: str) -> None:
    """Add names to those of the block around, once they are known."""
    known = _about.get()
    if known is not None:
        known.update(names)


class JsonFormatter(logging.Formatter):
    """Write `log.info("run.completed", extra={...})` as `{"time", "level", "event", ...fields}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON; values that JSON has no form for are written as their text."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        line |= _about.get() or {}
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure(level: str) -> None:
    """Send every log line of the process to stderr as JSON, at `level` and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
