"""Calls that are waited for: run at once, with one commit before the reply."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from gateway import telemetry, tracing
from gateway.core import attempt
from gateway.core.admitted import Admitted, Gatekeeper
from gateway.core.dispatch import Dispatcher, Work, timed_out
from gateway.core.keys import Keys, frees, key_of
from gateway.core.observations import seeded
from gateway.core.pipelines import Pipelines
from gateway.core.replays import Replays
from gateway.core.staging import Staging
from gateway.core.telling import Telling, changed
from gateway.domain.access import Caller
from gateway.domain.calls import Call, Outcome
from gateway.domain.deliveries import Delivery
from gateway.domain.keys import Key, KeyUse
from gateway.domain.observations import observation_json
from gateway.domain.runs import Run, RunState
from gateway.errors import GatewayError, Internal, InvalidInput, RunCanceled, Unavailable
from gateway.ports import FinishedRun, RunStore

log = logging.getLogger(__name__)


class SyncCalls:
    """Runs pipelines while their callers wait."""

    def __init__(
        self,
        gate: Gatekeeper,
        pipelines: Pipelines,
        store: RunStore,
        dispatcher: Dispatcher,
        staging: Staging,
        keys: Keys,
        replays: Replays,
        telling: Telling,
        clock: Callable[[], datetime],
    ):
        self._gate = gate
        self._pipelines = pipelines
        self._store = store
        self._dispatcher = dispatcher
        self._staging = staging
        self._keys = keys
        self._replays = replays
        self._telling = telling
        self._clock = clock
        #: Records in the making of runs whose callers have gone.
        self._departed: set[asyncio.Task[None]] = set()

    async def execute(self, caller: Caller, call: Call) -> Outcome:
        """Run a pipeline and keep what it found; see `Runs.execute_sync`."""
        if call.webhook is not None:
            raise InvalidInput("A call that is waited for is answered: leave it out.", field="webhookUrl")
        key = key_of(caller.owner, call)
        if known := await self._keys.earlier(key):
            return await self._replays.answer(caller.sees, known)
        admitted = await self._gate.admit(caller, call, self._clock(), RunState.RUNNING)
        media = admitted.media or await self._staging.stored(admitted.stored)
        run = admitted.run
        telemetry.note(run_id=run.run_id)
        if key is not None and (known := await self._keys.reserve(key, run.run_id, run.execution_id, call.timeout)):
            return await self._replays.answer(caller.sees, known)
        work = Work(
            run.run_id,
            admitted.pipeline,
            media,
            admitted.named,
            call.parameters,
            [],
            call.conversion,
            keeps=not call.transient,
        )
        contents = await self._contents(admitted, work, key)
        return await self._complete(admitted, work, contents, key)

    async def _contents(self, admitted: Admitted, work: Work, key: Key | None) -> list[bytes]:
        try:
            return await self._dispatcher.contents(work, admitted.call.timeout)
        except asyncio.CancelledError:
            self._record_departure(admitted, work, key)
            raise
        except GatewayError as error:
            await self._fail(admitted, work, error, key)
            raise
        except Exception as failure:
            log.exception("run.broke", extra={"run_id": work.run_id})
            unforeseen = Internal()
            await self._fail(admitted, work, unforeseen, key)
            raise unforeseen from failure

    async def _complete(self, admitted: Admitted, work: Work, contents: list[bytes], key: Key | None) -> Outcome:
        call, at = admitted.call, self._clock()
        run = attempt.completed(admitted.run, work, at)
        seed, found = seeded(call.seed, at), attempt.entries(run, work, contents, at)
        observation = observation_json(run.execution_id, (*seed, *found))
        finished = FinishedRun(
            new=admitted.new,
            sees=admitted.sees,
            run=run,
            seed=() if call.transient else seed,
            entries=() if call.transient else found,
            artifacts=work.made,
            supersedes=call.idempotent,
            tag=call.tag,
            meta_data=call.meta_data,
            key=KeyUse(key=key) if key else None,
            deliveries=await self._told(admitted, run, at, observation),
        )
        await self._finish(finished)
        return Outcome(run.execution_id, run.run_id, observation)

    async def _told(
        self, admitted: Admitted, run: Run, at: datetime, observation: bytes | None
    ) -> tuple[Delivery, ...]:
        """Who is told of the end of a run; the media are stored where somebody wants them along."""
        audience = admitted.audience
        if not audience:
            return ()
        events = changed(run, at, updated=observation is not None)
        documents = await self._staging.documents(admitted) if audience.wants_documents(events) else ()
        kept_nowhere = (observation or observation_json(run.execution_id, ())) if admitted.call.transient else None
        return audience.deliveries(events, kept_nowhere, documents)

    async def _finish(self, finished: FinishedRun) -> None:
        try:
            with tracing.span("commit"):
                await self._store.finish(finished)
        except GatewayError as error:
            blobs = {each.blob for told in finished.deliveries for each in told.documents}
            if blobs and not isinstance(error, Unavailable):
                await self._staging.release(finished.run.run_id, sorted(blobs))
            raise
        self._telling.ring(finished.deliveries)

    async def _fail(self, admitted: Admitted, work: Work, error: GatewayError, key: Key | None) -> None:
        if isinstance(error, Unavailable):
            self._pipelines.suspect()
        at = self._clock()
        run = attempt.failed(admitted.run, work, error, at)
        use = KeyUse(key=key, freed=frees(error)) if key else None
        told = await self._told(admitted, run, at, None)
        await self._finish(FinishedRun(new=admitted.new, sees=admitted.sees, run=run, key=use, deliveries=told))
        error.execution_id, error.run_id = run.execution_id, run.run_id
        log.info("run.failed", extra={"run_id": run.run_id, "code": error.code})

    def _record_departure(self, admitted: Admitted, work: Work, key: Key | None) -> None:
        """The caller has gone, and its task with it; the record is written all the same."""
        seconds = admitted.call.timeout
        elapsed = (self._clock() - admitted.run.created_at).total_seconds()
        error = timed_out(seconds) if elapsed >= seconds else RunCanceled()
        task = asyncio.create_task(self._fail(admitted, work, error, key))
        self._departed.add(task)
        task.add_done_callback(self._departure_recorded)

    def _departure_recorded(self, task: "asyncio.Task[None]") -> None:
        self._departed.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("run.departure_lost", exc_info=task.exception())

    async def close(self) -> None:
        """Wait until the runs of callers who have gone are recorded."""
        await asyncio.gather(*self._departed, return_exceptions=True)
