"""Runs: for a caller that waits, with one commit before the reply; or accepted durably, for a worker to take up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from gateway.core import attempt
from gateway.core.admission import Admission
from gateway.core.admitted import Admitted, Gatekeeper
from gateway.core.dispatch import Dispatcher, Work, timed_out
from gateway.core.observations import seeded
from gateway.core.pipelines import Pipelines
from gateway.core.staging import Staging
from gateway.domain.calls import Accepted, Call, Outcome
from gateway.domain.ids import is_uuid, known_form, now
from gateway.domain.observations import observation_json
from gateway.domain.runs import Run, RunPage, RunState
from gateway.errors import GatewayError, Internal, InvalidInput, RunCanceled, RunNotFound, Unavailable
from gateway.ports import AcceptedRun, ExecutionStore, FinishedRun, RunStore

log = logging.getLogger(__name__)


class Runs:
    """Runs pipelines, and reads the records of runs."""

    def __init__(
        self,
        pipelines: Pipelines,
        executions: ExecutionStore,
        store: RunStore,
        dispatcher: Dispatcher,
        staging: Staging,
        admission: Admission,
        *,
        clock: Callable[[], datetime] = now,
    ):
        self.admission = admission
        self._pipelines = pipelines
        self._gate = Gatekeeper(pipelines, executions)
        self._store = store
        self._dispatcher = dispatcher
        self._staging = staging
        self._clock = clock
        #: Records in the making of runs whose callers have gone.
        self._departed: set[asyncio.Task[None]] = set()

    async def execute_sync(self, call: Call) -> Outcome:
        """Run a pipeline while the caller waits, and keep what it found; the observation of this run is returned.

        Raises:
            PipelineNotFound, PipelineNotReady, InvalidInput, ...: refused; nothing was recorded.
            MediaUnreadable, TritonFailed, RunTimeout, ...: the run failed, and its record says so.
            StorageUnavailable: the outcome could not be recorded.
        """
        admitted = await self._gate.admit(call, self._clock(), RunState.RUNNING)
        media = admitted.media or await self._staging.stored(admitted.stored)
        work = Work(admitted.run.run_id, admitted.pipeline, media, admitted.named, call.parameters, [])
        contents = await self._contents(admitted, work)
        return await self._complete(admitted, work, contents)

    async def _contents(self, admitted: Admitted, work: Work) -> list[bytes]:
        try:
            return await self._dispatcher.contents(work, admitted.call.timeout)
        except asyncio.CancelledError:
            self._record_departure(admitted, work)
            raise
        except GatewayError as error:
            await self._fail(admitted, work, error)
            raise
        except Exception as failure:
            log.exception("run.broke", extra={"run_id": work.run_id})
            unforeseen = Internal()
            await self._fail(admitted, work, unforeseen)
            raise unforeseen from failure

    async def _complete(self, admitted: Admitted, work: Work, contents: list[bytes]) -> Outcome:
        call, at = admitted.call, self._clock()
        run = attempt.completed(admitted.run, work, at)
        seed, found = seeded(call.seed, at), attempt.entries(run, work, contents, at)
        await self._store.finish(
            FinishedRun(
                new=admitted.new,
                run=run,
                seed=() if call.transient else seed,
                entries=() if call.transient else found,
                supersedes=call.idempotent,
                tag=call.tag,
                meta_data=call.meta_data,
            )
        )
        return Outcome(run.execution_id, run.run_id, observation_json(run.execution_id, (*seed, *found)))

    async def _fail(self, admitted: Admitted, work: Work, error: GatewayError) -> None:
        if isinstance(error, Unavailable):
            self._pipelines.suspect()
        run = attempt.failed(admitted.run, work, error, self._clock())
        await self._store.finish(FinishedRun(new=admitted.new, run=run))
        error.execution_id, error.run_id = run.execution_id, run.run_id
        log.info("run.failed", extra={"run_id": run.run_id, "code": error.code})

    def _record_departure(self, admitted: Admitted, work: Work) -> None:
        """The caller has gone, and its task with it; the record is written all the same."""
        seconds = admitted.call.timeout
        elapsed = (self._clock() - admitted.run.created_at).total_seconds()
        error = timed_out(seconds) if elapsed >= seconds else RunCanceled()
        task = asyncio.create_task(self._fail(admitted, work, error))
        self._departed.add(task)
        task.add_done_callback(self._departure_recorded)

    def _departure_recorded(self, task: "asyncio.Task[None]") -> None:
        self._departed.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("run.departure_lost", exc_info=task.exception())

    async def execute_async(self, call: Call) -> Accepted:
        """Accept a run for the background; it is durable when this returns.

        Raises:
            PipelineNotFound, PipelineNotReady, InvalidInput, ...: refused; nothing was recorded.
            StorageUnavailable: it cannot be said to be accepted.
        """
        if call.transient:
            raise InvalidInput("A transient run in the background has nobody to tell what it found.", field="transient")
        at = self._clock()
        admitted = await self._gate.admit(call, at, RunState.QUEUED)
        request = await self._staging.staged(admitted)
        accepted = AcceptedRun(
            new=admitted.new,
            run=admitted.run,
            request=request,
            seed=seeded(call.seed, at),
            tag=call.tag,
            meta_data=call.meta_data,
        )
        await self._staged_or_dropped(request.staged, self._store.accept(accepted))
        return Accepted(admitted.run.execution_id, admitted.run.run_id)

    async def _staged_or_dropped(self, blobs: tuple[str, ...], writing: Awaitable[None]) -> None:
        """A run that was refused at the last moment leaves no blobs; one that may be written keeps them."""
        try:
            await writing
        except GatewayError as error:
            if not isinstance(error, Unavailable):
                await self._staging.drop(blobs)
            raise

    async def close(self) -> None:
        """Wait until the runs of callers who have gone are recorded."""
        await asyncio.gather(*self._departed, return_exceptions=True)

    async def get(self, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none of this ID.
        """
        if not is_uuid(run_id):
            raise RunNotFound
        return await self._store.get(run_id)

    async def page(self, execution_id: str, limit: int, cursor: str | None) -> RunPage:
        """A page of the runs of an execution, oldest first.

        Raises:
            ExecutionNotFound: there is no such execution.
            InvalidInput: the cursor is not one that this list gave.
        """
        if cursor is not None and not is_uuid(cursor):
            raise InvalidInput("The cursor is not one that this list gave.", field="cursor")
        found = await self._store.page(known_form(execution_id), limit + 1, cursor)
        runs = found[:limit]
        return RunPage(runs, runs[-1].run_id if len(found) > limit else None)
