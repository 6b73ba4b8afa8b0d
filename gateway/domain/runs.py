"""A run: one call of a pipeline on an execution, from acceptance to its one end."""

import enum
from datetime import datetime
from typing import Final

import msgspec

from gateway.errors import GatewayError


class RunState(enum.StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        """Whether a run in this state changes no more."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


class Priority(enum.StrEnum):
    """Which of the runs that are due comes first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """-1, 0 or 1."""
        return _RANKS[self]

    @classmethod
    def of_rank(cls, rank: int) -> "Priority":
        """The priority of this rank."""
        return _BY_RANK[rank]


_RANKS: Final = {Priority.LOW: -1, Priority.NORMAL: 0, Priority.HIGH: 1}
_BY_RANK: Final = {rank: priority for priority, rank in _RANKS.items()}


class RunError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed: what the caller was told."""

    code: str
    message: str
    field: str | None = None

    @classmethod
    def of(cls, error: GatewayError) -> "RunError":
        """The record of `error`."""
        return cls(error.code, error.message, error.field)


class Timings(msgspec.Struct, frozen=True, rename="camel"):
    """Where the time of a run went, in milliseconds of wall clock; the parts add up to the whole.

    `queueMs`: waiting for a place at Triton. `computeMs`: with Triton, its own queues included.
    `gatewayMs`: decoding, checking and assembling in the gateway, up to the commit.
    """

    queue_ms: float
    compute_ms: float
    gateway_ms: float


class Attempt(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One try of a run by one worker; without an end it is going on, without an error it ended the run well."""

    number: int
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: RunError | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one run."""

    run_id: str
    execution_id: str
    pipeline_id: str
    pipeline_version: int
    state: RunState
    attempt: int
    media_count: int
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    timings: Timings | None = None
    model_versions: dict[str, str] = {}
    error: RunError | None = None
    priority: Priority = Priority.NORMAL
    #: The time before which the caller does not want it to begin.
    execute_after: datetime | None = None
    #: The worker that holds it, or held it last.
    worker: str | None = None
    #: Attempts that ended without ending the run.
    past_attempts: tuple[Attempt, ...] = ()
    cancel_requested_at: datetime | None = None

    @property
    def canceling(self) -> bool:
        """Whether it was canceled, or is to be."""
        return self.state is RunState.CANCELED or self.cancel_requested_at is not None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try, in order."""
        if self.started_at is None or not self.attempt:
            return self.past_attempts
        last = Attempt(
            number=self.attempt,
            worker=self.worker,
            started_at=self.started_at,
            ended_at=self.completed_at,
            error=self.error,
        )
        return (*self.past_attempts, last)

    @property
    def waited(self) -> float | None:
        """Seconds that it was due before its first attempt began; None for a further one, or before it began."""
        if self.started_at is None or self.past_attempts:
            return None
        due = max(self.created_at, self.execute_after or self.created_at)
        return max(0.0, (self.started_at - due).total_seconds())

    def tries(self, but: str) -> int:
        """How many tries have failed, but for those that ended with the code `but`."""
        return sum(each.error is None or each.error.code != but for each in self.past_attempts)


class RunPage(msgspec.Struct, frozen=True):
    """Some runs of a list, and where the next page begins, if there is one."""

    runs: list[Run]
    next_cursor: str | None
