"""Files and folders that survive a power cut: brought to the disk together with the folder that names them."""

import contextlib
import os
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


def write(path: Path, data: bytes) -> None:
    """A new file that holds `data`; only its name is not yet safe.

    Raises:
        OSError: the system refused.
    """
    descriptor = create(path)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
