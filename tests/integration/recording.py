"""The stores of records as one process has them, and small records to write."""

from datetime import UTC, datetime

import msgspec

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.entries import PostgresEntries
from gateway.adapters.postgres.executions import PostgresExecutions
from gateway.adapters.postgres.keys import PostgresKeys
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.domain.access import EVERYTHING
from gateway.domain.calls import RunRequest, StoredMedia
from gateway.domain.executions import NewExecution
from gateway.domain.ids import new_id
from gateway.domain.observations import Entry
from gateway.domain.runs import Priority, Run, RunError, RunState, Timings
from gateway.ports import AcceptedRun, ClaimedRun, FinishedRun

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
CONTENT = b'{"rawText" : "\\u0041 \xc3\xa4", "n": 1.50, "n": 2}'
REQUEST = RunRequest(
    media=(StoredMedia(media_id="media-1", blob="runs/r/0"), StoredMedia(media_id="m", blob="executions/e/m")),
    staged=("runs/r/0",),
    inputs={"PROMPT": ["hi"]},
    parameters={"a": 1, "b": 0.5},
    timeout=30.0,
)
#: Why a run is handed back.
WHY = RunError("triton.unavailable", "Triton is not reachable.")
CANCELED = RunError("run.canceled", "The run was canceled.")
#: A lease that is over when it is taken.
OVER = -1.0


class Records:
    """All stores over one pool of connections, as one process has them."""

    def __init__(self, database: Database):
        self.executions = PostgresExecutions(database)
        self.runs = PostgresRuns(database, lambda: 0)
        self.entries = PostgresEntries(database)
        self.keys = PostgresKeys(database)
        self.database = database

    async def found(self, execution_id: str, *, superseded: bool = False) -> tuple[Entry, ...]:
        """Every entry, in order."""
        listed = await self.entries.page(EVERYTHING, execution_id, 100_000, 0, superseded=superseded)
        places = [place for place, _ in listed]
        assert places == sorted(set(places))
        return tuple(entry for _, entry in listed)

    async def jobs(self, run_id: str) -> int:
        """How many jobs wake a worker for the run."""
        async with self.database.connection() as connection:
            count: int = await connection.fetchval("SELECT count(*) FROM pgqueuer WHERE dedupe_key = $1", run_id)
            return count

    async def close(self) -> None:
        await self.runs.close()
        await self.database.close()


async def opened(database_url: str) -> Records:
    await migrate(database_url)
    database = Database(database_url)
    await database.open()
    return Records(database)


def run_on(execution_id: str, **changes: object) -> Run:
    run = Run(
        run_id=new_id(),
        execution_id=execution_id,
        pipeline_id="ocr",
        pipeline_version=0,
        state=RunState.COMPLETED,
        attempt=1,
        media_count=1,
        created_at=NOW,
        started_at=NOW,
        completed_at=NOW,
        timings=Timings(0.125, 2.5, 0.25),
        model_versions={"decode": "1"},
    )
    return msgspec.structs.replace(run, **changes)


def entry(run: Run, media_id: str, content: bytes = CONTENT) -> Entry:
    return Entry(
        entry_id=new_id(),
        media_id=media_id,
        run_id=run.run_id,
        pipeline_id=run.pipeline_id,
        pipeline_version=0,
        created_at=NOW,
        content=content,
    )


def entries_of(run: Run, count: int) -> tuple[Entry, ...]:
    return tuple(entry(run, f"media-{number}") for number in range(1, count + 1))


def given(entry_id: str, content: bytes = b"{}") -> Entry:
    """An entry of a caller's own."""
    return Entry(entry_id=entry_id, media_id="m", created_at=NOW, content=content)


def finished(entries: int = 1, **changes: object) -> FinishedRun:
    """A run that has just ended, on an execution of its own."""
    execution = NewExecution(execution_id=new_id(), created_at=NOW, tag="t", meta_data=b'{"b":  1}')
    run = run_on(execution.execution_id, media_count=entries, **changes)
    return FinishedRun(new=execution, run=run, entries=entries_of(run, entries))


def appended(execution_id: str, entries: int = 1, *, pipeline_id: str = "ocr", supersedes: bool = False) -> FinishedRun:
    """A run that has just ended, on an execution there is."""
    run = run_on(execution_id, pipeline_id=pipeline_id)
    return FinishedRun(run=run, entries=entries_of(run, entries), supersedes=supersedes)


def accepted(
    execution_id: str | None = None,
    *,
    priority: str = "normal",
    pipeline_id: str = "ocr",
    execute_after: datetime | None = None,
    **fields: object,
) -> AcceptedRun:
    """A run for the background."""
    new = NewExecution(execution_id=new_id(), created_at=NOW) if execution_id is None else None
    name = execution_id if new is None else new.execution_id
    assert name is not None
    waiting = {"state": RunState.QUEUED, "attempt": 0, "started_at": None, "completed_at": None, "timings": None}
    urgency = {"priority": Priority(priority), "pipeline_id": pipeline_id, "execute_after": execute_after}
    run = run_on(name, **waiting, **urgency, model_versions={})
    return AcceptedRun(**{"new": new, "run": run, "request": REQUEST} | fields)  # type: ignore[arg-type]


def ended(claimed: ClaimedRun, entries: int = 1, **changes: object) -> FinishedRun:
    """The end of a claimed run."""
    run = msgspec.structs.replace(claimed.run, state=RunState.COMPLETED, completed_at=NOW)
    return FinishedRun(**{"run": run, "entries": entries_of(run, entries)} | changes)  # type: ignore[arg-type]


async def execution(records: Records, **fields: object) -> str:
    """A new execution without a run."""
    new = NewExecution(**{"execution_id": new_id(), "created_at": NOW} | fields)  # type: ignore[arg-type]
    assert await records.executions.create(new)
    return new.execution_id


async def claimed(records: Records, lease: float = 60.0, **fields: object) -> ClaimedRun:
    """A run that was accepted and taken."""
    work = accepted(**fields)  # type: ignore[arg-type]
    await records.runs.accept(work)
    found = await records.runs.claim(work.run.run_id, "worker-1", lease)
    assert found is not None
    return found
