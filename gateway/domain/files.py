"""A file: bytes that a caller puts in once, to be used by their ID in any number of calls."""

import re
from datetime import datetime
from typing import Final
from urllib.parse import quote

import msgspec

from gateway.errors import InvalidInput
from gateway.limits import MAX_FILENAME_CHARACTERS, MAX_PURPOSE_CHARACTERS, MAX_RETENTION

#: Separators of paths, characters that a terminal obeys, and those that turn the direction of text.
_NOT_IN_A_NAME: Final = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PURPOSE: Final = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_PURPOSE_CHARACTERS}}}")
#: What stands for a character in the plain form of a name.
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9_. ()-]")


class NewFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a file beside its bytes."""

    filename: str | None = None
    #: The type that it declares; the bytes go before it.
    declared: str | None = None
    purpose: str | None = None
    #: Seconds for which it is to be kept; None as the settings say, 0 for ever.
    ttl: float | None = None

    def check(self) -> None:
        """Refuse what no file can have.

        Raises:
            InvalidInput: which field is not valid.
        """
        if self.filename is not None and not _is_name(self.filename):
            raise InvalidInput(
                f"A file name is 1 to {MAX_FILENAME_CHARACTERS} characters, without a path and control characters.",
                field="filename",
            )
        if self.purpose is not None and not _PURPOSE.fullmatch(self.purpose):
            raise InvalidInput(
                f"A purpose is 1 to {MAX_PURPOSE_CHARACTERS} letters, digits, '.', '_' or '-'.", field="purpose"
            )
        if self.ttl is not None and not 0 <= self.ttl <= MAX_RETENTION:
            raise InvalidInput(f"It is not between 0 and {MAX_RETENTION:.0f} seconds.", field="expires_after")


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is stored."""

    file_id: str
    #: Whose it is.
    owner: str
    filename: str | None = None
    purpose: str | None = None
    content_type: str
    size: int
    created_at: datetime
    #: Its own seconds; None as the settings say, 0 for ever.
    ttl: float | None = None
    #: When it is removed; known where a caller is shown it.
    expires_at: datetime | None = None
    #: Its key in the blob store.
    blob: str

    @property
    def disposition(self) -> str:
        """The header by which a browser saves it under its name, and never shows it (RFC 6266)."""
        name = self.filename or self.file_id
        return f"attachment; filename=\"{_NOT_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


class FilePage(msgspec.Struct, frozen=True):
    """Some files of a list, and where the next page begins, if there is one."""

    files: list[FileRecord]
    next_cursor: str | None


def _is_name(text: str) -> bool:
    fits = 0 < len(text) <= MAX_FILENAME_CHARACTERS and text.strip(" .") != ""
    return fits and _NOT_IN_A_NAME.search(text) is None
