"""Runs: for a caller that waits, or in the background; read, followed and canceled."""

import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

import msgspec

from gateway.core.admission import Admission
from gateway.core.async_calls import AsyncCalls
from gateway.core.backlog import Backlog
from gateway.core.following import Following
from gateway.core.holding import Holding, Reason
from gateway.core.replays import Replays
from gateway.core.staging import Staging
from gateway.core.sync_calls import SyncCalls
from gateway.core.telling import Telling, changed
from gateway.domain.access import Caller
from gateway.domain.calls import Accepted, Call, Outcome
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import is_uuid, known_form
from gateway.domain.run_events import RunEvent
from gateway.domain.runs import Run, RunError, RunPage, RunState
from gateway.errors import (
    GatewayError,
    InvalidInput,
    ResultGone,
    RunCanceled,
    RunFinished,
    RunNotFound,
    RunTimeout,
)
from gateway.limits import ASYNC_TIMEOUT
from gateway.ports import RunStore

log = logging.getLogger(__name__)

_CANCELED: Final = "The run was canceled."


class Runs:
    """Runs pipelines, and knows of every run."""

    def __init__(
        self,
        sync_calls: SyncCalls,
        async_calls: AsyncCalls,
        store: RunStore,
        replays: Replays,
        following: Following,
        holding: Holding,
        staging: Staging,
        admission: Admission,
        backlog: Backlog,
        telling: Telling,
        clock: Callable[[], datetime],
    ):
        self.admission = admission
        self._backlog = backlog
        self._sync_calls = sync_calls
        self._async_calls = async_calls
        self._store = store
        self._replays = replays
        self._following = following
        self._holding = holding
        self._staging = staging
        self._telling = telling
        self._clock = clock

    async def execute_sync(self, caller: Caller, call: Call) -> Outcome:
        """Run a pipeline while the caller waits, and keep what it found; the observation of this run is returned.

        Raises:
            Forbidden, PipelineNotFound, PipelineNotReady, InvalidInput, ...: refused; nothing was recorded.
            MediaUnreadable, TritonFailed, RunTimeout, ...: the run failed, and its record says so.
            KeyReused, KeyInFlight: the call's key names another call, or one that is under way.
            StorageUnavailable: the outcome could not be recorded.
        """
        caller.check_pipeline(call.pipeline_id)
        return await (self._going_on(caller, call) if call.goes_on else self._sync_calls.execute(caller, call))

    async def _going_on(self, caller: Caller, call: Call) -> Outcome:
        """A run in the background that is waited for; when the time is over it goes on without its caller."""
        accepted = await self._async_calls.accept(caller, msgspec.structs.replace(call, timeout=ASYNC_TIMEOUT))
        try:
            return await self._answered(caller, accepted, call.timeout)
        except GatewayError as error:
            # Whatever hinders the answer, the run was accepted: the caller is told its name.
            error.execution_id, error.run_id = accepted.execution_id, accepted.run_id
            raise

    async def _answered(self, caller: Caller, accepted: Accepted, seconds: float) -> Outcome:
        run = await self._replays.run(caller.sees, accepted.run_id)
        try:
            run = await self._following.until_ended(run, seconds, stays=True)
        except RunNotFound:
            raise ResultGone from None
        if not run.state.ended:
            raise RunTimeout(f"The run has not ended within {seconds:.3g} s, and goes on.")
        return await self._replays.outcome(run, accepted.seed, replayed=accepted.replayed)

    async def expect_room(self) -> None:
        """Refuse a call for the background before its body is read, where too many runs wait already.

        Raises:
            Overloaded: they do.
            StorageUnavailable: they cannot be counted.
        """
        await self._backlog.check()

    async def execute_async(self, caller: Caller, call: Call) -> Accepted:
        """Accept a run for the background; it is durable when this returns.

        Raises:
            Forbidden, PipelineNotFound, PipelineNotReady, InvalidInput, ...: refused; nothing was recorded.
            KeyReused, KeyInFlight: the call's key names another call, or one that is under way.
            Overloaded: too many runs wait already.
            StorageUnavailable: it cannot be said to be accepted.
        """
        caller.check_pipeline(call.pipeline_id)
        return await self._async_calls.accept(caller, call)

    async def get(self, caller: Caller, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none of this ID.
        """
        if not is_uuid(run_id):
            raise RunNotFound
        return await self._store.get(caller.sees, run_id)

    async def page(self, caller: Caller, execution_id: str, limit: int, cursor: str | None) -> RunPage:
        """A page of the runs of an execution, oldest first.

        Raises:
            ExecutionNotFound: there is no such execution.
            InvalidInput: the cursor is not one that this list gave.
        """
        if cursor is not None and not is_uuid(cursor):
            raise InvalidInput("The cursor is not one that this list gave.", field="cursor")
        found = await self._store.page(caller.sees, known_form(execution_id), limit + 1, cursor)
        runs = found[:limit]
        return RunPage(runs, runs[-1].run_id if len(found) > limit else None)

    async def wait(self, known: Run, seconds: float) -> Run:
        """The run as soon as it is another than `known`, and `known` itself when the time is over.

        Raises:
            Overloaded: too many callers follow runs.
            RunNotFound: it was removed.
        """
        return await self._following.wait(known, seconds)

    async def until_ended(self, caller: Caller, run_id: str, seconds: float) -> Run:
        """The run when it has ended, or as it is when the time is over, or the gateway stops.

        Raises:
            RunNotFound: there is none of this ID.
            Overloaded: too many callers follow runs.
        """
        return await self._following.until_ended(await self.get(caller, run_id), seconds)

    def events(self, known: Run, after: int, heartbeat: float) -> AsyncIterator[RunEvent | None]:
        """The events of a run behind number `after`, until its end; None where nothing happens for a heartbeat.

        They end before, to be asked for again, when the gateway stops, and after MAX_STREAM_AGE.

        Raises:
            Overloaded: too many callers follow runs.
            RunNotFound: it was removed.
        """
        return self._following.events(known, after, heartbeat)

    async def cancel(self, caller: Caller, run_id: str) -> Run:
        """Have a run canceled: at once where it waits, soon where it is worked on; the run as it is now is returned.

        One that was canceled before is returned as it is.

        Raises:
            RunNotFound: there is none of this ID.
            RunFinished: it has ended otherwise.
        """
        if not is_uuid(run_id):
            raise RunNotFound
        error = RunError.of(RunCanceled(_CANCELED))
        told = await self._told(caller.sees, run_id, error)
        canceled = await self._store.cancel(caller.sees, run_id, error, told)
        run = canceled.run
        if run.state.ended and run.state is not RunState.CANCELED:
            raise RunFinished
        if canceled.blobs:
            await self._staging.release(run_id, canceled.blobs)
        self._telling.ring(told)
        self._holding.call_off(run_id, Reason.CANCELED)
        self._following.changed(run_id)
        log.info("run.cancel_requested", extra={"run_id": run_id, "state": run.state})
        return run

    async def _told(self, sees: str | None, run_id: str, error: RunError) -> tuple[Delivery, ...]:
        """Who is told where a run in the background ends by being canceled."""
        waiting = await self._store.pending(sees, run_id)
        if waiting is None:
            return ()
        audience = await self._telling.of_request(waiting.request)
        at = self._clock()
        run = msgspec.structs.replace(waiting.run, state=RunState.CANCELED, completed_at=at, error=error)
        return audience.deliveries(changed(run, at), waiting.request.found(run.execution_id), waiting.request.media)

    def let_go(self) -> None:
        """Have those who follow runs go, and go on elsewhere: the gateway stops."""
        self._following.let_go()

    async def close(self) -> None:
        """Let those who follow runs go, and wait until the runs of callers who have gone are recorded."""
        await self._following.close()
        await self._sync_calls.close()
