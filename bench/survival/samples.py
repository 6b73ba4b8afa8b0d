"""What the processes of a topology take up at one moment."""

import contextlib
from pathlib import Path
from typing import Final

import psutil

from bench.survival.flatness import Measure
from bench.survival.stack import Stack
from bench.survival.topology import Topology

MIB: Final = 1024 * 1024
BLOCK: Final = 512


def sample(topology: Topology) -> dict[Measure, float]:
    """Memory in MiB, open files and sockets of each process, and the shared memory of all in MiB."""
    found: dict[Measure, float] = {}
    for name, processes in _processes(topology).items():
        with contextlib.suppress(psutil.Error, OSError):
            found[name, "RSS MiB"] = sum(each.memory_info().rss for each in processes) / MIB
            found[name, "open files"] = sum(each.num_fds() for each in processes)
            found[name, "sockets"] = sum(_sockets(each.pid) for each in processes)
    found["all", "/dev/shm MiB"] = _shared_memory(topology.stack) / MIB
    return found


def _processes(topology: Topology) -> dict[str, list[psutil.Process]]:
    ours = {program.name: [psutil.Process(program.pid)] for program in topology.programs}
    return ours | {"tritonserver": topology.stack.triton(), "stubs": topology.stack.stubs()}


def _sockets(pid: int) -> int:
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(descriptor.readlink()).startswith("socket:")
    return found


def _shared_memory(stack: Stack) -> int:
    """Bytes that are really there, whatever the length of the files."""
    found = 0
    for name in stack.shared_memory():
        with contextlib.suppress(FileNotFoundError):
            found += Path(name).stat().st_blocks * BLOCK
    return found
