"""A child's own side: it holds itself to its memory, and dies with its parent."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def confine(memory: int, parent: int) -> None:
    """Bound the address space of this process, and tie its life to that of its parent.

    The death of the gateway kills it even in the midst of its work.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)
    with contextlib.suppress(OSError):  # a machine that runs out of memory is to take this process first
        Path("/proc/self/oom_score_adj").write_text("1000")


def silence() -> None:
    """What is printed from now on goes nowhere, for it may hold a caller's values."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
