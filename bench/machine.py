"""The machine that a result is of, and the versions of what ran on it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import msgspec

from bench.load import generator_of


class Machine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What stands beside every number."""

    cpu: str
    cores: int
    python: str
    gateway: str
    triton: str
    postgresql: str
    http_load: str
    grpc_load: str

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        servers = f"Python {self.python}, gateway {self.gateway}, Triton {self.triton}, PostgreSQL {self.postgresql}"
        return f"{self.cpu}, {self.cores} cores; {servers}; load by {self.http_load} (HTTP) and {self.grpc_load} (gRPC)"


def this_machine(*, triton: str, postgresql: str) -> Machine:
    """This one, with these versions of the servers."""
    return Machine(
        cpu=cpu_model(Path("/proc/cpuinfo").read_text()) or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        python=platform.python_version(),
        gateway=version("triton-ensemble-gateway"),
        triton=triton,
        postgresql=postgresql,
        http_load=generator_of("http"),
        grpc_load=generator_of("grpc"),
    )


def cpu_model(text: str) -> str | None:
    """The name of the processor in the text of /proc/cpuinfo; some have none."""
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next((" ".join(name.split()) for name in names if name), None)
