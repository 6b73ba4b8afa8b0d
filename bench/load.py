"""Load on one target: by wrk and h2load where they are installed, else by the bench's own generator."""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from bench import generator, h2load, wrk
from bench.faults import BenchFailed
from bench.target import Burst, Protocol, Target, framed


class Load:
    """Sends bursts; keeps the files that the generators read and write in `folder`."""

    def __init__(self, folder: Path, connections: int):
        self._folder = folder
        self.connections = connections

    async def burst(self, target: Target, seconds: float) -> Burst:
        """So many seconds of load.

        Raises:
            BenchFailed: the generator failed.
        """
        name = generator_of(target.protocol)
        if name == wrk.NAME:
            return await self._wrk(target, seconds)
        if name == h2load.NAME:
            return await self._h2load(target, seconds)
        order = msgspec.json.encode(generator.Order(target, self.connections, seconds))
        return msgspec.json.decode(await output(generator.command(), order), type=Burst, strict=False)

    async def _wrk(self, target: Target, seconds: float) -> Burst:
        body = self._file("body", target.body)
        return wrk.parse(await output(wrk.command(target, body, connections=self.connections, seconds=seconds)))

    async def _h2load(self, target: Target, seconds: float) -> Burst:
        body, log = self._file("body", framed(target.body)), self._file("log", b"")
        command = h2load.command(target, body, log, connections=self.connections, seconds=seconds)
        said = await output(command)
        return h2load.parse(said, log.read_text(), target, connections=self.connections, seconds=seconds)

    def _file(self, name: str, content: bytes) -> Path:
        path = self._folder / f"burst.{name}"
        path.write_bytes(content)
        return path


def generator_of(protocol: Protocol) -> str:
    """The name of the generator that is used for a protocol on this machine."""
    found = {"http": wrk, "grpc": h2load}[protocol]
    return found.NAME if found.PROGRAM is not None else generator.NAME


async def output(command: list[str], stdin: bytes | None = None) -> str:
    """What a generator's process prints.

    Raises:
        BenchFailed: it ended with an error.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        out, err = await process.communicate(stdin)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        said = (err or out)[-500:].decode(errors="replace").strip()
        raise BenchFailed(f"The load generator {command[0]} ended with {process.returncode}: {said}")
    return out.decode(errors="replace")
