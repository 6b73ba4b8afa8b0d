"""The removal of executions that a transaction holds: all their records at once, and the names of their blobs."""

from collections.abc import Sequence

import asyncpg

from gateway.adapters.postgres.statements import statement
from gateway.limits import REMOVAL_TIMEOUT


async def remove(connection: asyncpg.Connection, execution_ids: Sequence[str]) -> list[str]:
    """Remove executions; the keys of their blobs, doomed from now on, are returned.

    The transaction must hold them before: only then is all seen that was added to them.
    """
    doomed = await connection.fetch(statement("doom_blobs"), execution_ids, timeout=REMOVAL_TIMEOUT)
    await connection.execute(statement("loosen_keys"), execution_ids)
    await connection.execute(statement("delete_executions"), execution_ids, timeout=REMOVAL_TIMEOUT)
    return [row["blob"] for row in doomed]
