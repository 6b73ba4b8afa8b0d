"""What every child says: that it is ready, and how it answers: a number and bytes."""

import struct
from typing import Final

#: What a child says once, when it can take requests.
READY: Final = b"R"
_REPLY: Final = struct.Struct("!BI")
REPLY_HEAD: Final = _REPLY.size


def reply_bytes(outcome: int, payload: bytes) -> bytes:
    """A whole reply."""
    return reply_beginning(outcome, len(payload)) + payload


def reply_beginning(outcome: int, length: int) -> bytes:
    """What stands before the `length` bytes of a reply."""
    return _REPLY.pack(outcome, length)


def reply_head(head: bytes | bytearray) -> tuple[int, int]:
    """How it ended, and the bytes that follow."""
    outcome, length = _REPLY.unpack(head)
    return outcome, length
