"""Where media come from that a call names instead of bringing them."""

from typing import Protocol


class Uploads(Protocol):
    """The files that a call may name."""

    async def fetch(self, file_id: str, sees: str | None) -> bytes:
        """The bytes of a file that this owner put in; None sees every one's.

        Raises:
            FileNotFound: there is none of this ID.
            MediaLimit: it is larger than a media may be.
            StorageUnavailable: it cannot be had now.
        """
        ...


class MediaFetcher(Protocol):
    """Media at URLs, guarded against what callers must not reach."""

    async def fetch(self, url: str, most: int, seconds: float) -> bytes:
        """The media at a URL: at most so many bytes, within so many seconds, of a type that is known by content.

        Raises:
            UrlForbidden: nothing is fetched from there.
            UrlFailed: it could not be had; the message says why, and nothing of what came.
        """
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...
