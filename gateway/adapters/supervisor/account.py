"""The user of the system that PostgreSQL runs as, and what that user can reach."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: Whom PostgreSQL runs as where we are root, which it refuses: the first of these that exists.
SUBSTITUTES = ("postgres", "nobody")


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of the system that a child runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    def can_pass(self, folder: Path) -> bool:
        """Whether this user can enter this folder through every folder above it."""
        return all(self._can_enter(step) for step in (folder, *folder.parents))

    def own(self, path: Path) -> None:
        """Make a file or folder of ours this user's."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_become(self) -> bool:
        """Whether we may start a program as this user; a container may forbid even root to."""
        try:
            subprocess.run(
                ["/bin/sh", "-c", ":"], user=self.uid, group=self.gid, extra_groups=self.groups, cwd="/", check=True
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return True

    def _can_enter(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid in (self.gid, *self.groups):
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def substitute(existing: Path) -> Account | None:
    """Whom PostgreSQL runs as: None for ourselves, else whose database it already is, else a user set apart for it."""
    if os.geteuid() != 0:
        return None
    if existing.exists() and (owner := existing.stat().st_uid) != 0:
        return _account(pwd.getpwuid(owner))
    for name in SUBSTITUTES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    return None


def _account(entry: pwd.struct_passwd) -> Account:
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, groups=groups)


def has_name(uid: int) -> bool:
    """Whether a user stands in the user database."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
