"""The mode in which callers hold API keys."""

import time
from collections.abc import Callable
from datetime import datetime

from gateway.core.known_keys import KnownKeys
from gateway.domain.access import Caller
from gateway.domain.api_keys import key_id_of, matches
from gateway.domain.ids import now
from gateway.errors import CredentialInvalid, CredentialMissing
from gateway.ports import ApiKeyStore


class KeyAccess:
    """An `Authenticator` for API keys."""

    asks = True

    def __init__(
        self,
        store: ApiKeyStore,
        clock: Callable[[], datetime] = now,
        seconds: Callable[[], float] = time.monotonic,
    ):
        self._known = KnownKeys(store, seconds)
        self._clock = clock

    async def caller(self, credential: str | None) -> Caller:
        """See `Authenticator.caller`."""
        if credential is None:
            raise CredentialMissing
        key_id = key_id_of(credential)
        if key_id is None:
            raise CredentialInvalid
        known = await self._known.get(key_id)
        if not matches(credential, known.key) or known.key is None or not known.key.good_at(self._clock()):
            raise CredentialInvalid
        assert known.caller is not None
        return known.caller

    async def close(self) -> None:
        """See `Authenticator.close`: there is nothing."""
