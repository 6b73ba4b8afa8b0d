"""The courier: letters to receivers anywhere."""

from typing import Protocol

from gateway.domain.deliveries import Letter, Receipt


class Courier(Protocol):
    """Takes letters to receivers anywhere."""

    async def admit(self, url: str) -> None:
        """Refuse an address that nothing is sent to; a name that cannot be looked up now is none of these.

        Raises:
            TargetForbidden: it is not http or https, holds credentials, or leads to where the gateway does not send.
        """
        ...

    async def send(self, letter: Letter) -> Receipt:
        """Send one letter, once, to the address that its name has now; never raises but when it is cancelled."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
