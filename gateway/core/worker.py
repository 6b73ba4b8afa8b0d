"""A worker: takes up runs in the background, holds them while it lives, and ends each with one fenced write."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from gateway.core import attempt, inputs
from gateway.core.dispatch import Dispatcher, Work
from gateway.core.pipelines import Pipelines
from gateway.core.staging import Staging
from gateway.domain.ids import now
from gateway.errors import GatewayError, Internal, Overloaded, Unavailable
from gateway.limits import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS, RECONCILE_INTERVAL, RUN_LEASE
from gateway.ports import ClaimedRun, FinishedRun, RunStore

log = logging.getLogger(__name__)


class Worker:
    """Runs one run after another, as it is woken for them."""

    def __init__(
        self,
        pipelines: Pipelines,
        store: RunStore,
        dispatcher: Dispatcher,
        staging: Staging,
        *,
        clock: Callable[[], datetime] = now,
    ):
        self._pipelines = pipelines
        self._store = store
        self._dispatcher = dispatcher
        self._staging = staging
        self._clock = clock
        #: What it holds: each run by its attempt.
        self._held: dict[str, int] = {}

    async def take_up(self, run_id: str) -> None:
        """Run `run_id` if it waits for somebody, and write its end; cancelled, hand it back at once."""
        claimed = await self._store.claim(run_id, RUN_LEASE)
        if claimed is None:
            return
        run = claimed.run
        self._held[run.run_id] = run.attempt
        try:
            await self._run(claimed)
        except asyncio.CancelledError:
            await self._store.hand_back(run.run_id, run.attempt, 0.0)
            raise
        finally:
            self._held.pop(run.run_id, None)

    async def _run(self, claimed: ClaimedRun) -> None:
        run, request = claimed.run, claimed.request
        try:
            pipeline = await self._pipelines.runnable(run.pipeline_id)
            named = inputs.named_values(pipeline, request.inputs)
            media = await self._staging.fetched(request)
        except GatewayError as error:
            await self._fail(claimed, None, error)
            return
        work = Work(run.run_id, pipeline, media, named, request.parameters, [])
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
        await self._end(claimed, FinishedRun(run=run, entries=entries, supersedes=claimed.request.idempotent))

    async def _fail(self, claimed: ClaimedRun, work: Work | None, error: GatewayError) -> None:
        """What can heal is tried again later; what cannot, and what was tried often enough, has failed."""
        run = claimed.run
        if isinstance(error, Unavailable | Overloaded) and run.attempt < MAX_ATTEMPTS:
            self._pipelines.suspect()
            delay = min(LONGEST_RETRY, FIRST_RETRY * 2 ** (run.attempt - 1))
            log.info("run.put_off", extra={"run_id": run.run_id, "code": error.code, "attempt": run.attempt})
            await self._store.hand_back(run.run_id, run.attempt, delay)
            return
        at = self._clock()
        failed = attempt.failed(run, work, error, at) if work else attempt.refused(run, error, at)
        await self._end(claimed, FinishedRun(run=failed))

    async def _end(self, claimed: ClaimedRun, finished: FinishedRun) -> None:
        """The one write that ends a run; where another attempt holds the run by now, nothing is written."""
        if await self._store.finish_claimed(finished):
            log.info("run.ended", extra={"run_id": finished.run.run_id, "state": finished.run.state})
            await self._staging.drop(claimed.request.staged)
        else:
            log.warning("run.lost", extra={"run_id": finished.run.run_id, "attempt": finished.run.attempt})

    async def keep(self) -> None:
        """Extend what it holds and wake workers for what nobody holds, again and again; ends when cancelled."""
        while True:
            await asyncio.sleep(min(RUN_LEASE / 3, RECONCILE_INTERVAL))
            try:
                await self._store.extend(list(self._held.items()), RUN_LEASE)
                await self._store.wake_overdue()
            except Unavailable:
                log.warning("worker.store_away")
            except Exception:
                log.exception("worker.keep_failed")
