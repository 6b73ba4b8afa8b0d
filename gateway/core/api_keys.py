"""API keys: made, listed and revoked by an operator."""

import logging
from collections.abc import Callable
from datetime import datetime

from gateway.domain.api_keys import ApiKey, NewKey, new_key
from gateway.domain.audit import Action, AuditEvent
from gateway.domain.ids import now, rfc3339
from gateway.ports import ApiKeyStore

log = logging.getLogger(__name__)


class ApiKeys:
    """The keys; `actor` is who changes them, by the name that the audit shows."""

    def __init__(self, store: ApiKeyStore, clock: Callable[[], datetime] = now):
        self._store = store
        self._clock = clock

    async def create(self, wanted: NewKey, actor: str) -> str:
        """A new key, which is told here and never again.

        Raises:
            InvalidInput: no key can be this.
            StorageUnavailable: it was not made.
        """
        moment = self._clock()
        wanted.check(moment)
        key = new_key()
        kept = wanted.made(key, moment)
        event = AuditEvent(
            at=moment, actor=actor, action=Action.KEY_CREATED, subject=kept.key_id, details=_details(kept)
        )
        await self._store.create(kept, event)
        log.info("key.created", extra={"key_id": kept.key_id, "actor": actor})
        return key

    async def list(self) -> list[ApiKey]:
        """Every key, newest first.

        Raises:
            StorageUnavailable: nobody can say.
        """
        return await self._store.list()

    async def revoke(self, key_id: str, actor: str) -> bool:
        """Let a key open nothing any more, whether it was revoked before or not; False where there is none of this ID.

        Raises:
            StorageUnavailable: it was not revoked.
        """
        for key in await self._store.find([key_id]):
            moment, details = self._clock(), {"name": key.name}
            event = AuditEvent(at=moment, actor=actor, action=Action.KEY_REVOKED, subject=key_id, details=details)
            if await self._store.revoke(key_id, moment, event):
                log.info("key.revoked", extra={"key_id": key_id, "actor": actor})
            return True
        return False


def _details(key: ApiKey) -> dict[str, object]:
    found: dict[str, object] = {
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "pipelines": None if key.pipelines is None else sorted(key.pipelines),
        "rate": key.rate,
        "concurrency": key.concurrency,
        "expiresAt": None if key.expires_at is None else rfc3339(key.expires_at),
    }
    return {name: value for name, value in found.items() if value is not None}
