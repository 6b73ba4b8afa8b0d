"""Rows to values and back, column by column."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.domain.calls import RunRequest
from gateway.domain.executions import Execution, NewExecution
from gateway.domain.media import MediaRecord
from gateway.domain.observations import Entry
from gateway.domain.runs import Attempt, Priority, Run, RunError, RunState, Timings
from gateway.ports import AcceptedRun, ClaimedRun, FinishedRun

#: What asyncpg takes and gives: one Python type per column type, unknown to the type checker.
Row = Mapping[str, Any]
Columns = list[list[Any]]

_error: Final = msgspec.json.Decoder(RunError)
_versions: Final = msgspec.json.Decoder(dict[str, str])
_request: Final = msgspec.json.Decoder(RunRequest)
_attempt: Final = msgspec.json.Decoder(Attempt)
encode: Final = msgspec.json.Encoder().encode


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
        transient=row["transient"],
        hook_ids=tuple(row["hook_ids"]),
        owner=row["owner"],
        ttl=row["ttl"],
        changed_at=row["changed_at"],
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
        priority=Priority.of_rank(row["priority"]),
        execute_after=row["execute_after"],
        worker=row["worker"],
        past_attempts=tuple(map(_attempt.decode, row["past_attempts"])),
        cancel_requested_at=row["cancel_requested_at"],
    )


def claimed(row: Row) -> ClaimedRun:
    """A run that was just taken."""
    return ClaimedRun(run(row), _request.decode(row["request"]))


def entry(row: Row) -> Entry:
    """An entry of an observation."""
    return Entry(
        entry_id=row["entry_id"],
        media_id=row["media_id"],
        run_id=str(row["run_id"]) if row["run_id"] is not None else None,
        pipeline_id=row["pipeline_id"],
        pipeline_version=row["pipeline_version"],
        created_at=row["created_at"],
        content=row["content"],
    )


def media(row: Row) -> MediaRecord:
    """Stored media."""
    return MediaRecord(
        execution_id=row["execution_id"],
        media_id=row["media_id"],
        content_type=row["content_type"],
        size=row["size"],
        created_at=row["created_at"],
        blob=row["blob"],
    )


def fresh_columns(batch: Sequence[FinishedRun] | Sequence[AcceptedRun]) -> Columns:
    """The arrays that `write_runs` takes, in its order, for runs that bring their executions about."""
    runs = [(*inserted_row(each), *_new_columns(each.new)) for each in batch if each.new is not None]
    entries = [(each.run.run_id, *entry_row(entry)) for each in batch for entry in _entries(each)]
    return [*columns(runs, 25), *columns(entries, 8)]


def _new_columns(new: NewExecution) -> tuple[Any, ...]:
    return new.tag, new.meta_data, new.transient, new.ttl, _literal(new.hook_ids), new.owner


def _literal(hook_ids: tuple[str, ...]) -> str:
    """An array as PostgreSQL writes it, for an array of arrays would have to be rectangular."""
    return "{" + ",".join(f'"{each}"' for each in hook_ids) + "}"


def inserted_row(fact: FinishedRun | AcceptedRun) -> tuple[Any, ...]:
    """The columns of a run that is written for the first time."""
    request, delay = (encode(fact.request), fact.delay) if isinstance(fact, AcceptedRun) else (None, 0.0)
    return *run_row(fact.run), fact.run.priority.rank, fact.run.execute_after, request, delay


def _entries(run: FinishedRun | AcceptedRun) -> tuple[Entry, ...]:
    return run.seed if isinstance(run, AcceptedRun) else (*run.seed, *run.entries)


def entry_columns(entries: Iterable[Entry]) -> Columns:
    """The arrays that `insert_entries` takes."""
    return columns([entry_row(each) for each in entries], 7)


def given_columns(entries: Iterable[Entry]) -> Columns:
    """The arrays that `merge_entries` takes."""
    return columns([(each.entry_id, each.media_id, each.created_at, each.content) for each in entries], 4)


def columns(rows: list[tuple[Any, ...]], count: int) -> Columns:
    """Rows as so many arrays."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]


def run_row(run: Run) -> tuple[Any, ...]:
    """The columns of a run that its end may change, behind those that it keeps."""
    timings = run.timings
    return (
        run.execution_id,
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
        encode(run.model_versions),
        encode(run.error) if run.error else None,
    )


def end_row(run: Run) -> tuple[Any, ...]:
    """The columns that the end of a claimed run changes, behind its ID and attempt."""
    row = run_row(run)
    return run.run_id, run.attempt, str(run.state), *row[9:]


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """The columns of an entry."""
    return (
        entry.entry_id,
        entry.run_id,
        entry.media_id,
        entry.pipeline_id,
        entry.pipeline_version,
        entry.created_at,
        entry.content,
    )
