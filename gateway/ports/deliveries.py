"""The records of deliveries."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.domain.deliveries import Delivery


class DeliveryStore(Protocol):
    """The records of deliveries; `sees` as with executions, to which they belong."""

    async def write(self, sees: str | None, deliveries: Sequence[Delivery]) -> None:
        """Write deliveries, due at once; of an execution that is gone, or out of sight, nothing is written."""
        ...

    async def claim(self, limit: int, lease: float, taken: Mapping[str, int]) -> list[Delivery]:
        """Take deliveries that are due for `lease` seconds, the longest due first: each has one more attempt then.

        `due_at` is the end of the lease. `taken` are the places of each receiver that are taken already.
        """
        ...

    async def settle(self, held: Delivery, after: Delivery) -> bool:
        """Write what came of a try; False, and nothing written, where the delivery is no longer held as it was."""
        ...

    async def get(self, sees: str | None, delivery_id: str) -> Delivery:
        """One delivery.

        Raises:
            DeliveryNotFound: there is none of this ID.
        """
        ...

    async def of_hook(
        self, sees: str | None, hook_id: str, limit: int, before: int | None
    ) -> list[tuple[int, Delivery]]:
        """Deliveries of a hook with their place in the list, newest first."""
        ...

    async def of_execution(
        self, sees: str | None, execution_id: str, limit: int, before: int | None
    ) -> list[tuple[int, Delivery]]:
        """Deliveries of an execution with their place in the list, newest first.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def resend(self, sees: str | None, delivery_id: str) -> Delivery:
        """Have a delivery sent again from its first try on, under the same ID; it is returned as it is now.

        Raises:
            DeliveryNotFound: there is none of this ID.
        """
        ...
