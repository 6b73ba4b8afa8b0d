"""Artifacts in PostgreSQL: written with the ends of runs, and read."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.executions import found
from gateway.adapters.postgres.statements import statement
from gateway.domain.artifacts import Artifact
from gateway.domain.ids import is_uuid
from gateway.errors import ArtifactNotFound, StorageUnavailable
from gateway.ports import FinishedRun

_shape: Final = msgspec.json.Decoder(tuple[int, ...])


class PostgresArtifacts:
    """An `ArtifactStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def page(self, sees: str | None, execution_id: str, limit: int, after: int) -> list[tuple[int, Artifact]]:
        """See `ArtifactStore.page`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("artifacts"), execution_id, sees, limit, after)
            if not listed:
                await found(connection, sees, execution_id)
        return [(row["number"], _artifact(row)) for row in listed]

    async def get(self, sees: str | None, execution_id: str, artifact_id: str) -> Artifact:
        """See `ArtifactStore.get`."""
        async with self._database.connection() as connection:
            row = None
            if is_uuid(artifact_id):
                row = await connection.fetchrow(statement("artifact"), execution_id, artifact_id, sees)
            if row is None:
                await found(connection, sees, execution_id)
                raise ArtifactNotFound
        return _artifact(row)


async def write_artifacts(connection: asyncpg.Connection, batch: Sequence[FinishedRun]) -> None:
    """What these runs made, in the transaction that ends them.

    Raises:
        StorageUnavailable: it came too late, and the blobs are being removed; nothing must be written.
    """
    made = [_row(each.run.execution_id, artifact) for each in batch for artifact in each.artifacts]
    if made and await connection.fetchval(statement("insert_artifacts"), *rows.columns(made, 11)) < len(made):
        raise StorageUnavailable("Storing what the run made took too long; nothing was recorded. Try again shortly.")


def _row(execution_id: str, made: Artifact) -> tuple[Any, ...]:
    shape = None if made.shape is None else rows.encode(made.shape)
    about = (made.name, made.page, made.datatype, shape, made.content_type, made.size, made.created_at)
    return execution_id, made.artifact_id, made.run_id, *about, made.blob


def _artifact(row: rows.Row) -> Artifact:
    return Artifact(
        artifact_id=str(row["artifact_id"]),
        run_id=str(row["run_id"]),
        name=row["name"],
        page=row["page"],
        datatype=row["datatype"],
        shape=None if row["shape"] is None else _shape.decode(row["shape"]),
        content_type=row["content_type"],
        size=row["size"],
        created_at=row["created_at"],
        blob=row["blob"],
    )
