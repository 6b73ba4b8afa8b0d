"""What is kept no longer goes, rows and blobs together, wherever the one who removes it is stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
import pytest

from gateway.adapters.blobs.opening import open_store
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.doomed import PostgresDoomed
from gateway.adapters.postgres.hooks import PostgresHooks
from gateway.adapters.postgres.retention import PostgresRetention
from gateway.core.executions import Executions
from gateway.core.expiring import expiring
from gateway.core.removal import Removal
from gateway.core.stray import StrayMedia
from gateway.core.sweeping import Sweeper
from gateway.core.telling import Telling
from gateway.domain.access import ANYONE, EVERYTHING
from gateway.domain.calls import RunRequest, StoredMedia
from gateway.domain.hooks import PayloadType
from gateway.domain.ids import new_id
from gateway.domain.keys import Key, KeyUse
from gateway.domain.retention import Retention
from gateway.errors import ExecutionNotFound, GatewayError
from gateway.limits import EXECUTIONS_PER_SWEEP
from gateway.ports import BlobStore
from integration.recording import Records, accepted, appended, claimed, ended, execution, finished, given, opened
from integration.sending import telling_of
from unit.fakes import FakeCourier, hook

PNG = b"\x89PNG\r\n\x1a\n and more"
LONG = 3600.0
#: What is older than this long is old for the tests that age it by hand.
KEPT = Retention(executions=LONG, transient=LONG, media=LONG, files=LONG, keys=LONG, deliveries=LONG, queue_log=LONG)
TABLES = ("executions", "media", "runs", "entries", "idempotency_keys", "deliveries", "doomed_blobs")


@dataclass
class Ground:
    """A database and a blob store of one's own, with what works on them."""

    url: str
    records: Records
    blobs: BlobStore
    executions: Executions
    sweeper: Sweeper
    stray: StrayMedia

    async def sql(self, text: str, *values: object) -> list[asyncpg.Record]:
        async with self.records.database.connection() as connection:
            found: list[asyncpg.Record] = await connection.fetch(text, *values)
            return found

    async def age(self, execution_id: str, seconds: float = 2 * LONG) -> None:
        """Let an execution be untouched for so long."""
        ago = "now() - make_interval(secs => $2)"
        await self.sql(
            f"UPDATE executions SET changed_at = {ago}, seen_at = {ago}, due_at = {ago} + make_interval(secs => ttl)"
            " WHERE execution_id = $1",
            execution_id,
            seconds,
        )

    async def stored(self) -> set[str]:
        """Every blob there is."""
        return {key async for keys in self.blobs.older("", -1.0) for key in keys if "+" not in key}

    async def named(self) -> set[str]:
        """Every blob that a record needs."""
        rows = await self.sql(
            "SELECT blob FROM media UNION"
            " SELECT json_array_elements_text(request -> 'staged') FROM runs WHERE request IS NOT NULL"
        )
        return {row["blob"] for row in rows}

    async def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {name: (await self.sql(f"SELECT count(*) FROM {name}"))[0][0] for name in TABLES}

    async def settle(self) -> None:
        """Whatever was to be done later is done now."""
        await self.sql("UPDATE doomed_blobs SET due_at = now()")
        await self.sweeper.sweep()
        await self.stray.sweep()


def over(url: str, records: Records, blobs: BlobStore) -> Ground:
    removal = Removal(blobs, PostgresDoomed(records.database))
    parts = expiring(PostgresRetention(records.database), KEPT)
    sweeper = Sweeper({**parts, "blobs": removal.sweep}, 1.0)
    telling = Telling(PostgresHooks(records.database), records.executions, FakeCourier())
    executions = Executions(records.executions, blobs, removal, KEPT, telling)
    return Ground(url, records, blobs, executions, sweeper, StrayMedia(blobs, records.runs, -1.0))


