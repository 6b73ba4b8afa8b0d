"""Runs and their events as the REST door sends them; absent is what there is none of."""

from datetime import datetime

import msgspec

from gateway.domain.ids import rfc3339
from gateway.domain.run_events import RunEvent
from gateway.domain.runs import Attempt, Priority, Run, RunError, RunState, Timings


class AttemptView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One try of a run; without an end it is going on."""

    number: int
    worker: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    error: RunError | None = None


class RunUrls(msgspec.Struct):
    """Where a run is looked at, followed and canceled."""

    self: str
    events: str
    cancel: str


class RunView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A run as the wire shows it."""

    run_id: str
    execution_id: str
    pipeline_id: str
    pipeline_version: int | None
    state: RunState
    done: bool
    priority: Priority
    attempt: int
    attempts: list[AttemptView] | None
    media_count: int | None
    created_at: str
    execute_after: str | None = None
    started_at: str | None = None
    cancel_requested_at: str | None = None
    completed_at: str | None = None
    timings: Timings | None = None
    model_versions: dict[str, str] | None
    error: RunError | None = None
    urls: RunUrls | None


class RunEventView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """An event of a run that goes on; that of its end is the run itself."""

    sequence: int
    run_id: str
    state: RunState
    attempt: int | None
    at: str
    error: RunError | None = None


def run_view(run: Run) -> RunView:
    """The wire's form of a run."""
    return RunView(
        run_id=run.run_id,
        execution_id=run.execution_id,
        pipeline_id=run.pipeline_id,
        pipeline_version=run.pipeline_version,
        state=run.state,
        done=run.state.ended,
        priority=run.priority,
        attempt=run.attempt,
        attempts=list(map(_attempt_view, run.attempts)),
        media_count=run.media_count,
        created_at=rfc3339(run.created_at),
        execute_after=_moment(run.execute_after),
        started_at=_moment(run.started_at),
        cancel_requested_at=_moment(run.cancel_requested_at),
        completed_at=_moment(run.completed_at),
        timings=run.timings,
        model_versions=run.model_versions,
        error=run.error,
        urls=_urls(run.run_id),
    )


def event_view(run_id: str, event: RunEvent) -> RunEventView:
    """The wire's form of an event of this run."""
    return RunEventView(
        sequence=event.sequence,
        run_id=run_id,
        state=event.state,
        attempt=event.attempt,
        at=rfc3339(event.at),
        error=event.error,
    )


def _attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        number=attempt.number,
        worker=attempt.worker,
        started_at=_moment(attempt.started_at),
        ended_at=_moment(attempt.ended_at),
        error=attempt.error,
    )


def run_url(run_id: str) -> str:
    """Where a run is looked at."""
    return f"/v1/runs/{run_id}"


def _urls(run_id: str) -> RunUrls:
    own = run_url(run_id)
    return RunUrls(own, f"{own}/events", f"{own}/cancel")


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
