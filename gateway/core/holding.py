"""The runs in the background that this process works on, until they end or are called off."""

import asyncio
import enum
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.domain.runs import Run


class Reason(enum.Enum):
    """Why the work on a run was called off."""

    CANCELED = enum.auto()
    LOST = enum.auto()


class Held:
    """One run in hand: the attempt that holds it, and the work on it."""

    def __init__(self, attempt: int, work: "asyncio.Task[None]"):
        self.attempt = attempt
        self.work = work
        #: Why it was called off; None while it was not.
        self.reason: Reason | None = None


class Holding:
    """Knows which runs are in hand."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    @contextmanager
    def hold(self, run: Run, work: "asyncio.Task[None]") -> Iterator[Held]:
        """Have a run in hand while the block lasts; an earlier attempt of it that was in hand is called off."""
        self.call_off(run.run_id, Reason.LOST)
        held = self._held[run.run_id] = Held(run.attempt, work)
        try:
            yield held
        finally:
            if self._held.get(run.run_id) is held:
                del self._held[run.run_id]

    def attempts(self) -> list[tuple[str, int]]:
        """Every run in hand, with the attempt that holds it."""
        return [(run_id, held.attempt) for run_id, held in self._held.items()]

    def call_off(self, run_id: str, reason: Reason, attempt: int | None = None) -> None:
        """Stop the work on a run, if it is in hand, and is on this attempt where one is named."""
        held = self._held.get(run_id)
        if held is not None and held.reason is None and attempt in (None, held.attempt):
            held.reason = reason
            held.work.cancel()
