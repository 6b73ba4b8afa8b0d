"""Deliveries to rows and back, and written within the transaction of what they tell of."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import msgspec

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.statements import statement
from gateway.domain.calls import StoredMedia
from gateway.domain.deliveries import Delivery, DeliveryState, Event, Failure

_event: Final = msgspec.json.Decoder(Event)
_documents: Final = msgspec.json.Decoder(tuple[StoredMedia, ...])


async def write_deliveries(
    connection: asyncpg.Connection, deliveries: Sequence[Delivery], sees: str | None = None
) -> None:
    """Write these, in the connection's own transaction; not those of an execution that is out of sight."""
    if deliveries:
        columns = rows.columns(list(map(_row, deliveries)), 10)
        await connection.execute(statement("write_deliveries"), *columns, sees)


def _row(delivery: Delivery) -> tuple[object, ...]:
    return (
        delivery.delivery_id,
        delivery.event.execution_id,
        delivery.hook_id,
        delivery.url,
        delivery.receiver,
        delivery.secret,
        rows.encode(delivery.event),
        delivery.observation,
        rows.encode(delivery.documents) if delivery.documents else None,
        delivery.created_at,
    )


def delivery(row: rows.Row) -> Delivery:
    """A delivery."""
    return Delivery(
        delivery_id=str(row["delivery_id"]),
        hook_id=row["hook_id"],
        url=row["url"],
        event=_event.decode(row["event"]),
        secret=row["secret"],
        observation=row["observation"],
        documents=_documents.decode(row["documents"]) if row["documents"] is not None else (),
        created_at=row["created_at"],
        state=DeliveryState(row["state"]),
        attempt=row["attempt"],
        due_at=row["due_at"],
        last_attempt_at=row["last_attempt_at"],
        last_status=row["last_status"],
        last_failure=Failure(row["last_failure"]) if row["last_failure"] is not None else None,
        last_excerpt=row["last_excerpt"],
        ended_at=row["ended_at"],
    )
