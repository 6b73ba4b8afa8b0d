"""One try of a run: its names, its clock, and the record it leaves whichever way it ends."""

from datetime import datetime

import msgspec

from gateway.domain.executions import NewExecution
from gateway.domain.ids import new_id
from gateway.domain.media import Media
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Pipeline
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import GatewayError, RunCanceled, RunTimeout
from gateway.ports import Dispatch, FinishedRun


class Attempt:
    """A run in hand, on an execution that it brings about."""

    def __init__(self, pipeline: Pipeline, execution: NewExecution, media: tuple[Media, ...]):
        self.pipeline = pipeline
        self.execution = execution
        self.run_id = new_id()
        self.media = media
        #: One per inference; the engine fills them in.
        self.dispatches: list[Dispatch] = []

    def completed(self, contents: list[bytes], at: datetime) -> FinishedRun:
        """The record of success: one entry per inference, in call order."""
        media_ids: list[str | None] = [*(each.media_id for each in self.media)] or [None]
        entries = tuple(
            Entry(
                entry_id=new_id(),
                media_id=media_id,
                run_id=self.run_id,
                pipeline_id=self.pipeline.pipeline_id,
                pipeline_version=self.pipeline.version,
                created_at=at,
                content=content,
            )
            for media_id, content in zip(media_ids, contents, strict=True)
        )
        return FinishedRun(self.execution, self._run(RunState.COMPLETED, at), entries)

    def failed(self, error: GatewayError, at: datetime) -> FinishedRun:
        """The record of failure, which changes no observation."""
        states = {RunTimeout: RunState.TIMED_OUT, RunCanceled: RunState.CANCELED}
        state = states.get(type(error), RunState.FAILED)
        run = msgspec.structs.replace(self._run(state, at), error=RunError.of(error))
        return FinishedRun(self.execution, run, ())

    def _run(self, state: RunState, at: datetime) -> Run:
        return Run(
            run_id=self.run_id,
            execution_id=self.execution.execution_id,
            pipeline_id=self.pipeline.pipeline_id,
            pipeline_version=self.pipeline.version,
            state=state,
            attempt=1,
            media_count=len(self.media),
            created_at=self.execution.created_at,
            started_at=self.execution.created_at,
            completed_at=at,
            timings=self._timings(at),
            model_versions=self.pipeline.model_versions,
        )

    def _timings(self, at: datetime) -> Timings:
        """Inferences that overlap share the wall clock in proportion, so that the parts add up to the whole."""
        total = (at - self.execution.created_at).total_seconds()
        waited = sum(each.waited for each in self.dispatches)
        computed = sum(each.computed for each in self.dispatches)
        overlap = min(1.0, total / (waited + computed)) if waited + computed else 0.0
        parts = waited * overlap, computed * overlap, total - (waited + computed) * overlap
        return Timings(*(round(part * 1000, 3) for part in parts))
