"""Blobs as objects of a bucket, through obstore; every call ends in bounded time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from obstore.exceptions import BaseError
from obstore.store import from_url

from gateway.adapters.blobs.failures import REFUSED, failures, log_unavailable, no_bucket, reason
from gateway.adapters.blobs.keys import checked
from gateway.errors import CannotStart, MediaNotFound
from gateway.limits import BLOB_PIECE_BYTES, BLOBS_PER_SWEEP, CONNECT_TIMEOUT, MIB

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

#: Seconds that any call may take, and one more for each MiB that it carries.
_PATIENCE: Final = 10.0
#: The object that tells whether the bucket takes and gives bytes; no key has this character.
_PROBE: Final = "+ready"
#: `allow_http` only lets an operator name an endpoint of that kind; our own time-outs are the shorter ones.
_CLIENT: "Final[ClientConfig]" = {
    "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT),
    "timeout": timedelta(minutes=5),
    "allow_http": True,
}
_RETRY: "Final[RetryConfig]" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=_PATIENCE),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
}


class BucketStore:
    """A `BlobStore` on S3, GCS or Azure; see there for what each method promises."""

    def __init__(self, url: str):
        """Read the credentials and the endpoint from the usual environment variables.

        Raises:
            CannotStart: the URL or the environment does not name a bucket.
        """
        self._url = url
        self._probed = False
        try:
            self._store: ObjectStore = from_url(url, client_options=_CLIENT, retry_config=_RETRY)
        except (BaseError, ValueError) as refusal:
            raise CannotStart(f"The bucket of --blob-url cannot be used: {reason(refusal)}.") from refusal

    async def open(self) -> None:
        """Look whether the bucket takes bytes; one that does not answer yet may do so later.

        Raises:
            CannotStart: there is no such bucket, or it refuses the gateway.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._probe()
        except (FileNotFoundError, *REFUSED) as refusal:
            what = "does not exist" if isinstance(refusal, FileNotFoundError) else "refuses the gateway"
            raise CannotStart(
                f"The bucket {self._url} {what}: check --blob-url and the credentials in the environment."
            ) from refusal
        except (BaseError, OSError) as failure:
            log_unavailable(reason(failure))

    async def put(self, key: str, data: bytes) -> None:
        """See `BlobStore.put`."""
        async with _bounded(len(data)):
            # In one piece: the parts of an upload that was broken off would lie, and cost, unseen.
            await self._store.put_async(checked(key), data, use_multipart=False)

    async def _found(self, key: str) -> "GetResult":
        try:
            return await self._store.get_async(checked(key))
        except FileNotFoundError as failure:
            if no_bucket(failure):
                raise
            raise MediaNotFound from None

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """See `BlobStore.put_stream`; it is in memory while it comes, for `put` sends it in one piece."""
        await self.put(key, b"".join([piece async for piece in pieces]))

    async def get(self, key: str) -> bytes:
        """See `BlobStore.get`; without the right to list, S3 calls what is missing forbidden."""
        async with _bounded() as deadline:
            found = await self._found(key)
            deadline.reschedule(_deadline(found.meta["size"]))
            return (await found.bytes_async()).to_bytes()

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """See `BlobStore.stream`; each piece has a deadline of its own."""
        async with _bounded():
            found = await self._found(key)
            pieces = found.stream(BLOB_PIECE_BYTES).__aiter__()
        while True:
            async with _bounded(BLOB_PIECE_BYTES):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def delete(self, keys: Sequence[str]) -> None:
        """See `BlobStore.delete`."""
        paths = [checked(key) for key in keys]
        async with _bounded():
            try:
                await self._store.delete_async(paths)
            except FileNotFoundError as failure:
                if no_bucket(failure):
                    raise
                await self._delete_each(paths)

    async def _delete_each(self, paths: list[str]) -> None:
        """For stores that mind when one is missing, and leave the others where they are."""
        for path in paths:
            try:
                await self._store.delete_async(path)
            except FileNotFoundError as failure:
                if no_bucket(failure):
                    raise

    async def older(self, prefix: str, seconds: float) -> AsyncIterator[Sequence[str]]:
        """See `BlobStore.older`."""
        before = datetime.now(UTC) - timedelta(seconds=seconds)
        pages = self._store.list(prefix, chunk_size=BLOBS_PER_SWEEP).__aiter__()
        while True:
            async with _bounded():
                page = await anext(pages, None)
            if page is None:
                return
            keys = [each["path"] for each in page if each["last_modified"] < before]
            if keys:
                yield keys

    async def ready(self) -> bool:
        """See `BlobStore.ready`; one small request."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._probe()
        except (BaseError, OSError) as failure:
            log_unavailable(reason(failure))
            return False
        return True

    async def _probe(self) -> None:
        """Write once per process, then only read: a versioned bucket keeps every write."""
        if self._probed:
            try:
                await self._store.head_async(_PROBE)
            except FileNotFoundError:
                self._probed = False
        if not self._probed:
            await self._store.put_async(_PROBE, b"ready\n", use_multipart=False)
            self._probed = True


def _deadline(size: int) -> float:
    return asyncio.get_running_loop().time() + _PATIENCE + size / MIB


@asynccontextmanager
async def _bounded(size: int = 0) -> AsyncIterator[asyncio.Timeout]:
    """A call that carries `size` bytes.

    Raises:
        StorageUnavailable: it failed, or took too long.
    """
    with failures():
        async with asyncio.timeout_at(_deadline(size)) as deadline:
            yield deadline
