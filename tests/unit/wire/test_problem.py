import json

import pytest

from gateway.errors import GatewayError, Internal, InvalidInput, Overloaded, RunTimeout, StorageUnavailable
from gateway.wire import problem


def test_a_refusal_says_the_same_in_both_forms() -> None:
    found = json.loads(problem.problem(InvalidInput("No.", field="media[0]"), "req-1"))
    assert found == {
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "No.",
        "code": "input.invalid",
        "message": "No.",
        "request_id": "req-1",
        "field": "media[0]",
    }


def test_a_failed_run_names_its_records_in_body_and_headers() -> None:
    error = RunTimeout()
    error.execution_id, error.run_id = "e", "r"
    found = json.loads(problem.problem(error, "req-1"))
    assert (found["executionId"], found["runId"]) == ("e", "r")
    assert problem.headers(error, "req-1") == [
        ("content-type", "application/problem+json"),
        ("x-request-id", "req-1"),
        ("location", "/v1/runs/r"),
        ("x-execution-id", "e"),
        ("x-run-id", "r"),
    ]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Overloaded(), "1"),
        (StorageUnavailable(), "2"),
        (Overloaded(retry_after=0.2), "1"),
        (Internal(retry_after=61), "61"),
    ],
)
def test_what_a_repeat_can_heal_says_when_in_whole_seconds(error: GatewayError, seconds: str) -> None:
    assert dict(problem.headers(error, "req-1"))["retry-after"] == seconds


def test_what_no_repeat_heals_says_no_time() -> None:
    assert "retry-after" not in dict(problem.headers(InvalidInput(), "req-1"))


def test_records_that_there_are_not_have_no_header() -> None:
    assert problem.record_headers(None, None, replayed=False) == []
    assert problem.record_headers("e", None, replayed=True) == [
        ("x-execution-id", "e"),
        ("idempotency-replayed", "true"),
    ]
