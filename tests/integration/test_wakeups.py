"""Wake-ups through the real queue: each run is taken up, and no more at once than a worker may have in hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.wakeups import WakeUp, WakeUps, wake
from gateway.domain.ids import new_id
from gateway.ports import DueRun


@pytest.fixture
async def queue_url(database_url: str) -> AsyncIterator[str]:
    """A database of its own: nobody else takes its jobs."""
    admin = await asyncpg.connect(database_url)
    name = f"q{new_id()[-12:]}"
    await admin.execute(f"CREATE DATABASE {name}")
    url = database_url.replace("/gateway?", f"/{name}?")
    await migrate(url)
    yield url
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_no_more_runs_are_in_hand_than_the_worker_may_have(queue_url: str, at_once: int) -> None:
    names = [new_id() for _ in range(5)]
    in_hand: set[str] = set()
    most, taken, done, one_too_many = 0, set[str](), asyncio.Event(), asyncio.Event()

    async def take_up(due: DueRun) -> None:
        nonlocal most
        run_id = due.run_id
        in_hand.add(run_id)
        most = max(most, len(in_hand))
        if most > at_once:
            one_too_many.set()
        # Long enough for one more to come in where it is let.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(one_too_many.wait(), 0.4)
        in_hand.discard(run_id)
        taken.add(run_id)
        if len(taken) == len(names):
            done.set()

    connection = await asyncpg.connect(queue_url)
    wishes = [WakeUp(DueRun(name, "ocr")) for name in names]
    assert await wake(connection, wishes) == len(names)
    assert await wake(connection, wishes) == 0
    await connection.close()
    listening = asyncio.create_task(WakeUps(queue_url, take_up, at_once, 30.0).listen())
    async with asyncio.timeout(60):
        await done.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert taken == set(names)
    assert most <= at_once
