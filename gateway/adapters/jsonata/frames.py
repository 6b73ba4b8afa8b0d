"""What a child that evaluates is asked, and what its answers mean: an expression and a document; an outcome."""

import enum
import struct
from typing import Final, NamedTuple

_REQUEST: Final = struct.Struct("!II")
REQUEST_HEAD: Final = _REQUEST.size


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


def request_bytes(expression: bytes, document: bytes) -> bytes:
    """A whole request."""
    return b"".join((_REQUEST.pack(len(expression), len(document)), expression, document))


def request_lengths(head: bytes) -> tuple[int, int]:
    """The lengths of the expression and of the document that follow."""
    expression, document = _REQUEST.unpack(head)
    return expression, document


def refusal_bytes(refusal: Refusal) -> bytes:
    """A refusal as the payload of a reply."""
    return f"{refusal.code} {'' if refusal.position is None else refusal.position}".encode()


def refusal(payload: bytes) -> Refusal:
    """The refusal in a payload."""
    code, _, position = payload.decode().partition(" ")
    return Refusal(code, int(position) if position else None)
