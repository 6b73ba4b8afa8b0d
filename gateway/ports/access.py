"""Who asks."""

from typing import Protocol

from gateway.domain.access import Caller


class Authenticator(Protocol):
    """Tells who holds a credential."""

    @property
    def asks(self) -> bool:
        """Whether it matters what a caller holds."""
        ...

    async def caller(self, credential: str | None) -> Caller:
        """Who holds this credential; None where a request came without one, empty where it came with none of ours.

        Raises:
            CredentialMissing: there is none, and one is needed.
            CredentialInvalid: it is unknown, has expired, or was revoked.
            StorageUnavailable, IssuerUnavailable: nobody can say.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds; nobody may be entering."""
        ...
