"""The parts of a multipart form, read while they come; what they hold stays in memory, below the limit of a body."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from gateway.errors import InvalidInput, Malformed, RequestIncomplete, TooLarge
from gateway.limits import BODY_TIMEOUT, MAX_FORM_PARTS, MAX_PART_HEADER_BYTES, MAX_PART_HEADERS
from gateway.wire.forms import Part

_BROKEN: Final = "The body is not the form that its content type says it is."
_LIMITS: Final = (
    f"The form has more than {MAX_FORM_PARTS} parts, or a part has more than {MAX_PART_HEADERS} headers, or one of "
    f"more than {MAX_PART_HEADER_BYTES} bytes."
)


async def multipart_parts(request: Request[Any, Any, Any], content_type: str) -> list[Part]:
    """The parts of a `multipart/form-data` body, in their order.

    Raises:
        Malformed: it is none.
        TooLarge: it has more or larger parts than there may be.
        RequestIncomplete: it did not arrive in time.
    """
    reader = _Reader()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            with _parser(content_type) as parser:
                async for chunk in request.stream():
                    for each in parser.parse(chunk):
                        reader.take(each)
    except TimeoutError:
        raise RequestIncomplete from None
    except ParserLimitReached:
        raise TooLarge(_LIMITS) from None
    except (MultipartError, UnicodeError, LookupError):
        raise Malformed(_BROKEN) from None
    return reader.parts


def url_encoded_parts(body: bytes) -> list[Part]:
    """The parts of an `application/x-www-form-urlencoded` body, in their order.

    Raises:
        InvalidInput: it has more of them than there may be, or is not UTF-8.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_PARTS)
    except ValueError:
        raise InvalidInput(f"The form is not UTF-8, or has more than {MAX_FORM_PARTS} fields.") from None
    return [Part(name, text.encode()) for name, text in pairs]


def _parser(content_type: str) -> PushMultipartParser:
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    return PushMultipartParser(
        boundary,
        max_header_size=MAX_PART_HEADER_BYTES,
        max_header_count=MAX_PART_HEADERS,
        max_segment_count=MAX_FORM_PARTS,
    )


class _Reader:
    """Puts parts together from what the parser tells: a head, pieces of its body, None at its end."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._head: MultipartSegment | None = None
        self._body = bytearray()

    def take(self, told: "MultipartSegment | bytes | bytearray | None") -> None:
        """Take in what the parser tells next."""
        if isinstance(told, MultipartSegment):
            self._head, self._body = told, bytearray()
        elif told is not None:
            self._body += told
        elif self._head is not None:
            declared = self._head.header("Content-Type")
            self.parts.append(Part(self._head.name, bytes(self._body), declared, self._head.filename))
