from datetime import timedelta

import msgspec
import pytest

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.statements import statement
from gateway.domain.calls import RunRequest, StoredMedia
from gateway.domain.executions import Execution
from gateway.domain.observations import Entry
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.ports import FinishedRun
from unit.fakes import ENTRY_ID, RUN_ID, START, entry, finished_run

RUN_COLUMNS = (
    "execution_id",
    "run_id",
    "pipeline_id",
    "pipeline_version",
    "state",
    "attempt",
    "media_count",
    "created_at",
)
RUN_COLUMNS += ("started_at", "completed_at", "queue_ms", "compute_ms", "gateway_ms", "model_versions", "error")
RUN_COLUMNS += ("priority", "execute_after")
#: What a row has before any worker has touched it.
NEVER_IN_THE_BACKGROUND = {"worker": None, "past_attempts": [], "cancel_requested_at": None}
ENTRY_COLUMNS = ("of_run", "entry_id", "run_id", "media_id", "pipeline_id", "pipeline_version", "created_at", "content")


def stored(finished: FinishedRun) -> tuple[dict[str, object], dict[str, object]]:
    """The rows of a run and its entry, as the database would show what was written."""
    columns = rows.fresh_columns([finished])
    run = dict(zip(RUN_COLUMNS, (column[0] for column in columns[:17]), strict=True)) | NEVER_IN_THE_BACKGROUND
    return run, dict(zip(ENTRY_COLUMNS, (column[0] for column in columns[25:]), strict=True))


def failed() -> Run:
    return msgspec.structs.replace(
        finished_run().run,
        state=RunState.FAILED,
        timings=Timings(1.5, 2.0, 0.25),
        error=RunError("media.unreadable", "No.", "media[0]"),
    )


@pytest.mark.parametrize("run", [finished_run().run, failed()], ids=["completed", "failed"])
def test_a_run_comes_back_as_it_was_written(run: Run) -> None:
    row, _ = stored(msgspec.structs.replace(finished_run(), run=run))
    assert rows.run(row) == run


def test_an_entry_comes_back_as_it_was_written() -> None:
    content = b'{ "a" :1e2}'
    _, row = stored(finished_run(content=content))
    assert rows.entry(row) == entry(content)
    assert (row["entry_id"], row["run_id"]) == (ENTRY_ID, RUN_ID)


def test_a_batch_is_as_many_columns_as_its_statement_takes() -> None:
    finished = finished_run()
    columns = rows.fresh_columns([finished, msgspec.structs.replace(finished, entries=())])
    assert len(columns) == 33
    assert "$33" in statement("write_runs")
    assert "$34" not in statement("write_runs")
    assert [len(column) for column in columns] == [2] * 25 + [1] * 8


def test_a_batch_without_entries_still_has_all_columns() -> None:
    columns = rows.fresh_columns([msgspec.structs.replace(finished_run(), entries=())])
    assert columns[25:] == [[]] * 8


def test_an_execution_shows_the_run_that_is_newest() -> None:
    row = {
        "execution_id": "e",
        "created_at": START,
        "tag": None,
        "meta_data": b"{}",
        "state": "failed",
        "started_at": START,
        "completed_at": START + timedelta(seconds=1),
        "error": b'{"code":"triton.failed","message":"No."}',
        "transient": False,
        "ttl": 60.0,
        "changed_at": START,
        "hook_ids": [],
        "owner": "me",
    }
    assert rows.execution(row) == Execution(
        execution_id="e",
        created_at=START,
        meta_data=b"{}",
        state=RunState.FAILED,
        started_at=START,
        completed_at=START + timedelta(seconds=1),
        error=RunError("triton.failed", "No."),
        ttl=60.0,
        changed_at=START,
        owner="me",
    )


def test_an_execution_without_a_run_has_no_state() -> None:
    names = ("tag", "meta_data", "state", "started_at", "completed_at", "error", "ttl")
    known = {
        "execution_id": "e",
        "created_at": START,
        "transient": False,
        "changed_at": START,
        "hook_ids": [],
        "owner": "",
    }
    assert rows.execution(known | dict.fromkeys(names)) == Execution(
        execution_id="e", created_at=START, changed_at=START
    )


def test_what_a_caller_puts_in_stands_before_what_the_run_found() -> None:
    seed = Entry(entry_id="mine", created_at=START, content=b"{}")
    columns = rows.fresh_columns([msgspec.structs.replace(finished_run(), seed=(seed,))])
    assert columns[26] == ["mine", ENTRY_ID]
    assert columns[27] == [None, RUN_ID]


def test_a_claimed_run_comes_back_with_what_it_is_to_do() -> None:
    request = RunRequest(
        media=(StoredMedia(media_id="media-1", blob="runs/r/0"),),
        staged=("runs/r/0",),
        inputs={"PROMPT": ["hi"]},
        idempotent=True,
        parameters={"a": 1, "b": True, "c": 0.5, "d": "x"},
        timeout=2.5,
    )
    row, _ = stored(finished_run())
    claimed = rows.claimed(row | {"request": rows.encode(request)})
    assert (claimed.run, claimed.request) == (finished_run().run, request)


def test_the_end_of_a_claimed_run_is_as_many_values_as_its_statement_takes() -> None:
    end = rows.end_row(finished_run().run)
    assert len(end) == 9
    assert end[:3] == (RUN_ID, 1, "completed")
    assert "$9" in statement("end_run")
    assert "$10" not in statement("end_run")
