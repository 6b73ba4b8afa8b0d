"""The memory of pipelines in PostgreSQL."""

import logging
from collections.abc import Sequence

import msgspec

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.pipelines import Pipeline

log = logging.getLogger(__name__)


class PostgresPipelines:
    """A `PipelineStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def load(self) -> list[Pipeline]:
        """See `PipelineStore.load`; a snapshot that this version cannot read is left for Triton to supply again."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(statement("pipelines"))
        found = []
        for row in rows:
            try:
                found.append(msgspec.json.decode(row["snapshot"], type=Pipeline))
            except msgspec.ValidationError:
                log.warning("pipeline.snapshot_unreadable")
        return found

    async def save(self, pipelines: Sequence[Pipeline]) -> None:
        """See `PipelineStore.save`."""
        names = [each.pipeline_id for each in pipelines]
        async with self._database.connection() as connection:
            await connection.execute(statement("save_pipelines"), names, list(map(msgspec.json.encode, pipelines)))
