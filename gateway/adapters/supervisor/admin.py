"""Calls one of Triton's own HTTP endpoints, cancellable and without a client: the supervisor needs but three."""

import asyncio
import contextlib


async def call(host: str, port: int, method: str, path: str) -> tuple[int, bytes]:
    """One call without content; the status and the content of the answer, `OSError` if there is none."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(head.encode("ascii"))
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        return int(lines[0].split()[1]), await reader.readexactly(int(headers.get("content-length", 0)))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the answer ended early") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
