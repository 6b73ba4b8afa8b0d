"""What a load leaves behind: while everything still runs, and after it was stopped."""

import contextlib
from pathlib import Path
from typing import Final

import psutil

from bench.survival.program import Program
from bench.survival.stack import Stack

#: Open files by which a process may have more than when it had just become ready: its pools are filled by then.
FILES_OF_POOLS: Final = 48


def staged(blobs: Path) -> list[str]:
    """Media of runs in the blob store, and what was begun to be stored."""
    folders = (blobs / "runs", blobs / "+incoming")
    return [str(path.relative_to(blobs)) for folder in folders for path in folder.rglob("*") if path.is_file()]


def files(programs: list[Program]) -> list[str]:
    """Programs that have far more files open than when they were new."""
    found = []
    for program in programs:
        with contextlib.suppress(psutil.NoSuchProcess):
            now = psutil.Process(program.pid).num_fds() if program.pid else 0
            if now > program.files_at_start + FILES_OF_POOLS:
                found.append(f"{program.name}: {program.files_at_start} open files at first, {now} now")
    return found


def traces(stack: Stack) -> list[str]:
    """What must be gone when everything was stopped: processes, shared memory, sockets."""
    sockets = [str(path) for path in (stack.data_dir / "run").iterdir()]
    return [*stack.processes(), *stack.shared_memory(), *sockets]
