"""The memory of pipelines in PostgreSQL."""

import logging
from collections.abc import Sequence

import msgspec

from gateway.adapters.postgres.audit import write_events
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain import changes
from gateway.domain.changes import added_or_changed
from gateway.domain.ids import now
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
        found = [_read(row["snapshot"]) for row in rows]
        if None in found:
            log.warning("pipeline.snapshot_unreadable")
        return [each for each in found if each is not None]

    async def gone(self) -> frozenset[str]:
        """See `PipelineStore.gone`."""
        async with self._database.connection() as connection:
            return frozenset(row["pipeline_id"] for row in await connection.fetch(statement("gone_pipelines")))

    async def save(self, seen: Sequence[Pipeline], gone: Sequence[str] = ()) -> None:
        """See `PipelineStore.save`."""
        names, moment = [each.pipeline_id for each in seen], now()
        async with self._database.connection() as connection, connection.transaction():
            # One at a time: of several gateways that see a change, the first tells of it.
            await connection.execute(statement("lock_pipelines"))
            there = await connection.fetch(statement("present_pipelines"), names)
            kept = {row["pipeline_id"]: _read(row["snapshot"]) for row in there}
            await connection.execute(statement("save_pipelines"), names, list(map(msgspec.json.encode, seen)))
            lost = await connection.fetch(statement("lose_pipelines"), gone, moment)
            events = added_or_changed(kept, seen, moment) + changes.gone((row["pipeline_id"] for row in lost), moment)
            await write_events(connection, events)
        for each in events:
            log.info(each.action, extra={"pipeline_id": each.subject, "actor": each.actor, **each.details})


def _read(snapshot: bytes) -> Pipeline | None:
    try:
        return msgspec.json.decode(snapshot, type=Pipeline)
    except msgspec.ValidationError:
        return None
