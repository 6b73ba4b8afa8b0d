"""The events of a run as a stream that browsers read (`text/event-stream`, as the HTML standard has it)."""

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec
from litestar.response import ServerSentEventMessage

from gateway.core.runs import Runs
from gateway.domain.access import Caller
from gateway.domain.run_events import RunEvent
from gateway.domain.runs import Run
from gateway.errors import GatewayError, Internal, InvalidInput
from gateway.limits import HEARTBEAT, STREAM_RETRY
from gateway.wire.problem import problem
from gateway.wire.runs import event_view, run_view

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "text/event-stream"
#: No proxy on the way may keep events back, or for later.
HEADERS: Final[Mapping[str, str]] = {"cache-control": "no-cache", "x-accel-buffering": "no"}


async def event_stream(runs: Runs, caller: Caller, known: Run, told: int, request_id: str) -> AsyncIterator[bytes]:
    """The events of a run behind number `told`: a sign of life at once and now and then, and what fails as an event."""
    yield _message(comment="", data=None, retry=round(1000 * STREAM_RETRY))
    try:
        async for event in runs.events(known, told, HEARTBEAT):
            yield _message(comment="", data=None) if event is None else await _event(runs, caller, known.run_id, event)
    except GatewayError as error:
        yield _message(event="error", data=problem(error, request_id))
    except Exception:
        log.exception("events.broke", extra={"run_id": known.run_id})
        yield _message(event="error", data=problem(Internal(), request_id))


async def _event(runs: Runs, caller: Caller, run_id: str, event: RunEvent) -> bytes:
    """One event; that of the end carries the whole run."""
    shown = run_view(await runs.get(caller, run_id)) if event.state.ended else event_view(run_id, event)
    return _message(id=event.sequence, event=str(event.state), data=msgspec.json.encode(shown))


def _message(
    *,
    data: bytes | None,
    event: str | None = None,
    id: int | None = None,  # noqa: A002 - as the standard names it
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    return ServerSentEventMessage(data, event, id, retry, comment, sep="\n").encode()


def last_event_id(header: str | None) -> int | None:
    """The number of the event that the caller has seen last; None where it has seen none.

    Raises:
        InvalidInput: it is not the number of an event.
    """
    if header is None:
        return None
    if not (header.isascii() and header.isdecimal() and len(header) <= len(str(2**63))):
        raise InvalidInput("It is not the number of an event.", field="Last-Event-ID")
    return int(header)
