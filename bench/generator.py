"""The bench's own load generator, a process of its own, for machines without wrk or h2load.

It costs more than theirs, so that every contender shows lower numbers with it; the ratios stay fair.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import grpc.aio
import msgspec
import uvloop

from bench.target import Burst, Target

NAME: Final = "own generator"
#: One request; whether it was answered as it should be.
Send = Callable[[], Awaitable[bool]]


class Order(msgspec.Struct, frozen=True):
    """What to do, as the parent writes it to standard input."""

    target: Target
    connections: int
    seconds: float


def command() -> list[str]:
    """The command line of one burst; it takes an order and prints a burst, both as JSON."""
    return [sys.executable, "-m", "bench.generator"]


async def generate(order: Order) -> Burst:
    """Send over all connections for so many seconds; requests under way at the end are waited for."""
    senders = [await _open(order.target) for _ in range(order.connections)]
    latencies: Counter[int] = Counter()
    began = time.perf_counter()
    end = began + order.seconds
    failed = await asyncio.gather(*(_repeat(send, end, latencies) for send in senders))
    elapsed = time.perf_counter() - began
    requests = latencies.total()
    return Burst(requests=requests, seconds=elapsed, errors=sum(failed), latencies=dict(latencies))


async def _repeat(send: Send, end: float, latencies: Counter[int]) -> int:
    errors = 0
    while (sent := time.perf_counter()) < end:
        good = await send()
        latencies[round((time.perf_counter() - sent) * 1e6)] += 1
        errors += not good
    return errors


async def _open(target: Target) -> Send:
    return _open_grpc(target) if target.protocol == "grpc" else await _open_http(target)


def _open_grpc(target: Target) -> Send:
    channel = grpc.aio.insecure_channel(target.address, options=[("grpc.use_local_subchannel_pool", 1)])
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.path)

    async def send() -> bool:
        try:
            return len(await method(target.body)) == target.reply_bytes
        except grpc.aio.AioRpcError:
            return False

    return send


async def _open_http(target: Target) -> Send:
    reader, writer = await asyncio.open_connection(target.host, target.port)
    headers = {"host": target.address, **target.headers, "content-length": str(len(target.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST {target.path} HTTP/1.1\r\n{lines}\r\n".encode() + target.body

    async def send() -> bool:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        return head.split(b" ", 2)[1] == b"200"

    return send


if __name__ == "__main__":
    given = msgspec.json.decode(Path("/dev/stdin").read_bytes(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(generate(given))))
