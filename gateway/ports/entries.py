"""The entries of observations."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.deliveries import Delivery
from gateway.domain.observations import Entry


class EntryStore(Protocol):
    """The entries of observations; `sees` as with executions, to which they belong."""

    async def page(
        self, sees: str | None, execution_id: str, limit: int, after: int, *, superseded: bool
    ) -> list[tuple[int, Entry]]:
        """Entries with their place in the observation, in order, from the place after `after` on.

        Raises:
            ExecutionNotFound: there is no such execution.
            ResultGone: its call was transient.
        """
        ...

    async def of_run(self, execution_id: str, run_id: str, seed: Sequence[str]) -> list[Entry]:
        """What one run found, superseded or not, behind the entries of these IDs; in order."""
        ...

    async def merge(
        self, sees: str | None, execution_id: str, entries: Sequence[Entry], deliveries: Sequence[Delivery] = ()
    ) -> None:
        """Replace the content of the entries whose ID is known and append the others; with it goes who is told of it.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...