@pytest.fixture(params=["folder", "bucket"])
async def ground(request: pytest.FixtureRequest, empty: str) -> AsyncIterator[Ground]:
    records = await opened(empty)
    yield over(empty, records, await open_store(request.getfixturevalue(request.param)))
    await records.close()


@pytest.fixture
async def local(empty: str, folder: str) -> AsyncIterator[Ground]:
    records = await opened(empty)
    yield over(empty, records, await open_store(folder))
    await records.close()


async def full(ground: Ground) -> str:
    """An execution with all that can belong to one: media, runs in every stage, entries, keys."""
    records, name = ground.records, await execution(ground.records)
    media = [await ground.executions.upload(ANYONE, name, PNG, None) for _ in range(3)]
    await records.runs.finish(appended(name, entries=3))
    key = KeyUse(key=Key(new_id().encode(), b"asked"))
    work = accepted(
        name, key=key, request=RunRequest(media=(StoredMedia(media_id="m", blob=media[0].blob),), timeout=9)
    )
    await records.runs.accept(work)
    held = await records.runs.claim(work.run.run_id, "w", 60.0)
    assert held is not None
    assert await records.runs.finish_claimed(ended(held, 2))
    return name


async def waiting(ground: Ground, name: str) -> str:
    """A run in the background with staged media, which has not ended."""
    work = accepted(name)
    staged = f"runs/{work.run.run_id}-0"
    await ground.blobs.put(staged, PNG)
    request = RunRequest(media=(StoredMedia(media_id="media-1", blob=staged),), staged=(staged,), timeout=9)
    await ground.records.runs.accept(msgspec.structs.replace(work, request=request))
    return work.run.run_id


