"""Answering a call again with what its run has left: the same observation, or the same error."""

from typing import Final

from gateway.domain.access import EVERYTHING
from gateway.domain.calls import Outcome
from gateway.domain.keys import KnownCall
from gateway.domain.observations import observation_json
from gateway.domain.runs import Run, RunState
from gateway.errors import (
    ExecutionNotFound,
    GatewayError,
    Internal,
    KeyInFlight,
    ResultGone,
    RunNotFound,
    error_of_code,
)
from gateway.ports import EntryStore, ExecutionStore, RunStore

_DELETED: Final = "What the call found was deleted."


class Replays:
    """Rebuilds answers from records."""

    def __init__(self, runs: RunStore, executions: ExecutionStore, entries: EntryStore):
        self._runs = runs
        self._executions = executions
        self._entries = entries

    async def answer(self, sees: str | None, known: KnownCall) -> Outcome:
        """The answer of a call that was made before.

        Raises:
            ResultGone: its records are gone, or were never kept.
            KeyInFlight: its run, in the background, has not ended.
            GatewayError: the run failed; the same error as then.
        """
        run = await self.run(sees, known.run_id)
        if not run.state.ended:
            raise KeyInFlight
        return await self.outcome(run, known.seed, replayed=True)

    async def run(self, sees: str | None, run_id: str) -> Run:
        """The run of a call that was accepted.

        Raises:
            ResultGone: it was deleted since, or is out of sight.
        """
        try:
            return await self._runs.get(sees, run_id)
        except RunNotFound:
            raise ResultGone(_DELETED) from None

    async def outcome(self, run: Run, seed: tuple[str, ...], *, replayed: bool) -> Outcome:
        """What a run that has ended found, behind what its caller put in.

        Raises:
            ResultGone: it was not kept, or is deleted.
            GatewayError: the run failed.
        """
        try:
            return Outcome(run.execution_id, run.run_id, await self._found(run, seed), replayed)
        except GatewayError as error:
            error.replayed = replayed
            raise

    async def _found(self, run: Run, seed: tuple[str, ...]) -> bytes:
        if run.state not in (RunState.COMPLETED, RunState.COMPLETED_WITH_ERRORS):
            raise failure(run)
        if await self._transient(run.execution_id):
            raise ResultGone
        entries = await self._entries.of_run(run.execution_id, run.run_id, seed)
        return observation_json(run.execution_id, entries)

    async def _transient(self, execution_id: str) -> bool:
        try:
            return (await self._executions.get(EVERYTHING, execution_id)).transient
        except ExecutionNotFound:
            raise ResultGone(_DELETED) from None


def failure(run: Run) -> GatewayError:
    """The error that a failed run ended with, as its caller was told then."""
    error: GatewayError = Internal()
    if run.error is not None:
        error = error_of_code(run.error.code, run.error.message)
        error.field = run.error.field
    error.execution_id, error.run_id = run.execution_id, run.run_id
    return error
