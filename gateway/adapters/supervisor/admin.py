"""Calls one of Triton's own HTTP endpoints, cancellable and without a client: the supervisor needs but four."""

import asyncio
import contextlib
import json


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


async def answers(host: str, port: int, patience: float) -> bool:
    """Whether Triton answers to the question whether it is alive, whatever it says."""
    try:
        async with asyncio.timeout(patience):
            await call(host, port, "GET", "/v2/health/live")
    except (OSError, ValueError, TimeoutError):
        return False
    return True


async def states(host: str, port: int, patience: float) -> dict[str, str]:
    """The state of each model, empty for one that is not loaded; `OSError` if Triton does not tell."""
    try:
        async with asyncio.timeout(patience):
            _, index = await call(host, port, "POST", "/v2/repository/index")
        found: dict[str, str] = {}
        for model in json.loads(index):
            # One version that is loading is the one that matters.
            if found.get(model["name"]) != "LOADING":
                found[model["name"]] = model.get("state") or ""
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectionError("the index cannot be read") from error
    return found
