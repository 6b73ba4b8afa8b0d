"""One commit for many finished runs: those that end within a moment of each other share a transaction.

The moment is as long as there are others to wait for: a lone run is written at once. At most one transaction is
under way; what ends meanwhile goes into the next, so the batches grow with the load.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gateway import metrics
from gateway.errors import GatewayError, Internal, StorageUnavailable
from gateway.limits import COMMIT_WAIT_PER_CALL, MAX_COMMIT_WAIT, MAX_RUNS_PER_COMMIT
from gateway.ports import AcceptedRun, FinishedRun

log = logging.getLogger(__name__)

Fact = TypeVar("Fact", FinishedRun, AcceptedRun)
_Pending = tuple[Fact, "asyncio.Future[None]"]


class GroupCommits(Generic[Fact]):
    """Gathers facts about runs and hands them to `write` in batches; its task lives while there is work."""

    def __init__(self, write: Callable[[Sequence[Fact]], Awaitable[None]], in_hand: Callable[[], int]):
        self._write: Callable[[Sequence[Fact]], Awaitable[None]] = write
        #: How many calls are in hand, those that wait here among them.
        self._in_hand = in_hand
        self._pending: list[_Pending[Fact]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, fact: Fact) -> None:
        """Have `fact` written; it is durable when this returns.

        Raises:
            StorageUnavailable: nothing can be said to be written.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((fact, done))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        with metrics.Timed(metrics.COMMIT):
            await asyncio.shield(done)

    async def close(self) -> None:
        """Wait until everything pending has been written or refused."""
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        await asyncio.sleep(self._wait())
        while self._pending:
            batch, self._pending = self._pending[:MAX_RUNS_PER_COMMIT], self._pending[MAX_RUNS_PER_COMMIT:]
            await self._commit(batch)
        self._task = None

    def _wait(self) -> float:
        others = self._in_hand() - len(self._pending)
        return min(MAX_COMMIT_WAIT, COMMIT_WAIT_PER_CALL * max(0, others))

    async def _commit(self, batch: list[_Pending[Fact]]) -> None:
        try:
            await self._write([fact for fact, _ in batch])
        except StorageUnavailable as failure:
            _settle(batch, failure)
        except Exception as failure:  # noqa: BLE001 - whatever it is, those who wait must be told
            await self._one_by_one(batch, failure)
        else:
            _settle(batch, None)

    async def _one_by_one(self, batch: list[_Pending[Fact]], failure: Exception) -> None:
        """A record that the database refuses must not take the others with it."""
        if len(batch) > 1:
            for pending in batch:
                await self._commit([pending])
            return
        if isinstance(failure, GatewayError):
            _settle(batch, failure)
            return
        log.error("commit.refused", extra={"run_id": batch[0][0].run.run_id}, exc_info=failure)
        _settle(batch, Internal())


def _settle(batch: list[_Pending[Fact]], failure: GatewayError | None) -> None:
    for _, done in batch:
        if done.cancelled():
            continue
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(type(failure)(failure.message))
            # Whoever waited may have gone; then nobody asks for it.
            done.exception()
