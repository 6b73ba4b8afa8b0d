"""The store of blobs that a URL names."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from gateway.adapters.blobs.bucket import BucketStore
from gateway.adapters.blobs.folder import FolderStore
from gateway.errors import CannotStart
from gateway.ports import BlobStore

#: S3 is tested; the others are the same code of the same library.
_BUCKETS: Final = frozenset(("s3", "gs", "az"))
_TAKES: Final = "--blob-url takes file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"


async def open_store(url: str) -> BlobStore:
    """The store at `url`, ready to be used.

    Raises:
        CannotStart: the URL names none, or the folder or bucket that it names refuses the gateway.
    """
    store = _named(url)
    await store.open()
    return store


def _named(url: str) -> FolderStore | BucketStore:
    try:
        parts = urlsplit(url)
    except ValueError as refusal:
        raise CannotStart(f"{_TAKES}; this is not a URL.") from refusal
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise CannotStart(f"{_TAKES}, and nothing else: credentials come from the environment.")
    if parts.scheme == "file":
        return FolderStore(_folder(parts.netloc, unquote(parts.path)))
    if parts.scheme in _BUCKETS and parts.netloc:
        return BucketStore(url)
    raise CannotStart(f"{_TAKES}.")


def _folder(host: str, path: str) -> Path:
    if host not in ("", "localhost") or not path.startswith("/") or not path.strip("/") or "\0" in path:
        raise CannotStart(f"{_TAKES}; a folder has an absolute path and three slashes before it.")
    return Path(path)
