"""The schema, from every released version to the newest, with records in it."""

import asyncio

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.entries import PostgresEntries
from gateway.adapters.postgres.executions import PostgresExecutions
from gateway.adapters.postgres.migrate import migrate, migrations
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.domain.access import EVERYTHING
from gateway.domain.runs import RunState

REVISIONS = sorted(each.revision for each in ScriptDirectory.from_config(migrations()).walk_revisions())
RUN = "019aa000-0000-7000-8000-000000000001"
#: What a gateway of each schema has written; a new schema brings its own.
RECORDS = {
    "0001": f"""
        INSERT INTO executions (execution_id, tag, meta_data, created_at, newest_run, state, completed_at)
        VALUES ('old', 't', '{{"a": 1}}', now(), '{RUN}', 'completed', now());
        INSERT INTO runs (
            run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, model_versions
        ) VALUES ('{RUN}', 'old', 'ocr', 0, 'completed', 1, 1, now(), '{{"decode": "1"}}');
        INSERT INTO entries (execution_id, entry_id, run_id, pipeline_id, pipeline_version, created_at, content)
        VALUES ('old', 'entry', '{RUN}', 'ocr', 0, now(), '{{"rawText":  "kept as it came"}}');
    """,
    "0002": f"""
        INSERT INTO executions (execution_id, tag, meta_data, created_at, newest_run, state, completed_at)
        VALUES ('old', 't', '{{"a": 1}}', now(), '{RUN}', 'completed', now());
        INSERT INTO runs (
            run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at,
            model_versions, priority, worker, past_attempts
        ) VALUES (
            '{RUN}', 'old', 'ocr', 0, 'completed', 2, 1, now(), '{{"decode": "1"}}', 1, 'w',
            ARRAY['{{"number": 1, "worker": "v", "startedAt": "2026-11-21T07:15:00Z"}}'::json]
        );
        INSERT INTO entries (execution_id, entry_id, run_id, pipeline_id, pipeline_version, created_at, content)
        VALUES ('old', 'entry', '{RUN}', 'ocr', 0, now(), '{{"rawText":  "kept as it came"}}');
        INSERT INTO idempotency_keys (digest, fingerprint, run_id, execution_id)
        VALUES ('\\x01', '\\x02', '{RUN}', 'old');
    """,
    "0004": f"""
        INSERT INTO executions (execution_id, tag, meta_data, created_at, newest_run, state, completed_at, ttl)
        VALUES ('old', 't', '{{"a": 1}}', now(), '{RUN}', 'completed', now(), 60);
        INSERT INTO runs (
            run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at,
            model_versions, priority, worker, past_attempts
        ) VALUES (
            '{RUN}', 'old', 'ocr', 0, 'completed', 2, 1, now(), '{{"decode": "1"}}', 1, 'w',
            ARRAY['{{"number": 1, "worker": "v", "startedAt": "2026-11-21T07:15:00Z"}}'::json]
        );
        INSERT INTO entries (execution_id, entry_id, run_id, pipeline_id, pipeline_version, created_at, content)
        VALUES ('old', 'entry', '{RUN}', 'ocr', 0, now(), '{{"rawText":  "kept as it came"}}');
        INSERT INTO idempotency_keys (digest, fingerprint, run_id, execution_id)
        VALUES ('\\x01', '\\x02', '{RUN}', 'old');
        INSERT INTO doomed_blobs (blob) VALUES ('executions/gone/media');
    """,
    "0005": f"""
        INSERT INTO executions (execution_id, tag, meta_data, created_at, newest_run, state, completed_at, ttl, owner)
        VALUES ('old', 't', '{{"a": 1}}', now(), '{RUN}', 'completed', now(), 60, 'acme');
        INSERT INTO runs (
            run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at,
            model_versions, priority, worker, past_attempts
        ) VALUES (
            '{RUN}', 'old', 'ocr', 0, 'completed', 2, 1, now(), '{{"decode": "1"}}', 1, 'w',
            ARRAY['{{"number": 1, "worker": "v", "startedAt": "2026-11-21T07:15:00Z"}}'::json]
        );
        INSERT INTO entries (execution_id, entry_id, run_id, pipeline_id, pipeline_version, created_at, content)
        VALUES ('old', 'entry', '{RUN}', 'ocr', 0, now(), '{{"rawText":  "kept as it came"}}');
        INSERT INTO idempotency_keys (digest, fingerprint, run_id, execution_id)
        VALUES ('\\x01', '\\x02', '{RUN}', 'old');
        INSERT INTO api_keys (key_id, name, owner, digest, scopes, created_at)
        VALUES ('k', 'batch', 'acme', '\\x03', ARRAY['run'], now());
        INSERT INTO audit_events (at, actor, action, subject) VALUES (now(), 'operator', 'key.created', 'k');
        INSERT INTO files (file_id, owner, content_type, size, blob, created_at)
        VALUES ('{RUN}', 'acme', 'image/png', 3, 'files/x', now());
        INSERT INTO artifacts (execution_id, artifact_id, run_id, name, content_type, size, blob, created_at)
        VALUES ('old', '{RUN}', '{RUN}', 'OVERLAY', 'image/png', 3, 'artifacts/x', now());
        INSERT INTO doomed_blobs (blob) VALUES ('executions/gone/media');
    """,
}
_HOOKS = f"""
        INSERT INTO hooks (hook_id, definition, enabled, secrets, created_at)
        VALUES (
            'h',
            '{{"hookId": "h", "eventType": "SUBMIT", "endpoint": "https://a.example/", "payloadType": "RAW",
               "createdAt": "2026-11-21T07:15:00Z"}}',
            true, '{{whsec_x}}', now()
        );
        INSERT INTO deliveries (delivery_id, execution_id, hook_id, url, receiver, event, created_at, due_at)
        VALUES (
            '{RUN}', 'old', 'h', 'https://a.example/', 'a.example',
            '{{"eventType": "SUBMIT", "at": "2026-11-21T07:15:00Z", "executionId": "old"}}', now(), now()
        );
    """
RECORDS["0003"] = RECORDS["0002"] + _HOOKS
RECORDS["0004"] += _HOOKS


def test_every_schema_has_records_to_be_tested_with() -> None:
    assert sorted(RECORDS) == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS)
async def test_records_of_a_released_schema_are_read_by_the_newest_gateway(empty: str, revision: str) -> None:
    await migrate(empty, revision)
    connection = await asyncpg.connect(empty)
    await connection.execute(RECORDS[revision])
    await connection.close()
    await migrate(empty)
    database = Database(empty)
    await database.open()
    execution = await PostgresExecutions(database).get(EVERYTHING, "old")
    assert (execution.tag, execution.meta_data, execution.state) == ("t", b'{"a": 1}', RunState.COMPLETED)
    assert (await PostgresRuns(database, lambda: 0).get(EVERYTHING, RUN)).model_versions == {"decode": "1"}
    ((_, entry),) = await PostgresEntries(database).page(EVERYTHING, "old", 10, 0, superseded=False)
    assert entry.content == b'{"rawText":  "kept as it came"}'
    await database.close()


async def test_migrating_twice_and_at_once_is_safe(empty: str) -> None:
    await asyncio.gather(*(migrate(empty) for _ in range(4)))
    await migrate(empty)
    connection = await asyncpg.connect(empty)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == REVISIONS[-1]
    await connection.close()
