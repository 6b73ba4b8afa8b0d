"""The service one would otherwise write for runs in the background: FastAPI, tritonclient, asyncpg and PgQueuer.

It acknowledges as durably as the gateway: media are on the disk, file and folder synced, before execution, run and
PgQueuer job are committed in one transaction and the call is answered with 202. A PgQueuer worker in the same process
runs each on Triton and commits its end and its entries together, once, even if the queue gives a job out again. It
has no leases, retries of its own, named inputs or runs on an execution there was: its work is less than the gateway's.
Run it as `uvicorn bench.handwritten_background:app` with TRITON_URL, DATABASE_URL and MEDIA_FOLDER set.
"""

import asyncio
import base64
import binascii
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import tritonclient.grpc.aio as triton
from fastapi import FastAPI, HTTPException, Request
from pgqueuer import PgQueuer
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.models import Job
from pydantic import BaseModel, Field
from tritonclient.utils import InferenceServerException

from bench.handwritten import ExecuteRequest

SCHEMA = """
CREATE TABLE IF NOT EXISTS executions (
    execution_id uuid PRIMARY KEY, tag text, meta_data json, created_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
    run_id uuid PRIMARY KEY, execution_id uuid NOT NULL REFERENCES executions, pipeline_id text NOT NULL,
    state text NOT NULL, media_count integer NOT NULL, created_at timestamptz NOT NULL, started_at timestamptz,
    completed_at timestamptz, error text
);
CREATE TABLE IF NOT EXISTS entries (
    execution_id uuid NOT NULL REFERENCES executions, position bigint GENERATED ALWAYS AS IDENTITY,
    entry_id uuid NOT NULL, run_id uuid NOT NULL, media_id text NOT NULL, pipeline_id text NOT NULL,
    created_at timestamptz NOT NULL, content json NOT NULL, PRIMARY KEY (execution_id, position)
);
"""
INSERT_EXECUTION = "INSERT INTO executions VALUES ($1, $2, $3, $4)"
INSERT_RUN = "INSERT INTO runs VALUES ($1, $2, $3, 'queued', $4, $5)"
END_RUN = """
UPDATE runs SET state = $2, started_at = $3, completed_at = $4, error = $5
WHERE run_id = $1 AND state = 'queued' RETURNING run_id
"""
INSERT_ENTRY = """
INSERT INTO entries (execution_id, entry_id, run_id, media_id, pipeline_id, created_at, content)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
#: Runs at once: as many as the gateway's worker has in hand.
AT_ONCE = 16
FOLDER = Path(os.environ.get("MEDIA_FOLDER", "media"))


class Accepted(BaseModel):
    """The reply of executeAsync."""

    executionId: uuid.UUID  # noqa: N815 - the wire's name
    runId: uuid.UUID  # noqa: N815 - the wire's name


class Task(BaseModel):
    """What a job says: all that the worker needs beside the media."""

    execution_id: uuid.UUID = Field(default_factory=uuid.uuid4)
    run_id: uuid.UUID = Field(default_factory=uuid.uuid4)
    pipeline_id: str
    media_count: int
    timeout: float

    def files(self) -> list[Path]:
        """Where its media lie."""
        return [FOLDER / f"{self.run_id}-{index}" for index in range(self.media_count)]


def stage(files: list[Path], media: list[bytes]) -> None:
    """Bring media to the disk, and then the folder that names them."""
    for path, data in zip(files, media, strict=True):
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def drop(files: list[Path]) -> None:
    """Remove the media of a run that has ended."""
    for path in files:
        path.unlink(missing_ok=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the connections and start the worker; end it in order."""
    await asyncio.to_thread(FOLDER.mkdir, parents=True, exist_ok=True)
    async with (
        asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=10) as app.state.pool,
        triton.InferenceServerClient(os.environ["TRITON_URL"]) as app.state.triton,
    ):
        await app.state.pool.execute(SCHEMA)
        queries = Queries.from_asyncpg_pool(app.state.pool)
        if not await queries.schema_is_installed():
            await queries.install()
        queue = worker(app.state)
        running = asyncio.create_task(queue.run(batch_size=AT_ONCE // 2, max_concurrent_tasks=AT_ONCE))
        yield
        queue.shutdown.set()
        await running


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether the service is up."""
    return {"status": "ok"}


@app.post("/v1/pipelines/{pipeline_id}/executeAsync", status_code=202)
async def execute_async(pipeline_id: str, body: ExecuteRequest, request: Request) -> Accepted:
    """Accept a run; it is durable when this answers."""
    try:
        media = [base64.b64decode(text, validate=True) for text in body.media]
    except binascii.Error as error:
        raise HTTPException(422, "media is not base64") from error
    task = Task(pipeline_id=pipeline_id, media_count=len(media), timeout=body.timeout)
    await asyncio.to_thread(stage, task.files(), media)
    await accept(request.app.state.pool, task, body)
    return Accepted(executionId=task.execution_id, runId=task.run_id)


async def accept(pool: asyncpg.Pool, task: Task, body: ExecuteRequest) -> None:
    """Commit execution, run and job together."""
    now = datetime.now(UTC)
    meta_data = json.dumps(body.metaData) if body.metaData is not None else None
    run = (task.run_id, task.execution_id, task.pipeline_id, task.media_count, now)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(INSERT_EXECUTION, task.execution_id, body.tag, meta_data, now)
        await connection.execute(INSERT_RUN, *run)
        await Queries.from_asyncpg_connection(connection).enqueue("run", task.model_dump_json().encode())


def worker(state: Any) -> PgQueuer:
    """The queue with its one kind of job."""
    queue = PgQueuer.from_asyncpg_pool(state.pool)

    @queue.entrypoint("run")
    async def run(job: Job) -> None:
        task = Task.model_validate_json(job.payload or b"")
        started_at = datetime.now(UTC)
        try:
            media = await asyncio.to_thread(lambda: [path.read_bytes() for path in task.files()])
            contents = await asyncio.gather(*(infer(state.triton, task, data) for data in media))
        except (FileNotFoundError, InferenceServerException) as error:
            await end(state.pool, task, started_at, "failed", [], str(error))
        else:
            await end(state.pool, task, started_at, "completed", contents, None)
        await asyncio.to_thread(drop, task.files())

    return queue


async def end(
    pool: asyncpg.Pool, task: Task, started_at: datetime, state: str, contents: list[bytes], error: str | None
) -> None:
    """Commit the end of a run and its entries together, unless it has ended before."""
    now = datetime.now(UTC)
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(END_RUN, task.run_id, state, started_at, now, error) is None:
            return
        for index, content in enumerate(contents):
            entry = (task.run_id, f"media-{index + 1}", task.pipeline_id, now, content.decode())
            await connection.execute(INSERT_ENTRY, task.execution_id, uuid.uuid4(), *entry)


async def infer(client: triton.InferenceServerClient, task: Task, data: bytes) -> bytes:
    """The observation that Triton makes of one media."""
    image = triton.InferInput("IMAGE", [1], "BYTES")
    image.set_data_from_numpy(np.array([data], dtype=np.object_))
    result = await client.infer(task.pipeline_id, [image], request_id=str(task.run_id), client_timeout=task.timeout)
    return bytes(result.as_numpy("OBSERVATION")[0])
