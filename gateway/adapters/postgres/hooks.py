"""Hooks in PostgreSQL: one JSON document each, beside what a statement alone may change."""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.deliveries import receiver_of
from gateway.domain.hooks import Hook
from gateway.errors import HookNotFound

_hook: Final = msgspec.json.Decoder(Hook)


class PostgresHooks:
    """A `HookStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def create(self, hook: Hook) -> bool:
        """See `HookStore.create`."""
        values = (hook.hook_id, _definition(hook), hook.enabled, hook.secrets, hook.created_at, hook.owner)
        async with self._database.connection() as connection:
            return await connection.fetchval(statement("create_hook"), *values) is not None

    async def get(self, sees: str | None, hook_id: str) -> Hook:
        """See `HookStore.get`."""
        for hook in await self.find(sees, [hook_id]):
            return hook
        raise HookNotFound

    async def page(self, sees: str | None, limit: int, before: int | None) -> list[tuple[int, Hook]]:
        """See `HookStore.page`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("hooks"), limit, before, sees)
        return [(row["number"], _read(row)) for row in listed]

    async def find(self, sees: str | None, hook_ids: Sequence[str]) -> list[Hook]:
        """See `HookStore.find`."""
        async with self._database.connection() as connection:
            return list(map(_read, await connection.fetch(statement("find_hooks"), hook_ids, sees)))

    async def of_execution(self, sees: str | None, execution_id: str) -> list[Hook]:
        """See `HookStore.of_execution`."""
        async with self._database.connection() as connection:
            return list(map(_read, await connection.fetch(statement("hooks_of_execution"), execution_id, sees)))

    async def update(self, sees: str | None, hook: Hook) -> Hook:
        """See `HookStore.update`."""
        secrets, receiver = hook.secrets or None, receiver_of(hook.endpoint)
        values = (hook.hook_id, _definition(hook), hook.enabled, secrets, hook.endpoint, receiver, sees)
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("update_hook"), *values)
        if row is None:
            raise HookNotFound
        return _read(row)

    async def disable(self, hook_id: str) -> None:
        """See `HookStore.disable`."""
        async with self._database.connection() as connection:
            await connection.execute(statement("disable_hook"), hook_id)

    async def delete(self, sees: str | None, hook_id: str) -> None:
        """See `HookStore.delete`."""
        async with self._database.connection() as connection:
            if await connection.fetchval(statement("delete_hook"), hook_id, sees) is None:
                raise HookNotFound


def _definition(hook: Hook) -> bytes:
    return rows.encode(msgspec.structs.replace(hook, secrets=(), enabled=True, owner=""))


def _read(row: rows.Row) -> Hook:
    found = _hook.decode(row["definition"])
    own = {"enabled": row["enabled"], "secrets": tuple(row["secrets"]), "created_at": row["created_at"]}
    return msgspec.structs.replace(found, **own, owner=row["owner"])
