"""Media: pixels from encoded images, and bytes that live longer than a call."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from gateway.domain.tensors import Value


class ImageDecoder(Protocol):
    """Pixels from encoded images, for inputs of role `image`."""

    async def decode(self, name: str, encoded: bytes) -> Value:
        """The image as UINT8, height x width x 3 (RGB).

        Raises:
            MediaUnreadable: it is no image.
            MediaLimit: it has too many pixels.
        """
        ...


class BlobStore(Protocol):
    """Bytes by key: media that lives longer than a call."""

    async def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, replacing what was there; it survives a power cut when this returns.

        Raises:
            StorageUnavailable: it cannot be said to be stored.
        """
        ...

    async def get(self, key: str) -> bytes:
        """The bytes stored under `key`.

        Raises:
            MediaNotFound: there are none.
            StorageUnavailable: the store does not answer.
        """
        ...

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """As `put`, of what comes in pieces; where these end with an error, it is raised, and nothing is stored.

        Raises:
            StorageUnavailable: they cannot be said to be stored.
        """
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """As `get`, in pieces; it raises MediaNotFound before the first, if at all."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove these; a key there is not is no error.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        ...

    def older(self, prefix: str, seconds: float) -> AsyncIterator[Sequence[str]]:
        """The keys below a prefix, such as `runs/`, of bytes that were stored longer ago than this, some at a time.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        ...

    async def ready(self) -> bool:
        """Whether the store takes and gives bytes; never raises."""
        ...