async def test_an_execution_that_is_old_enough_goes_with_all_that_belongs_to_it(ground: Ground) -> None:
    kept, old = await full(ground), await full(ground)
    before = await ground.rows()
    assert (before["media"], before["runs"], before["entries"], before["idempotency_keys"]) == (6, 4, 10, 2)
    await ground.age(old)
    await ground.sql("UPDATE idempotency_keys SET created_at = now() - interval '1 day'")
    removed = await ground.sweeper.sweep()
    assert (removed["executions"], removed["keys"], removed["blobs"]) == (1, 1, 3)
    halved = {name: count // 2 for name, count in before.items()}
    assert await ground.rows() == halved
    assert await ground.stored() == await ground.named()
    with pytest.raises(ExecutionNotFound):
        await ground.executions.get(ANYONE, old)
    assert len(await ground.executions.media(ANYONE, kept)) == 3


async def test_deleting_an_execution_removes_everything_of_it(ground: Ground) -> None:
    name = await full(ground)
    await waiting(ground, name)
    await ground.executions.delete(ANYONE, name)
    # Its keys are known on: a call that is repeated late must not run again.
    left = {name: count for name, count in (await ground.rows()).items() if count}
    assert left == {"idempotency_keys": 1}
    assert await ground.stored() == set()
    await ground.sql("UPDATE idempotency_keys SET created_at = now() - interval '1 day'")
    await ground.sweeper.sweep()
    assert (await ground.rows())["idempotency_keys"] == 0


async def told(ground: Ground, *, staged: bool) -> str:
    """An execution whose run is told together with a document: media of the call, or of the execution."""
    name = await execution(ground.records)
    run = appended(name)
    if staged:
        blob = f"runs/{run.run.run_id}-0"
        await ground.blobs.put(blob, PNG)
    else:
        blob = (await ground.executions.upload(ANYONE, name, PNG, None)).blob
    documents = (StoredMedia(media_id="m", blob=blob),)
    await ground.records.runs.finish(
        telling_of(run, hook(payload_type=PayloadType.FORM_RAW), documents=documents),
    )
    return name


@pytest.mark.parametrize("staged", [True, False])
async def test_what_a_delivery_sends_along_goes_with_the_execution(local: Ground, staged: bool) -> None:
    name = await told(local, staged=staged)
    await local.stray.sweep()
    assert len(await local.stored()) == 1
    await local.executions.delete(ANYONE, name)
    assert await local.stored() == set()
    assert (await local.rows())["deliveries"] == 0


@pytest.mark.parametrize("staged", [True, False])
async def test_a_delivery_that_ended_long_ago_goes_and_leaves_stored_media(local: Ground, staged: bool) -> None:
    for _ in range(2):
        await told(local, staged=staged)
    await local.sql(
        "UPDATE deliveries SET state = 'delivered', due_at = NULL, ended_at = now() - interval '1 day'"
        " WHERE number = (SELECT min(number) FROM deliveries)"
    )
    assert (await local.sweeper.sweep())["deliveries"] == 1
    await local.settle()
    assert (await local.rows())["deliveries"] == 1
    assert len(await local.stored()) == (1 if staged else 2)


async def test_a_time_of_its_own_comes_before_that_of_the_settings(local: Ground) -> None:
    short, long, never, plain = [await execution(local.records, ttl=ttl) for ttl in (60.0, 9000.0, 0.0, None)]
    for each in (short, long, never, plain):
        await local.age(each, 5000.0)
    await local.sweeper.sweep()
    left = {row["execution_id"] for row in await local.sql("SELECT execution_id FROM executions")}
    assert left == {long, never}


async def test_a_call_that_brings_an_execution_about_gives_it_its_time(local: Ground) -> None:
    wrote = finished()
    assert wrote.new is not None
    await local.records.runs.finish(msgspec.structs.replace(wrote, new=msgspec.structs.replace(wrote.new, ttl=60.0)))
    found = await local.executions.get(ANYONE, wrote.run.execution_id)
    assert found.changed_at is not None
    assert found.expires_at is not None
    assert (found.expires_at - found.changed_at).total_seconds() == 60.0
    await local.age(found.execution_id, 70.0)
    await local.sweeper.sweep()
    assert (await local.rows())["executions"] == 0


async def test_the_record_of_a_transient_run_has_a_time_of_its_own(local: Ground) -> None:
    wrote = finished(entries=0)
    assert wrote.new is not None
    transient = msgspec.structs.replace(wrote.new, transient=True)
    await local.records.runs.finish(msgspec.structs.replace(wrote, new=transient))
    kept = await execution(local.records)
    for each in (kept, transient.execution_id):
        await local.age(each, 100.0)
    parts = expiring(PostgresRetention(local.records.database), msgspec.structs.replace(KEPT, transient=50.0))
    assert (await Sweeper(parts, 1.0).sweep())["transient"] == 1
    assert [row["execution_id"] for row in await local.sql("SELECT execution_id FROM executions")] == [kept]


CHANGES: dict[str, Callable[[Ground, str], Awaitable[object]]] = {
    "a run": lambda ground, name: ground.records.runs.finish(appended(name)),
    "a merge": lambda ground, name: ground.records.entries.merge(EVERYTHING, name, [given("e")]),
    "an upload": lambda ground, name: ground.executions.upload(ANYONE, name, PNG, None),
    "a run in the background": lambda ground, name: claimed_and_ended(ground.records, name),
}


async def claimed_and_ended(records: Records, name: str) -> None:
    work = await claimed(records, execution_id=name)
    assert await records.runs.finish_claimed(ended(work))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("ttl", [None, LONG])
async def test_a_change_moves_the_end_on(local: Ground, change: str, ttl: float | None) -> None:
    name = await execution(local.records, ttl=ttl)
    await local.age(name)
    old = (await local.executions.get(ANYONE, name)).expires_at
    await CHANGES[change](local, name)
    new = (await local.executions.get(ANYONE, name)).expires_at
    assert old is not None
    assert new is not None
    assert (new - old).total_seconds() > LONG
    for _ in range(2):
        await local.sweeper.sweep()
        assert (await local.executions.get(ANYONE, name)).expires_at == new
    await local.age(name)
    await local.sweeper.sweep()
    assert (await local.rows())["executions"] == 0


@pytest.mark.parametrize("ttl", [None, LONG])
async def test_an_execution_with_a_run_that_has_not_ended_stays(local: Ground, ttl: float | None) -> None:
    name = await execution(local.records, ttl=ttl)
    await local.executions.upload(ANYONE, name, PNG, None)
    run_id = await waiting(local, name)
    await local.age(name)
    await local.sql("UPDATE media SET created_at = now() - interval '1 day'")
    await local.sweeper.sweep()
    assert (await local.executions.get(ANYONE, name)).expires_at is None
    assert await local.stored() == await local.named() != set()
    held = await local.records.runs.claim(run_id, "w", 60.0)
    assert held is not None
    assert await local.records.runs.finish_claimed(ended(held))
    assert (await local.executions.get(ANYONE, name)).expires_at is not None
    await local.age(name)
    await local.settle()
    assert (await local.rows(), await local.stored()) == (dict.fromkeys(TABLES, 0), set())


async def test_a_run_that_ends_after_a_newer_one_is_a_change_and_not_what_is_shown(local: Ground) -> None:
    name = await execution(local.records)
    older, newer = appended(name), appended(name)
    await local.records.runs.finish(newer)
    await local.age(name)
    await local.records.runs.finish(msgspec.structs.replace(older, tag="late"))
    (row,) = await local.sql("SELECT *, now() - changed_at < interval '1 minute' AS touched FROM executions")
    assert (str(row["newest_run"]), row["tag"], row["touched"]) == (newer.run.run_id, None, True)


async def test_old_media_go_and_their_execution_stays(ground: Ground) -> None:
    name = await full(ground)
    (young, *_) = await ground.executions.media(ANYONE, name)
    await ground.sql("UPDATE media SET created_at = now() - interval '1 day' WHERE media_id != $1", young.media_id)
    removed = await ground.sweeper.sweep()
    assert (removed["media"], removed["blobs"]) == (2, 2)
    assert await ground.stored() == {young.blob} == await ground.named()
    assert len(await ground.records.found(name)) == 5


async def test_a_key_stays_as_long_as_its_run_and_no_shorter_than_its_own_time(local: Ground) -> None:
    old = Key(b"of a run that is kept", b"x")
    await local.records.runs.accept(accepted(key=KeyUse(key=old)))
    left, fresh, held = (Key(name, b"x") for name in (b"of a caller that was lost", b"fresh", b"held"))
    for key, lease in ((left, -1.0), (held, 600.0), (fresh, -1.0)):
        assert await local.records.keys.reserve(key, new_id(), "never", lease)
    await local.sql("UPDATE idempotency_keys SET created_at = now() - interval '1 day' WHERE digest != $1", b"fresh")
    assert (await local.sweeper.sweep())["keys"] == 1
    assert [await local.records.keys.find(each) is None for each in (old, left, fresh, held)] == [
        False, True, False, False,
    ]  # fmt: skip


async def test_a_key_whose_call_has_ended_stays_with_its_run(local: Ground) -> None:
    key, wrote = Key(b"waited for", b"x"), finished()
    assert await local.records.keys.reserve(key, wrote.run.run_id, wrote.run.execution_id, 60.0)
    await local.records.runs.finish(msgspec.structs.replace(wrote, key=KeyUse(key=key)))
    await local.sql("UPDATE idempotency_keys SET created_at = now() - interval '1 day'")
    await local.sweeper.sweep()
    assert await local.records.keys.find(key) is not None


async def test_what_the_queue_noted_long_ago_goes(local: Ground) -> None:
    await local.records.runs.accept(accepted())
    assert (await local.sql("SELECT count(*) FROM pgqueuer_log"))[0][0] == 1
    await local.sql(
        "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)"
        " SELECT now() - interval '1 day', 1, 'successful', 0, 'run' FROM generate_series(1, 2500)"
    )
    await local.sql(
        "INSERT INTO pgqueuer_statistics (created, count, priority, status, entrypoint)"
        " SELECT now() - interval '1 day' - n * interval '1 s', 1, 0, 'successful', 'run' FROM generate_series(1, 7) n"
    )
    removed = await local.sweeper.sweep()
    assert (removed["queue_log"], removed["queue_statistics"]) == (2500, 7)
    assert (await local.sql("SELECT count(*) FROM pgqueuer_log"))[0][0] == 1


async def test_many_are_removed_by_several_sweepers_at_once_each_of_them_once(local: Ground) -> None:
    count = 2 * EXECUTIONS_PER_SWEEP + 7
    await asyncio.gather(*(local.records.runs.finish(finished()) for _ in range(count)))
    large = finished(entries=12_000)
    await local.records.runs.finish(large)
    await local.sql("UPDATE executions SET changed_at = now() - interval '1 day', seen_at = now() - interval '1 day'")
    sweeps = await asyncio.gather(*(local.sweeper.sweep() for _ in range(4)))
    assert sum(each["executions"] for each in sweeps) == count + 1
    assert (await local.rows())["entries"] == 0


async def test_an_upload_that_the_sweeper_overtook_is_refused(local: Ground) -> None:
    name = await execution(local.records)

    class Slow:
        async def put(self, key: str, data: bytes) -> None:
            await local.blobs.put(key, data)
            await local.settle()

        def __getattr__(self, method: str) -> Any:
            return getattr(local.blobs, method)

    local.executions._blobs = Slow()  # type: ignore[assignment]
    with pytest.raises(GatewayError) as refused:
        await local.executions.upload(ANYONE, name, PNG, None)
    assert refused.value.code == "storage.unavailable"
    assert (await local.stored(), (await local.rows())["doomed_blobs"]) == (set(), 0)


@pytest.mark.parametrize("kind", ["accept", "upload", "finish"])
async def test_what_meets_the_end_of_its_execution_is_kept_or_refused_and_never_half(local: Ground, kind: str) -> None:
    refused = 0
    for _ in range(30):
        name = await execution(local.records)
        await local.age(name)
        work = {
            "accept": lambda: waiting(local, name),  # noqa: B023
            "upload": lambda: local.executions.upload(ANYONE, name, PNG, None),  # noqa: B023
            "finish": lambda: local.records.runs.finish(appended(name)),  # noqa: B023
        }[kind]
        told, _ = await asyncio.gather(work(), local.sweeper.sweep(), return_exceptions=True)
        there = await local.sql("SELECT 1 FROM executions WHERE execution_id = $1", name)
        if isinstance(told, ExecutionNotFound):
            refused += 1
            assert not there
        else:
            assert not isinstance(told, BaseException), told
            assert there
        await local.settle()
        assert await local.stored() == await local.named()
    rows = await local.rows()
    assert rows["executions"] == 30 - refused
    assert {rows[{"accept": "runs", "upload": "media", "finish": "runs"}[kind]]} == {30 - refused}


async def test_media_added_while_a_deletion_waits_for_it_go_with_the_execution(local: Ground) -> None:
    name = await execution(local.records)
    blob = f"executions/{name}/m"
    await local.blobs.put(blob, PNG)
    other = await asyncpg.connect(local.url)
    async with other.transaction():
        await other.execute("UPDATE executions SET changed_at = now() WHERE execution_id = $1", name)
        deleting = asyncio.create_task(local.executions.delete(ANYONE, name))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        await other.execute("INSERT INTO media VALUES ($1, 'm', DEFAULT, 'image/png', 1, $2, now())", name, blob)
    await deleting
    await other.close()
    assert (await local.stored(), (await local.rows())["media"]) == (set(), 0)


class Killed(BaseException):
    """The process is gone at this point: nothing behind it is done."""


class Fate:
    """Counts the steps of what goes on, and kills it at one of them: before it, or just after."""

    def __init__(self, at: int | None = None, *, after: bool = False):
        self.steps = 0
        self._at = at
        self._after = after

    async def step(self, work: Callable[..., Awaitable[Any]], *values: Any, **options: Any) -> Any:
        self.steps += 1
        mine = self.steps == self._at
        if mine and not self._after:
            raise Killed
        found = await work(*values, **options)
        if mine:
            raise Killed
        return found


class FatedBlobs:
    """A blob store of which each call is a step."""

    def __init__(self, blobs: BlobStore, fate: Fate):
        self._blobs = blobs
        self._fate = fate

    async def put(self, key: str, data: bytes) -> None:
        await self._fate.step(self._blobs.put, key, data)

    async def delete(self, keys: list[str]) -> None:
        for key in keys:
            await self._fate.step(self._blobs.delete, [key])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)


