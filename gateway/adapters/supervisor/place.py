"""Where the files of PostgreSQL lie: in the data directory, or beside it where its user could not get there."""

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.supervisor.account import Account, substitute
from gateway.adapters.supervisor.wheels import PostgresWheel
from gateway.errors import CannotStart

#: Where PostgreSQL lies when we are root and the data directory is closed to every other user.
ELSEWHERE = Path("/var/lib/gateway")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders of PostgreSQL, and whom they belong to (None: us)."""

    account: Account | None
    home: Path
    sockets: Path
    programs: Path

    @classmethod
    def settle(cls, data: Path, wheel: PostgresWheel, report: Callable[[str], None]) -> "Place":
        """The place of this data directory: where it already is, else where PostgreSQL's user can get to."""
        home = data / "postgres"
        if home.is_symlink() and not home.exists():
            raise CannotStart(_gone(home))
        account = substitute(home)
        if is_closed(home.resolve().parent, account):
            _move_away(home)
            assert account is not None
            report(f"{data} is closed to {account.name}, whom PostgreSQL runs as: its files are in {home.resolve()}")
        sockets = home.resolve() / "run" if home.is_symlink() else data / "run"
        place = cls(account=account, home=home.resolve(), sockets=sockets, programs=_programs(wheel, account))
        place.hand_over(place.home)
        place.hand_over(place.sockets)
        return place

    @property
    def cluster(self) -> Path:
        """The database files themselves."""
        return self.home / "data"

    def hand_over(self, folder: Path) -> None:
        """Create a folder that only PostgreSQL's user and root can enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            self.account.own(folder)

    def write(self, path: Path, text: str) -> None:
        """Put a file into a folder of PostgreSQL's user; what stands there is replaced, and a link is not followed."""
        draft = path.with_name(f"{path.name}.draft")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
            if self.account is not None:
                os.fchown(file.fileno(), self.account.uid, self.account.gid)
        draft.replace(path)


def is_closed(folder: Path, account: Account | None) -> bool:
    """Whether PostgreSQL's user cannot get into a folder; one that is still to be made is as open as the one above."""
    while not folder.exists():
        folder = folder.parent
    return account is not None and not account.can_pass(folder)


def _gone(link: Path) -> str:
    return (
        f"The database of this data directory was in {link.readlink()}, which is gone: "
        f"bring it back, or remove {link} to begin with an empty one."
    )


def _move_away(home: Path) -> None:
    """Let the folder of PostgreSQL be one outside of the data directory, which a link names from now on."""
    if home.exists():
        raise CannotStart(f"PostgreSQL's user cannot pass through the folders above {home}: name another --data-dir.")
    name = f"{hashlib.sha256(os.fsencode(home.parent)).hexdigest()[:8]}-{secrets.token_hex(4)}"
    _ours(ELSEWHERE)
    (ELSEWHERE / name).mkdir(mode=0o700)
    home.symlink_to(ELSEWHERE / name)


def _programs(wheel: PostgresWheel, account: Account | None) -> Path:
    """The programs of the wheel, or a copy that PostgreSQL's user can reach, made once for each version."""
    if account is None or account.can_pass(wheel.programs):
        return wheel.programs
    install = ELSEWHERE / f"postgresql-{wheel.version}"
    if not install.exists():
        _ours(ELSEWHERE)
        draft = install.with_name(f"{install.name}.{secrets.token_hex(4)}")
        # The programs find their libraries by the way from one folder to the other.
        for folder in (wheel.install, wheel.libraries):
            shutil.copytree(folder, draft / folder.relative_to(wheel.root), symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(install)
        except OSError:  # another start was faster
            shutil.rmtree(draft)
    return install / wheel.programs.relative_to(wheel.root)


def _ours(folder: Path) -> None:
    """Create a folder that others may pass through and not look into."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o711)


def _open_to_all(tree: Path) -> None:
    """Let everybody read these files, whatever the umask was when the wheel was installed."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
