"""The database: connections that show JSON as bytes, and its failures in our words."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import asyncpg

from gateway.errors import CannotStart, StorageUnavailable
from gateway.limits import CONNECT_TIMEOUT, DATABASE_CONNECTIONS, STATEMENT_TIMEOUT

log = logging.getLogger(__name__)

#: What asyncpg and the system raise when the server is away, starting, stopping, out of room or failed by its disk.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    asyncpg.PostgresSystemError,
)
_FULL: Final = "The database has no room left; nothing was recorded."


@contextmanager
def failures() -> Iterator[None]:
    """Turn a server that is away into StorageUnavailable.

    Raises:
        StorageUnavailable: it is.
    """
    try:
        yield
    except _AWAY as failure:
        if isinstance(failure, ValueError):
            # asyncpg's word for an argument that it cannot encode: that is no outage.
            raise
        log.warning("storage.unavailable", extra={"said": str(failure)[:500]})
        raise StorageUnavailable(_FULL if isinstance(failure, asyncpg.DiskFullError) else None) from failure


async def open_connection(url: str) -> asyncpg.Connection:
    """One connection of its own.

    Raises:
        StorageUnavailable: the server is not reachable.
        CannotStart: it refuses our user or database.
    """
    with failures():
        try:
            return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as refusal:
            raise CannotStart(f"The database refused the gateway: {refusal}. Check --database-url.") from refusal


async def _prepare(connection: asyncpg.Connection) -> None:
    """JSON goes in and comes out as the bytes it is: nothing is encoded twice."""
    await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """Nothing here leaves state in a session, so a connection goes back to the pool without a round trip."""


class Database:
    """A pool of connections; opens and heals by itself."""

    def __init__(self, url: str):
        self._url = url
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Open the first connection.

        Raises:
            StorageUnavailable, CannotStart: as `open_connection`.
        """
        with failures():
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=DATABASE_CONNECTIONS,
                init=_prepare,
                reset=_leave_as_it_is,
                timeout=CONNECT_TIMEOUT,
                command_timeout=STATEMENT_TIMEOUT,
            )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection from the pool.

        Raises:
            StorageUnavailable: there is none, or it broke while in use.
        """
        assert self._pool is not None
        with failures():
            async with self._pool.acquire() as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # It has lost its step, as after a cancelled statement: nobody is to have it again.
                    connection.terminate()
                    raise

    async def ready(self) -> bool:
        """Whether the database answers; never raises."""
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("SELECT 1"))
        except StorageUnavailable:
            return False

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.terminate()
