"""Media: what stands in them, and bytes that live longer than a call."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway.domain.conversion import Shape
from gateway.domain.tensors import Value


class OpenedMedia(Protocol):
    """One media, open for as long as a run works on it; each method may be called many times, and at once."""

    async def describe(self) -> Shape:
        """How many pages or frames there are, and how large and how turned the first frame is.

        Raises:
            MediaUnreadable: it is of no type that has pages, or damaged.
            MediaLimit: it has too many frames or pixels.
        """
        ...

    async def page(self, number: int) -> bytes | memoryview:
        """A page or frame, counted from 0, as PNG, upright.

        Raises:
            MediaUnreadable: it is damaged, or there is none of this number.
            MediaLimit: it takes too many pixels, too much time or too much memory.
        """
        ...

    async def pixels(self, name: str, number: int) -> Value:
        """The same as a tensor of this name: UINT8, height x width x 3 (RGB).

        Raises:
            MediaUnreadable, MediaLimit: as `page`.
        """
        ...

    async def text(self, pages: Sequence[int]) -> str:
        """The text that stands in it, of these pages where it has pages.

        Raises:
            MediaUnreadable: it is damaged, or of a type that has none.
            MediaLimit: it has too much of it, or is too large unpacked.
        """
        ...


class MediaReader(Protocol):
    """Looks into media and renders them, where a broken file breaks nothing else.

    Whatever is asked of an opened media may be refused as `Overloaded`, where the machine is short of memory.
    """

    def opened(self, data: bytes, kind: str) -> AbstractAsyncContextManager[OpenedMedia]:
        """A media of a content type, for the length of a block."""
        ...

    async def close(self) -> None:
        """End what is in hand."""
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
