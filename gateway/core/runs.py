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
from gateway.domain.ids import is_uuid, new_id, now
from gateway.domain.media import Media
from gateway.domain.observations import observation_json
from gateway.domain.runs import Run, RunPage
from gateway.domain.tensors import Value
from gateway.errors import (
    GatewayError,
    InvalidInput,
    MediaLimit,
    MediaUnreadable,
    RunNotFound,
    RunTimeout,
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
        except GatewayError as error:
            await self._fail(attempt, error)
            raise
        finished = attempt.completed(contents, self._clock())
        await self._ledger.finish(finished)
        observation = observation_json(execution.execution_id, finished.entries)
        return Outcome(execution.execution_id, attempt.run_id, observation)

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
            raise RunTimeout(f"The run did not end within its deadline of {seconds:g} s.") from None

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
        except* GatewayError as failures:
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
        except (MediaUnreadable, MediaLimit) as error:
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
        found = await self._ledger.runs(execution_id, limit + 1, cursor)
        runs = found[:limit]
        return RunPage(runs, runs[-1].run_id if len(found) > limit else None)

    async def execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        return await self._ledger.execution(execution_id)

    async def observation(self, execution_id: str) -> bytes:
        """The observation of an execution, as a JSON document.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        return observation_json(execution_id, await self._ledger.entries(execution_id))


def _first(failures: BaseExceptionGroup[GatewayError]) -> GatewayError:
    """The failure that came first; the others followed from it or do not matter beside it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
