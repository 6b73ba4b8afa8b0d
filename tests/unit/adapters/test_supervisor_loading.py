"""A loading round gives a lost order again, and waits for no load that never ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.supervisor import loading
from gateway.adapters.supervisor.loading import Loading

PATIENCE_S = 20.0


class FakeTriton:
    """Answers the index; of the orders to load, it leaves the first ones lying or resets their connections."""

    def __init__(self) -> None:
        self.orders = 0
        self.lying = 0
        self.reset = 0
        self.hangs = False
        self.state: str | None = None
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call."""
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        if not path.endswith(b"/load") or await self._loads(writer):
            content = json.dumps([{"name": "model"} | ({"state": self.state} if self.state else {})]).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))
        writer.close()

    async def _loads(self, writer: asyncio.StreamWriter) -> bool:
        self.orders += 1
        if self.orders <= self.reset:
            writer.transport.abort()
            return False
        if self.orders <= self.lying:
            await self.ended.wait()
            return False
        self.state = "LOADING" if self.hangs else "READY"
        if self.hangs:
            await self.ended.wait()
        return True


@asynccontextmanager
async def running(triton: FakeTriton) -> AsyncIterator[int]:
    server = await asyncio.start_server(triton.serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    triton.ended.set()
    server.close()
    await server.wait_closed()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One model."""
    (tmp_path / "model").mkdir()
    return tmp_path


async def load(triton: FakeTriton, repository: Path, stuck: Callable[[], frozenset[str]] = frozenset) -> list[str]:
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE_S), running(triton) as port:
        await Loading(host="127.0.0.1", port=port, repository=repository, report=lines.append, stuck=stuck).run()
    return lines


async def test_an_order_that_is_left_lying_is_given_again(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "TAKEN_WITHIN_S", 0.05)
    triton = FakeTriton()
    triton.lying = 2
    assert await load(triton, repository) == []
    assert (triton.orders, triton.state) == (3, "READY")


async def test_an_order_whose_connection_breaks_is_given_again(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "INDEX_TIMEOUT_S", 0.05)
    triton = FakeTriton()
    triton.reset = 2
    assert await load(triton, repository) == []
    assert (triton.orders, triton.state) == (3, "READY")


async def test_a_load_that_hangs_is_not_waited_for(repository: Path) -> None:
    triton = FakeTriton()
    triton.hangs = True
    lines = await load(triton, repository, lambda: frozenset({"model"}))
    assert lines == ["still loading, the start does not wait for them: model"]
    assert triton.orders == 1
