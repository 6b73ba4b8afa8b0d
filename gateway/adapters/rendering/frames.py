"""What a child that decodes is asked, beside the open file of the media, and what its answers mean."""

import enum
import struct
from typing import Final

import msgspec

_HEAD: Final = struct.Struct("!I")
REQUEST_HEAD: Final = _HEAD.size
_SIZE: Final = struct.Struct("!II")
#: The exit status of a child that ran out of memory.
OUT_OF_MEMORY: Final = 70


class Wish(enum.StrEnum):
    """What is wanted of a media."""

    DESCRIBE = "describe"
    #: A page or frame as PNG.
    PAGE = "page"
    #: A page or frame as pixels.
    PIXELS = "pixels"
    TEXT = "text"


class Outcome(enum.IntEnum):
    """How it ended; but for DONE, a sentence for the caller follows."""

    DONE = 0
    UNREADABLE = 1
    LIMIT = 2


class Request(msgspec.Struct, frozen=True):
    """One wish. The file that comes with it is the media of this number, which may come again."""

    wish: Wish
    media: int
    #: The content type.
    kind: str
    #: The pages it is about, from 0; none are all.
    pages: tuple[int, ...] = ()


class Refused(Exception):
    """The child does not do it; the words are for the caller, and repeat nothing of the media."""

    def __init__(self, outcome: Outcome, sentence: str):
        super().__init__(sentence)
        self.outcome = outcome
        self.sentence = sentence


def unreadable(sentence: str) -> Refused:
    """The media is damaged, or not what it seems to be."""
    return Refused(Outcome.UNREADABLE, sentence)


def past_limit(sentence: str) -> Refused:
    """The media has too much of something."""
    return Refused(Outcome.LIMIT, sentence)


_decode: Final = msgspec.json.Decoder(Request).decode


def request_bytes(request: Request) -> bytes:
    """A whole request."""
    body = msgspec.json.encode(request)
    return _HEAD.pack(len(body)) + body


def request_length(head: bytes) -> int:
    """The length of what follows."""
    (length,) = _HEAD.unpack(head)
    return int(length)


def request(body: bytes) -> Request:
    """A request, read."""
    return _decode(body)


def size_bytes(height: int, width: int) -> bytes:
    """What stands before the pixels of an answer."""
    return _SIZE.pack(height, width)


def sized(payload: bytearray) -> tuple[int, int, memoryview]:
    """Height, width and the pixels of an answer."""
    height, width = _SIZE.unpack_from(payload)
    return height, width, memoryview(payload)[_SIZE.size :]
