"""Turns among all gateways of one database: advisory locks, each on a connection that ends with its process."""

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from gateway.adapters.postgres.database import failures, open_connection
from gateway.adapters.postgres.statements import statement
from gateway.errors import StorageUnavailable
from gateway.limits import HEALING_TIMEOUT

log = logging.getLogger(__name__)

#: Seconds that the server may take over a goodbye.
_GOODBYE: Final = 1.0


class PostgresTurns:
    """A `Turns`; where the database is away everybody has a turn at once."""

    def __init__(self, url: str):
        self._url = url

    @contextlib.asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[bool]:
        """See `Turns.turn`."""
        connection = await self._connected()
        try:
            yield connection is None or await _first(connection, name)
        finally:
            if connection is not None:
                with contextlib.suppress(StorageUnavailable), failures():
                    await connection.close(timeout=_GOODBYE)

    async def _connected(self) -> asyncpg.Connection | None:
        try:
            return await open_connection(self._url)
        except StorageUnavailable:
            log.warning("turn.not_asked_for")
            return None


async def _first(connection: asyncpg.Connection, name: str) -> bool:
    """Take the turn; False where it was not free."""
    try:
        with failures():
            if await connection.fetchval(statement("take_turn"), name):
                return True
            await connection.fetchval(statement("await_turn"), name, timeout=HEALING_TIMEOUT)
            return False
    except StorageUnavailable:
        return False
