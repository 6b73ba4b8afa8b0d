"""The routes of single runs: looked at, waited for, followed and canceled."""

import asyncio
import math
import re
from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.rest.entry import request_name
from gateway.api.rest.etags import etag, named
from gateway.api.rest.event_stream import CONTENT_TYPE, HEADERS, event_stream, last_event_id
from gateway.api.rest.leaving import while_there
from gateway.api.services import Core
from gateway.core.runs import Runs
from gateway.domain.access import Caller, Scope
from gateway.domain.run_events import last_of
from gateway.domain.runs import Run
from gateway.errors import InvalidInput
from gateway.limits import MAX_WAIT, POLL_INTERVAL
from gateway.wire.runs import run_view

After = Annotated[int, QueryParameter(ge=0)]
_SECONDS: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)s?", re.ASCII)


@get("/runs/{run_id:str}", operation_id="getRun", needs=Scope.READ)
async def get_run(
    run_id: FromPath[str], request: AnyRequest, services: Core, wait: FromQuery[str | None] = None
) -> Response[bytes | None]:
    """One run: its state, tries, error, model versions and where its time went.

    With `wait` the answer comes when the run has ended; with `If-None-Match`, too, when it has changed in any way;
    at the latest when the time is over. A caller who leaves changes nothing.
    """
    seconds, known = wait_seconds(wait), request.headers.get("if-none-match")
    runs, caller = services.runs, caller_of(request)
    looking = (
        runs.until_ended(caller, run_id, seconds) if known is None else _changed(runs, caller, run_id, known, seconds)
    )
    run = await (while_there(request, looking) if seconds else looking)
    return _shown(run, known=known)


@get("/runs/{run_id:str}/events", operation_id="followRun", needs=Scope.READ)
async def follow_run(
    run_id: FromPath[str], request: AnyRequest, services: Core, after: After = 0
) -> Stream | Response[None]:
    """The events of a run as they come, the last of which is its end and carries the run; 204 where nothing is left.

    They are told from the record, so that a stream can be resumed anywhere, and after any restart.
    """
    known = await services.runs.get(caller_of(request), run_id)
    seen = last_event_id(request.headers.get("last-event-id"))
    told = seen if seen is not None else after
    last = last_of(known, told, "after" if seen is None else "Last-Event-ID")
    if known.state.ended and told == last:
        return Response(None, status_code=204)
    events = event_stream(services.runs, caller_of(request), known, told, request_name(request))
    return Stream(events, media_type=CONTENT_TYPE, headers=HEADERS)


@post("/runs/{run_id:str}/cancel", status_code=202, operation_id="cancelRun", needs=Scope.RUN)
async def cancel_run(run_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes | None]:
    """Have a run canceled: at once where it waits, soon where it is worked on; 200 where that was asked before."""
    before = await services.runs.get(caller_of(request), run_id)
    run = await services.runs.cancel(caller_of(request), run_id)
    return _shown(run, status=200 if before.canceling else 202)


async def _changed(runs: Runs, caller: Caller, run_id: str, known: str, seconds: float) -> Run:
    """The run when its tag is none that the caller knows, or as it is when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    run = await runs.get(caller, run_id)
    while loop.time() < deadline and named(known, etag(_body(run))):
        seen, run = run, await runs.wait(run, deadline - loop.time())
        if run is seen:
            break
    return run


def wait_seconds(given: str | None) -> float:
    """Seconds as `30` or `30s`.

    Raises:
        InvalidInput: they are none, or more than a request may wait.
    """
    if given is None:
        return 0.0
    found = _SECONDS.fullmatch(given)
    if found is None or float(found[1]) > MAX_WAIT:
        raise InvalidInput(f"It is not a number of seconds up to {MAX_WAIT:g}, such as 30s.", field="wait")
    return float(found[1])


def _shown(run: Run, *, status: int = 200, known: str | None = None) -> Response[bytes | None]:
    """The run with its tag, or only its tag where the caller knows it."""
    body = _body(run)
    headers = {"etag": etag(body)}
    if not run.state.ended:
        headers["retry-after"] = str(math.ceil(POLL_INTERVAL))
    if named(known, headers["etag"]):
        return Response(None, status_code=304, headers=headers)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _body(run: Run) -> bytes:
    return msgspec.json.encode(run_view(run))


RUNS: Final = (get_run, follow_run, cancel_run)
