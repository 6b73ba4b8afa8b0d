"""What an operator does with the records from the command line, beside a gateway or without one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.adapters.postgres.api_keys import PostgresApiKeys
from gateway.adapters.postgres.audit import PostgresAudit
from gateway.adapters.postgres.database import Database
from gateway.bootstrap.records import Report, open_database, over_records
from gateway.core.api_keys import ApiKeys
from gateway.domain.audit import AuditEvent
from gateway.settings import Settings

T = TypeVar("T")


async def over_keys(settings: Settings, report: Report, work: Callable[[ApiKeys], Awaitable[T]]) -> T:
    """What the work makes of the API keys.

    Raises:
        CannotStart: there is no database, with one sentence that says what to do.
        GatewayError: as the work.
    """
    return await _over(settings, report, lambda database: work(ApiKeys(PostgresApiKeys(database))))


async def audit_events(settings: Settings, report: Report, limit: int) -> list[AuditEvent]:
    """The last so many audit events, newest first.

    Raises:
        CannotStart, StorageUnavailable: as `over_keys`.
    """
    return await _over(settings, report, lambda database: PostgresAudit(database).newest(limit))


async def _over(settings: Settings, report: Report, work: Callable[[Database], Awaitable[T]]) -> T:
    async def opened(url: str) -> T:
        async with open_database(url) as database:
            return await work(database)

    return await over_records(settings, report, opened)
