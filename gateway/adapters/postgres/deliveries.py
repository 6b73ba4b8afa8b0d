"""Deliveries in PostgreSQL: handed out, settled by who holds them, and read."""

from collections.abc import Mapping, Sequence

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.delivery_rows import delivery, write_deliveries
from gateway.adapters.postgres.executions import found
from gateway.adapters.postgres.statements import statement
from gateway.domain.deliveries import Delivery
from gateway.errors import DeliveryNotFound
from gateway.limits import DELIVERIES_PER_RECEIVER


class PostgresDeliveries:
    """A `DeliveryStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def write(self, sees: str | None, deliveries: Sequence[Delivery]) -> None:
        """See `DeliveryStore.write`."""
        async with self._database.connection() as connection:
            await write_deliveries(connection, deliveries, sees)

    async def claim(self, limit: int, lease: float, taken: Mapping[str, int]) -> list[Delivery]:
        """See `DeliveryStore.claim`."""
        values = (limit, lease, DELIVERIES_PER_RECEIVER, list(taken), list(taken.values()))
        async with self._database.connection() as connection:
            return list(map(delivery, await connection.fetch(statement("claim_deliveries"), *values)))

    async def settle(self, held: Delivery, after: Delivery) -> bool:
        """See `DeliveryStore.settle`."""
        values = (
            held.delivery_id,
            held.due_at,
            str(after.state),
            after.due_at,
            after.last_attempt_at,
            after.last_status,
            str(after.last_failure) if after.last_failure is not None else None,
            after.last_excerpt,
            after.ended_at,
        )
        async with self._database.connection() as connection:
            return await connection.fetchval(statement("settle_delivery"), *values) is not None

    async def get(self, sees: str | None, delivery_id: str) -> Delivery:
        """See `DeliveryStore.get`."""
        return await self._one("delivery", sees, delivery_id)

    async def resend(self, sees: str | None, delivery_id: str) -> Delivery:
        """See `DeliveryStore.resend`."""
        return await self._one("resend_delivery", sees, delivery_id)

    async def _one(self, name: str, sees: str | None, delivery_id: str) -> Delivery:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement(name), delivery_id, sees)
        if row is None:
            raise DeliveryNotFound
        return delivery(row)

    async def of_hook(
        self, sees: str | None, hook_id: str, limit: int, before: int | None
    ) -> list[tuple[int, Delivery]]:
        """See `DeliveryStore.of_hook`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("deliveries_of_hook"), hook_id, limit, before, sees)
        return [(row["number"], delivery(row)) for row in listed]

    async def of_execution(
        self, sees: str | None, execution_id: str, limit: int, before: int | None
    ) -> list[tuple[int, Delivery]]:
        """See `DeliveryStore.of_execution`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("deliveries_of_execution"), execution_id, limit, before, sees)
            if not listed:
                await found(connection, sees, execution_id)
        return [(row["number"], delivery(row)) for row in listed]
