"""The type of media by its first bytes, and the rule of raw uploads: raw, or base64 of what is known, or text."""

import binascii
import codecs
import re
from typing import Final

import pybase64

from gateway.errors import InvalidInput, MediaUnsupported

#: Those that a few bytes at the beginning settle.
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0\x08\0\0\0", "image/tiff"),
    (b"MM\0+\0\x08\0\0", "image/tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"fLaC\0", "audio/flac"),
    (b"fLaC\x80", "audio/flac"),
    (b"OggS\0", "audio/ogg"),
)
_CONTAINERS: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
#: The brands of an ISO media file, the telling ones first.
_BRANDS: Final = (
    (re.compile(rb"avi[fs]"), "image/avif"),
    (re.compile(rb"he[iv][cxms]"), "image/heic"),
    (re.compile(rb"mif1|msf1"), "image/heif"),
    (re.compile(rb"M4[AB] "), "audio/mp4"),
    (re.compile(rb"mp4[12]|iso[m2-9a-c]|avc1|dash|M4V.|3gp.|f4v "), "video/mp4"),
    (re.compile(rb"qt  "), "video/quicktime"),
)
#: Sizes of the second header of a bitmap; the two letters at its beginning begin many words too.
_BITMAP_HEADERS: Final = frozenset((12, 40, 52, 56, 64, 108, 124))
_PAGES: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1024}%PDF-")
_OFFICE: Final = (
    (b"word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_OFFICE_FIRST: Final = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/")
#: How far from both ends of a zip file the names of its entries are looked for.
_ZIP_LOOK: Final = 64 * 1024
#: kbit/s and Hz of layer III, as its frame header counts them: of MPEG 1, and of MPEG 2.
_BITRATES: Final = (
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES: Final = (44100, 48000, 32000)

#: Bytes of a body that tell whether it is base64 of something known.
_LOOK: Final = 8192
_SPACE: Final = b" \t\r\n"
_DATA_URL: Final = re.compile(rb"data:[^,]{0,200};base64,", re.IGNORECASE)
_TEXT: Final = re.compile(r"text/plain\s*(?:;.*)?", re.IGNORECASE)
_CHARSET: Final = re.compile(r";\s*charset=\"?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_UNSUPPORTED: Final = (
    "The media is of no type that the gateway knows, neither as it came nor as base64: "
    "send an image, a PDF, an office document, audio or video, or text as text/plain."
)


def uploaded(body: bytes, declared: str | None) -> tuple[bytes, str]:
    """The media of a raw upload and its type: what is known as it came, else decoded, else declared as text.

    Raises:
        InvalidInput: there is nothing.
        MediaUnsupported: it is none of these.
    """
    if not body:
        raise InvalidInput("The media is empty.")
    data, kind = body, sniff(body)
    if kind is None:
        data = _decoded(body) or body
        kind = sniff(data) or declared_text(declared)
    if kind is None:
        raise MediaUnsupported(_UNSUPPORTED)
    return data, kind


def sniff(data: bytes) -> str | None:
    """The content type that the bytes themselves tell; None where they tell none."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data.startswith((b"RIFF", b"RF64")):
        return _CONTAINERS.get(data[8:12])
    if data.startswith(b"PK\x03\x04"):
        return _archive(data)
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    if _PAGES.match(data):
        return "application/pdf"
    if _is_bitmap(data):
        return "image/bmp"
    return "audio/mpeg" if _is_tagged(data) or _is_layer_three(data) else None


def plain_text(data: bytes) -> str | None:
    """The text that the bytes are, by their byte order mark or as UTF-8; None where they are none."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _archive(data: bytes) -> str:
    if data.startswith(_OFFICE_FIRST, 30):
        for name, kind in _OFFICE:
            if data.find(name, 0, _ZIP_LOOK) != -1 or data.rfind(name, -_ZIP_LOOK) != -1:
                return kind
    return "application/zip"


def _iso_media(data: bytes) -> str | None:
    end = min(int.from_bytes(data[:4], "big"), 256)
    # Between the major brand and the compatible ones stands a version.
    brands = [data[at : at + 4] for at in range(8, end - 3, 4) if at != 12]
    return next((kind for pattern, kind in _BRANDS if any(map(pattern.fullmatch, brands))), None)


def _is_bitmap(data: bytes) -> bool:
    return (
        data.startswith(b"BM") and data[6:10] == bytes(4) and int.from_bytes(data[14:18], "little") in _BITMAP_HEADERS
    )


def _is_tagged(data: bytes) -> bool:
    """ID3 in front of the sound: its version, and a size of which no byte has its highest bit."""
    return data.startswith(b"ID3") and len(data) >= 10 and data[3] < 5 and max(data[6:10]) < 0x80


def _is_layer_three(data: bytes) -> bool:
    """Two frames of MPEG audio, one right behind the other: a single one is too easily met by chance."""
    length = _frame_length(data[:4])
    return length is not None and _frame_length(data[length : length + 4]) is not None


def _frame_length(header: bytes) -> int | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    first = version == 3
    hertz = _SAMPLE_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if first else 72) * _BITRATES[not first][bitrate - 1] * 1000 // hertz + (header[2] >> 1 & 1)


def _decoded(body: bytes) -> bytes | None:
    """What `body` is base64 of, where that is known by its first bytes; the rest is not touched before they are."""
    url = _DATA_URL.match(body)
    start = url.end() if url else 0
    head = body[start : start + _LOOK].translate(None, _SPACE)
    known = _strict(head[: len(head) // 4 * 4])
    if known is None or sniff(known) is None:
        return None
    return _strict(memoryview(body)[start:]) or _strict(body[start:].translate(None, _SPACE))


def _strict(text: bytes | memoryview) -> bytes | None:
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def declared_text(declared: str | None) -> str | None:
    """The type that a caller declares, where that is text."""
    if declared is None or _TEXT.fullmatch(declared.strip()) is None:
        return None
    charset = _CHARSET.search(declared)
    return f"text/plain; charset={charset[1].lower()}" if charset else "text/plain"
