import asyncio
from collections.abc import Sequence

import pytest

from gateway.core.expiring import expiring
from gateway.core.removal import Removal
from gateway.core.sweeping import Sweeper
from gateway.domain.executions import Execution
from gateway.domain.retention import Kept, Retention, Swept
from gateway.domain.runs import RunState
from gateway.errors import StorageUnavailable
from gateway.limits import BLOBS_PER_SWEEP
from gateway.settings import Settings
from unit.fakes import START, FakeBlobs, FakeDoomed, FakeRecords

FOR_EVER = Retention(executions=0, transient=0, media=0, files=0, keys=0, deliveries=0, queue_log=0)


class FakeRetention:
    """A `RetentionStore` that has so many of everything, and removes two at a time."""

    def __init__(self, count: int):
        self.left: dict[str, int] = dict.fromkeys([*Kept, "executions_due", "files_due"], count)
        self.asked: list[tuple[Kept, float]] = []

    async def expire(self, kept: Kept, seconds: float) -> Swept:
        self.asked.append((kept, seconds))
        return self._take(kept)

    async def expire_due(self) -> Swept:
        return self._take("executions_due")

    async def expire_files_due(self) -> Swept:
        return self._take("files_due")

    def _take(self, kept: str) -> Swept:
        gone = min(2, self.left[kept])
        self.left[kept] -= gone
        return Swept(gone, more=gone == 2)


async def test_each_kind_is_removed_by_its_own_time_until_none_is_left() -> None:
    store = FakeRetention(5)
    removed = await Sweeper(dict(expiring(store, Retention.of(Settings(media_retention=9)))), 1.0).sweep()
    assert set(removed.values()) == {5}
    assert {"executions_due", "executions", "transient", "media", "files", "keys", "queue_log"} <= set(removed)
    assert dict(store.asked)[Kept.MEDIA] == 9
    assert dict(store.asked)[Kept.EXECUTIONS] == 30 * 86400


async def test_what_is_kept_for_ever_is_not_looked_for() -> None:
    store = FakeRetention(5)
    assert await Sweeper(dict(expiring(store, FOR_EVER)), 1.0).sweep() == {
        "executions_due": 5,
        "files_due": 5,
    }


async def test_a_part_that_fails_does_not_keep_the_others_from_their_work(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def away() -> int:
        raise StorageUnavailable

    async def broken() -> int:
        raise ValueError

    async def seven() -> int:
        return 7

    assert await Sweeper({"away": away, "broken": broken, "seven": seven}, 1.0).sweep() == {"seven": 7}
    said = [(each.getMessage(), each.__dict__["part"], each.__dict__.get("count")) for each in caplog.records]
    assert said == [
        ("sweeper.store_away", "away", None),
        ("sweeper.failed", "broken", None),
        ("sweeper.removed", "seven", 7),
    ]


async def test_it_sweeps_until_it_is_cancelled() -> None:
    rounds = asyncio.Queue[None]()

    async def note() -> int:
        rounds.put_nowait(None)
        return 0

    task = asyncio.create_task(Sweeper({"note": note}, 0.001).sweep_again_and_again())
    for _ in range(3):
        await rounds.get()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_blob_stays_doomed_until_its_bytes_have_gone() -> None:
    records, events = FakeRecords(), list[str]()

    class Watched(FakeBlobs):
        async def delete(self, keys: Sequence[str]) -> None:
            events.append(f"{len(keys)} go, {len(records.doomed)} doomed")
            await super().delete(keys)

    records.doomed = {f"b{number}": 0.0 for number in range(BLOBS_PER_SWEEP + 1)}
    assert await Removal(Watched(), FakeDoomed(records)).sweep() == BLOBS_PER_SWEEP + 1
    assert events == [f"{BLOBS_PER_SWEEP} go, {BLOBS_PER_SWEEP + 1} doomed", "1 go, 1 doomed"]
    assert records.doomed == {}


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 30 * 86400),
        ({"transient": True}, 86400),
        ({"ttl": 5.0}, 5),
        ({"transient": True, "ttl": 5.0}, 5),
        ({"ttl": 0.0}, None),
        ({"state": RunState.RUNNING}, None),
        ({"state": RunState.FAILED}, 30 * 86400),
    ],
)
def test_the_time_of_an_execution_runs_from_its_last_change(fields: dict[str, object], seconds: float | None) -> None:
    given = Execution(**{"execution_id": "e", "created_at": START, "changed_at": START} | fields)  # type: ignore[arg-type]
    shown = Retention.of(Settings()).shown(given).expires_at
    assert (None if shown is None else (shown - START).total_seconds()) == seconds
