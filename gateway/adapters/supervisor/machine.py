"""The facts about this machine that decide whether the embedded stack can run on it."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.supervisor.account import Account, has_name, substitute
from gateway.adapters.supervisor.triton import SHARED_MEMORY
from gateway.adapters.supervisor.wheels import PostgresWheel, TritonWheel, find_libpython


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was found here; the checks read it, and tests make up their own."""

    triton: TritonWheel | None
    postgres: PostgresWheel | None
    #: The folder of the shared library of this Python.
    libpython: Path | None
    #: None: not a GNU system.
    glibc: tuple[int, int] | None
    shared_memory_free: int
    is_root: bool
    #: Whether this user stands in the user database, which PostgreSQL asks.
    has_name: bool
    #: Whom PostgreSQL would run as; None: as ourselves.
    account: Account | None
    #: Whether the system lets us start a program as that user.
    can_switch_user: bool

    @classmethod
    def look(cls, data_dir: Path) -> "Machine":
        """Look at this machine."""
        account = substitute(data_dir / "postgres")
        return cls(
            triton=TritonWheel.find(),
            postgres=PostgresWheel.find(),
            libpython=find_libpython(),
            glibc=_glibc(),
            shared_memory_free=_free(SHARED_MEMORY),
            is_root=os.geteuid() == 0,
            has_name=has_name(os.geteuid()),
            account=account,
            can_switch_user=account is None or account.can_become(),
        )


def _glibc() -> tuple[int, int] | None:
    try:
        found = re.search(r"glibc (\d+)\.(\d+)", os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (ValueError, OSError):
        return None
    return (int(found[1]), int(found[2])) if found else None


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except FileNotFoundError:
        return 0
