"""The service one would otherwise write: FastAPI, pydantic, tritonclient and asyncpg, with a lasting record.

It answers the gateway's executeSync with the same observation and is as durable: execution, run and entries are
committed before the reply. Run it as `uvicorn bench.handwritten:app` with TRITON_URL and DATABASE_URL set.
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
from typing import Any

import asyncpg
import numpy as np
import tritonclient.grpc.aio as triton
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field
from tritonclient.utils import InferenceServerException

SCHEMA = """
CREATE TABLE IF NOT EXISTS executions (
    execution_id uuid PRIMARY KEY, tag text, meta_data json, created_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
    run_id uuid PRIMARY KEY, execution_id uuid NOT NULL REFERENCES executions, pipeline_id text NOT NULL,
    state text NOT NULL, media_count integer NOT NULL, started_at timestamptz NOT NULL, completed_at timestamptz,
    error text
);
CREATE TABLE IF NOT EXISTS entries (
    execution_id uuid NOT NULL REFERENCES executions, position bigint GENERATED ALWAYS AS IDENTITY,
    entry_id uuid NOT NULL, run_id uuid NOT NULL, media_id text NOT NULL, pipeline_id text NOT NULL,
    created_at timestamptz NOT NULL, content json NOT NULL, PRIMARY KEY (execution_id, position)
);
"""
INSERT_EXECUTION = "INSERT INTO executions VALUES ($1, $2, $3, $4)"
INSERT_RUN = "INSERT INTO runs VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
INSERT_ENTRY = """
INSERT INTO entries (execution_id, entry_id, run_id, media_id, pipeline_id, created_at, content)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


class ExecuteRequest(BaseModel):
    """The body of executeSync."""

    media: list[str] = Field(min_length=1, max_length=256)
    tag: str | None = Field(default=None, max_length=256)
    metaData: dict[str, Any] | None = None  # noqa: N815 - the wire's name
    timeout: float = Field(default=30.0, gt=0, le=600)


class Observation(BaseModel):
    """The reply: what was found in each media."""

    executionId: uuid.UUID  # noqa: N815 - the wire's name
    mediaContents: list[dict[str, Any]]  # noqa: N815 - the wire's name
    documents: list[dict[str, Any]] = []


class Record:
    """What one call leaves in the database."""

    def __init__(self, pipeline_id: str, body: ExecuteRequest):
        self.execution_id, self.run_id = uuid.uuid4(), uuid.uuid4()
        self.pipeline_id, self.body = pipeline_id, body
        self.created_at = datetime.now(UTC)
        self.entry_ids = [uuid.uuid4() for _ in body.media]

    async def save(self, pool: asyncpg.Pool, state: str, contents: list[bytes], error: str | None = None) -> datetime:
        """Commit it all together."""
        now = datetime.now(UTC)
        meta_data = json.dumps(self.body.metaData) if self.body.metaData is not None else None
        run = (self.pipeline_id, state, len(self.body.media), self.created_at, now, error)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(INSERT_EXECUTION, self.execution_id, self.body.tag, meta_data, self.created_at)
            await connection.execute(INSERT_RUN, self.run_id, self.execution_id, *run)
            for index, content in enumerate(contents):
                entry = (self.run_id, f"media-{index + 1}", self.pipeline_id, now, content.decode())
                await connection.execute(INSERT_ENTRY, self.execution_id, self.entry_ids[index], *entry)
        return now

    def observation(self, contents: list[bytes], at: datetime) -> Observation:
        """The reply, each entry with where it came from."""
        entries = [
            {
                "id": str(self.entry_ids[index]),
                "mediaId": f"media-{index + 1}",
                "runId": str(self.run_id),
                "pipelineId": self.pipeline_id,
                "createdAt": at.isoformat(timespec="milliseconds"),
                **json.loads(content),
            }
            for index, content in enumerate(contents)
        ]
        return Observation(executionId=self.execution_id, mediaContents=entries)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the connections, and close them at the end."""
    async with (
        asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=8) as app.state.pool,
        triton.InferenceServerClient(os.environ["TRITON_URL"]) as app.state.triton,
    ):
        await app.state.pool.execute(SCHEMA)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether the service is up."""
    return {"status": "ok"}


@app.post("/v1/pipelines/{pipeline_id}/executeSync")
async def execute_sync(pipeline_id: str, body: ExecuteRequest, request: Request) -> Observation:
    """Run a pipeline on the media of one call and keep what it found."""
    try:
        media = [base64.b64decode(text, validate=True) for text in body.media]
    except binascii.Error as error:
        raise HTTPException(422, "media is not base64") from error
    record = Record(pipeline_id, body)
    state = request.app.state
    try:
        contents = await asyncio.gather(*(infer(state.triton, record, data) for data in media))
    except InferenceServerException as error:
        await record.save(state.pool, "failed", [], error.message())
        raise HTTPException(502, "the model failed") from error
    return record.observation(contents, await record.save(state.pool, "completed", contents))


async def infer(client: triton.InferenceServerClient, record: Record, data: bytes) -> bytes:
    """The observation that Triton makes of one media."""
    image = triton.InferInput("IMAGE", [1], "BYTES")
    image.set_data_from_numpy(np.array([data], dtype=np.object_))
    result = await client.infer(
        record.pipeline_id, [image], request_id=str(record.run_id), client_timeout=record.body.timeout
    )
    return bytes(result.as_numpy("OBSERVATION")[0])
