from datetime import timedelta

import pytest
from unit.fakes import EXECUTION_ID, START, pipeline

from gateway.core.attempt import Attempt
from gateway.domain.executions import NewExecution
from gateway.domain.media import given
from gateway.domain.runs import RunError, RunState, Timings
from gateway.errors import GatewayError, MediaUnreadable, RunTimeout, TritonFailed
from gateway.ports import Dispatch

END = START + timedelta(seconds=2)


def attempt(media: int = 1, *dispatches: Dispatch) -> Attempt:
    made = Attempt(pipeline(), NewExecution(execution_id=EXECUTION_ID, created_at=START), given([b"x"] * media))
    made.dispatches.extend(dispatches)
    return made


def test_success_leaves_one_entry_for_each_media_in_call_order() -> None:
    made = attempt(3)
    finished = made.completed([b"1", b"2", b"3"], END)
    assert [(each.media_id, each.content) for each in finished.entries] == [
        ("media-1", b"1"),
        ("media-2", b"2"),
        ("media-3", b"3"),
    ]
    assert len({each.entry_id for each in finished.entries}) == 3
    assert {(each.run_id, each.pipeline_id, each.created_at) for each in finished.entries} == {
        (made.run_id, "ocr", END)
    }


def test_success_without_media_leaves_one_entry_of_no_media() -> None:
    finished = attempt(0).completed([b"{}"], END)
    assert [each.media_id for each in finished.entries] == [None]
    assert finished.run.media_count == 0


def test_the_record_of_a_run_says_what_ran_and_when() -> None:
    run = attempt(2).completed([b"{}", b"{}"], END).run
    assert (run.state, run.attempt, run.media_count) == (RunState.COMPLETED, 1, 2)
    assert (run.execution_id, run.pipeline_id, run.pipeline_version) == (EXECUTION_ID, "ocr", 0)
    assert (run.created_at, run.started_at, run.completed_at) == (START, START, END)
    assert run.model_versions == {"read": "3"}
    assert run.error is None


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (TritonFailed(), RunState.FAILED),
        (MediaUnreadable("No.", field="media[0]"), RunState.FAILED),
        (RunTimeout(), RunState.TIMED_OUT),
    ],
)
def test_failure_leaves_its_error_and_no_entries(error: GatewayError, state: RunState) -> None:
    finished = attempt().failed(error, END)
    assert finished.entries == ()
    assert finished.run.state is state
    assert finished.run.error == RunError(error.code, error.message, error.field)
    assert finished.run.completed_at == END


def whole(timings: Timings | None) -> float:
    assert timings is not None
    return timings.queue_ms + timings.compute_ms + timings.gateway_ms


@pytest.mark.parametrize(
    ("dispatches", "timings"),
    [
        ((), Timings(0, 0, 2000)),
        ((Dispatch(),), Timings(0, 0, 2000)),
        ((Dispatch(0.25, 1.5),), Timings(250, 1500, 250)),
        ((Dispatch(0.5, 0.5), Dispatch(0.0, 0.5)), Timings(500, 1000, 500)),
        ((Dispatch(1.0, 1.0), Dispatch(1.0, 1.0)), Timings(1000, 1000, 0)),
        ((Dispatch(0.0, 2.0),) * 8, Timings(0, 2000, 0)),
    ],
)
def test_the_parts_of_the_time_add_up_to_the_whole_even_where_inferences_overlap(
    dispatches: tuple[Dispatch, ...], timings: Timings
) -> None:
    found = attempt(1, *dispatches).completed([b"{}"], END).run.timings
    assert found == timings
    assert whole(found) == pytest.approx(2000)


def test_a_failure_has_timings_too() -> None:
    assert attempt(1, Dispatch(0.5, 1.0)).failed(TritonFailed(), END).run.timings == Timings(500, 1000, 500)
