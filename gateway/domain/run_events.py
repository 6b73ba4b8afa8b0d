"""The events of a run, told from its record alone: the same ones, under the same numbers, whoever asks and when."""

from datetime import datetime

import msgspec

from gateway.domain.runs import Attempt, Run, RunError, RunState
from gateway.errors import InvalidInput


class RunEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A run came into a state; the last event of a run is its end."""

    #: 1 is the first of the run.
    sequence: int
    state: RunState
    attempt: int
    at: datetime
    #: Why an attempt ended, or the run.
    error: RunError | None = None


def events(run: Run) -> list[RunEvent]:
    """All events so far, in order: queued, then for each attempt that it runs, and that it is queued again or ends."""
    found = [_event(1, RunState.QUEUED, 0, run.created_at, None)]
    for each in run.past_attempts:
        found.append(_began(len(found) + 1, each, run))
        found.append(_event(len(found) + 1, RunState.QUEUED, each.number, each.ended_at or run.created_at, each.error))
    if run.started_at is not None:
        found.append(_event(len(found) + 1, RunState.RUNNING, run.attempt, run.started_at, None))
    if run.state.ended:
        at = run.completed_at or run.created_at
        found.append(_event(len(found) + 1, run.state, run.attempt, at, run.error))
    return found


def last_of(run: Run, told: int, field: str) -> int:
    """The number of a run's last event so far; `told` is that of the event a caller has seen last, 0 for none.

    Raises:
        InvalidInput: the run has no event of this number.
    """
    last = len(events(run))
    if not 0 <= told <= last:
        raise InvalidInput("The run has no event of this number.", field=field)
    return last


def _began(sequence: int, attempt: Attempt, run: Run) -> RunEvent:
    return _event(sequence, RunState.RUNNING, attempt.number, attempt.started_at or run.created_at, None)


def _event(sequence: int, state: RunState, attempt: int, at: datetime, error: RunError | None) -> RunEvent:
    return RunEvent(sequence=sequence, state=state, attempt=attempt, at=at, error=error)
