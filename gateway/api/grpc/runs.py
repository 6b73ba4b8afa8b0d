"""`gateway.v1.Runs`: each method converts, calls the core, and converts back."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from gateway.api.grpc.deadlines import within_deadline
from gateway.api.grpc.entering import caller, needs
from gateway.api.grpc.pages import page_limit
from gateway.api.services import Services
from gateway.domain.access import Scope
from gateway.domain.run_events import last_of
from gateway.errors import InvalidInput
from gateway.limits import HEARTBEAT, MAX_WAIT
from gateway.v1 import runs_pb2, runs_pb2_grpc
from gateway.wire import run_protos as protos

Context = grpc.aio.ServicerContext[Any, Any]


class Runs(runs_pb2_grpc.RunsServicer):
    """Runs: read, waited for, followed and canceled."""

    def __init__(self, services: Services):
        self._services = services

    @needs(Scope.READ)
    async def GetRun(self, request: runs_pb2.GetRunRequest, context: Context) -> runs_pb2.Run:
        """One run."""
        return protos.run(await self._services.runs.get(caller(), request.run_id))

    @needs(Scope.READ)
    async def ListRuns(self, request: runs_pb2.ListRunsRequest, context: Context) -> runs_pb2.ListRunsResponse:
        """A page of the runs of one execution."""
        limit = page_limit(request.limit)
        page = await self._services.runs.page(caller(), request.execution_id, limit, request.cursor or None)
        return runs_pb2.ListRunsResponse(runs=map(protos.run, page.runs), next_cursor=page.next_cursor or "")

    @needs(Scope.READ)
    async def WaitRun(self, request: runs_pb2.WaitRunRequest, context: Context) -> runs_pb2.Run:
        """The run when it has ended, or as it is when the time is over."""
        seconds = within_deadline(context, _wait(request.timeout))
        return protos.run(await self._services.runs.until_ended(caller(), request.run_id, seconds))

    @needs(Scope.READ)
    async def WatchRun(self, request: runs_pb2.WatchRunRequest, context: Context) -> AsyncIterator[runs_pb2.RunEvent]:
        """The events of a run, up to its end."""
        runs, told = self._services.runs, request.after_sequence
        known = await runs.get(caller(), request.run_id)
        last = last_of(known, told, "after_sequence")
        # The end is told again to whoever has seen it: a stream without one is asked for again.
        told = min(told, last - 1) if known.state.ended else told
        async for event in runs.events(known, told, HEARTBEAT):
            if event is not None:
                whole = await runs.get(caller(), request.run_id) if event.state.ended else None
                yield protos.run_event(event, whole)

    @needs(Scope.RUN)
    async def CancelRun(self, request: runs_pb2.CancelRunRequest, context: Context) -> runs_pb2.Run:
        """Have a run canceled."""
        return protos.run(await self._services.runs.cancel(caller(), request.run_id))


def _wait(timeout: float) -> float:
    if not 0 <= timeout <= MAX_WAIT:
        raise InvalidInput(f"The timeout is not between 0 and {MAX_WAIT:g} seconds.", field="timeout")
    return timeout or MAX_WAIT
