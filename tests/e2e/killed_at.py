"""The command `gateway`, which kills itself at a labelled point: `python killed_at.py POINT PASS serve|worker …`.

It dies at the given pass of the point, as by kill -9: no handler, no clean-up, nothing flushed.
"""

import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.adapters.blobs.folder import FolderStore
from gateway.adapters.postgres.files import PostgresFiles
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.cli.main import main
from gateway.core.worker import Worker

Method = Callable[..., Awaitable[Any]]

#: Each point by the method at whose beginning (True) or end (False) it lies.
POINTS: dict[str, tuple[type, str, bool]] = {
    "after-stage": (FolderStore, "put", False),
    "after-file-blob": (FolderStore, "put_stream", False),
    "after-file-record": (PostgresFiles, "add", False),
    "after-accept": (PostgresRuns, "accept", False),
    "after-claim": (PostgresRuns, "claim", False),
    "after-infer": (HttpEngine, "infer", False),
    "before-commit": (PostgresRuns, "finish_claimed", True),
    "after-commit": (PostgresRuns, "finish_claimed", False),
    # The queue deletes the job when this has returned.
    "before-ack": (Worker, "take_up", False),
}


class Fuse:
    """Burns down by one with each pass; the process ends with the last."""

    def __init__(self, passes: int):
        self._left = passes

    def burn(self) -> None:
        """One pass."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, fuse: Fuse) -> None:
    """Wrap the method that the point lies at."""
    owner, name, begins = POINTS[point]
    setattr(owner, name, (_before if begins else _after)(getattr(owner, name), fuse))


def _before(method: Method, fuse: Fuse) -> Method:
    @functools.wraps(method)
    async def dying(*arguments: Any, **named: Any) -> Any:
        fuse.burn()
        return await method(*arguments, **named)

    return dying


def _after(method: Method, fuse: Fuse) -> Method:
    @functools.wraps(method)
    async def dying(*arguments: Any, **named: Any) -> Any:
        found = await method(*arguments, **named)
        # A claim that found nothing and an end that was refused are no passes.
        if found or method.__name__ not in ("claim", "finish_claimed"):
            fuse.burn()
        return found

    return dying


if __name__ == "__main__":
    _, where, passes, *sys.argv[1:] = sys.argv
    sys.argv[0] = "gateway"
    arm(where, Fuse(int(passes)))
    main()
