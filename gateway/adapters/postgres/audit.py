"""Audit events in PostgreSQL."""

from collections.abc import Sequence

import asyncpg
import msgspec

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.audit import Action, AuditEvent


class PostgresAudit:
    """An `AuditStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def newest(self, limit: int) -> list[AuditEvent]:
        """See `AuditStore.newest`."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(statement("audit_events"), limit)
        return [
            AuditEvent(
                at=row["at"],
                actor=row["actor"],
                action=Action(row["action"]),
                subject=row["subject"],
                details=msgspec.json.decode(row["details"], type=dict[str, object]),
            )
            for row in rows
        ]


async def write_events(connection: asyncpg.Connection, events: Sequence[AuditEvent]) -> None:
    """Write these within the transaction of what they tell of."""
    if events:
        rows = [(each.at, each.actor, each.action, each.subject, msgspec.json.encode(each.details)) for each in events]
        await connection.execute(statement("write_audit_events"), *zip(*rows, strict=True))
