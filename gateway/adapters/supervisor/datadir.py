"""The data directory: its layout, and the lock that makes it belong to one gateway at a time."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import time
from pathlib import Path

import psutil

from gateway.errors import CannotStart

#: How long the children of a gateway that was killed may take to end; they hold its lock until then.
LOCK_PATIENCE_S = 30.0
LOOK_EVERY_S = 0.1


class DataDir:
    """One data directory, locked while it is in use."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def triton(self) -> Path:
        """What Triton needs at run time."""
        return self.path / "triton"

    @property
    def logs(self) -> Path:
        """The logs of the children."""
        return self.path / "logs"

    @property
    def lock_file(self) -> Path:
        """The file that is locked and names its holder."""
        return self.path / "lock"

    @property
    def lock(self) -> int:
        """The descriptor of the held lock; who inherits it holds the lock too."""
        assert self._lock is not None
        return self._lock

    @property
    def mark(self) -> str:
        """A short name of this directory, the same for as long as it exists and no other's on this machine."""
        found = self.lock_file.stat()
        return f"gateway-{hashlib.sha256(f'{found.st_dev}:{found.st_ino}'.encode()).hexdigest()[:10]}"

    async def acquire(self) -> None:
        """Create the directory and lock it; `CannotStart` names who holds it."""
        self._lock = self._create()
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while not try_lock(self._lock):
            holder = holder_of(self.lock_file)
            # A holder that is dead but whose lock is held left children that are just ending.
            if (holder is not None and psutil.pid_exists(holder)) or time.monotonic() > deadline:
                self.release()
                raise CannotStart(in_use(self.path, holder))
            await asyncio.sleep(LOOK_EVERY_S)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        for folder in (self.triton, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)

    def release(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _create(self) -> int:
        # As root PostgreSQL runs as another user, who has to pass through here and may see nothing else.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                self.path.mkdir(mode=mode)
                self.path.chmod(mode)
            return os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(not_writable(self.path)) from error


def try_lock(descriptor: int) -> bool:
    """Take the lock unless another holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(lock_file: Path) -> bool:
    """Whether a living gateway holds this lock; one that was killed and whose children are just ending does not."""
    with lock_file.open("rb") as file:
        if try_lock(file.fileno()):
            return False
    holder = holder_of(lock_file)
    return holder is not None and psutil.pid_exists(holder)


def holder_of(lock_file: Path) -> int | None:
    """The process number that the lock file names."""
    try:
        return int(lock_file.read_text())
    except (OSError, ValueError):
        return None


def in_use(path: Path, holder: int | None) -> str:
    """The sentence about a directory that another gateway holds."""
    who = f"process {holder}" if holder else "another process"
    return f"The data directory {path} is in use by a gateway ({who}): stop it, or name another one with --data-dir."


def not_writable(path: Path) -> str:
    """The sentence about a directory that cannot be made or written."""
    return f"The data directory {path} cannot be written: let this user write it, or name another one with --data-dir."


def unusable(path: Path, error: OSError) -> str:
    """The sentence about a directory in which something else went wrong."""
    what = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    return f"The gateway cannot work in the data directory {path} ({what}): mend that, or name another with --data-dir."
