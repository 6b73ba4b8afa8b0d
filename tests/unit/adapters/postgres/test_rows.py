from datetime import timedelta

import msgspec
import pytest
from unit.fakes import ENTRY_ID, EXECUTION_ID, RUN_ID, START, entry, finished_run

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.statements import statement
from gateway.domain.executions import Execution
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.ports import FinishedRun

RUN_COLUMNS = ("run_id", "pipeline_id", "pipeline_version", "state", "attempt", "media_count", "created_at")
RUN_COLUMNS += ("started_at", "completed_at", "queue_ms", "compute_ms", "gateway_ms", "model_versions", "error")
ENTRY_COLUMNS = ("run_id", "entry_id", "media_id", "created_at", "content")


def stored(finished: FinishedRun) -> tuple[dict[str, object], dict[str, object]]:
    """The rows of a run and its entry, as the database would show what was written."""
    columns = rows.finished_columns([finished])
    run = dict(zip(RUN_COLUMNS, (column[0] for column in columns[4:18]), strict=True))
    written = dict(zip(ENTRY_COLUMNS, (column[0] for column in columns[18:]), strict=True))
    known = {"execution_id": EXECUTION_ID, "pipeline_id": "ocr", "pipeline_version": 0}
    return run | known, written | known


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
    columns = rows.finished_columns([finished, msgspec.structs.replace(finished, entries=())])
    assert len(columns) == 23
    assert "$23" in statement("finish_runs")
    assert "$24" not in statement("finish_runs")
    assert [len(column) for column in columns] == [2] * 18 + [1] * 5


def test_a_batch_without_entries_still_has_all_columns() -> None:
    columns = rows.finished_columns([msgspec.structs.replace(finished_run(), entries=())])
    assert columns[18:] == [[]] * 5


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
    }
    assert rows.execution(row) == Execution(
        execution_id="e",
        created_at=START,
        meta_data=b"{}",
        state=RunState.FAILED,
        started_at=START,
        completed_at=START + timedelta(seconds=1),
        error=RunError("triton.failed", "No."),
    )


def test_an_execution_without_a_run_has_no_state() -> None:
    names = ("tag", "meta_data", "state", "started_at", "completed_at", "error")
    row = {"execution_id": "e", "created_at": START} | dict.fromkeys(names)
    assert rows.execution(row) == Execution(execution_id="e", created_at=START)
