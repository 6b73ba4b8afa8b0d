"""Rows to values and back, column by column."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.domain.executions import Execution
from gateway.domain.observations import Entry
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.ports import FinishedRun

#: What asyncpg takes and gives: one Python type per column type, unknown to the type checker.
Row = Mapping[str, Any]
Columns = list[list[Any]]

_error: Final = msgspec.json.Decoder(RunError)
_versions: Final = msgspec.json.Decoder(dict[str, str])
_encode: Final = msgspec.json.Encoder().encode


def execution(row: Row) -> Execution:
    """An execution with the state of its newest run."""
    return Execution(
        execution_id=row["execution_id"],
        created_at=row["created_at"],
        tag=row["tag"],
        meta_data=row["meta_data"],
        state=RunState(row["state"]) if row["state"] is not None else None,
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        error=_error.decode(row["error"]) if row["error"] is not None else None,
    )


def run(row: Row) -> Run:
    """A run."""
    timed = row["compute_ms"] is not None
    return Run(
        run_id=str(row["run_id"]),
        execution_id=row["execution_id"],
        pipeline_id=row["pipeline_id"],
        pipeline_version=row["pipeline_version"],
        state=RunState(row["state"]),
        attempt=row["attempt"],
        media_count=row["media_count"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        timings=Timings(row["queue_ms"], row["compute_ms"], row["gateway_ms"]) if timed else None,
        model_versions=_versions.decode(row["model_versions"]),
        error=_error.decode(row["error"]) if row["error"] is not None else None,
    )


def entry(row: Row) -> Entry:
    """An entry of an observation."""
    return Entry(
        entry_id=str(row["entry_id"]),
        media_id=row["media_id"],
        run_id=str(row["run_id"]),
        pipeline_id=row["pipeline_id"],
        pipeline_version=row["pipeline_version"],
        created_at=row["created_at"],
        content=row["content"],
    )


def finished_columns(batch: Sequence[FinishedRun]) -> Columns:
    """The 23 arrays that `finish_runs` takes, in its order."""
    executions = [_execution_row(each) for each in batch]
    runs = [_run_row(each.run) for each in batch]
    entries = [_entry_row(entry) for each in batch for entry in each.entries]
    return [*_columns(executions, 4), *_columns(runs, 14), *_columns(entries, 5)]


def _columns(rows: list[tuple[Any, ...]], count: int) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]


def _execution_row(finished: FinishedRun) -> tuple[Any, ...]:
    new = finished.execution
    return new.execution_id, new.tag, new.meta_data, new.created_at


def _run_row(run: Run) -> tuple[Any, ...]:
    timings = run.timings
    return (
        run.run_id,
        run.pipeline_id,
        run.pipeline_version,
        str(run.state),
        run.attempt,
        run.media_count,
        run.created_at,
        run.started_at,
        run.completed_at,
        timings.queue_ms if timings else None,
        timings.compute_ms if timings else None,
        timings.gateway_ms if timings else None,
        _encode(run.model_versions),
        _encode(run.error) if run.error else None,
    )


def _entry_row(entry: Entry) -> tuple[Any, ...]:
    return entry.run_id, entry.entry_id, entry.media_id, entry.created_at, entry.content
