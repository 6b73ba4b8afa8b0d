"""The server process of a contender: started, waited for, its CPU time read, and stopped."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from bench.calls import get
from bench.faults import BenchFailed

HOST: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 25.0
LOOK_EVERY_S: Final = 0.1
_SET_PARENT_DEATH_SIGNAL: Final = 1
_libc: Final = ctypes.CDLL(None)


class Server:
    """One process and its children; it ends when the bench ends, however that is."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path):
        self._name = name
        self._command = command
        self._environment = inherited() | dict(environment)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int, path: str) -> None:
        """Start it and wait until a GET of `path` is answered with 200.

        Raises:
            BenchFailed: it ended, or took too long.
        """
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while await asyncio.to_thread(get, HOST, port, path) is None:
            if self._process.returncode is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace")[-1500:].strip()
                raise BenchFailed(f"{self._name} did not start:\n{said}")
            await asyncio.sleep(LOOK_EVERY_S)

    def cpu_seconds(self) -> float:
        """User and system time of the process and its children since they began.

        Raises:
            BenchFailed: it has ended.
        """
        assert self._process is not None
        try:
            process = psutil.Process(self._process.pid)
            times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
        except psutil.NoSuchProcess as failure:
            raise BenchFailed(f"{self._name} has ended: see its log in .bench/logs.") from failure
        return sum(each.user + each.system for each in times)

    async def stop(self) -> None:
        """End it, in order if it will."""
        if self._process is None or self._process.returncode is not None:
            return
        for number, patience in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience)
                return


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server((HOST, 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def inherited() -> dict[str, str]:
    """Our environment less what would set up the gateway differently from its defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


def die_with_parent() -> None:
    """In the child: end when the bench is killed, and leave Ctrl-C to the bench."""
    _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    os.setsid()
