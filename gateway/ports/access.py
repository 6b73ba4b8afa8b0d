"""Who asks."""

from typing import Protocol

from gateway.domain.access import Caller


class Authenticator(Protocol):
    """Tells who holds a credential."""

    async def caller(self, credential: str | None) -> Caller:
        """Who holds this credential; None where a request came without one.

        Raises:
            CredentialMissing: there is none, and one is needed.
            CredentialInvalid: it is unknown, has expired, or was revoked.
            StorageUnavailable: nobody can say.
        """
        ...
