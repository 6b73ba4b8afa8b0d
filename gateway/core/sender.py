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

import msgspec

from gateway import metrics, tracing
from gateway.core.drain import Drain
from gateway.core.letters import Letters
from gateway.core.retrying import persistently
from gateway.core.staging import Staging
from gateway.core.telling import Telling
from gateway.domain.deliveries import Delivery, DeliveryState, Failure, Letter, Receipt
from gateway.domain.ids import now
from gateway.errors import GatewayError, Unavailable
from gateway.limits import (
    DELIVERIES_IN_HAND,
    DELIVERY_BYTES_IN_HAND,
    DELIVERY_DRAIN,
    DELIVERY_INTERVAL,
    DELIVERY_LEASE,
    MAX_DELIVERY_BYTES,
)
from gateway.ports import Courier, DeliveryStore, HookStore

log = logging.getLogger(__name__)

#: Of its lease, what writing and sending a letter may take; the rest is for writing what came of it.
_AT_WORK: Final = 0.75
_ENDS: Final = {DeliveryState.DELIVERED: metrics.DELIVERED, DeliveryState.FAILED: metrics.GIVEN_UP}


class InHand(msgspec.Struct):
    """A delivery that is being tried."""

    held: Delivery
    #: Bytes of its letter; the most there can be until it is written.
    size: int = MAX_DELIVERY_BYTES


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
        self._in_hand: dict[asyncio.Task[None], InHand] = {}

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
        free = min(DELIVERIES_IN_HAND - len(self._in_hand), self._room())
        if free <= 0:
            return
        taken = Counter(each.held.receiver for each in self._in_hand.values())
        for held in await self._store.claim(free, self._lease, taken):
            each = InHand(held)
            task = asyncio.create_task(self._deliver(each))
            self._in_hand[task] = each
            task.add_done_callback(self._ended)

    def _room(self) -> int:
        """How many more letters there is memory for, however large they are."""
        return (DELIVERY_BYTES_IN_HAND - sum(each.size for each in self._in_hand.values())) // MAX_DELIVERY_BYTES

    def _written(self, each: InHand, letter: Letter) -> None:
        full = self._room() <= 0
        each.size = len(letter.body)
        if full:
            self._telling.ring([each.held])

    def _ended(self, task: "asyncio.Task[None]") -> None:
        # Its place may be waited for.
        self._telling.ring([self._in_hand.pop(task).held])

    async def _leave(self, drain: Drain) -> None:
        tasks = list(self._in_hand)
        if tasks:
            await drain.wait(asyncio.wait(tasks), min(DELIVERY_DRAIN, drain.left))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, each: InHand) -> None:
        held = each.held
        try:
            receipt = await self._tried(each)
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

    async def _tried(self, each: InHand) -> Receipt | None:
        """What came of one try; None where nobody wants it any more."""
        held, trace = each.held, each.held.event.trace or None
        with tracing.span(
            "delivery", tracing.CLIENT, trace, delivery_id=held.delivery_id, attempt=held.attempt
        ) as span:
            receipt = await self._sent(each)
            if receipt is not None and receipt.failure is not None:
                span.failed(receipt.failure)
        return receipt

    async def _sent(self, each: InHand) -> Receipt | None:
        try:
            async with asyncio.timeout(self._lease * _AT_WORK):
                letter = await self._letters.written(each.held, self._clock())
                if letter is None:
                    return None
                self._written(each, letter)
                return await self._courier.send(letter)
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
        elif after.ended_at is not None:
            if after.state in _ENDS:
                _ENDS[after.state].inc()
            if held.documents and held.event.run_id is not None:
                await self._staging.release(held.event.run_id, [each.blob for each in held.documents])
