"""Blobs as files of a folder, each written so that it survives a power cut or is not there at all.

A file is written under a name that no key can have, brought to the disk, and then renamed. What a crash leaves
behind lies in one folder of its own, and is swept when the store is opened.
"""

import asyncio
import contextlib
import errno
import os
import stat
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import uuid_utils

from gateway.adapters.blobs.durable import Growing, create, make_folders, rename, write
from gateway.adapters.blobs.failures import failures, log_unavailable, reason
from gateway.adapters.blobs.keys import checked
from gateway.adapters.blobs.pieces import gathered
from gateway.errors import CannotStart, MediaNotFound
from gateway.limits import BLOB_PIECE_BYTES, BLOBS_PER_SWEEP, CONNECT_TIMEOUT

#: No key has this character, so no key is in this folder.
_INCOMING: Final = "+incoming"
#: Seconds after which an unfinished file is a leftover: far longer than any write takes.
_LEFTOVER_AGE: Final = 3600.0
#: How often a folder that a delete of another process takes away is made again.
_PLACINGS: Final = 5


class FolderStore:
    """A `BlobStore` on a local folder; see there for what each method promises."""

    def __init__(self, root: Path):
        self._root = root
        self._incoming = root / _INCOMING

    async def open(self) -> None:
        """Make the folder where it is missing, and sweep what a crash left in it.

        Raises:
            CannotStart: the folder cannot be made or written.
        """
        try:
            await asyncio.to_thread(self._open)
        except OSError as failure:
            raise CannotStart(
                f"The folder {self._root} of --blob-url cannot be used ({failure.strerror}): "
                "let this user write it, or name another one."
            ) from failure

    async def put(self, key: str, data: bytes) -> None:
        """See `BlobStore.put`."""
        target = self._root / checked(key)
        with failures():
            await asyncio.to_thread(self._put, target, data)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """See `BlobStore.put_stream`; in memory is one piece at a time."""
        target, incoming = self._root / checked(key), self._new()
        growing = Growing(incoming)
        try:
            async for piece in gathered(pieces):
                with failures():
                    await asyncio.to_thread(growing.write, piece)
            with failures():
                await asyncio.to_thread(growing.sync)
                await asyncio.to_thread(self._place, incoming, target)
        finally:
            await asyncio.to_thread(_leave, growing, incoming)

    async def get(self, key: str) -> bytes:
        """See `BlobStore.get`."""
        target = self._root / checked(key)
        with failures():
            return await asyncio.to_thread(self._get, target)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """See `BlobStore.stream`."""
        target = self._root / checked(key)
        with failures():
            file = await asyncio.to_thread(self._opened, target)
        with file:
            while piece := await self._read(file):
                yield piece

    @staticmethod
    async def _read(file: BinaryIO) -> bytes:
        with failures():
            return await asyncio.to_thread(file.read, BLOB_PIECE_BYTES)

    async def delete(self, keys: Sequence[str]) -> None:
        """See `BlobStore.delete`; folders that are empty then are removed too."""
        targets = [self._root / checked(key) for key in keys]
        with failures():
            await asyncio.to_thread(self._delete, targets)

    async def older(self, prefix: str, seconds: float) -> AsyncIterator[Sequence[str]]:
        """See `BlobStore.older`."""
        with failures():
            found = await asyncio.to_thread(self._older, prefix, time.time() - seconds)
        for start in range(0, len(found), BLOBS_PER_SWEEP):
            yield found[start : start + BLOBS_PER_SWEEP]

    async def ready(self) -> bool:
        """See `BlobStore.ready`; a disk that hangs is not ready."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await asyncio.to_thread(self._try)
        except OSError as failure:
            log_unavailable(reason(failure))
            return False
        return True

    def _open(self) -> None:
        existing = next(folder for folder in (self._root, *self._root.parents) if folder.is_dir())
        make_folders(self._incoming, below=existing)
        self._try()
        for leftover in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _LEFTOVER_AGE:
                    leftover.unlink()

    def _try(self) -> None:
        probe = self._new()
        os.close(create(probe))
        probe.unlink()

    def _new(self) -> Path:
        return self._incoming / str(uuid_utils.uuid7())

    def _put(self, target: Path, data: bytes) -> None:
        incoming = self._new()
        try:
            write(incoming, data)
            self._place(incoming, target)
        except BaseException:
            incoming.unlink(missing_ok=True)
            raise

    def _place(self, incoming: Path, target: Path) -> None:
        for _ in range(_PLACINGS):
            with contextlib.suppress(FileNotFoundError):
                make_folders(target.parent, below=self._root)
                return rename(incoming, target)
        raise FileNotFoundError(errno.ENOENT, "the folder is being removed")

    def _get(self, target: Path) -> bytes:
        with self._opened(target) as file:
            return file.read()

    def _opened(self, target: Path) -> BinaryIO:
        try:
            return target.open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            if self._incoming.is_dir():
                raise MediaNotFound from None
            raise

    def _delete(self, targets: list[Path]) -> None:
        for target in targets:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()
        for folder in {target.parent for target in targets}:
            self._remove_if_empty(folder)
        # Without its folders the store is not empty but away.
        self._incoming.stat()

    def _older(self, prefix: str, before: float) -> list[str]:
        found = []
        for path in (self._root / prefix).rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                told = path.stat()
                if stat.S_ISREG(told.st_mode) and told.st_mtime < before:
                    found.append(path.relative_to(self._root).as_posix())
        # Without its folders the store is not empty but away.
        self._incoming.stat()
        return found

    def _remove_if_empty(self, folder: Path) -> None:
        with contextlib.suppress(OSError):
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent


def _leave(growing: Growing, incoming: Path) -> None:
    """Close a file, and remove what has not got its last name."""
    growing.close()
    incoming.unlink(missing_ok=True)
