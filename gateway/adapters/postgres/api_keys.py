"""API keys in PostgreSQL: all of a key but the key itself."""

from collections.abc import Sequence
from datetime import datetime

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.audit import write_events
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.access import Scope
from gateway.domain.api_keys import ApiKey
from gateway.domain.audit import AuditEvent


class PostgresApiKeys:
    """An `ApiKeyStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def find(self, key_ids: Sequence[str]) -> list[ApiKey]:
        """See `ApiKeyStore.find`."""
        async with self._database.connection() as connection:
            return list(map(_read, await connection.fetch(statement("find_api_keys"), key_ids)))

    async def list(self) -> list[ApiKey]:
        """See `ApiKeyStore.list`."""
        async with self._database.connection() as connection:
            return list(map(_read, await connection.fetch(statement("api_keys"))))

    async def create(self, key: ApiKey, event: AuditEvent) -> None:
        """See `ApiKeyStore.create`."""
        pipelines = None if key.pipelines is None else sorted(key.pipelines)
        named = (key.key_id, key.name, key.owner, key.digest, sorted(key.scopes), pipelines)
        values = (*named, key.rate, key.concurrency, key.created_at, key.expires_at)
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(statement("create_api_key"), *values)
            await write_events(connection, [event])

    async def revoke(self, key_id: str, moment: datetime, event: AuditEvent) -> bool:
        """See `ApiKeyStore.revoke`."""
        async with self._database.connection() as connection, connection.transaction():
            if await connection.fetchval(statement("revoke_api_key"), key_id, moment) is None:
                return False
            await write_events(connection, [event])
        return True


def _read(row: rows.Row) -> ApiKey:
    pipelines = row["pipelines"]
    return ApiKey(
        key_id=row["key_id"],
        name=row["name"],
        owner=row["owner"],
        digest=row["digest"],
        scopes=frozenset(map(Scope, row["scopes"])),
        created_at=row["created_at"],
        pipelines=None if pipelines is None else frozenset(pipelines),
        rate=row["rate"],
        concurrency=row["concurrency"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
