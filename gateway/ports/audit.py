"""Audit events: the memory of what was changed."""

from typing import Protocol

from gateway.domain.audit import AuditEvent


class AuditStore(Protocol):
    """The events; whoever makes a change writes its event with it."""

    async def newest(self, limit: int) -> list[AuditEvent]:
        """The last so many events, newest first.

        Raises:
            StorageUnavailable: nobody can say.
        """
        ...
