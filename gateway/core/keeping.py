"""What a worker does beside its runs: it holds what it has in hand, and sees to what nobody holds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.core.holding import Holding, Reason
from gateway.core.pipelines import Pipelines
from gateway.core.quotas import Quotas
from gateway.core.worker import Worker
from gateway.errors import Unavailable
from gateway.limits import LONGEST_BEAT, MAX_PAGE, RECONCILE_INTERVAL
from gateway.ports import RunStore

log = logging.getLogger(__name__)


class Keeping:
    """The two loops of a worker; each ends when it is cancelled, and by nothing else."""

    def __init__(
        self,
        worker: Worker,
        pipelines: Pipelines,
        store: RunStore,
        holding: Holding,
        quotas: Quotas,
        *,
        lease: float,
        queue_timeout: float,
    ):
        self._worker = worker
        self._pipelines = pipelines
        self._store = store
        self._holding = holding
        self._quotas = quotas
        self._lease = lease
        self._queue_timeout = queue_timeout

    async def hold(self) -> None:
        """Extend the leases of what is in hand; let go of what is held by others now, or is to be canceled."""
        await _again_and_again(min(self._lease / 3, LONGEST_BEAT), self._beat)

    async def reconcile(self) -> None:
        """Wake a worker for what is due and not held; let fail what has waited for too long."""
        await _again_and_again(min(RECONCILE_INTERVAL, self._lease / 8), self._look)

    async def _beat(self) -> None:
        attempts = self._holding.attempts()
        if not attempts:
            return
        extended = await self._store.extend(attempts, self._lease)
        for run_id, attempt in attempts:
            if run_id not in extended.held:
                self._holding.call_off(run_id, Reason.LOST, attempt)
            elif run_id in extended.canceled:
                self._holding.call_off(run_id, Reason.CANCELED, attempt)

    async def _look(self) -> None:
        names = self._pipelines.names()
        there = [name for name in names if self._pipelines.can_run(name)]
        free = [name for name in there if not self._quotas.full(name)]
        if free:
            await self._store.wake_overdue(free)
        for run_id in await self._store.stale(there, self._queue_timeout, MAX_PAGE):
            await self._worker.give_up(run_id)


async def _again_and_again(interval: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await work()
        except Unavailable:
            log.warning("worker.store_away")
        except Exception:
            log.exception("worker.keep_failed")
