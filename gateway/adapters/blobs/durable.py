"""Files and folders that survive a power cut: brought to the disk together with the folder that names them."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_folders(folder: Path, below: Path) -> None:
    """Every folder from `below` down to `folder`, synced too where another process made it only just now.

    Raises:
        OSError: the system refused.
    """
    if folder != below:
        make_folders(folder.parent, below)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        _sync(folder.parent)


def create(path: Path) -> int:
    """The descriptor of a new file, which only this user may read.

    Raises:
        OSError: the system refused.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


class Growing:
    """A new file that is written piece by piece, by one thread after another; OSError is what the system refuses."""

    def __init__(self, path: Path):
        self._path = path
        self._descriptor: int | None = None
        self._closed = False
        # Whoever gives up closes the file only when the piece in hand is written.
        self._lock = threading.Lock()

    def write(self, piece: bytes) -> None:
        """Add to what there is."""
        with self._lock:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._open(), rest) :]

    def sync(self) -> None:
        """Bring all of it to the disk; only its name is not yet safe."""
        with self._lock:
            os.fsync(self._open())

    def close(self) -> None:
        """Write no more."""
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _open(self) -> int:
        if self._closed:
            raise OSError(errno.EBADF, "the file is closed")
        if self._descriptor is None:
            self._descriptor = create(self._path)
        return self._descriptor


def write(path: Path, data: bytes) -> None:
    """A new file that holds `data`; only its name is not yet safe.

    Raises:
        OSError: the system refused.
    """
    growing = Growing(path)
    try:
        growing.write(data)
        growing.sync()
    finally:
        growing.close()


def rename(source: Path, target: Path) -> None:
    """Give a file its last name, in place of what had it.

    Raises:
        OSError: the system refused.
    """
    # By the descriptor: what is synced is the very folder that took the name.
    with _opened(target.parent) as folder:
        os.replace(source, target.name, dst_dir_fd=folder)
        os.fsync(folder)


def _sync(folder: Path) -> None:
    with _opened(folder) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
