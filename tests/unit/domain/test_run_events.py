from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest

from gateway.domain.run_events import RunEvent, events
from gateway.domain.runs import Attempt, Run, RunError, RunState
from gateway.errors import Draining, GatewayError, RunCanceled, TritonFailed, TritonUnavailable, WorkerLost
from unit.fakes import EXECUTION_ID, RUN_ID, START

QUEUED = Run(
    run_id=RUN_ID,
    execution_id=EXECUTION_ID,
    pipeline_id="ocr",
    pipeline_version=0,
    state=RunState.QUEUED,
    attempt=0,
    media_count=1,
    created_at=START,
)
ENDS = [each for each in RunState if each.ended]
CANCELED = RunError.of(RunCanceled())


def later(seconds: int) -> object:
    return START + timedelta(seconds=seconds)


def taken_up(run: Run, seconds: int) -> Run:
    return msgspec.structs.replace(
        run, state=RunState.RUNNING, attempt=run.attempt + 1, worker="w", started_at=later(seconds)
    )


def queued_again(run: Run, seconds: int, error: GatewayError) -> Run:
    tried = Attempt(
        number=run.attempt,
        worker=run.worker,
        started_at=run.started_at,
        ended_at=later(seconds),  # type: ignore[arg-type]
        error=RunError.of(error),
    )
    past = (*run.past_attempts, tried)
    return msgspec.structs.replace(run, state=RunState.QUEUED, started_at=None, past_attempts=past)


def ended(run: Run, seconds: int, state: RunState = RunState.COMPLETED, error: RunError | None = None) -> Run:
    return msgspec.structs.replace(run, state=state, completed_at=later(seconds), error=error)


RUNNING = taken_up(QUEUED, 1)


def told(run: Run) -> list[tuple[int, RunState, int]]:
    found = events(run)
    assert [each.sequence for each in found] == list(range(1, len(found) + 1))
    return [((each.at - START).seconds, each.state, each.attempt) for each in found]


def test_a_run_that_waits_is_queued() -> None:
    assert events(QUEUED) == [RunEvent(sequence=1, state=RunState.QUEUED, attempt=0, at=START)]


@pytest.mark.parametrize("state", ENDS)
def test_a_run_that_was_taken_up_once_is_queued_then_running_then_at_its_end(state: RunState) -> None:
    error = None if state is RunState.COMPLETED else RunError.of(TritonFailed())
    run = ended(RUNNING, 2, state, error)
    assert told(run) == [(0, RunState.QUEUED, 0), (1, RunState.RUNNING, 1), (2, state, 1)]
    assert [each.error for each in events(run)] == [None, None, error]


@pytest.mark.parametrize("error", [WorkerLost(), Draining(), TritonUnavailable()], ids=lambda each: each.code)
def test_a_run_that_an_attempt_did_not_end_is_queued_again_and_says_why(error: GatewayError) -> None:
    run = queued_again(RUNNING, 2, error)
    assert told(run) == [(0, RunState.QUEUED, 0), (1, RunState.RUNNING, 1), (2, RunState.QUEUED, 1)]
    assert [each.error for each in events(run)] == [None, None, RunError.of(error)]
    assert told(taken_up(run, 3))[3:] == [(3, RunState.RUNNING, 2)]


def test_a_run_that_was_canceled_while_it_waited_never_ran() -> None:
    run = ended(QUEUED, 1, RunState.CANCELED, CANCELED)
    assert told(run) == [(0, RunState.QUEUED, 0), (1, RunState.CANCELED, 0)]
    assert events(run)[-1].error == CANCELED


def test_a_run_that_was_canceled_while_it_waited_for_its_next_try_ran_before() -> None:
    run = ended(queued_again(RUNNING, 2, TritonUnavailable()), 3, RunState.CANCELED, CANCELED)
    assert told(run)[2:] == [(2, RunState.QUEUED, 1), (3, RunState.CANCELED, 1)]


def test_that_somebody_wants_a_run_canceled_is_no_event_of_it() -> None:
    assert events(msgspec.structs.replace(RUNNING, cancel_requested_at=later(2))) == events(RUNNING)


def test_a_call_that_was_waited_for_has_its_events_too() -> None:
    run = msgspec.structs.replace(RUNNING, worker=None, started_at=START, state=RunState.COMPLETED, completed_at=START)
    assert [each.state for each in events(run)] == [RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED]


@pytest.mark.parametrize("state", ENDS)
def test_what_was_told_stands_whatever_comes_after(state: RunState) -> None:
    life = [QUEUED]
    for number, error in enumerate((WorkerLost(), Draining(), TritonUnavailable())):
        life.append(taken_up(life[-1], 10 * number + 1))
        life.append(queued_again(life[-1], 10 * number + 2, error))
    life.append(ended(life[-1], 99, RunState.CANCELED, CANCELED))
    for before, after in pairwise(life):
        assert events(after)[: len(events(before))] == events(before)
    running = taken_up(life[-2], 50)
    assert events(ended(running, 51, state))[:-1] == events(running)
    assert events(running)[:-1] == events(life[-2])


def test_an_attempt_that_was_lost_and_taken_over_in_one_step_leaves_what_was_told() -> None:
    taken_over = taken_up(queued_again(RUNNING, 2, WorkerLost()), 2)
    assert events(taken_over)[:2] == events(RUNNING)
    assert told(taken_over)[2:] == [(2, RunState.QUEUED, 1), (2, RunState.RUNNING, 2)]


def test_attempts_are_those_before_and_the_one_that_is_going_on_or_ended_the_run() -> None:
    again = queued_again(RUNNING, 2, TritonUnavailable())
    assert QUEUED.attempts == ()
    assert [(each.number, each.ended_at) for each in RUNNING.attempts] == [(1, None)]
    assert [each.number for each in again.attempts] == [1]
    last = ended(taken_up(again, 3), 4).attempts[-1]
    assert (last.number, last.worker, last.started_at, last.ended_at) == (2, "w", later(3), later(4))
