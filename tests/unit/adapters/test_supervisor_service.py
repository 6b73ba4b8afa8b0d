"""A service starts its child anew when it ends and when it hangs, at the start and later."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.supervisor.child import ChildPlan
from gateway.adapters.supervisor.hung import Hung
from gateway.adapters.supervisor.service import Service
from gateway.errors import CannotStart

PATIENCE_S = 20.0


class Part:
    """A child that only waits, and what the service is told about it."""

    def __init__(self, folder: Path):
        self.lines: list[str] = []
        self.hangs = asyncio.Event()
        self.lives = 0
        #: It hangs at once in this many lives.
        self.hangs_first = 0
        self.plan = ChildPlan(
            name="part",
            argv=(sys.executable, "-I", "-S", "-c", "import signal; print('up', flush=True); signal.pause()"),
            env={"PATH": os.defpath},
            log=folder / "log",
            stop=((signal.SIGTERM, 5.0),),
            death_signal=signal.SIGKILL,
            mark="no-mark",
            programs=(),
        )

    async def is_ready(self) -> bool:
        """Whether the process of this life is up; where it hangs at first, never."""
        return self.is_up() and self.lives > self.hangs_first

    def is_up(self) -> bool:
        """Whether the process of this life is up."""
        return self.plan.log.exists() and self.plan.log.read_text().count("up") >= self.lives

    async def watch(self) -> None:
        """`Hung` in the lives in which it hangs."""
        self.lives += 1
        await self.until(self.is_up)
        if self.lives <= self.hangs_first:
            raise Hung("it stands still")
        await self.hangs.wait()
        self.hangs.clear()
        raise Hung("it stands still")

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until it came to pass."""
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def started(part: Part) -> AsyncIterator[Service]:
    service = Service(
        "Part", part.plan, is_ready=part.is_ready, watch=part.watch, report=part.lines.append, keep_open=()
    )
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


async def test_a_child_that_hangs_later_is_killed_and_started_anew(tmp_path: Path) -> None:
    part = Part(tmp_path)
    async with started(part) as service:
        before = service.pid
        part.hangs.set()
        await part.until(lambda: len([line for line in part.lines if line.startswith("Part is ready")]) == 2)
        assert service.pid != before
    assert "Part hangs and is restarted: it stands still" in part.lines
    assert any(line.startswith("Part was killed; it starts again in ") for line in part.lines)


async def test_a_stopped_process_that_hangs_is_ended_all_the_same(tmp_path: Path) -> None:
    part = Part(tmp_path)
    async with started(part) as service:
        assert service.pid is not None
        os.kill(service.pid, signal.SIGSTOP)
        part.hangs.set()
        await part.until(lambda: part.lives == 2 and part.is_up())


async def test_a_child_that_hangs_at_the_start_is_started_anew_within_it(tmp_path: Path) -> None:
    part = Part(tmp_path)
    part.hangs_first = 2
    async with started(part):
        assert part.lives == 3


async def test_a_child_that_ends_while_it_is_asked_whether_it_is_ready_is_not_waited_for(tmp_path: Path) -> None:
    part = Part(tmp_path)
    asked = asyncio.Event()

    async def never() -> bool:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    part.is_ready = never  # type: ignore[method-assign]
    service = Service(
        "Part", part.plan, is_ready=part.is_ready, watch=part.watch, report=part.lines.append, keep_open=()
    )
    start = asyncio.create_task(service.start())
    await asked.wait()
    await part.until(lambda: part.lives == 1 and part.is_up())
    assert service.pid is not None
    os.kill(service.pid, signal.SIGKILL)
    with pytest.raises(CannotStart, match="ended while it was starting"):
        await start
    await service.stop()


async def test_a_watch_that_breaks_ends_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    part = Part(tmp_path)

    async def breaks() -> None:
        part.lives += 1
        raise ValueError

    part.watch = breaks  # type: ignore[method-assign]
    async with started(part):
        assert "child.not_watched" in caplog.text
    assert part.lives == 1
    assert not any("hangs" in line for line in part.lines)
