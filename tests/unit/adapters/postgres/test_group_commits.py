import asyncio
import logging
from collections.abc import Sequence

import pytest

from gateway.adapters.postgres.commits import GroupCommits
from gateway.errors import Internal, StorageUnavailable
from gateway.limits import MAX_RUNS_PER_COMMIT
from gateway.ports import FinishedRun
from unit.fakes import finished_run


def nobody_else() -> int:
    """No other call is in hand: what ends is written at once."""
    return 0


class FakeTable:
    """What is written, batch by batch; a write waits while `gate` is closed, and refuses what is in `refused`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.refused: dict[str, Exception] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()

    async def write(self, batch: Sequence[FinishedRun]) -> None:
        names = [each.run.run_id for each in batch]
        self.begun.set()
        await self.gate.wait()
        for name in names:
            if name in self.refused:
                raise self.refused[name]
        self.batches.append(names)


async def added(commits: GroupCommits, *names: str) -> list[BaseException | None]:
    return await asyncio.gather(*(commits.add(finished_run(each)) for each in names), return_exceptions=True)


async def test_runs_that_end_together_share_a_commit_in_their_order() -> None:
    table = FakeTable()
    assert await added(GroupCommits(table.write, nobody_else), "a", "b", "c") == [None] * 3
    assert table.batches == [["a", "b", "c"]]


async def test_runs_that_end_while_a_commit_is_under_way_share_the_next() -> None:
    table = FakeTable()
    table.gate.clear()
    commits = GroupCommits(table.write, nobody_else)
    first = asyncio.create_task(added(commits, "a"))
    await table.begun.wait()
    others = asyncio.create_task(added(commits, "b", "c"))
    await asyncio.sleep(0)
    table.gate.set()
    await asyncio.gather(first, others)
    assert table.batches == [["a"], ["b", "c"]]


async def test_a_run_is_not_acknowledged_before_its_commit() -> None:
    table = FakeTable()
    table.gate.clear()
    commits = GroupCommits(table.write, nobody_else)
    task = asyncio.create_task(commits.add(finished_run("a")))
    await table.begun.wait()
    assert not task.done()
    table.gate.set()
    await task
    assert table.batches == [["a"]]


async def test_runs_that_end_later_begin_anew() -> None:
    table = FakeTable()
    commits = GroupCommits(table.write, nobody_else)
    await added(commits, "a")
    await added(commits, "b")
    assert table.batches == [["a"], ["b"]]


async def test_a_commit_takes_only_so_many_runs() -> None:
    table = FakeTable()
    names = [str(number) for number in range(2 * MAX_RUNS_PER_COMMIT + 1)]
    await added(GroupCommits(table.write, nobody_else), *names)
    assert [len(batch) for batch in table.batches] == [MAX_RUNS_PER_COMMIT, MAX_RUNS_PER_COMMIT, 1]
    assert [name for batch in table.batches for name in batch] == names


async def test_one_record_that_is_refused_does_not_take_the_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    table = FakeTable()
    table.refused["b"] = ValueError("secret")
    a, b, c = await added(GroupCommits(table.write, nobody_else), "a", "b", "c")
    assert (a, c) == (None, None)
    assert type(b) is Internal
    assert "secret" not in b.message
    assert table.batches == [["a"], ["c"]]
    assert [record.getMessage() for record in caplog.records] == ["commit.refused"]


async def test_a_database_that_is_away_is_told_to_everyone_each_with_an_error_of_its_own() -> None:
    table = FakeTable()
    table.refused["b"] = StorageUnavailable()
    found = await added(GroupCommits(table.write, nobody_else), "a", "b", "c")
    assert [type(each) for each in found] == [StorageUnavailable] * 3
    assert len(set(map(id, found))) == 3
    assert table.batches == []


async def test_after_a_failure_the_next_runs_are_written() -> None:
    table = FakeTable()
    table.refused["a"] = StorageUnavailable()
    commits = GroupCommits(table.write, nobody_else)
    await added(commits, "a")
    assert await added(commits, "b") == [None]


async def test_a_caller_that_leaves_takes_nothing_with_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    table = FakeTable()
    table.gate.clear()
    commits = GroupCommits(table.write, nobody_else)
    gone, stays = (asyncio.create_task(commits.add(finished_run(each))) for each in "ab")
    await table.begun.wait()
    gone.cancel()
    await asyncio.wait((gone,))
    table.gate.set()
    await stays
    assert gone.cancelled()
    assert table.batches == [["a", "b"]]
    assert caplog.records == []


async def test_closing_waits_for_everything_pending() -> None:
    table = FakeTable()
    table.gate.clear()
    commits = GroupCommits(table.write, nobody_else)
    tasks = [asyncio.create_task(commits.add(finished_run(each))) for each in "ab"]
    await table.begun.wait()
    closing = asyncio.create_task(commits.close())
    await asyncio.sleep(0)
    assert not closing.done()
    table.gate.set()
    await closing
    assert table.batches == [["a", "b"]]
    await asyncio.gather(*tasks)


async def test_closing_with_nothing_pending_is_done_at_once() -> None:
    await GroupCommits(FakeTable().write, nobody_else).close()


async def test_a_run_waits_for_those_in_hand_and_shares_their_commit() -> None:
    table = FakeTable()
    commits = GroupCommits(table.write, lambda: 3)
    first = asyncio.create_task(commits.add(finished_run("a")))
    await asyncio.sleep(0)
    second = asyncio.create_task(commits.add(finished_run("b")))
    await asyncio.gather(first, second)
    assert len(table.batches) == 1
