from datetime import timedelta

import msgspec
import pytest

from gateway.domain.executions import Execution
from gateway.domain.runs import RunError, RunState
from gateway.errors import InvalidInput
from unit.fakes import START


def test_states_are_lower_case_words() -> None:
    assert [str(each) for each in RunState] == [
        "queued",
        "running",
        "completed",
        "completed_with_errors",
        "failed",
        "canceled",
        "timed_out",
    ]


def test_the_record_of_an_error_is_what_the_caller_was_told() -> None:
    error = RunError.of(InvalidInput("No.", field="media[2]"))
    assert msgspec.json.decode(msgspec.json.encode(error)) == {
        "code": "input.invalid",
        "message": "No.",
        "field": "media[2]",
    }


def test_an_error_without_a_field_says_none() -> None:
    assert b"field" not in msgspec.json.encode(RunError.of(InvalidInput("No.")))


@pytest.mark.parametrize(
    ("started", "ended", "seconds"),
    [(START, START + timedelta(seconds=1.5), 1.5), (START, None, None), (None, None, None)],
)
def test_an_execution_lasts_from_the_start_of_its_run_to_the_end(
    started: object, ended: object, seconds: object
) -> None:
    found = Execution(execution_id="e", created_at=START, started_at=started, completed_at=ended)  # type: ignore[arg-type]
    assert found.duration == seconds
