"""Runs and their events as protobuf messages."""

from datetime import datetime

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.domain.run_events import RunEvent
from gateway.domain.runs import Attempt, Run, RunError, RunState, Timings
from gateway.errors import InvalidInput
from gateway.v1 import runs_pb2


def run(found: Run) -> runs_pb2.Run:
    """The message of a run."""
    return runs_pb2.Run(
        run_id=found.run_id,
        execution_id=found.execution_id,
        pipeline_id=found.pipeline_id,
        pipeline_version=found.pipeline_version,
        state=state_number(found.state),
        done=found.state.ended,
        priority=runs_pb2.Priority.Value(f"PRIORITY_{found.priority.upper()}"),
        attempt=found.attempt,
        attempts=map(_attempt, found.attempts),
        media_count=found.media_count,
        created_at=timestamp(found.created_at),
        execute_after=timestamp(found.execute_after),
        started_at=timestamp(found.started_at),
        cancel_requested_at=timestamp(found.cancel_requested_at),
        completed_at=timestamp(found.completed_at),
        timings=_timings(found.timings),
        model_versions=found.model_versions,
        error=error_message(found.error),
    )


def run_event(event: RunEvent, whole: Run | None = None) -> runs_pb2.RunEvent:
    """The message of an event; `whole` is the run, with the event of its end."""
    return runs_pb2.RunEvent(
        sequence=event.sequence,
        state=state_number(event.state),
        attempt=event.attempt,
        at=timestamp(event.at),
        error=error_message(event.error),
        run=None if whole is None else run(whole),
    )


def run_state(state: runs_pb2.RunState.ValueType) -> RunState | None:
    """The state that a filter names; None is any.

    Raises:
        InvalidInput: there is no such state.
    """
    if state == runs_pb2.RUN_STATE_UNSPECIFIED:
        return None
    try:
        return RunState(runs_pb2.RunState.Name(state).removeprefix("RUN_STATE_").lower())
    except ValueError:
        raise InvalidInput("There is no such state.", field="state") from None


def state_number(state: RunState) -> runs_pb2.RunState.ValueType:
    """The number of a state."""
    return runs_pb2.RunState.Value(f"RUN_STATE_{state.upper()}")


def timestamp(moment: datetime | None) -> Timestamp | None:
    """The message of a moment, if there is one."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def error_message(error: RunError | None) -> runs_pb2.RunError | None:
    """The message of an error, if there is one."""
    return runs_pb2.RunError(code=error.code, message=error.message, field=error.field or "") if error else None


def _attempt(attempt: Attempt) -> runs_pb2.Attempt:
    return runs_pb2.Attempt(
        number=attempt.number,
        worker=attempt.worker or "",
        started_at=timestamp(attempt.started_at),
        ended_at=timestamp(attempt.ended_at),
        error=error_message(attempt.error),
    )


def _timings(timings: Timings | None) -> runs_pb2.Timings | None:
    return runs_pb2.Timings(**msgspec.structs.asdict(timings)) if timings else None
