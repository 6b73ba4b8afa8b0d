"""What a child and the gateway say to each other: an expression and a document; an outcome and its bytes."""

import enum
import struct
from typing import Final, NamedTuple

#: What a child says once, when it can take requests.
READY: Final = b"R"
_REQUEST: Final = struct.Struct("!II")
_REPLY: Final = struct.Struct("!BI")
REQUEST_HEAD: Final = _REQUEST.size
REPLY_HEAD: Final = _REPLY.size


class Outcome(enum.IntEnum):
    """How an evaluation ended."""

    NOTHING = 0
    RESULT = 1
    INVALID = 2
    LIMIT = 3


class Refusal(NamedTuple):
    """Why an expression has no result: JSONata's code and the position in the expression, where they are known."""

    code: str = ""
    position: int | None = None


class ReplyHead(NamedTuple):
    """The fixed part of a reply."""

    outcome: Outcome
    length: int


def request_bytes(expression: bytes, document: bytes) -> bytes:
    """A whole request."""
    return b"".join((_REQUEST.pack(len(expression), len(document)), expression, document))


def request_lengths(head: bytes) -> tuple[int, int]:
    """The lengths of the expression and of the document that follow."""
    expression, document = _REQUEST.unpack(head)
    return expression, document


def reply_bytes(outcome: Outcome, payload: bytes) -> bytes:
    """A whole reply."""
    return _REPLY.pack(outcome, len(payload)) + payload


def reply_head(head: bytes) -> ReplyHead:
    """The fixed part of a reply, read."""
    outcome, length = _REPLY.unpack(head)
    return ReplyHead(Outcome(outcome), length)


def refusal_bytes(refusal: Refusal) -> bytes:
    """A refusal as the payload of a reply."""
    return f"{refusal.code} {'' if refusal.position is None else refusal.position}".encode()


def refusal(payload: bytes) -> Refusal:
    """The refusal in a payload."""
    code, _, position = payload.decode().partition(" ")
    return Refusal(code, int(position) if position else None)
