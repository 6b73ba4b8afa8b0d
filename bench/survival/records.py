"""The records of a load, read from the database itself: also those that no caller was told of."""

import asyncio
import time
from typing import Final

import asyncpg

from bench.survival.history import KeptEntry, KeptRun

LOOK_EVERY_S: Final = 0.5
RUNS: Final = """
SELECT executions.tag AS key, runs.run_id::text, runs.state, runs.attempt, runs.error->>'code' AS code
FROM runs JOIN executions USING (execution_id) ORDER BY runs.run_id
"""
ENTRIES: Final = "SELECT run_id::text, content->>'rawText' AS text FROM entries ORDER BY execution_id, position"
OPEN: Final = "SELECT count(*) FROM runs WHERE state IN ('queued', 'running')"
BARREN: Final = """
SELECT count(*) FROM executions
WHERE NOT EXISTS (SELECT FROM runs WHERE runs.execution_id = executions.execution_id)
"""
JOBS: Final = "SELECT count(*) FROM pgqueuer"
HELD_AGAIN: Final = "SELECT count(*) FROM runs WHERE state = 'running' AND attempt > 1 AND lease_until > now()"
HELD: Final = "SELECT count(*) FROM runs WHERE state = 'running'"


async def kept(url: str) -> tuple[list[KeptRun], list[KeptEntry]]:
    """Every run and every entry."""
    connection = await asyncpg.connect(url)
    try:
        runs = [KeptRun(**row) for row in await connection.fetch(RUNS)]
        entries = [KeptEntry(**row) for row in await connection.fetch(ENTRIES)]
    finally:
        await connection.close()
    return runs, entries


async def until_none(url: str, statement: str, patience: float) -> int:
    """Wait until there are none, or none has gone for so many seconds; how many there are is returned."""
    fewest, deadline = None, time.monotonic() + patience
    while (left := await count(url, statement)) and time.monotonic() < deadline:
        if fewest is None or left < fewest:
            fewest, deadline = left, time.monotonic() + patience
        await asyncio.sleep(LOOK_EVERY_S)
    return left


async def count(url: str, statement: str) -> int:
    """One number."""
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval(statement)
    finally:
        await connection.close()
    return found
