"""Deliveries: brought about by hand, listed, and sent again."""

from collections.abc import Callable
from datetime import datetime

from gateway import tracing
from gateway.core.executions import place
from gateway.core.hooks import known_hook
from gateway.core.telling import Telling
from gateway.domain.access import Caller
from gateway.domain.deliveries import Delivery, DeliveryPage, Event
from gateway.domain.hooks import EventType
from gateway.domain.ids import is_uuid, known_form, now
from gateway.errors import DeliveryNotFound
from gateway.ports import DeliveryStore, ExecutionStore, HookStore


class Deliveries:
    """Knows of every delivery."""

    def __init__(
        self,
        store: DeliveryStore,
        hooks: HookStore,
        executions: ExecutionStore,
        telling: Telling,
        *,
        clock: Callable[[], datetime] = now,
    ):
        self._store = store
        self._hooks = hooks
        self._executions = executions
        self._telling = telling
        self._clock = clock

    async def submit(self, caller: Caller, execution_id: str) -> list[Delivery]:
        """Tell the hooks of an execution that somebody submits it; what is sent to whom is returned.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        execution = await self._executions.get(caller.sees, known_form(execution_id))
        status = execution.state.upper() if execution.state else None
        event = Event(
            event_type=EventType.SUBMIT,
            at=self._clock(),
            execution_id=execution_id,
            status=status,
            trace=tracing.carried(),
        )
        deliveries = list(await self._telling.about(caller.sees, event))
        await self._store.write(caller.sees, deliveries)
        self._telling.ring(deliveries)
        return deliveries

    async def get(self, caller: Caller, delivery_id: str) -> Delivery:
        """One delivery.

        Raises:
            DeliveryNotFound: there is none of this ID.
        """
        return await self._store.get(caller.sees, _known(delivery_id))

    async def of_hook(self, caller: Caller, hook_id: str, limit: int, cursor: str | None) -> DeliveryPage:
        """Deliveries of a hook, newest first.

        Raises:
            HookNotFound: there is no such hook.
            InvalidInput: the cursor is not one that this list gave.
        """
        await self._hooks.get(caller.sees, known_hook(hook_id))
        return _page(await self._store.of_hook(caller.sees, hook_id, limit + 1, place(cursor)), limit)

    async def of_execution(self, caller: Caller, execution_id: str, limit: int, cursor: str | None) -> DeliveryPage:
        """Deliveries of an execution, newest first.

        Raises:
            ExecutionNotFound: there is no such execution.
            InvalidInput: the cursor is not one that this list gave.
        """
        return _page(
            await self._store.of_execution(caller.sees, known_form(execution_id), limit + 1, place(cursor)), limit
        )

    async def resend(self, caller: Caller, delivery_id: str) -> Delivery:
        """Have a delivery sent again, from its first try on and under the same ID.

        Raises:
            DeliveryNotFound: there is none of this ID.
        """
        delivery = await self._store.resend(caller.sees, _known(delivery_id))
        self._telling.ring([delivery])
        return delivery


def _known(delivery_id: str) -> str:
    if not is_uuid(delivery_id):
        raise DeliveryNotFound
    return delivery_id


def _page(found: list[tuple[int, Delivery]], limit: int) -> DeliveryPage:
    more = str(found[limit - 1][0]) if len(found) > limit else None
    return DeliveryPage([each for _, each in found[:limit]], more)
