"""A disk without room: refused in clear words, nothing lost that was acknowledged, and on with it when there is room.

The disks are real and small (tmpfs). Whoever may not mount sees these tests skipped.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.blobs.opening import open_store
from gateway.adapters.supervisor.stack import EmbeddedStack, StackPlan
from gateway.errors import MediaNotFound, StorageUnavailable
from gateway.limits import MIB
from gateway.ports import FinishedRun
from integration.recording import Records, finished, opened

PATIENCE_S = 60.0


class Disk:
    """A small disk of one's own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def size(self, mib: int, *, again: bool = True) -> None:
        """Let it have this size."""
        options = f"{'remount,' if again else ''}size={mib}m,mode=0711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.folder], check=True, capture_output=True)


@pytest.fixture
def disk(new_folder: Path) -> Iterator[Callable[[int], Disk]]:
    made = []

    def make(mib: int) -> Disk:
        found = Disk(new_folder)
        try:
            found.size(mib, again=False)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this user may not mount a disk")
        made.append(found)
        return found

    yield make
    for each in made:
        subprocess.run(["umount", "--lazy", each.folder], check=True)


async def test_a_full_disk_of_media_refuses_and_keeps_what_it_took(disk: Callable[[int], Disk]) -> None:
    small = disk(4)
    blobs = await open_store((small.folder / "blobs").as_uri())
    kept: dict[str, bytes] = {}

    async def fill() -> None:
        for number in range(10):
            data = os.urandom(MIB - 4096)
            await blobs.put(f"executions/e/{number}", data)
            kept[f"executions/e/{number}"] = data

    with pytest.raises(StorageUnavailable, match="no room left"):
        await fill()
    assert len(kept) in (3, 4)
    with pytest.raises(MediaNotFound):
        await blobs.get(f"executions/e/{len(kept)}")
    for key, data in kept.items():
        assert await blobs.get(key) == data
    assert list((small.folder / "blobs" / "+incoming").iterdir()) == []
    await blobs.delete(["executions/e/0"])
    await blobs.put("executions/e/new", kept["executions/e/0"])


def large() -> FinishedRun:
    """A run that found a MiB that cannot be made smaller."""
    wrote = finished()
    (entry,) = wrote.entries
    content = b'{"rawText":"%s"}' % os.urandom(MIB // 2).hex().encode()
    return msgspec.structs.replace(wrote, entries=(msgspec.structs.replace(entry, content=content),))


async def test_a_full_disk_of_records_refuses_and_loses_nothing_that_was_acknowledged(
    disk: Callable[[int], Disk],
) -> None:
    small = disk(140)
    plan = StackPlan(data_dir=small.folder / "data", model_repository=None, with_postgres=True)
    async with EmbeddedStack(plan, report=print) as endpoints:
        assert endpoints.database_url is not None
        records = await opened(endpoints.database_url)
        acknowledged: list[FinishedRun] = []

        async def fill() -> None:
            for _ in range(200):
                wrote = large()
                await records.runs.finish(wrote)
                acknowledged.append(wrote)

        with pytest.raises(StorageUnavailable) as refused:
            await fill()
        assert acknowledged
        assert (refused.value.code, refused.value.http) == ("storage.unavailable", 503)
        small.size(800)
        await until_ready(records)
        for each in acknowledged:
            assert await records.found(each.run.execution_id) == each.entries
        one_more = large()
        await records.runs.finish(one_more)
        assert await records.found(one_more.run.execution_id) == one_more.entries
        await records.close()


async def until_ready(records: Records) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await records.runs.ready():
        assert time.monotonic() < deadline, "the database did not come back"
        await asyncio.sleep(0.1)
