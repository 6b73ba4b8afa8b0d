"""Media in text: strict base64, or a data URL (RFC 2397) that holds it."""

import binascii
import re
from typing import Final

import pybase64

from gateway.domain.media import check_size
from gateway.errors import InvalidInput
from gateway.limits import MAX_MEDIA_BYTES

_OUTSIDE: Final = re.compile(r"[^A-Za-z0-9+/= \t\r\n]")
_SPACE: Final = re.compile(r"[ \t\r\n]+")


def decode_media(text: str, field: str) -> bytes:
    """The bytes of one media; line breaks inside the base64 are let pass, anything else is not.

    Raises:
        InvalidInput: it is empty, or not base64; the message says at which offset of the text.
        MediaLimit: it has more bytes than one media may have, which is seen before it is decoded.
    """
    start = _payload_start(text, field)
    payload = text[start:] if start else text
    check_size(_least_bytes(payload), field)
    try:
        data = pybase64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        data = _decode_with_breaks(payload, start, field)
    return not_empty(data, field)


def not_empty(data: bytes, field: str) -> bytes:
    """`data`, unless there is none of it, or too much.

    Raises:
        InvalidInput: the media is empty.
        MediaLimit: it has more bytes than one media may have.
    """
    if not data:
        raise InvalidInput("The media is empty.", field=field)
    check_size(len(data), field)
    return data


def _least_bytes(payload: str) -> int:
    """Bytes that base64 of this length makes at the least; spaces are looked for only where they would matter."""
    length = len(payload)
    if length // 4 * 3 > MAX_MEDIA_BYTES:
        length -= sum(map(payload.count, " \t\r\n"))
    return length // 4 * 3 - 2


def _payload_start(text: str, field: str) -> int:
    if text[:5].lower() != "data:":
        return 0
    comma = text.find(",", 0, 256)
    if comma == -1 or not text[:comma].lower().endswith(";base64"):
        raise InvalidInput(
            "The data URL does not hold base64; one that does begins with data:<type>;base64 and a comma.", field=field
        )
    return comma + 1


def _decode_with_breaks(payload: str, start: int, field: str) -> bytes:
    try:
        return pybase64.b64decode(_SPACE.sub("", payload), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"The media is not base64: {_fault(payload, start)}.", field=field) from None


def _fault(payload: str, start: int) -> str:
    body = payload.rstrip("=\t\r\n ")
    outside = _OUTSIDE.search(body)
    if outside is not None:
        return f"a character outside its alphabet at offset {start + outside.start()}"
    padding = body.find("=")
    if padding != -1:
        return f"padding in the middle at offset {start + padding}"
    return f"it is cut off or wrongly padded at its end, offset {start + len(payload)}"
