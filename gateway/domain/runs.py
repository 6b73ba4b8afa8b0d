"""A run: one call of a pipeline on an execution, from acceptance to its one end."""

import enum
from datetime import datetime

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


class RunPage(msgspec.Struct, frozen=True):
    """Some runs of a list, and where the next page begins, if there is one."""

    runs: list[Run]
    next_cursor: str | None
