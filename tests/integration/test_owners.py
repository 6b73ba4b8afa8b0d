"""Whose each record is, in the real PostgreSQL: every statement shows and changes only what is in sight."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from gateway.adapters.postgres.deliveries import PostgresDeliveries
from gateway.adapters.postgres.hooks import PostgresHooks
from gateway.domain.access import EVERYTHING
from gateway.domain.audience import Audience
from gateway.domain.deliveries import Delivery
from gateway.domain.executions import ExecutionFilter, NewExecution
from gateway.domain.hooks import EventType, Hook, PayloadType
from gateway.domain.ids import new_id
from gateway.domain.media import MediaRecord
from gateway.domain.runs import RunState
from gateway.errors import DeliveryNotFound, ExecutionNotFound, HookNotFound, NotFound, RunNotFound
from integration.recording import CANCELED, NOW, Records, accepted, appended, execution, finished, given
from integration.sending import telling_of


@dataclass(frozen=True)
class Hers:
    """What Ann has: an execution with media, a run that has ended, one that waits, a hook, and a delivery."""

    records: Records
    hooks: PostgresHooks
    deliveries: PostgresDeliveries
    execution_id: str
    media: MediaRecord
    run_id: str
    waiting: str
    hook: Hook
    delivery: Delivery

    async def facts(self) -> list[Any]:
        """Every row there is of it."""
        found = []
        async with self.records.database.connection() as connection:
            for table in ("executions", "media", "runs", "entries", "deliveries"):
                query = f"SELECT * FROM {table} WHERE execution_id = $1"
                found.append(await connection.fetch(query, self.execution_id))
            found.append(await connection.fetch("SELECT * FROM hooks WHERE hook_id = $1", self.hook.hook_id))
            found.append(await connection.fetch("SELECT * FROM doomed_blobs WHERE blob = $1", self.media.blob))
        return found


def hook_of(owner: str, hook_id: str | None = None) -> Hook:
    return Hook(
        hook_id=hook_id or new_id(),
        event_type=EventType.STATUS_CHANGE,
        endpoint="https://receiver.example/",
        payload_type=PayloadType.RAW,
        secrets=("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",),
        created_at=NOW,
        owner=owner,
    )


def media_of(execution_id: str) -> MediaRecord:
    name = new_id()
    return MediaRecord(
        execution_id=execution_id, media_id=name, content_type="image/png", size=1, created_at=NOW, blob=name
    )


@pytest.fixture
async def hers(records: Records) -> Hers:
    hooks, deliveries = PostgresHooks(records.database), PostgresDeliveries(records.database)
    hook = hook_of("ann")
    assert await hooks.create(hook)
    name = await execution(records, owner="ann", hook_ids=(hook.hook_id,))
    media = media_of(name)
    await records.executions.announce("ann", name, media.blob, 60.0)
    await records.executions.add_media("ann", media)
    ended = telling_of(appended(name), hook)
    await records.runs.finish(msgspec.structs.replace(ended, sees="ann"))
    work = accepted(name, sees="ann")
    await records.runs.accept(work)
    delivery = await deliveries.get("ann", ended.deliveries[0].delivery_id)
    return Hers(records, hooks, deliveries, name, media, ended.run.run_id, work.run.run_id, hook, delivery)


async def _announced(hers: Hers, sees: str | None) -> None:
    await hers.records.executions.announce(sees, hers.execution_id, new_id(), 60.0)


async def _stored(hers: Hers, sees: str | None) -> None:
    """The record of media that was announced while the execution was in sight."""
    media = media_of(hers.execution_id)
    await hers.records.executions.announce("ann", hers.execution_id, media.blob, 60.0)
    await hers.records.executions.add_media(sees, media)


async def _appended(hers: Hers, sees: str | None) -> None:
    await hers.records.runs.finish(msgspec.structs.replace(appended(hers.execution_id), sees=sees))


async def _accepted(hers: Hers, sees: str | None) -> None:
    await hers.records.runs.accept(accepted(hers.execution_id, sees=sees))


Operation = Callable[[Hers, str | None], Awaitable[object]]

#: What is refused to whoever does not see it.
OPERATIONS: dict[str, tuple[Operation, type[NotFound]]] = {
    "executions.get": (lambda has, sees: has.records.executions.get(sees, has.execution_id), ExecutionNotFound),
    "executions.delete": (lambda has, sees: has.records.executions.delete(sees, has.execution_id), ExecutionNotFound),
    "executions.announce": (_announced, ExecutionNotFound),
    "executions.add_media": (_stored, ExecutionNotFound),
    "executions.media": (lambda has, sees: has.records.executions.media(sees, has.execution_id), ExecutionNotFound),
    "executions.remove_media": (
        lambda has, sees: has.records.executions.remove_media(sees, has.execution_id, has.media.media_id),
        ExecutionNotFound,
    ),
    "runs.get": (lambda has, sees: has.records.runs.get(sees, has.run_id), RunNotFound),
    "runs.page": (lambda has, sees: has.records.runs.page(sees, has.execution_id, 10, None), ExecutionNotFound),
    "runs.cancel": (lambda has, sees: has.records.runs.cancel(sees, has.waiting, CANCELED), RunNotFound),
    "runs.cancel of one that has ended": (
        lambda has, sees: has.records.runs.cancel(sees, has.run_id, CANCELED),
        RunNotFound,
    ),
    "runs.finish": (_appended, ExecutionNotFound),
    "runs.accept": (_accepted, ExecutionNotFound),
    "entries.page": (
        lambda has, sees: has.records.entries.page(sees, has.execution_id, 10, 0, superseded=True),
        ExecutionNotFound,
    ),
    "entries.merge": (
        lambda has, sees: has.records.entries.merge(sees, has.execution_id, [given("e")]),
        ExecutionNotFound,
    ),
    "hooks.get": (lambda has, sees: has.hooks.get(sees, has.hook.hook_id), HookNotFound),
    "hooks.update": (
        lambda has, sees: has.hooks.update(sees, msgspec.structs.replace(has.hook, name="other", owner="bob")),
        HookNotFound,
    ),
    "hooks.delete": (lambda has, sees: has.hooks.delete(sees, has.hook.hook_id), HookNotFound),
    "deliveries.get": (lambda has, sees: has.deliveries.get(sees, has.delivery.delivery_id), DeliveryNotFound),
    "deliveries.resend": (lambda has, sees: has.deliveries.resend(sees, has.delivery.delivery_id), DeliveryNotFound),
    "deliveries.of_execution": (
        lambda has, sees: has.deliveries.of_execution(sees, has.execution_id, 10, None),
        ExecutionNotFound,
    ),
}


@pytest.mark.parametrize("sees", ["ann", EVERYTHING])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_is_in_sight_is_there(hers: Hers, name: str, sees: str | None) -> None:
    operation, _ = OPERATIONS[name]
    await operation(hers, sees)


@pytest.mark.parametrize("sees", ["bob", ""])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_is_out_of_sight_is_not_there_and_stays_as_it_is(hers: Hers, name: str, sees: str) -> None:
    operation, refusal = OPERATIONS[name]
    before = await hers.facts()
    with pytest.raises(refusal):
        await operation(hers, sees)
    assert await hers.facts() == before


@pytest.mark.parametrize(("sees", "there"), [("ann", True), (EVERYTHING, True), ("bob", False)])
async def test_lists_have_what_is_in_sight(hers: Hers, sees: str | None, *, there: bool) -> None:
    executions = await hers.records.executions.page(sees, ExecutionFilter(), 1000, None)
    hooks = await hers.hooks.page(sees, 1000, None)
    assert (hers.execution_id in [each.execution_id for _, each in executions]) is there
    assert (hers.hook in [each for _, each in hooks]) is there
    if sees is not EVERYTHING:
        assert {each.owner for _, each in executions} <= {sees}
        assert {each.owner for _, each in hooks} <= {sees}
    assert (await hers.hooks.find(sees, [hers.hook.hook_id]) == [hers.hook]) is there
    assert (await hers.hooks.of_execution(sees, hers.execution_id) == [hers.hook]) is there
    assert (await hers.records.runs.pending(sees, hers.waiting) is not None) is there
    listed = await hers.deliveries.of_hook(sees, hers.hook.hook_id, 10, None)
    assert ([each.delivery_id for _, each in listed] == [hers.delivery.delivery_id]) is there


@pytest.mark.parametrize(("sees", "written"), [("ann", True), (EVERYTHING, True), ("bob", False)])
async def test_deliveries_are_written_of_what_is_in_sight(hers: Hers, sees: str | None, *, written: bool) -> None:
    told = Audience((hers.hook,)).deliveries([hers.delivery.event])
    await hers.deliveries.write(sees, told)
    listed = await hers.deliveries.of_execution(EVERYTHING, hers.execution_id, 10, None)
    assert (told[0].delivery_id in [each.delivery_id for _, each in listed]) is written


@pytest.mark.parametrize("kind", ["finish", "accept"])
async def test_what_a_call_brings_about_is_its_callers(records: Records, kind: str) -> None:
    make, write = (finished, records.runs.finish) if kind == "finish" else (accepted, records.runs.accept)
    fact = make()
    assert fact.new is not None
    owned = msgspec.structs.replace(fact, new=msgspec.structs.replace(fact.new, owner="ann"))
    await write(owned)  # type: ignore[arg-type]
    assert (await records.executions.get("ann", fact.run.execution_id)).owner == "ann"
    assert await records.runs.get("ann", fact.run.run_id) == fact.run
    with pytest.raises(RunNotFound):
        await records.runs.get("bob", fact.run.run_id)


async def test_calls_of_many_owners_that_end_together_are_each_its_own(records: Records) -> None:
    wrote = [finished(entries=0) for _ in range(60)]
    owners = ["ann", "bob", ""]
    for number, each in enumerate(wrote):
        assert each.new is not None
        new = msgspec.structs.replace(each.new, owner=owners[number % 3])
        wrote[number] = msgspec.structs.replace(each, new=new)
    await asyncio.gather(*map(records.runs.finish, wrote))
    for number, each in enumerate(wrote):
        assert (await records.executions.get(owners[number % 3], each.run.execution_id)).owner == owners[number % 3]
        with pytest.raises(RunNotFound):
            await records.runs.get(owners[(number + 1) % 3], each.run.run_id)


@pytest.mark.parametrize("kind", ["finish", "accept"])
async def test_a_run_that_adds_out_of_sight_takes_no_other_with_it(hers: Hers, kind: str) -> None:
    make, write = (appended, hers.records.runs.finish) if kind == "finish" else (accepted, hers.records.runs.accept)
    facts = [msgspec.structs.replace(make(hers.execution_id), sees=sees) for sees in ("ann", "bob", EVERYTHING)]
    results = await asyncio.gather(*map(write, facts), return_exceptions=True)  # type: ignore[arg-type]
    assert [type(each) for each in results] == [type(None), ExecutionNotFound, type(None)]
    there = [each.run_id for each in await hers.records.runs.page("ann", hers.execution_id, 100, None)]
    assert [each.run.run_id in there for each in facts] == [True, False, True]


async def test_a_hook_stays_its_owners_whoever_changes_it(hers: Hers) -> None:
    changed = await hers.hooks.update(EVERYTHING, msgspec.structs.replace(hers.hook, name="new", owner="root"))
    assert (changed.name, changed.owner) == ("new", "ann")
    assert await hers.hooks.get("ann", hers.hook.hook_id) == changed


async def test_the_id_of_a_hook_stays_with_its_owner_when_it_is_gone(hers: Hers) -> None:
    name = hers.hook.hook_id
    assert not await hers.hooks.create(hook_of("bob", name))
    await hers.hooks.delete("ann", name)
    assert not await hers.hooks.create(hook_of("bob", name))
    assert await hers.hooks.of_execution("ann", hers.execution_id) == []
    assert await hers.hooks.create(hook_of("ann", name))
    assert not await hers.hooks.create(hook_of("ann", name))


async def test_the_id_of_an_execution_is_free_when_it_is_gone(hers: Hers) -> None:
    new = NewExecution(execution_id=hers.execution_id, created_at=NOW, owner="bob")
    assert not await hers.records.executions.create(new)
    await hers.records.executions.delete("ann", hers.execution_id)
    assert await hers.records.executions.create(new)
    for operation in (_appended, _accepted, _announced):
        with pytest.raises(ExecutionNotFound):
            await operation(hers, "ann")


async def test_workers_end_the_runs_of_every_owner(hers: Hers) -> None:
    held = await hers.records.runs.claim(hers.waiting, "w", 60.0)
    assert held is not None
    run = msgspec.structs.replace(held.run, state=RunState.COMPLETED, completed_at=NOW)
    assert await hers.records.runs.finish_claimed(msgspec.structs.replace(appended(hers.execution_id), run=run))
    assert (await hers.records.runs.get("ann", hers.waiting)).state is RunState.COMPLETED
