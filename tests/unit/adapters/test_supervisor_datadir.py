"""The data directory belongs to one gateway at a time."""

import asyncio
import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from gateway.adapters.supervisor.datadir import DataDir
from gateway.errors import CannotStart


def dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


async def test_a_second_gateway_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path / "d"), DataDir(tmp_path / "d")
    await first.acquire()
    with pytest.raises(CannotStart, match=f"process {os.getpid()}.*--data-dir"):
        await second.acquire()
    first.release()
    await second.acquire()
    second.release()


async def test_the_lock_file_of_a_dead_process_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(f"{dead_process()}\n")
    data = DataDir(tmp_path)
    await data.acquire()
    assert data.lock_file.read_text() == f"{os.getpid()}\n"
    data.release()


async def test_the_children_of_a_dead_gateway_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(f"{dead_process()}\n")
    keeper = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(keeper, fcntl.LOCK_EX)
    data = DataDir(tmp_path)
    waiting = asyncio.create_task(data.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    os.close(keeper)
    await waiting
    data.release()


async def test_a_place_that_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="cannot be written"):
        await DataDir(tmp_path / "file" / "d").acquire()


async def test_the_mark_stays_the_same_and_is_no_other_directorys(tmp_path: Path) -> None:
    marks = []
    for name in ("a", "b", "a"):
        data = DataDir(tmp_path / name)
        await data.acquire()
        marks.append(data.mark)
        data.release()
    assert marks[0] == marks[2]
    assert marks[0] != marks[1]
