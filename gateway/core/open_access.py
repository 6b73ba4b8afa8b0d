"""The mode in which nobody is asked who they are."""

from gateway.domain.access import ANYONE, Caller


class OpenAccess:
    """An `Authenticator` that takes everybody."""

    asks = False

    async def caller(self, credential: str | None) -> Caller:  # noqa: ARG002 - nobody is asked for one
        """See `Authenticator.caller`."""
        return ANYONE

    async def close(self) -> None:
        """See `Authenticator.close`: there is nothing."""
