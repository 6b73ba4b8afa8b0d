"""A file that comes in a multipart form: its bytes while they come, and what the fields beside it say."""

from collections.abc import AsyncIterator
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from gateway.domain.files import NewFile
from gateway.errors import InvalidInput, Malformed, TooLarge
from gateway.limits import MAX_FILE_FIELD_BYTES, MAX_PART_HEADER_BYTES, MAX_PART_HEADERS

FILE: Final = "file"
_PURPOSE: Final = "purpose"
#: Both ways in which callers write it.
_EXPIRES_AFTER: Final = ("expiresAfter", "expires_after")
_FIELDS: Final = frozenset((_PURPOSE, *_EXPIRES_AFTER))
_BROKEN: Final = "The body is not the form that its content type says it is."
_UNKNOWN: Final = "The form has a field that there is not: it takes one file, purpose and expiresAfter."


class FileForm:
    """One form; its fields may stand before the file or behind it."""

    def __init__(self, chunks: AsyncIterator[bytes], content_type: str):
        self._chunks = chunks
        self._content_type = content_type
        self._head: MultipartSegment | None = None
        self._file: MultipartSegment | None = None
        self._fields: dict[str, bytes] = {}

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes of the file; all of the form has come when they end.

        Raises:
            Malformed, TooLarge, InvalidInput: the form is broken, too large, or not one of a file.
        """
        try:
            with self._parser() as parser:
                async for chunk in self._chunks:
                    for told in parser.parse(chunk):
                        if piece := self._taken(told):
                            yield piece
        except ParserLimitReached:
            raise TooLarge("The head of a part of the form is too large.") from None
        except (MultipartError, UnicodeError, LookupError):
            raise Malformed(_BROKEN) from None
        if self._file is None:
            raise InvalidInput("The form holds no file.", field=FILE)

    def about(self) -> NewFile:
        """What the form says of the file.

        Raises:
            InvalidInput: a field is not valid.
        """
        assert self._file is not None
        return NewFile(
            filename=self._file.filename or None,
            declared=self._file.header("Content-Type"),
            purpose=self._text(_PURPOSE),
            ttl=seconds(next(filter(None, map(self._text, _EXPIRES_AFTER)), None)),
        )

    def _parser(self) -> PushMultipartParser:
        return PushMultipartParser(
            parse_options_header(self._content_type)[1].get("boundary", ""),
            max_header_size=MAX_PART_HEADER_BYTES,
            max_header_count=MAX_PART_HEADERS,
        )

    def _taken(self, told: "MultipartSegment | bytes | bytearray | None") -> bytes | None:
        """What is a piece of the file; the rest is noted."""
        if isinstance(told, MultipartSegment):
            self._begin(told)
        elif told is not None and self._head is not None:
            if self._head is self._file:
                return bytes(told)
            self._fields[self._head.name] += told
            if len(self._fields[self._head.name]) > MAX_FILE_FIELD_BYTES:
                raise TooLarge("A field beside the file is too large.")
        return None

    def _begin(self, head: MultipartSegment) -> None:
        self._head = head
        if head.name == FILE:
            if self._file is not None:
                raise InvalidInput("The form holds more than one file: send one at a time.", field=FILE)
            self._file = head
        elif head.name in _FIELDS and head.name not in self._fields:
            self._fields[head.name] = b""
        else:
            raise InvalidInput(_UNKNOWN)

    def _text(self, name: str) -> str | None:
        try:
            return self._fields.get(name, b"").decode() or None
        except UnicodeDecodeError:
            raise InvalidInput("The field is not UTF-8.", field=name) from None


def seconds(text: str | None) -> float | None:
    """A time that a caller wrote.

    Raises:
        InvalidInput: it is no number.
    """
    try:
        return None if text is None else float(text)
    except ValueError:
        raise InvalidInput("It is not a number of seconds.", field=_EXPIRES_AFTER[0]) from None
