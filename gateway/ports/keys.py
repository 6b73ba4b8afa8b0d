"""Idempotency keys: the memory of calls that may be repeated."""

from typing import Protocol

from gateway.domain.keys import Key, KnownCall


class KeyStore(Protocol):
    """The calls that were made under a key; the database settles who was first."""

    async def find(self, key: Key) -> KnownCall | None:
        """The call that was made under this key, whatever it asked for; None where there was none."""
        ...

    async def reserve(self, key: Key, run_id: str, execution_id: str, lease: float) -> bool:
        """Hold a key for a call that is waited for; False where somebody else holds or has used it.

        A key whose holder has not ended its call within its lease is taken over.
        """
        ...
