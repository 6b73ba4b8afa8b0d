"""The sender: takes deliveries that are due, a bounded number at once, and writes what came of each.

A delivery is held by a lease. Whoever dies with one in hand, before or after the receiver has taken it, leaves it to
others: it is sent again under the same ID.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.core.drain import Drain
from gateway.core.letters import Letters
from gateway.core.retrying import persistently
from gateway.core.staging import Staging
from gateway.core.telling import Telling
from gateway.domain.deliveries import Delivery, Failure, Receipt
from gateway.domain.ids import now
from gateway.errors import GatewayError, Unavailable
from gateway.limits import DELIVERIES_IN_HAND, DELIVERY_DRAIN, DELIVERY_INTERVAL, DELIVERY_LEASE
from gateway.ports import Courier, DeliveryStore, HookStore

log = logging.getLogger(__name__)

#: Of its lease, what writing and sending a letter may take; the rest is for writing what came of it.
_AT_WORK: Final = 0.75


class Sender:
    """Sends deliveries until it is cancelled."""

    def __init__(
        self,
        store: DeliveryStore,
        hooks: HookStore,
        letters: Letters,
        courier: Courier,
        staging: Staging,
        telling: Telling,
        *,
        lease: float = DELIVERY_LEASE,
        clock: Callable[[], datetime] = now,
        chance: Callable[[], float] = random.random,
    ):
        self._store = store
        self._hooks = hooks
        self._letters = letters
        self._courier = courier
        self._staging = staging
        self._telling = telling
        self._lease = lease
        self._clock = clock
        self._chance = chance
        self._in_hand: dict[asyncio.Task[None], Delivery] = {}

    async def send_again_and_again(self, drain: Drain) -> None:
        """Send what is due; when this is cancelled, what is in hand gets a moment to end, or is left to its lease."""
        try:
            while True:
                await self._look()
                await self._telling.rung(DELIVERY_INTERVAL)
        finally:
            await self._leave(drain)

    async def _look(self) -> None:
        try:
            await self.take()
        except Unavailable:
            log.warning("sender.store_away")
        except Exception:
            log.exception("sender.failed")

    async def take(self) -> None:
        """Take up as many deliveries that are due as there are places for.

        Raises:
            StorageUnavailable: the store is away.
        """
        free = DELIVERIES_IN_HAND - len(self._in_hand)
        if free <= 0:
            return
        taken = Counter(each.receiver for each in self._in_hand.values())
        for held in await self._store.claim(free, self._lease, taken):
            task = asyncio.create_task(self._deliver(held))
            self._in_hand[task] = held
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        held = self._in_hand.pop(task)
        # Its place may be waited for.
        self._telling.ring([held])

    async def _leave(self, drain: Drain) -> None:
        tasks = list(self._in_hand)
        if tasks:
            await drain.wait(asyncio.wait(tasks), min(DELIVERY_DRAIN, drain.left))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, held: Delivery) -> None:
        try:
            receipt = await self._sent(held)
            after = held.canceled(self._clock()) if receipt is None else self._after(held, receipt)
            await self._settle(held, after)
            if receipt is not None and receipt.disables_hook and held.hook_id is not None:
                log.warning("hook.disabled", extra={"hook_id": held.hook_id})
                await self._hooks.disable(held.hook_id)
        except Unavailable as error:
            # It is taken up again when its lease is over.
            log.warning("delivery.left", extra={"delivery_id": held.delivery_id, "code": error.code})
        except Exception:
            log.exception("delivery.broke", extra={"delivery_id": held.delivery_id})

    async def _sent(self, held: Delivery) -> Receipt | None:
        """What came of one try; None where nobody wants it any more."""
        try:
            async with asyncio.timeout(self._lease * _AT_WORK):
                letter = await self._letters.written(held, self._clock())
                return None if letter is None else await self._courier.send(letter)
        except TimeoutError:
            return Receipt(failure=Failure.TIMEOUT)
        except Unavailable:
            raise
        except GatewayError as error:
            return Receipt(failure=Failure.PAYLOAD, excerpt=error.message)

    def _after(self, held: Delivery, receipt: Receipt) -> Delivery:
        after = held.after(receipt, self._clock(), self._chance())
        told = {"delivery_id": held.delivery_id, "attempt": held.attempt, "state": after.state}
        log.info("delivery.tried", extra=told | {"failure": receipt.failure, "status": receipt.status})
        return after

    async def _settle(self, held: Delivery, after: Delivery) -> None:
        patience = self._lease * (1 - _AT_WORK)
        if not await persistently(lambda: self._store.settle(held, after), patience):
            log.warning("delivery.lost", extra={"delivery_id": held.delivery_id, "attempt": held.attempt})
        elif after.ended_at is not None and held.documents and held.event.run_id is not None:
            await self._staging.release(held.event.run_id, [each.blob for each in held.documents])
