from datetime import timedelta

import msgspec
import pytest

from gateway.core import attempt
from gateway.core.dispatch import Work
from gateway.domain.media import given
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import GatewayError, MediaUnreadable, RunCanceled, RunTimeout, StorageUnavailable, TritonFailed
from gateway.ports import Dispatch
from unit.fakes import EXECUTION_ID, RUN_ID, START, finished_run, pipeline

END = START + timedelta(seconds=2)


def running(media: int = 1) -> Run:
    return msgspec.structs.replace(
        finished_run().run, state=RunState.RUNNING, media_count=media, completed_at=None, model_versions={}
    )


def work(media: int = 1, *dispatches: Dispatch) -> Work:
    return Work(RUN_ID, pipeline(), given([b"x"] * media), (), {}, list(dispatches))


def test_success_leaves_one_entry_for_each_media_in_call_order() -> None:
    entries = attempt.entries(running(3), work(3), [b"1", b"2", b"3"], END)
    assert [(each.media_id, each.content) for each in entries] == [
        ("media-1", b"1"),
        ("media-2", b"2"),
        ("media-3", b"3"),
    ]
    assert len({each.entry_id for each in entries}) == 3
    assert {(each.run_id, each.pipeline_id, each.created_at) for each in entries} == {(RUN_ID, "ocr", END)}


def test_success_without_media_leaves_one_entry_of_no_media() -> None:
    assert [each.media_id for each in attempt.entries(running(0), work(0), [b"{}"], END)] == [None]


def test_the_record_of_a_run_says_what_ran_and_when() -> None:
    run = attempt.completed(running(2), work(2), END)
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
        (RunCanceled(), RunState.CANCELED),
    ],
)
def test_failure_leaves_its_error(error: GatewayError, state: RunState) -> None:
    run = attempt.failed(running(), work(), error, END)
    assert run.state is state
    assert run.error == RunError(error.code, error.message, error.field)
    assert run.completed_at == END


def test_a_run_that_never_came_to_triton_has_no_timings() -> None:
    run = attempt.refused(running(), StorageUnavailable(), END)
    assert (run.state, run.completed_at, run.timings) == (RunState.FAILED, END, None)
    assert run.error is not None
    assert run.error.code == "storage.unavailable"


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
    found = attempt.completed(running(), work(1, *dispatches), END).timings
    assert found == timings
    assert whole(found) == pytest.approx(2000)


def test_the_time_until_a_worker_took_the_run_up_is_time_in_the_queue() -> None:
    taken_up = msgspec.structs.replace(running(), started_at=START + timedelta(seconds=1.5))
    found = attempt.completed(taken_up, work(1, Dispatch(0.0, 0.25)), END).timings
    assert found == Timings(1500, 250, 250)
    assert whole(found) == pytest.approx(2000)


def test_a_failure_has_timings_too() -> None:
    run = attempt.failed(running(), work(1, Dispatch(0.5, 1.0)), TritonFailed(), END)
    assert run.timings == Timings(500, 1000, 500)
