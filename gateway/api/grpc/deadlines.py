"""The time that a gRPC caller gives a call."""

from typing import Any, Final

import grpc.aio

#: Seconds of a caller's deadline that are kept for the way back.
_REPLY_MARGIN: Final = 0.05


def within_deadline(context: grpc.aio.ServicerContext[Any, Any], seconds: float) -> float:
    """These seconds, or a little less than the caller waits, so that the answer still reaches it."""
    remaining = context.time_remaining()
    if remaining is None:
        return seconds
    return min(remaining - min(_REPLY_MARGIN, remaining / 10), seconds)
