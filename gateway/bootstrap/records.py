"""The database: opened, and brought up to date."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.supervisor.running import running_database
from gateway.adapters.supervisor.stack import EmbeddedStack, StackPlan
from gateway.errors import CannotStart, StorageUnavailable
from gateway.limits import CONTROL_TIMEOUT
from gateway.settings import Settings

T = TypeVar("T")
Report = Callable[[str], None]


async def migrate_records(settings: Settings, report: Report) -> None:
    """Bring the schema up to date: of the outside database, else of the one in the data directory.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    await over_records(settings, report, migrated)


async def over_records(settings: Settings, report: Report, work: Callable[[str], Awaitable[T]]) -> T:
    """What the work makes of the database, whose URL it gets: the outside one, else that in the data directory.

    The latter is that of a gateway which runs on it, or it is started for the work.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    if settings.database_url is not None:
        return await work(settings.database_url)
    plan = StackPlan(data_dir=settings.data_dir, model_repository=None, with_postgres=True)
    deadline = asyncio.get_running_loop().time() + CONTROL_TIMEOUT
    while True:
        running = running_database(settings.data_dir)
        try:
            async with contextlib.AsyncExitStack() as cleanup:
                if running is None:
                    running = (await cleanup.enter_async_context(EmbeddedStack(plan, report=report))).database_url
                assert running is not None
                return await work(running)
        except CannotStart:
            # Another gateway, or another of these, is just starting its database or stopping it.
            late = asyncio.get_running_loop().time() > deadline
            if late or (running is None and running_database(settings.data_dir) is None):
                raise
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """The database, with the newest schema."""
    await migrated(url)
    database = Database(url)
    with _reachable():
        await database.open()
    try:
        yield database
    finally:
        await database.close()


async def migrated(url: str) -> None:
    with _reachable():
        await migrate(url)


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except StorageUnavailable as failure:
        raise CannotStart("The database is not reachable: check --database-url, and that it runs.") from failure
