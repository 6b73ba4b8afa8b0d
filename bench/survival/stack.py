"""The embedded servers as the system shows them: their processes, found by the mark of their data directory."""

import contextlib
from pathlib import Path
from typing import Final

import psutil

from gateway.adapters.supervisor.datadir import DataDir

SHARED_MEMORY: Final = Path("/dev/shm")


class Stack:
    """What runs on one data directory."""

    def __init__(self, data_dir: Path):
        self.data_dir = data_dir
        self.mark = DataDir(data_dir).mark

    def triton(self) -> list[psutil.Process]:
        """The server; none while it is being started."""
        return self._marked("tritonserver")

    def stubs(self) -> list[psutil.Process]:
        """The processes of the python backend."""
        return self._marked("triton_python_backend_stub")

    def postmaster(self) -> list[psutil.Process]:
        """PostgreSQL's first process."""
        return self._marked("postgres", " -D ")

    def backends(self) -> list[psutil.Process]:
        """PostgreSQL's processes that serve one connection each."""
        return self._marked("postgres", " gateway gateway ")

    def triton_urls(self) -> tuple[str, str] | None:
        """Where the server of the moment listens, gRPC and HTTP; None while there is none."""
        for process in self.triton():
            with contextlib.suppress(psutil.Error):
                options = dict(word[2:].partition("=")[::2] for word in process.cmdline()[1:])
                return f"grpc://127.0.0.1:{options['grpc-port']}", f"http://127.0.0.1:{options['http-port']}"
        return None

    def processes(self) -> list[str]:
        """The command line of every process that belongs to it, ours included."""
        words = (self.mark, str(self.data_dir))
        lines = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
        return [line for line in lines if any(word in line for word in words)]

    def shared_memory(self) -> list[str]:
        """The files of shared memory that belong to it."""
        return [str(path) for path in SHARED_MEMORY.glob(f"{self.mark}*")]

    def _marked(self, program: str, words: str = "") -> list[psutil.Process]:
        """The processes of a program that have the mark, and these words, in their command line."""
        found = []
        for process in psutil.process_iter():
            # One that ends while it is looked at is none.
            with contextlib.suppress(psutil.Error):
                if process.name() == program and process.status() != psutil.STATUS_ZOMBIE:
                    line = " ".join(process.cmdline())
                    found += [process] if self.mark in line and words in line else []
        return found
