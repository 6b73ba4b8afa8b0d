"""Files and artifacts in the real PostgreSQL, with the blobs of a folder: whose they are, and what a crash leaves."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.blobs.folder import FolderStore
from gateway.adapters.postgres.artifacts import PostgresArtifacts
from gateway.adapters.postgres.doomed import PostgresDoomed
from gateway.adapters.postgres.files import PostgresFiles
from gateway.adapters.postgres.retention import PostgresRetention
from gateway.core.files import Files
from gateway.core.removal import Removal
from gateway.domain.access import Caller, Scope
from gateway.domain.artifacts import Artifact
from gateway.domain.files import FileRecord, NewFile
from gateway.domain.ids import new_id
from gateway.domain.retention import Kept, Retention
from gateway.errors import (
    ArtifactNotFound,
    ExecutionNotFound,
    FileNotFound,
    StorageUnavailable,
)
from gateway.limits import UPLOAD_TIMEOUT
from gateway.ports import FinishedRun
from gateway.settings import Settings
from integration.recording import NOW, OVER, Records, appended, claimed, ended, execution, finished

LONG = 3600.0


class Parts:
    """The stores of files, artifacts and doomed blobs."""

    def __init__(self, records: Records, blobs: FolderStore, root: Path):
        database = records.database
        self.files, self.artifacts = PostgresFiles(database), PostgresArtifacts(database)
        self.doomed, self.retention = PostgresDoomed(database), PostgresRetention(database)
        self.blobs, self.root = blobs, root
        self.removal = Removal(blobs, self.doomed)
        self.records = records

    async def announced(self, *blobs: str) -> None:
        """Blobs that are stored, and not recorded yet."""
        await self.doomed.announce(blobs, LONG)
        for blob in blobs:
            await self.blobs.put(blob, b"data")

    async def added(self, owner: str = "", **fields: object) -> FileRecord:
        """A file that is there."""
        record = file_of(owner, **fields)
        await self.announced(record.blob)
        await self.files.add(record)
        return record

    async def is_doomed(self, blob: str) -> bool:
        """Whether a blob is to be removed, now or later."""
        async with self.records.database.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM doomed_blobs WHERE blob = $1", blob))

    async def hurry(self, *blobs: str) -> None:
        """Have the patience with these blobs be over."""
        async with self.records.database.connection() as connection:
            await connection.execute("UPDATE doomed_blobs SET due_at = now() WHERE blob = ANY($1)", blobs)

    def there(self, blob: str) -> bool:
        """Whether the bytes are there."""
        return (self.root / blob).exists()


@pytest.fixture
async def parts(records: Records, tmp_path: Path) -> Parts:
    blobs = FolderStore(tmp_path)
    await blobs.open()
    return Parts(records, blobs, tmp_path)


def owned() -> str:
    """An owner whose files nobody else has."""
    return f"owner-{new_id()}"


def file_of(owner: str = "", **fields: object) -> FileRecord:
    file_id = new_id()
    known = {"file_id": file_id, "owner": owner, "content_type": "image/png", "size": 4, "created_at": NOW}
    return FileRecord(**known | {"blob": f"files/{file_id}"} | fields)  # type: ignore[arg-type]


def made(run_id: str, count: int = 1, **fields: object) -> tuple[Artifact, ...]:
    def one(artifact_id: str) -> Artifact:
        known = {"artifact_id": artifact_id, "run_id": run_id, "name": "DRAWN", "content_type": "image/png", "size": 4}
        blob = f"artifacts/{run_id}/{artifact_id}"
        return Artifact(**known | {"created_at": NOW, "blob": blob} | fields)  # type: ignore[arg-type]

    return tuple(one(new_id()) for _ in range(count))


def drawing(run: FinishedRun, count: int = 1) -> FinishedRun:
    """The same run, which made something."""
    return msgspec.structs.replace(run, artifacts=made(run.run.run_id, count))


def blobs_of(run: FinishedRun) -> list[str]:
    return [each.blob for each in run.artifacts]


async def listed(parts: Parts, execution_id: str, sees: str | None = None) -> tuple[Artifact, ...]:
    return tuple(each for _, each in await parts.artifacts.page(sees, execution_id, 100, 0))


async def test_a_file_is_read_back_as_it_was_and_is_doomed_no_longer(parts: Parts) -> None:
    record = await parts.added(owned(), filename="größe.png", purpose="p", ttl=1e9)
    assert await parts.files.get(record.owner, record.file_id) == record
    assert not await parts.is_doomed(record.blob)


async def test_each_owner_has_files_of_its_own(parts: Parts) -> None:
    mine, theirs = await parts.added(owned()), await parts.added(owned())
    assert [each for _, each in await parts.files.page(mine.owner, None, 9, None)] == [mine]
    with pytest.raises(FileNotFound):
        await parts.files.get(theirs.owner, mine.file_id)
    with pytest.raises(FileNotFound):
        await parts.files.delete(theirs.owner, mine.file_id)
    assert await parts.files.get(None, mine.file_id) == mine
    everyones = [each.file_id for _, each in await parts.files.page(None, None, 2, None)]
    assert everyones == [theirs.file_id, mine.file_id]


async def test_a_list_goes_on_behind_a_place_and_shows_one_purpose(parts: Parts) -> None:
    owner = owned()
    files = [await parts.added(owner, purpose=purpose) for purpose in ("a", "b", "a")]
    first = await parts.files.page(owner, None, 2, None)
    assert [each for _, each in first] == [files[2], files[1]]
    assert [each for _, each in await parts.files.page(owner, None, 2, first[-1][0])] == [files[0]]
    assert [each for _, each in await parts.files.page(owner, "a", 9, None)] == [files[2], files[0]]


@pytest.mark.parametrize("name", ["", "no-uuid", "01a1fe6d-f881-75c5-9ae8-40a42955b4d5"])
async def test_a_file_there_is_not_is_not_found(parts: Parts, name: str) -> None:
    for asked in (parts.files.get(None, name), parts.files.delete(None, name)):
        with pytest.raises(FileNotFound):
            await asked


async def test_a_record_that_comes_too_late_is_refused_and_its_blob_goes(parts: Parts) -> None:
    record = file_of()
    await parts.announced(record.blob)
    await parts.hurry(record.blob)
    await parts.removal.sweep()
    with pytest.raises(StorageUnavailable):
        await parts.files.add(record)
    with pytest.raises(FileNotFound):
        await parts.files.get(None, record.file_id)
    assert not parts.there(record.blob)


async def test_what_a_crash_between_blob_and_record_leaves_goes_when_its_patience_is_over(parts: Parts) -> None:
    record = file_of()
    await parts.announced(record.blob)
    await parts.removal.sweep()
    assert parts.there(record.blob)
    await parts.hurry(record.blob)
    await parts.removal.sweep()
    assert not parts.there(record.blob)
    assert not await parts.is_doomed(record.blob)


async def test_a_deleted_file_dooms_its_blob(parts: Parts) -> None:
    record = await parts.added()
    assert await parts.files.delete(None, record.file_id) == record.blob
    assert await parts.is_doomed(record.blob)
    await parts.removal.sweep()
    assert not parts.there(record.blob)


async def test_files_go_when_their_own_time_is_over_and_others_when_that_of_the_settings_is(parts: Parts) -> None:
    owner, at = owned(), datetime.now(UTC)
    old, due = at - timedelta(hours=2), at - timedelta(seconds=10)
    by_default = await parts.added(owner, created_at=old)
    for_ever = await parts.added(owner, created_at=old, ttl=0.0)
    fresh = await parts.added(owner, created_at=at)
    own = await parts.added(owner, created_at=due, ttl=5.0)
    longer = await parts.added(owner, created_at=old, ttl=1e6)
    with pytest.raises(FileNotFound):
        await parts.files.get(owner, own.file_id)
    assert own.file_id not in [each.file_id for _, each in await parts.files.page(owner, None, 9, None)]
    with pytest.raises(FileNotFound):
        await parts.files.delete(owner, own.file_id)
    assert (await parts.retention.expire_files_due()).removed >= 1
    assert (await parts.retention.expire(Kept.FILES, 3600)).removed >= 1
    left = {each.file_id for _, each in await parts.files.page(owner, None, 9, None)}
    assert left == {for_ever.file_id, fresh.file_id, longer.file_id}
    await parts.removal.sweep()
    there = [parts.there(each.blob) for each in (by_default, own, for_ever, fresh, longer)]
    assert there == [False, False, True, True, True]


async def test_a_file_is_put_in_through_the_real_parts(parts: Parts) -> None:
    files = Files(parts.files, parts.blobs, parts.removal, Retention.of(Settings()))
    caller = Caller(owner=owned(), scopes=frozenset((Scope.RUN,)))
    data = b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)

    async def coming() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 70_000):
            yield data[start : start + 70_000]

    stored = await files.create(caller, coming(), lambda: NewFile(filename="a.png", ttl=60.0))
    assert stored.content_type == "image/png"
    assert await files.fetch(stored.file_id, caller.owner) == data
    assert [path.name for path in parts.root.rglob("*") if path.is_file()] == [stored.file_id]
    await files.delete(caller, stored.file_id)
    assert not parts.there(stored.blob)


async def test_artifacts_are_written_with_the_end_of_their_run_in_order(parts: Parts) -> None:
    records = parts.records
    fresh, onto = drawing(finished(), 3), drawing(appended(await execution(records)))
    for run in (fresh, onto):
        await parts.announced(*blobs_of(run))
        await records.runs.finish(run)
        assert await listed(parts, run.run.execution_id) == run.artifacts
        assert [await parts.is_doomed(blob) for blob in blobs_of(run)] == [False] * len(run.artifacts)
    execution_id, first = fresh.run.execution_id, fresh.artifacts[0]
    assert await parts.artifacts.get(None, execution_id, first.artifact_id) == first
    ((place, _),) = await parts.artifacts.page(None, execution_id, 1, 0)
    assert [each for _, each in await parts.artifacts.page(None, execution_id, 9, place)] == [*fresh.artifacts[1:]]


async def test_an_artifact_that_is_a_tensor_keeps_how_it_is_read(parts: Parts) -> None:
    run = finished()
    run = msgspec.structs.replace(run, artifacts=made(run.run.run_id, datatype="FP32", shape=(1, 2), page=3))
    await parts.announced(*blobs_of(run))
    await parts.records.runs.finish(run)
    assert await listed(parts, run.run.execution_id) == run.artifacts


async def test_a_run_finished_twice_writes_its_artifacts_once(parts: Parts) -> None:
    for run in (drawing(finished(), 2), drawing(appended(await execution(parts.records)))):
        await parts.announced(*blobs_of(run))
        await parts.records.runs.finish(run)
        await parts.records.runs.finish(run)
        assert await listed(parts, run.run.execution_id) == run.artifacts


async def test_a_run_whose_artifacts_come_too_late_is_not_written_at_all(parts: Parts) -> None:
    run = drawing(finished(), 2)
    await parts.announced(*blobs_of(run))
    await parts.hurry(run.artifacts[0].blob)
    await parts.removal.sweep()
    with pytest.raises(StorageUnavailable):
        await parts.records.runs.finish(run)
    with pytest.raises(ExecutionNotFound):
        await listed(parts, run.run.execution_id)
    assert await parts.is_doomed(run.artifacts[1].blob)


async def test_a_worker_that_lost_its_run_leaves_no_artifact_and_its_blobs_go(parts: Parts) -> None:
    records = parts.records
    first = await claimed(records, lease=OVER)
    second = await records.runs.claim(first.run.run_id, "worker-2", LONG)
    assert second is not None
    late, right = drawing(ended(first)), drawing(ended(second))
    await parts.announced(*blobs_of(late), *blobs_of(right))
    assert await records.runs.finish_claimed(right)
    assert not await records.runs.finish_claimed(late)
    assert await listed(parts, first.run.execution_id) == right.artifacts
    await parts.hurry(*blobs_of(late), *blobs_of(right))
    await parts.removal.sweep()
    assert [parts.there(blob) for blob in (*blobs_of(late), *blobs_of(right))] == [False, True]


async def test_a_deleted_execution_dooms_its_artifacts(parts: Parts) -> None:
    run = drawing(finished(), 2)
    await parts.announced(*blobs_of(run))
    await parts.records.runs.finish(run)
    await parts.removal.now(await _deleted(parts, run.run.execution_id))
    assert [parts.there(blob) for blob in blobs_of(run)] == [False, False]
    with pytest.raises(ExecutionNotFound):
        await listed(parts, run.run.execution_id)


async def _deleted(parts: Parts, execution_id: str) -> Sequence[str]:
    return await parts.records.executions.delete(None, execution_id)


async def test_artifacts_are_those_of_their_executions_owner(parts: Parts) -> None:
    run, owner = drawing(finished()), owned()
    await parts.announced(*blobs_of(run))
    await parts.records.runs.finish(run)
    execution_id, artifact_id = run.run.execution_id, run.artifacts[0].artifact_id
    async with parts.records.database.connection() as connection:
        await connection.execute("UPDATE executions SET owner = $2 WHERE execution_id = $1", execution_id, owner)
    assert await listed(parts, execution_id, owner) == run.artifacts
    for asked in (listed(parts, execution_id, "other"), parts.artifacts.get("other", execution_id, artifact_id)):
        with pytest.raises(ExecutionNotFound):
            await asked
    for name in (new_id(), "no-uuid"):
        with pytest.raises(ArtifactNotFound):
            await parts.artifacts.get(owner, execution_id, name)


def test_what_is_announced_has_time_for_the_longest_run() -> None:
    assert 2 * Settings().sync_timeout < UPLOAD_TIMEOUT
