"""Files: put in once, and used by their ID."""

from typing import Protocol

from gateway.domain.files import FileRecord


class FileStore(Protocol):
    """The records of files; `sees` is the owner whose files are looked at, None every one's."""

    async def add(self, record: FileRecord) -> None:
        """Write the record of a file, whose blob was announced and is doomed no longer; durable when this returns.

        Raises:
            StorageUnavailable: it came too late, and the blob is being removed; or nothing can be said to be written.
        """
        ...

    async def get(self, sees: str | None, file_id: str) -> FileRecord:
        """One file.

        Raises:
            FileNotFound: there is none of this ID.
        """
        ...

    async def page(
        self, sees: str | None, purpose: str | None, limit: int, before: int | None
    ) -> list[tuple[int, FileRecord]]:
        """Files with their place in the list, newest first, from the place before `before` on."""
        ...

    async def delete(self, sees: str | None, file_id: str) -> str:
        """Remove the record of a file; the key of its blob, doomed with it, is returned.

        Raises:
            FileNotFound: there is none of this ID.
        """
        ...
