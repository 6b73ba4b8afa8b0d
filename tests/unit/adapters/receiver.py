"""A receiver of webhooks on a real socket, which answers byte for byte as a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """Takes one request per connection; `got` are their heads and bodies."""

    def __init__(self, answer: Answer):
        self._answer = answer
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self.port = 0
        #: Set when the peer has left before the answer was whole.
        self.left = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/told"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.partition(":") for line in lines[1:] if line)
            headers = {":request": lines[0]} | {name.lower(): value.strip() for name, _, value in pairs}
            self.got.append((headers, await reader.readexactly(int(headers.get("content-length", "0")))))
            await self._answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def receiving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver(answer)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def saying(status: str, body: bytes = b"", *headers: str) -> Answer:
    """An answer with this status line, headers and body."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
        writer.write("\r\n".join((*lines, "", "")).encode() + body)
        await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - an answer's signature
    """Never an answer."""
    await asyncio.Event().wait()
