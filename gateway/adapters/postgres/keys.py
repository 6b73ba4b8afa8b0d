"""Idempotency keys in PostgreSQL: the unique digest settles who was first."""

from collections.abc import Sequence

import asyncpg
import msgspec

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.keys import Key, KnownCall
from gateway.errors import KeyLost
from gateway.ports import AcceptedRun, FinishedRun


class PostgresKeys:
    """A `KeyStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def find(self, key: Key) -> KnownCall | None:
        """See `KeyStore.find`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("find_key"), key.digest)
        if row is None:
            return None
        return KnownCall(
            fingerprint=row["fingerprint"],
            run_id=str(row["run_id"]),
            execution_id=row["execution_id"],
            seed=tuple(msgspec.json.decode(row["seed"], type=list[str])),
            lease_until=row["lease_until"],
        )

    async def reserve(self, key: Key, run_id: str, execution_id: str, lease: float) -> bool:
        """See `KeyStore.reserve`."""
        values = (key.digest, key.fingerprint, run_id, execution_id, lease)
        async with self._database.connection() as connection:
            return await connection.fetchval(statement("reserve_key"), *values) is not None


async def take_keys(connection: asyncpg.Connection, batch: Sequence[AcceptedRun]) -> None:
    """Let the keys of these runs name them.

    Raises:
        KeyLost: one names another run.
    """
    rows = [
        (each.key.key.digest, each.key.key.fingerprint, each.run.run_id, each.run.execution_id, _seed(each))
        for each in batch
        if each.key is not None
    ]
    if rows and len(await connection.fetch(statement("take_keys"), *zip(*rows, strict=True))) < len(rows):
        raise KeyLost


async def end_key(connection: asyncpg.Connection, finished: FinishedRun) -> None:
    """Let the key of a call that is waited for end with its run, or free it.

    Raises:
        KeyLost: another call has taken it over.
    """
    assert finished.key is not None
    key, run = finished.key.key, finished.run
    if finished.key.freed:
        await connection.execute(statement("free_key"), key.digest, run.run_id)
        return
    if await connection.fetchval(statement("end_key"), key.digest, run.run_id, _seed(finished)) is None:
        raise KeyLost


def _seed(fact: AcceptedRun | FinishedRun) -> bytes:
    return msgspec.json.encode([each.entry_id for each in fact.seed])
