"""The program of a child: reads expressions and documents, writes results, and holds itself to its memory.

It is run as `python -I -m gateway.adapters.jsonata.program MEMORY MAX_RESULT PARENT`. The end of its
standard input is the order to end; the death of the gateway kills it even in the midst of an evaluation.
"""

import os
import sys
from typing import BinaryIO

from gateway.adapters.children.confined import confine, silence
from gateway.adapters.children.frames import READY, reply_bytes
from gateway.adapters.jsonata.frames import REQUEST_HEAD, Outcome, Refusal, refusal_bytes, request_lengths
from gateway.domain.nesting import too_deep
from gateway.limits import MAX_TRANSFORM_DEPTH


def main() -> None:
    """Answer requests until there are no more."""
    memory, max_result, parent = map(int, sys.argv[1:])
    confine(memory, parent)
    # Only now: the allocator of the engine would else reserve more than the child may have, and use it.
    from gateway.adapters.jsonata import engine  # noqa: F401, PLC0415

    requests, replies = _pipes()
    replies.write(READY)
    replies.flush()
    while len(head := requests.read(REQUEST_HEAD)) == REQUEST_HEAD:
        replies.write(reply_bytes(*_answer(requests, *request_lengths(head), max_result)))
        replies.flush()


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The ways to and from the gateway."""
    replies = os.fdopen(os.dup(1), "wb")
    silence()
    return sys.stdin.buffer, replies


def _answer(requests: BinaryIO, expression: int, document: int, max_result: int) -> tuple[Outcome, bytes]:
    from gateway.adapters.jsonata import engine  # noqa: PLC0415

    try:
        found = engine.evaluate(requests.read(expression).decode(), requests.read(document).decode())
    except engine.Refused as refused:
        return refused.outcome, refusal_bytes(refused.refusal)
    except UnicodeDecodeError:
        return Outcome.INVALID, refusal_bytes(Refusal("document"))
    except MemoryError:
        raise  # the rest of the request may still be in the pipe: only the end of this process is a clean one
    except Exception:  # noqa: BLE001 whatever an engine stumbles over, the expression led it there
        return Outcome.INVALID, refusal_bytes(Refusal())
    if found is None:
        return Outcome.NOTHING, b""
    return _bounded(found.encode(), max_result)


def _bounded(payload: bytes, max_result: int) -> tuple[Outcome, bytes]:
    if len(payload) > max_result:
        return Outcome.LIMIT, refusal_bytes(Refusal("size"))
    if too_deep(payload, MAX_TRANSFORM_DEPTH):
        return Outcome.LIMIT, refusal_bytes(Refusal("deep"))
    return Outcome.RESULT, payload


if __name__ == "__main__":
    main()
