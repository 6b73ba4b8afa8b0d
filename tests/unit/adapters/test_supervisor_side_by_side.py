"""Processes that serve side by side: all ready or none, started anew, told to stop all at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from gateway.adapters.supervisor import side_by_side
from gateway.adapters.supervisor.serving import ServingProcess
from gateway.adapters.supervisor.side_by_side import SideBySide
from gateway.errors import CannotStart

#: Says how it fares in a file, too, as `OBEDIENT` does what it is told and `DEAF` does not.
_BEGIN = """
import sys
place = sys.stdin.readline().strip()
book = open("book", "a", buffering=1)
print("so far", flush=True)
print("ready: here", flush=True)
"""
OBEDIENT = f"{_BEGIN}for line in sys.stdin: book.write(f'{{place}} {{line}}'); line == 'stop\\n' and sys.exit()"
SLOW = f"{_BEGIN}for line in sys.stdin: book.write(f'{{place}} {{line}}'); line == 'hurry\\n' and sys.exit()"
DEAF = f"{_BEGIN}import threading; threading.Event().wait()"
REFUSING = (
    "import sys; place = sys.stdin.readline(); print('The port is taken: choose another.', flush=True); sys.exit(1)"
)
SILENT = "import sys; sys.exit(3)"


class Group:
    """Two processes over scripts, and all that is heard of them."""

    def __init__(self, *scripts: str):
        self.gone: list[int] = []
        self.said: list[str] = []
        self.hurry = asyncio.Event()
        self.heard = asyncio.Condition()
        self.processes = [
            ServingProcess(place, (sys.executable, "-c", script), f"{place}\n".encode(), self.gone.append)
            for place, script in enumerate(scripts, 1)
        ]
        self.together = SideBySide(self.processes, self.said.append, 60.0, self.hurry)

    def pids(self) -> list[int]:
        return [each.pid for each in self.processes if each.pid is not None]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Group]:
    monkeypatch.chdir(tmp_path)
    return Group


def book() -> list[str]:
    return sorted(Path("book").read_text().splitlines())


async def test_all_are_ready_when_they_have_started_and_stop_together(group: Callable[..., Group]) -> None:
    built = group(OBEDIENT, OBEDIENT)
    async with built.together:
        assert [each.said for each in built.processes] == [["so far", "ready: here"]] * 2
        pids = built.pids()
        assert len(pids) == 2
    assert book() == ["1 stop", "2 stop"]
    assert sorted(built.gone) == [1, 2]
    assert not any(map(psutil.pid_exists, pids))


@pytest.mark.parametrize(
    ("scripts", "sentence"),
    [
        ((OBEDIENT, REFUSING), "The port is taken: choose another."),
        ((SILENT, OBEDIENT), "ended while it was starting \\(exit code 3\\)"),
    ],
)
async def test_where_one_cannot_start_none_stays_and_its_sentence_is_told(
    group: Callable[..., Group], scripts: tuple[str, str], sentence: str
) -> None:
    built = group(*scripts)
    with pytest.raises(CannotStart, match=sentence):
        await built.together.start()
    assert built.pids() == []


async def test_one_that_is_killed_comes_back_at_its_place(
    group: Callable[..., Group], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = group(OBEDIENT, OBEDIENT)
    back = asyncio.Event()
    monkeypatch.setattr(built.together, "_report", lambda line: back.set() if "ready again" in line else None)
    async with built.together:
        first, second = built.pids()
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(back.wait(), 30)
        assert built.gone == [1]
        assert built.pids()[0] != first
        assert built.pids()[1] == second
    assert book() == ["1 stop", "2 stop"]


async def test_a_second_signal_cuts_the_wait_short(group: Callable[..., Group]) -> None:
    built = group(SLOW, SLOW)
    async with built.together:
        built.hurry.set()
    assert book() == ["1 hurry", "1 stop", "2 hurry", "2 stop"]


async def test_one_that_does_not_listen_is_killed(group: Callable[..., Group], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "GRACE_S", 0.1)
    built = group(DEAF, OBEDIENT)
    async with built.together:
        built.hurry.set()
    assert built.pids() == []
    assert sorted(built.gone) == [1, 2]
