"""API keys and audit events in the real PostgreSQL."""

import asyncio
import logging
from datetime import timedelta

import msgspec
import pytest

from gateway.adapters.postgres.api_keys import PostgresApiKeys
from gateway.adapters.postgres.audit import PostgresAudit
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.core.api_keys import ApiKeys
from gateway.core.key_access import KeyAccess
from gateway.domain.access import Scope
from gateway.domain.api_keys import NewKey, key_id_of, new_key
from gateway.domain.audit import Action, AuditEvent
from gateway.domain.ids import new_id, now
from gateway.domain.pipelines import PipelineStatus
from gateway.errors import CredentialInvalid, StorageUnavailable
from integration.recording import Records
from unit.fakes import pipeline, with_status

PLAIN = NewKey(name="plain", scopes=frozenset((Scope.READ,)))
WHOLE = NewKey(
    name="whole",
    owner="Ünïcode",
    scopes=frozenset(Scope),
    pipelines=frozenset(("ocr", "say")),
    rate="600/minute",
    concurrency=8,
    expires_at=now() + timedelta(days=1),
)


async def events_of(records: Records, subject: str) -> list[AuditEvent]:
    return [each for each in await PostgresAudit(records.database).newest(1000) if each.subject == subject]


@pytest.mark.parametrize("wanted", [PLAIN, WHOLE], ids=lambda each: each.name)
async def test_a_key_is_kept_as_it_was_made(records: Records, others: Records, wanted: NewKey) -> None:
    key = await ApiKeys(PostgresApiKeys(records.database)).create(wanted, "root")
    key_id = key_id_of(key) or ""
    store = PostgresApiKeys(others.database)
    (found,) = await store.find([key_id, "0" * 16])
    assert found == wanted.made(key, found.created_at)
    assert key_id in [each.key_id for each in await store.list()]
    caller = await KeyAccess(store).caller(key)
    assert (caller.owner, caller.pipelines) == (found.owner, wanted.pipelines)


async def test_nothing_of_a_key_but_its_id_and_digest_is_in_the_database(records: Records) -> None:
    key = await ApiKeys(PostgresApiKeys(records.database)).create(WHOLE, "root")
    async with records.database.connection() as connection:
        rows = await connection.fetch("SELECT api_keys::text FROM api_keys")
        rows += await connection.fetch("SELECT audit_events::text FROM audit_events")
    assert not [row for row in rows if key[20:] in row[0]]


async def test_a_revoked_key_opens_nothing_elsewhere_either(records: Records, others: Records) -> None:
    keys, seconds = ApiKeys(PostgresApiKeys(records.database)), iter(range(0, 1000, 10))
    key = await keys.create(PLAIN, "root")
    access = KeyAccess(PostgresApiKeys(others.database), seconds=lambda: float(next(seconds)))
    await access.caller(key)
    assert await keys.revoke(key_id_of(key) or "", "root")
    with pytest.raises(CredentialInvalid):
        await access.caller(key)


async def test_of_many_who_revoke_a_key_one_is_in_the_audit(records: Records, others: Records) -> None:
    key = await ApiKeys(PostgresApiKeys(records.database)).create(PLAIN, "root")
    key_id = key_id_of(key) or ""
    stores = (records, others) * 4
    done = await asyncio.gather(
        *(ApiKeys(PostgresApiKeys(each.database)).revoke(key_id, f"operator-{n}") for n, each in enumerate(stores))
    )
    assert all(done)
    actions = [each.action for each in await events_of(records, key_id)]
    assert actions == [Action.KEY_REVOKED, Action.KEY_CREATED]


async def test_a_key_that_was_not_written_is_not_in_the_audit_either(records: Records) -> None:
    store, key = PostgresApiKeys(records.database), new_key()
    kept = PLAIN.made(key, now())
    event = AuditEvent(at=now(), actor="root", action=Action.KEY_CREATED, subject=kept.key_id)
    await store.create(kept, event)
    with pytest.raises(Exception, match="duplicate key"):
        await store.create(kept, event)
    assert len(await events_of(records, kept.key_id)) == 1


async def test_where_the_database_is_away_a_key_is_not_called_invalid(records: Records) -> None:
    await records.database.close()
    with pytest.raises(StorageUnavailable):
        await KeyAccess(PostgresApiKeys(records.database)).caller(new_key())


async def test_changes_of_a_pipeline_are_audited_once_however_many_see_them(
    records: Records, others: Records, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"p{new_id()[-12:]}"
    first = pipeline(name)
    changed = msgspec.structs.replace(first, description="another", inputs=())
    stores = [PostgresPipelines(each.database) for each in (records, others) * 3]
    loading = with_status(changed, PipelineStatus.LOADING)
    versions = msgspec.structs.replace(changed, model_versions={"m": "2"})
    with caplog.at_level(logging.INFO):
        for seen in (first, changed, loading, versions):
            await asyncio.gather(*(each.save([seen]) for each in stores))
        await asyncio.gather(*(each.save([], [name]) for each in stores))
        assert name in await stores[0].gone()
        await asyncio.gather(*(each.save([changed]) for each in stores))
        assert name not in await stores[0].gone()
    told = [(each.actor, each.action) for each in reversed(await events_of(records, name))]
    actions = [Action.PIPELINE_ADDED, Action.PIPELINE_CHANGED, Action.PIPELINE_GONE, Action.PIPELINE_ADDED]
    assert told == [("triton", action) for action in actions]
    assert (await events_of(records, name))[2].details == {"fields": ["description", "inputs"]}
    logged = [each.message for each in caplog.records if getattr(each, "pipeline_id", None) == name]
    assert logged == actions


async def test_a_pipeline_that_nobody_knew_is_not_gone(records: Records) -> None:
    name = f"p{new_id()[-12:]}"
    await PostgresPipelines(records.database).save([], [name])
    assert await events_of(records, name) == []
