"""The end of what is kept: records that are old enough, and blobs that nothing needs."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.retention import Kept, Swept


class RetentionStore(Protocol):
    """Removes records, a bounded number at a time; many processes may do so at once.

    The keys of blobs that only these records named are doomed in the same transaction.
    """

    async def expire(self, kept: Kept, seconds: float) -> Swept:
        """Remove some of what has not changed for this long; an execution with a run that has not ended stays.

        Raises:
            StorageUnavailable: nothing can be said to be removed.
        """
        ...

    async def expire_due(self) -> Swept:
        """Remove some executions whose own time is over.

        Raises:
            StorageUnavailable: nothing can be said to be removed.
        """
        ...

    async def expire_files_due(self) -> Swept:
        """Remove some files whose own time is over.

        Raises:
            StorageUnavailable: nothing can be said to be removed.
        """
        ...


class DoomedBlobs(Protocol):
    """The blobs that are to be removed: a key leaves this list only after its bytes have gone, or are needed."""

    async def announce(self, blobs: Sequence[str], patience: float) -> None:
        """Doom blobs before they are stored: they go in `patience` seconds, unless a record needs them by then.

        Raises:
            StorageUnavailable: that cannot be written.
        """
        ...

    async def take(self, limit: int, lease: float) -> list[str]:
        """Blobs to be removed, which nobody else is given for `lease` seconds, and no record can need any more.

        Raises:
            StorageUnavailable: the list cannot be read.
        """
        ...

    async def forget(self, blobs: Sequence[str]) -> None:
        """These are gone.

        Raises:
            StorageUnavailable: that cannot be written.
        """
        ...
