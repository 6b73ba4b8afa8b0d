"""How runs ended, as the records of their service say it; both services keep them in the same columns."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec

from bench.bodies import FIELDS
from bench.faults import BenchFailed

#: Seconds within which every acknowledged run must have ended once no more are handed in.
PATIENCE_S: Final = 60.0
LOOK_EVERY_S: Final = 0.25
OPEN: Final = """
SELECT cardinality($1::uuid[]) - count(*) FROM runs
WHERE run_id = ANY($1::uuid[]) AND state NOT IN ('queued', 'running')
"""
ENDINGS: Final = """
SELECT run_id::text, state, extract(epoch FROM started_at)::float8 AS started_at,
    extract(epoch FROM completed_at)::float8 AS completed_at,
    (SELECT count(*) FROM entries WHERE execution_id = runs.execution_id AND entries.run_id = runs.run_id) AS entries
FROM runs WHERE run_id = ANY($1::uuid[])
"""
TOTALS: Final = "SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM entries) AS entries"
FOUND: Final = "SELECT content::text FROM entries JOIN runs USING (execution_id) WHERE runs.run_id = $1::uuid"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """One run that has ended; moments are seconds since the epoch."""

    run_id: str
    state: str
    started_at: float | None
    completed_at: float | None
    entries: int


async def endings(url: str, run_ids: Sequence[str]) -> list[Ending]:
    """Wait until all of these have ended, and read how.

    Raises:
        BenchFailed: one did not end, or not well, or not once.
    """
    connection = await asyncpg.connect(url)
    try:
        await _all_ended(connection, run_ids)
        rows = await connection.fetch(ENDINGS, run_ids)
    finally:
        await connection.close()
    found = [Ending(**row) for row in rows]
    refuse_endings(len(run_ids), found)
    return found


async def found(url: str, run_id: str) -> dict[str, Any]:
    """The model's own fields in the entry of a run."""
    connection = await asyncpg.connect(url)
    try:
        content = msgspec.json.decode(await connection.fetchval(FOUND, run_id))
    finally:
        await connection.close()
    return {name: content.get(name) for name in FIELDS}


async def totals(url: str) -> tuple[int, int]:
    """How many runs there are, and how many entries."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(TOTALS)
    finally:
        await connection.close()
    return row["runs"], row["entries"]


def refuse_endings(acknowledged: int, found: Sequence[Ending]) -> None:
    """Every run that was acknowledged has completed, once, with its one entry.

    Raises:
        BenchFailed: one is lost, has failed, or was appended twice.
    """
    good = {each.run_id for each in found if each.state == "completed" and each.entries == 1 and each.started_at}
    if not len(good) == len(found) == acknowledged:
        wrong = next((each for each in found if each.run_id not in good), "a run is not in the records")
        raise BenchFailed(f"{acknowledged} runs were acknowledged, {len(good)} completed with one entry: {wrong}.")


async def _all_ended(connection: asyncpg.Connection, run_ids: Sequence[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while still_open := await connection.fetchval(OPEN, run_ids):
        if time.monotonic() > deadline:
            raise BenchFailed(f"{still_open} of {len(run_ids)} runs had not ended {PATIENCE_S:g} s later.")
        await asyncio.sleep(LOOK_EVERY_S)
