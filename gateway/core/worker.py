"""A worker: takes up runs in the background, and ends each with one fenced write."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from gateway import metrics, telemetry, tracing
from gateway.core import attempt, inputs, retrying
from gateway.core.dispatch import Dispatcher, Work
from gateway.core.following import Following
from gateway.core.holding import Held, Holding, Reason
from gateway.core.pipelines import Pipelines
from gateway.core.quotas import Quotas
from gateway.core.retrying import persistently
from gateway.core.staging import Staging
from gateway.core.telling import Telling, changed
from gateway.domain.access import EVERYTHING
from gateway.domain.calls import RunRequest
from gateway.domain.ids import new_id, now
from gateway.domain.observations import Entry
from gateway.domain.runs import Run, RunError
from gateway.errors import Draining, GatewayError, Internal, PipelineNotReady, RunCanceled, WorkerLost
from gateway.ports import ClaimedRun, DeliveryStore, DueRun, FinishedRun, RunStore

log = logging.getLogger(__name__)


class Worker:
    """Runs one run after another, as it is woken for them."""

    def __init__(
        self,
        pipelines: Pipelines,
        store: RunStore,
        dispatcher: Dispatcher,
        staging: Staging,
        holding: Holding,
        following: Following,
        quotas: Quotas,
        telling: Telling,
        deliveries: DeliveryStore,
        *,
        lease: float,
        clock: Callable[[], datetime] = now,
    ):
        self.worker_id = new_id()
        self._pipelines = pipelines
        self._store = store
        self._dispatcher = dispatcher
        self._staging = staging
        self._holding = holding
        self._following = following
        self._quotas = quotas
        self._telling = telling
        self._deliveries = deliveries
        self._lease = lease
        self._clock = clock

    async def take_up(self, due: DueRun) -> None:
        """Run a run if it waits for somebody, and those of its pipeline that had to wait for it to end.

        One whose pipeline cannot be run now is left for later. Cancelled, what is in hand is handed back at once.
        """
        if not self._pipelines.can_run(due.pipeline_id):
            return
        if not self._quotas.take(due.pipeline_id):
            return
        try:
            await self._take(due.run_id)
            while await self._next(due.pipeline_id):
                pass
        finally:
            self._quotas.give_back(due.pipeline_id)

    async def _next(self, pipeline_id: str) -> bool:
        """Run one more run of a pipeline, where some had to wait; False where none is to be expected."""
        refused = self._quotas.last_refused(pipeline_id)
        if refused is None or not self._pipelines.can_run(pipeline_id):
            return False
        for run_id in await self._store.due(pipeline_id, self._quotas.looks):
            if await self._take(run_id):
                return True
        self._quotas.none_waits(pipeline_id, refused)
        # One may have found no place while this look was made.
        return self._quotas.last_refused(pipeline_id) is not None

    async def give_up(self, run_id: str) -> None:
        """Let a run fail that has waited for its pipeline for too long."""
        claimed = await self._store.claim(run_id, self.worker_id, self._lease)
        if claimed is not None:
            await self._end_refused(claimed, PipelineNotReady("The pipeline was not ready for too long."))

    async def _take(self, run_id: str) -> bool:
        """Claim a run and work on it; False where it is not to be had."""
        claimed = await self._store.claim(run_id, self.worker_id, self._lease)
        if claimed is None:
            return False
        self._following.changed(run_id)
        if (waited := claimed.run.waited) is not None:
            metrics.RUN_WAIT_SECONDS.observe(waited)
        with telemetry.about(run_id=run_id):
            work = asyncio.create_task(self._work_on(claimed))
        with self._holding.hold(claimed.run, work) as held:
            try:
                await work
            except asyncio.CancelledError:
                await self._let_go(claimed, held)
                if _being_stopped():
                    raise
            finally:
                self._following.changed(run_id)
        return True

    async def _let_go(self, claimed: ClaimedRun, held: Held) -> None:
        """The work was called off, or this worker is being stopped."""
        run = claimed.run
        if held.reason is None:
            held.work.cancel()
            await asyncio.gather(held.work, return_exceptions=True)
            await self._hand_back(run, 0.0, Draining())
        elif held.reason is Reason.CANCELED:
            await self._end_refused(claimed, RunCanceled("The run was canceled."))
        else:
            metrics.LOST.inc()
            log.warning("run.lost", extra={"run_id": run.run_id, "attempt": run.attempt})

    async def _work_on(self, claimed: ClaimedRun) -> None:
        run = claimed.run
        if run.cancel_requested_at is not None:
            await self._end_refused(claimed, RunCanceled("The run was canceled."))
        elif retrying.spent(run):
            await self._end_refused(claimed, WorkerLost("Every worker that took the run up was lost with it."))
        else:
            trace = claimed.request.trace or None
            with tracing.span("run", tracing.CONSUMER, trace, run_id=run.run_id, attempt=run.attempt):
                await self._run(claimed)

    async def _tell_of_beginning(self, claimed: ClaimedRun) -> None:
        """Whoever dies between the claim and this leaves the run to another, who tells of its own beginning."""
        request = claimed.request
        if not request.hook_ids:
            return
        audience = await self._telling.of_request(request)
        events = changed(claimed.run, self._clock())
        told = audience.deliveries(events, request.found(claimed.run.execution_id), request.media)
        await self._deliveries.write(EVERYTHING, told)
        self._telling.ring(told)

    async def _run(self, claimed: ClaimedRun) -> None:
        run, request = claimed.run, claimed.request
        try:
            await self._tell_of_beginning(claimed)
            pipeline = await self._pipelines.runnable(run.pipeline_id)
            named = inputs.named_values(pipeline, request.inputs)
            media = await self._staging.fetched(request)
        except GatewayError as error:
            await self._fail(claimed, None, error)
            return
        keeps = not request.transient
        work = Work(run.run_id, pipeline, media, named, request.parameters, [], request.conversion, keeps=keeps)
        try:
            contents = await self._dispatcher.contents(work, request.timeout)
        except GatewayError as error:
            await self._fail(claimed, work, error)
        except Exception:
            log.exception("run.broke", extra={"run_id": run.run_id})
            await self._fail(claimed, work, Internal())
        else:
            await self._complete(claimed, work, contents)

    async def _complete(self, claimed: ClaimedRun, work: Work, contents: list[bytes]) -> None:
        at = self._clock()
        run = attempt.completed(claimed.run, work, at)
        entries = attempt.entries(run, work, contents, at)
        finished = FinishedRun(run=run, supersedes=claimed.request.idempotent, artifacts=work.made)
        await self._end(claimed, finished, entries)

    async def _fail(self, claimed: ClaimedRun, work: Work | None, error: GatewayError) -> None:
        """What can heal is tried again later; what cannot, and what was tried often enough, has failed."""
        run = claimed.run
        if retrying.heals(error):
            self._pipelines.suspect()
            if not retrying.last(run):
                metrics.RETRIED.inc()
                log.info("run.put_off", extra={"run_id": run.run_id, "code": error.code, "attempt": run.attempt})
                await self._hand_back(run, retrying.pause(run), error)
                return
        if work is None:
            await self._end_refused(claimed, error)
            return
        await self._end(claimed, FinishedRun(run=attempt.failed(run, work, error, self._clock())))

    async def _end_refused(self, claimed: ClaimedRun, error: GatewayError) -> None:
        await self._end(claimed, FinishedRun(run=attempt.refused(claimed.run, error, self._clock())))

    async def _hand_back(self, run: Run, delay: float, why: GatewayError) -> None:
        error = RunError.of(why)
        await persistently(lambda: self._store.hand_back(run.run_id, run.attempt, delay, error), self._lease)

    async def _end(self, claimed: ClaimedRun, finished: FinishedRun, entries: tuple[Entry, ...] = ()) -> None:
        """The one write that ends a run; where another attempt holds the run by now, nothing is written."""
        if await persistently(lambda: self._finish(claimed.request, finished, entries), self._lease):
            log.info("run.ended", extra={"run_id": finished.run.run_id, "state": finished.run.state})
            if claimed.request.hook_ids:
                await self._staging.release(finished.run.run_id, claimed.request.staged)
            else:
                await self._staging.drop(claimed.request.staged)
        else:
            metrics.LOST.inc()
            log.warning("run.lost", extra={"run_id": finished.run.run_id, "attempt": finished.run.attempt})

    async def _finish(self, request: RunRequest, finished: FinishedRun, entries: tuple[Entry, ...]) -> bool:
        """Write the end of a run, with who is told of it; of a transient one they alone learn what it found."""
        run = finished.run
        audience = await self._telling.of_request(request)
        events = changed(run, run.completed_at or self._clock(), updated=bool(entries))
        told = audience.deliveries(events, request.found(run.execution_id, entries), request.media)
        kept = () if request.transient else entries
        with tracing.span("commit"):
            written = await self._store.finish_claimed(msgspec.structs.replace(finished, entries=kept, deliveries=told))
        self._telling.ring(told)
        return written


def _being_stopped() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
