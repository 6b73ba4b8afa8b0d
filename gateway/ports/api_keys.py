"""API keys: the memory of those that were made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.api_keys import ApiKey
from gateway.domain.audit import AuditEvent


class ApiKeyStore(Protocol):
    """The keys there are; every method raises StorageUnavailable where nobody can say."""

    async def find(self, key_ids: Sequence[str]) -> list[ApiKey]:
        """Those that there are of these, revoked and expired ones, too."""
        ...

    async def list(self) -> list[ApiKey]:
        """Every key, newest first."""
        ...

    async def create(self, key: ApiKey, event: AuditEvent) -> None:
        """Write a new key, and with it that it was made."""
        ...

    async def revoke(self, key_id: str, moment: datetime, event: AuditEvent) -> bool:
        """Revoke a key, and write with it that it was; False where there is none, or it was revoked before."""
        ...