class FatedConnection:
    """A connection of which each statement is a step."""

    def __init__(self, connection: asyncpg.Connection, fate: Fate):
        self._connection = connection
        self._fate = fate

    def transaction(self) -> Any:
        return self._connection.transaction()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)
        return lambda *values, **options: self._fate.step(method, *values, **options)


class FatedDatabase(Database):
    """A database of which each statement is a step."""

    def __init__(self, database: Database, fate: Fate):
        self._database = database
        self._fate = fate

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        async with self._database.connection() as connection:
            yield FatedConnection(connection, self._fate)


def fated(ground: Ground, fate: Fate) -> Ground:
    """The same ground, under what is to come."""
    records = Records(FatedDatabase(ground.records.database, fate))
    return over(ground.url, records, FatedBlobs(ground.blobs, fate))  # type: ignore[arg-type]


async def swept(ground: Ground, name: str) -> None:
    await ground.age(name)
    await ground.sweeper.sweep()


async def media_deleted(ground: Ground, name: str) -> None:
    (first, *_) = await ground.executions.media(ANYONE, name)
    await ground.executions.delete_media(ANYONE, name, first.media_id)


async def media_swept(ground: Ground, name: str) -> None:
    await ground.sql("UPDATE media SET created_at = now() - interval '1 day' WHERE execution_id = $1", name)
    await ground.sweeper.sweep()


