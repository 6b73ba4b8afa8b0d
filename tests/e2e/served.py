"""The installed `gateway`, as a user starts it: a process of its own, reached over its two ports."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx

from places import ROOT

PROGRAM = Path(sys.executable).with_name("gateway")
READY_TIMEOUT = 180.0


@dataclass(frozen=True)
class Served:
    """A running gateway: its process, and where it answers."""

    process: subprocess.Popen[str]
    rest: str
    target: str
    data_dir: Path
    said: Path

    def client(self) -> httpx.Client:
        """A REST client."""
        return httpx.Client(base_url=self.rest, timeout=60)

    def channel(self) -> grpc.Channel:
        """A gRPC channel."""
        return grpc.insecure_channel(self.target)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(data_dir: Path, *flags: str) -> Served:
    """A gateway that has just been started; nobody says yet that it is ready."""
    rest, target = free_port(), free_port()
    said = data_dir.with_suffix(".out")
    command = [PROGRAM, "serve", "--data-dir", data_dir, "--rest-port", str(rest), "--grpc-port", str(target)]
    with said.open("w") as out:
        process = subprocess.Popen(
            [*command, *flags], stdout=out, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=dict(os.environ)
        )
    return Served(process, f"http://127.0.0.1:{rest}", f"127.0.0.1:{target}", data_dir, said)


@contextmanager
def serving(data_dir: Path, *flags: str) -> Iterator[Served]:
    """A gateway that is ready, and stopped in order at the end."""
    served = start(data_dir, *flags)
    try:
        until(lambda: answers(served, "/ready") or exited(served))
        yield served
    finally:
        served.process.terminate()
        served.process.wait(60)


def until(done: Callable[[], bool], seconds: float = READY_TIMEOUT) -> None:
    """Return when `done` says so; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def answers(served: Served, path: str, status: int = 200) -> bool:
    """Whether a GET is answered with this status."""
    try:
        return httpx.get(served.rest + path, timeout=10).status_code == status
    except httpx.TransportError:
        return False


def exited(served: Served) -> bool:
    """Never true; a gateway that has ended while it was waited for fails the test with its last words."""
    if served.process.poll() is not None:
        raise AssertionError(f"The gateway ended with {served.process.returncode}: {served.said.read_text()[-2000:]}")
    return False
