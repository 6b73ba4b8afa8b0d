"""The records of executions and of their media."""

from typing import Protocol

from gateway.domain.executions import Execution, ExecutionFilter, NewExecution
from gateway.domain.media import MediaRecord


class ExecutionStore(Protocol):
    """The records of executions and of the media stored on them.

    `sees` is the owner whose records are in sight, None every one's; what is out of sight is not there.
    """

    async def create(self, new: NewExecution) -> bool:
        """Write a new execution; False where there is one of this ID already, which is left as it is."""
        ...

    async def get(self, sees: str | None, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        ...

    async def page(
        self, sees: str | None, wanted: ExecutionFilter, limit: int, before: int | None
    ) -> list[tuple[int, Execution]]:
        """Executions with their place in the list, newest first, from the place before `before` on."""
        ...

    async def delete(self, sees: str | None, execution_id: str) -> list[str]:
        """Remove an execution with all that belongs to it; the keys of its blobs, doomed with it, are returned.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        ...

    async def announce(self, sees: str | None, execution_id: str, blob: str, patience: float) -> None:
        """Doom a blob before it is stored: it goes in `patience` seconds, unless `add_media` names it by then.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def add_media(self, sees: str | None, record: MediaRecord) -> None:
        """Write the record of stored media, whose blob was announced and is doomed no longer.

        Raises:
            ExecutionNotFound: there is no such execution.
            StorageUnavailable: it came too late; the blob is being removed.
        """
        ...

    async def media(self, sees: str | None, execution_id: str) -> list[MediaRecord]:
        """The stored media of an execution, in the order they came.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def remove_media(self, sees: str | None, execution_id: str, media_id: str) -> str:
        """Remove the record of stored media; the key of its blob, doomed with it, is returned.

        Raises:
            ExecutionNotFound, MediaNotFound: there is no such execution or media.
        """
        ...
