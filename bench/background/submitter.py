"""The process that hands in runs: as fast as they are acknowledged, or at a steady rate whatever the service does."""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec
import uvloop

from bench.target import Target


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to hand in, as the parent writes it to standard input."""

    target: Target
    connections: int
    count: int
    #: Runs per second; None: each connection sends again as soon as it was answered.
    rate: float | None = None


class Acknowledged(msgspec.Struct, frozen=True, array_like=True):
    """A run that was answered with 202, and when: seconds since the epoch, as the records have it."""

    run_id: str
    at: float


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order."""

    acknowledged: list[Acknowledged]
    errors: int
    #: From the first byte sent to the last acknowledgement.
    began: float
    ended: float

    @property
    def rate(self) -> float:
        """Acknowledged runs per second."""
        return len(self.acknowledged) / (self.ended - self.began)


class Connection:
    """One connection, kept open, with the one request that it sends."""

    def __init__(self, target: Target):
        self._target = target
        headers = {"host": target.address, **target.headers, "content-length": str(len(target.body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"POST {target.path} HTTP/1.1\r\n{lines}\r\n".encode() + target.body

    async def open(self) -> "Connection":
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(self._target.host, self._target.port)
        return self

    async def submit(self) -> Acknowledged | None:
        """Hand in one run; None: it was not acknowledged."""
        try:
            self._writer.write(self._request)
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
            reply = await self._reader.readexactly(length)
        except (OSError, EOFError):
            return None
        at = time.time()
        return Acknowledged(msgspec.json.decode(reply)["runId"], at) if head.split(b" ", 2)[1] == b"202" else None


async def submit(order: Order) -> Submission:
    """Hand in as many runs as are ordered; returns when the last is answered."""
    connections = [await Connection(order.target).open() for _ in range(order.connections)]
    began = time.time()
    if order.rate is None:
        places = iter(range(order.count))
        by_connection = await asyncio.gather(*(_repeat(each, places) for each in connections))
        answers = list(chain.from_iterable(by_connection))
    else:
        answers = await _steady(connections, order.count, order.rate)
    acknowledged = [each for each in answers if each is not None]
    ended = max((each.at for each in acknowledged), default=time.time())
    return Submission(acknowledged=acknowledged, errors=order.count - len(acknowledged), began=began, ended=ended)


async def _repeat(connection: Connection, places: Iterator[int]) -> list[Acknowledged | None]:
    return [await connection.submit() for _ in places]


async def _steady(connections: list[Connection], count: int, rate: float) -> list[Acknowledged | None]:
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    began = time.perf_counter()
    return list(await asyncio.gather(*(_at(began + number / rate, free) for number in range(count))))


async def _at(moment: float, free: "asyncio.Queue[Connection]") -> Acknowledged | None:
    await asyncio.sleep(moment - time.perf_counter())
    connection = await free.get()
    try:
        return await connection.submit()
    finally:
        free.put_nowait(connection)


def command() -> list[str]:
    """The command line; it takes an order and prints a submission, both as JSON."""
    return [sys.executable, "-m", "bench.background.submitter"]


if __name__ == "__main__":
    given = msgspec.json.decode(Path("/dev/stdin").read_bytes(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(submit(given))))
