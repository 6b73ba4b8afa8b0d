"""Running a pipeline for a caller that waits: dispatch to Triton, assemble, one commit before the reply."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from gateway.core import inputs, results
from gateway.core.admission import Admission
from gateway.core.attempt import Attempt
from gateway.core.pipelines import Pipelines
from gateway.domain.calls import Call, Outcome
from gateway.domain.executions import Execution, NewExecution
from gateway.domain.ids import EXECUTION_ID, is_uuid, new_id, now
from gateway.domain.media import Media
from gateway.domain.observations import observation_json
from gateway.domain.runs import Run, RunPage
from gateway.domain.tensors import Value
from gateway.errors import (
    ExecutionNotFound,
    GatewayError,
    Internal,
    InvalidInput,
    MediaRefused,
    RunCanceled,
    RunNotFound,
    RunTimeout,
    TritonFailed,
    Unavailable,
)
from gateway.limits import MEDIA_IN_PARALLEL
from gateway.ports import Dispatch, ImageDecoder, Inference, InferenceEngine, Ledger

log = logging.getLogger(__name__)


class Runs:
    """Runs pipelines and reads their records."""

    def __init__(
        self,
        pipelines: Pipelines,
        engine: InferenceEngine,
        ledger: Ledger,
        images: ImageDecoder,
        admission: Admission,
        *,
        clock: Callable[[], datetime] = now,
    ):
        self.admission = admission
        self._pipelines = pipelines
        self._engine = engine
        self._ledger = ledger
        self._images = images
        self._clock = clock
        #: Records in the making of runs whose callers have gone.
        self._departed: set[asyncio.Task[None]] = set()

    async def execute_sync(self, call: Call) -> Outcome:
        """Run a pipeline on the media of one call, and keep what it found as a new execution.

        Raises:
            PipelineNotFound, PipelineNotReady, InvalidInput: refused; nothing was recorded.
            MediaUnreadable, TritonFailed, RunTimeout, ...: the run failed, and its record says so.
            StorageUnavailable: the outcome could not be recorded.
        """
        created = self._clock()
        pipeline = await self._pipelines.runnable(call.pipeline_id)
        pipeline.check_inputs(call.inputs, len(call.media))
        named = inputs.named_values(pipeline, call.inputs)
        execution = NewExecution(execution_id=new_id(), created_at=created, tag=call.tag, meta_data=call.meta_data)
        attempt = Attempt(pipeline, execution, call.media)
        try:
            contents = await self._within(call.timeout, attempt, named)
        except asyncio.CancelledError:
            self._record_departure(attempt, call.timeout)
            raise
        except GatewayError as error:
            await self._fail(attempt, error)
            raise
        except Exception as failure:
            log.exception("run.broke", extra={"run_id": attempt.run_id})
            unforeseen = Internal()
            await self._fail(attempt, unforeseen)
            raise unforeseen from failure
        finished = attempt.completed(contents, self._clock())
        await self._ledger.finish(finished)
        observation = observation_json(execution.execution_id, finished.entries)
        return Outcome(execution.execution_id, attempt.run_id, observation)

    def _record_departure(self, attempt: Attempt, seconds: float) -> None:
        """The caller has gone, and its task with it; the record is written all the same."""
        elapsed = (self._clock() - attempt.execution.created_at).total_seconds()
        error = _timeout(seconds) if elapsed >= seconds else RunCanceled()
        task = asyncio.create_task(self._fail(attempt, error))
        self._departed.add(task)
        task.add_done_callback(self._departure_recorded)

    def _departure_recorded(self, task: "asyncio.Task[None]") -> None:
        self._departed.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("run.departure_lost", exc_info=task.exception())

    async def close(self) -> None:
        """Wait until the runs of callers who have gone are recorded."""
        await asyncio.gather(*self._departed, return_exceptions=True)

    async def _fail(self, attempt: Attempt, error: GatewayError) -> None:
        if isinstance(error, Unavailable):
            self._pipelines.suspect()
        await self._ledger.finish(attempt.failed(error, self._clock()))
        error.execution_id, error.run_id = attempt.execution.execution_id, attempt.run_id
        log.info("run.failed", extra={"run_id": attempt.run_id, "code": error.code})

    async def _within(self, seconds: float, attempt: Attempt, named: tuple[Value, ...]) -> list[bytes]:
        try:
            async with asyncio.timeout(seconds):
                return await self._infer_all(attempt, named)
        except TimeoutError:
            raise _timeout(seconds) from None

    async def _infer_all(self, attempt: Attempt, named: tuple[Value, ...]) -> list[bytes]:
        if len(attempt.media) < 2:
            media = attempt.media[0] if attempt.media else None
            return [await self._infer(attempt, 0, media, named)]
        places = asyncio.Semaphore(MEDIA_IN_PARALLEL)

        async def one(index: int, media: Media) -> bytes:
            async with places:
                return await self._infer(attempt, index, media, named)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(index, media)) for index, media in enumerate(attempt.media)]
        except* Exception as failures:  # noqa: BLE001 - the first of them is raised as it is
            raise _first(failures) from None
        return [task.result() for task in tasks]

    async def _infer(self, attempt: Attempt, index: int, media: Media | None, named: tuple[Value, ...]) -> bytes:
        pipeline = attempt.pipeline
        dispatch = Dispatch()
        attempt.dispatches.append(dispatch)
        try:
            values = named if media is None else (await inputs.media_value(pipeline, media, self._images), *named)
            request = Inference(pipeline.pipeline_id, values, attempt.run_id)
            return results.content(pipeline, await self._engine.infer(request, dispatch))
        except MediaRefused as error:
            if error.step is not None and error.step not in pipeline.models:
                # Not one of our steps' refusals, whatever it looks like.
                raise TritonFailed from error
            error.field = f"media[{index}]"
            raise

    async def run(self, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none of this ID.
        """
        if not is_uuid(run_id):
            raise RunNotFound
        return await self._ledger.run(run_id)

    async def page(self, execution_id: str, limit: int, cursor: str | None) -> RunPage:
        """A page of the runs of an execution, oldest first.

        Raises:
            ExecutionNotFound: there is no such execution.
            InvalidInput: the cursor is not one that this list gave.
        """
        if cursor is not None and not is_uuid(cursor):
            raise InvalidInput("The cursor is not one that this list gave.", field="cursor")
        found = await self._ledger.runs(known_form(execution_id), limit + 1, cursor)
        runs = found[:limit]
        return RunPage(runs, runs[-1].run_id if len(found) > limit else None)

    async def execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        return await self._ledger.execution(known_form(execution_id))

    async def observation(self, execution_id: str) -> bytes:
        """The observation of an execution, as a JSON document.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        return observation_json(execution_id, await self._ledger.entries(known_form(execution_id)))


def known_form(execution_id: str) -> str:
    """`execution_id`, where it has the form of one.

    Raises:
        ExecutionNotFound: there can be none of this ID.
    """
    if not EXECUTION_ID.fullmatch(execution_id):
        raise ExecutionNotFound
    return execution_id


def _timeout(seconds: float) -> RunTimeout:
    return RunTimeout(f"The run did not end within its deadline of {seconds:.3g} s.")


def _first(failures: BaseExceptionGroup[Exception]) -> Exception:
    """The failure that came first; the others followed from it or do not matter beside it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
