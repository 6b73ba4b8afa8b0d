"""Names of records: ours are UUIDv7, so they sort by time; a caller's execution ID has one pattern."""

import re
from datetime import UTC, datetime
from typing import Final

import uuid_utils

from gateway.errors import ExecutionNotFound
from gateway.limits import MAX_ID_CHARACTERS

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EXECUTION_ID: Final = re.compile(rf"(?!\.{{1,2}}\Z)[A-Za-z0-9._-]{{1,{MAX_ID_CHARACTERS}}}")


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562) as text."""
    return str(uuid_utils.uuid7())


def known_form(execution_id: str) -> str:
    """`execution_id`, where it has the form of one.

    Raises:
        ExecutionNotFound: there can be none of this ID.
    """
    if not EXECUTION_ID.fullmatch(execution_id):
        raise ExecutionNotFound
    return execution_id


def is_uuid(text: str) -> bool:
    """Whether `text` can name one of our own records: no other spelling of a UUID does, and few are read."""
    return _UUID.fullmatch(text) is not None


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC with milliseconds, as `2026-11-21T07:15:00.123Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