#: What may be stopped anywhere.
DEEDS: dict[str, Callable[[Ground, str], Awaitable[object]]] = {
    "the sweeper": swept,
    "the sweeper of media": media_swept,
    "a deletion": lambda ground, name: ground.executions.delete(ANYONE, name),
    "a deletion with a run that waits": lambda ground, name: ground.executions.delete(ANYONE, name),
    "a deletion of media": media_deleted,
    "an upload": lambda ground, name: ground.executions.upload(ANYONE, name, PNG, None),
}


async def prepared(ground: Ground, deed: str) -> str:
    """An execution for the deed to be done to."""
    name = await full(ground)
    if "waits" in deed:
        await waiting(ground, name)
    return name


@pytest.mark.parametrize("deed", DEEDS)
async def test_whatever_is_killed_at_any_point_leaves_nothing_unreachable(local: Ground, deed: str) -> None:
    count = Fate()
    await DEEDS[deed](fated(local, count), await prepared(local, deed))
    assert count.steps > 2
    for at in range(1, count.steps + 1):
        for after in (False, True):
            name = await prepared(local, deed)
            with pytest.raises(Killed):
                await DEEDS[deed](fated(local, Fate(at, after=after)), name)
            doomed = {row["blob"] for row in await local.sql("SELECT blob FROM doomed_blobs")}
            stored, named = await local.stored(), await local.named()
            assert named <= stored, "a record names what is gone"
            unnamed = {blob for blob in stored - named - doomed if not blob.startswith("runs/")}
            assert not unnamed, "nothing leads to what is there"
            assert not named & doomed, "what a record names would be removed"
            await local.settle()
            assert await local.stored() == await local.named()
            assert (await local.rows())["doomed_blobs"] == 0
