"""An execution: the lasting context of runs, with one observation, a tag and the caller's metadata."""

from datetime import datetime

import msgspec

from gateway.domain.runs import RunError, RunState


class NewExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that a call brings about; `meta_data` is the caller's JSON object as it came."""

    execution_id: str
    created_at: datetime
    tag: str | None = None
    meta_data: bytes | None = None
    transient: bool = False
    #: Seconds for which it is kept after its last change: None as the settings say, 0 for ever.
    ttl: float | None = None
    #: The hooks that are told of it.
    hook_ids: tuple[str, ...] = ()
    #: Whose it is.
    owner: str = ""


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one execution; state, end and error are those of its newest run."""

    execution_id: str
    created_at: datetime
    tag: str | None = None
    meta_data: bytes | None = None
    state: RunState | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None
    #: Nothing but the record of its run was kept.
    transient: bool = False
    #: Seconds for which it is kept after its last change: None as the settings say, 0 for ever.
    ttl: float | None = None
    #: Its last change, beginnings of runs left out.
    changed_at: datetime | None = None
    #: When it is removed unless it changes before; None while a run has not ended, and where it is kept for ever.
    expires_at: datetime | None = None
    #: The hooks that are told of it.
    hook_ids: tuple[str, ...] = ()
    #: Whose it is.
    owner: str = ""

    @property
    def duration(self) -> float | None:
        """Seconds from the start of its newest run to that run's end."""
        if self.completed_at is None or self.started_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()


class ExecutionFilter(msgspec.Struct, frozen=True):
    """Which executions of a list are wanted; None is any."""

    tag: str | None = None
    state: RunState | None = None


class ExecutionPage(msgspec.Struct, frozen=True):
    """Some executions of a list, newest first, and where the next page begins, if there is one."""

    executions: list[Execution]
    next_cursor: str | None
