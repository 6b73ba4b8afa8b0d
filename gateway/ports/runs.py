"""The records of runs: of those that callers wait for, and of those in the background."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.domain.artifacts import Artifact
from gateway.domain.calls import RunRequest
from gateway.domain.deliveries import Delivery
from gateway.domain.executions import NewExecution
from gateway.domain.keys import KeyUse
from gateway.domain.observations import Entry
from gateway.domain.runs import Run, RunError


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run leaves behind: one fact, one transaction."""

    #: The execution that the run brings about; None where there was one before.
    new: NewExecution | None = None
    #: Whose executions are in sight of who adds to one there was; None is every one's.
    sees: str | None = None
    run: Run
    #: What the caller put in before the run: merged, where the entries are appended.
    seed: tuple[Entry, ...] = ()
    entries: tuple[Entry, ...] = ()
    #: What it made beside them, stored and announced; each is doomed no longer.
    artifacts: tuple[Artifact, ...] = ()
    #: The entries take the place of this pipeline's earlier ones.
    supersedes: bool = False
    #: What an execution there was takes over from the call.
    tag: str | None = None
    meta_data: bytes | None = None
    #: The key that the call holds: it ends with the run, or is free again.
    key: KeyUse | None = None
    #: Who is told of it.
    deliveries: tuple[Delivery, ...] = ()


class AcceptedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run in the background as it is accepted: one fact, one transaction, its wake-up included."""

    new: NewExecution | None = None
    #: Whose executions are in sight of who adds to one there was; None is every one's.
    sees: str | None = None
    run: Run
    request: RunRequest
    seed: tuple[Entry, ...] = ()
    tag: str | None = None
    meta_data: bytes | None = None
    #: Seconds from now before which it is not due.
    delay: float = 0.0
    #: The key that names this run from now on.
    key: KeyUse | None = None
    #: Who is told of it.
    deliveries: tuple[Delivery, ...] = ()


class ClaimedRun(msgspec.Struct, frozen=True):
    """A run in the background that a worker holds: only this attempt can end it."""

    run: Run
    request: RunRequest


class DueRun(msgspec.Struct, frozen=True):
    """A run that a worker should look at."""

    run_id: str
    pipeline_id: str


class Extended(msgspec.Struct, frozen=True):
    """What came of holding runs for longer."""

    #: Those that are still held.
    held: frozenset[str]
    #: Those among them that somebody wants canceled.
    canceled: frozenset[str]


class Canceled(msgspec.Struct, frozen=True):
    """A run that somebody wants canceled, as it is now, and the blobs that nobody needs any more."""

    run: Run
    blobs: tuple[str, ...] = ()


class QueueState(msgspec.Struct, frozen=True):
    """The runs in the background, of all gateways together; no numbers where nobody knows."""

    #: Those that wait for a worker, and those that are not due yet.
    due: float
    delayed: float
    #: Those that workers hold.
    running: float
    #: Seconds for which the oldest that waits has been due; 0 without any.
    oldest: float


class RunStore(Protocol):
    """The records of runs; `sees` as with executions, to which they belong."""

    async def finish(self, finished: FinishedRun) -> None:
        """Write the end of a run that a caller waits for; it is durable when this returns.

        A run that is already written is left as it is, so a repeat is safe.

        Raises:
            ExecutionNotFound: the execution is gone, or out of sight.
            KeyLost: the key of the call was taken over; nothing is written.
            StorageUnavailable: nothing can be said to be written.
        """
        ...

    async def accept(self, accepted: AcceptedRun) -> None:
        """Write a run in the background and wake a worker for it; it is durable when this returns.

        Raises:
            ExecutionNotFound: the execution is gone, or out of sight.
            KeyLost: its key names another run; nothing is written.
            StorageUnavailable: nothing can be said to be written.
        """
        ...

    async def claim(self, run_id: str, worker: str, lease: float) -> ClaimedRun | None:
        """Take a run that waits, or whose holder's lease has ended, for `lease` seconds; None where there is none."""
        ...

    async def extend(self, held: Sequence[tuple[str, int]], lease: float) -> Extended:
        """Hold these runs, each by its attempt, for `lease` seconds from now."""
        ...

    async def finish_claimed(self, finished: FinishedRun) -> bool:
        """Write the end of a claimed run; False, and nothing written, where this attempt no longer holds it."""
        ...

    async def hand_back(self, run_id: str, attempt: int, delay: float, why: RunError) -> None:
        """Let others take the run in `delay` seconds, if this attempt holds it; `why` is kept with the attempt."""
        ...

    async def pending(self, sees: str | None, run_id: str) -> ClaimedRun | None:
        """A run in the background that has not ended, as it is now; None where there is none."""
        ...

    async def cancel(
        self, sees: str | None, run_id: str, error: RunError, deliveries: Sequence[Delivery] = ()
    ) -> Canceled:
        """End a run that waits, with this error; of one that a worker holds, keep that somebody wants it canceled.

        A run that has ended is left as it is. The deliveries are written where the run ends by this.

        Raises:
            RunNotFound: there is none of this ID.
        """
        ...

    async def wake_overdue(self, pipelines: Sequence[str]) -> int:
        """Wake a worker for every run of these pipelines that is due and not held; how many were woken is returned."""
        ...

    async def due(self, pipeline_id: str, limit: int) -> list[str]:
        """Runs of a pipeline that are due and that nobody holds, the most urgent first."""
        ...

    async def stale(self, but: Sequence[str], patience: float, limit: int) -> list[str]:
        """Runs of other pipelines than these that nobody holds and that have waited for longer than `patience`."""
        ...

    async def backlog(self, most: int) -> int:
        """How many runs wait for a worker; no more than `most` are counted."""
        ...

    async def queue(self) -> QueueState:
        """The runs in the background as they stand now."""
        ...

    async def unfinished(self, run_ids: Sequence[str]) -> frozenset[str]:
        """Which of these runs still need their media: to run on them, or to send them to receivers."""
        ...

    async def get(self, sees: str | None, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none of this ID.
        """
        ...

    async def find(self, run_ids: Sequence[str]) -> list[Run]:
        """Those of these runs that there are."""
        ...

    async def page(self, sees: str | None, execution_id: str, limit: int, after: str | None) -> list[Run]:
        """The runs of an execution, oldest first, from the one after run `after` on.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def ready(self) -> bool:
        """Whether the database answers; never raises."""
        ...
