"""The records that contenders leave: a database for each, and how many complete records are in it."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg

COUNT = """
SELECT count(*) FROM executions
JOIN runs USING (execution_id) JOIN entries USING (execution_id)
WHERE runs.state = 'completed'
"""


async def create_database(server_url: str, name: str) -> str:
    """Make an empty database on the server; its URL is returned."""
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}", netloc=urlsplit(server_url).netloc))


async def server_version(url: str) -> str:
    """The version of PostgreSQL."""
    connection = await asyncpg.connect(url)
    try:
        version: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return version.split(maxsplit=1)[0]


async def complete_records(url: str) -> int:
    """How many executions have their run and their entry, all of success."""
    connection = await asyncpg.connect(url)
    try:
        before: int = await connection.fetchval(COUNT)
        # What was under way when the load ended is still being written.
        while (now := await _later(connection)) != before:
            before = now
    finally:
        await connection.close()
    return before


async def _later(connection: asyncpg.Connection) -> int:
    await asyncio.sleep(0.5)
    count: int = await connection.fetchval(COUNT)
    return count
