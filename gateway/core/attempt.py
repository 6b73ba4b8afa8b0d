"""One try of a run: its clock, and the record it leaves whichever way it ends."""

from datetime import datetime

import msgspec

from gateway.core.dispatch import Work
from gateway.domain.artifacts import with_artifacts
from gateway.domain.ids import new_id
from gateway.domain.observations import Entry
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import GatewayError, RunCanceled, RunTimeout


def completed(run: Run, work: Work, at: datetime) -> Run:
    """The record of success, which single pages may have no part in."""
    return _ended(run, work, RunState.COMPLETED_WITH_ERRORS if work.errors else RunState.COMPLETED, at)


def failed(run: Run, work: Work, error: GatewayError, at: datetime) -> Run:
    """The record of failure, which changes no observation."""
    return msgspec.structs.replace(_ended(run, work, _state(error), at), error=RunError.of(error))


def refused(run: Run, error: GatewayError, at: datetime) -> Run:
    """The record of a run that never came to Triton."""
    return msgspec.structs.replace(run, state=_state(error), completed_at=at, error=RunError.of(error))


def _state(error: GatewayError) -> RunState:
    states = {RunTimeout: RunState.TIMED_OUT, RunCanceled: RunState.CANCELED}
    return states.get(type(error), RunState.FAILED)


def entries(run: Run, work: Work, contents: list[bytes], at: datetime) -> tuple[Entry, ...]:
    """What the run found: one entry per inference, in call order."""
    media_ids: list[str | None] = [*(each.media_id for each in work.media)] or [None]
    return tuple(
        Entry(
            entry_id=new_id(),
            media_id=media_id,
            run_id=run.run_id,
            pipeline_id=run.pipeline_id,
            pipeline_version=run.pipeline_version,
            created_at=at,
            content=with_artifacts(content, work.artifacts_of(index)),
        )
        for index, (media_id, content) in enumerate(zip(media_ids, contents, strict=True))
    )


def _ended(run: Run, work: Work, state: RunState, at: datetime) -> Run:
    return msgspec.structs.replace(
        run,
        state=state,
        completed_at=at,
        timings=_timings(run, work, at),
        model_versions=work.pipeline.model_versions,
    )


def _timings(run: Run, work: Work, at: datetime) -> Timings:
    """Inferences that overlap share the wall clock in proportion, so that the parts add up to the whole."""
    began = run.started_at or run.created_at
    total = (at - began).total_seconds()
    waited = sum(each.waited for each in work.dispatches)
    computed = sum(each.computed for each in work.dispatches)
    overlap = min(1.0, total / (waited + computed)) if waited + computed else 0.0
    queued = (began - run.created_at).total_seconds() + waited * overlap
    rest = total - (waited + computed) * overlap
    return Timings(*(round(part * 1000, 3) for part in (queued, computed * overlap, rest)))
