"""The keeper ends its child whatever happens, and clears up after it."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from gateway.adapters.supervisor.child import ChildPlan, last_words
from gateway.adapters.supervisor.kept import Kept
from gateway.adapters.supervisor.postgres import database_url


def script(tmp_path: Path, code: str, grace: float = 5.0) -> ChildPlan:
    return ChildPlan(
        name="script",
        argv=(sys.executable, "-I", "-S", "-c", code),
        env={"PLACE": str(tmp_path), "PATH": os.defpath},
        log=tmp_path / "log",
        stop=((signal.SIGTERM, grace),),
        death_signal=signal.SIGKILL,
        sweep=(f"{tmp_path}/left-*",),
        mark="no-mark",
        programs=(),
    )


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def until_written(path: Path, word: str) -> None:
    deadline = time.monotonic() + 20
    while word not in read(path):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(plan: ChildPlan) -> AsyncIterator[Kept]:
    kept = Kept(plan, ())
    try:
        await until_written(plan.log, "up")
        yield kept
    finally:
        await kept.stop()


WAIT = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAIT}"
ORPHAN = f"""
import os
if os.fork() == 0:
    os.setsid()
    open(os.environ["PLACE"] + "/orphan", "w").write(str(os.getpid()) + ".")
    {STUBBORN}
{WAIT}
"""


async def test_the_exit_code_of_the_child_is_told(tmp_path: Path) -> None:
    kept = Kept(script(tmp_path, "raise SystemExit(7)"), ())
    assert await kept.wait() == 7


async def test_a_program_that_does_not_exist_is_told_in_the_log(tmp_path: Path) -> None:
    plan = ChildPlan(**{**script(tmp_path, "").__dict__, "argv": ("/nowhere/program",)})
    assert await Kept(plan, ()).wait() == 127
    assert last_words(plan.log, 0) == "cannot start /nowhere/program: No such file or directory"


async def test_a_child_is_asked_to_end_in_a_session_of_its_own(tmp_path: Path) -> None:
    async with running(script(tmp_path, WAIT)) as kept:
        assert kept.child_pid is not None
        assert os.getsid(kept.child_pid) == kept.child_pid
        await kept.stop()
        assert await kept.wait() == -signal.SIGTERM


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async with running(script(tmp_path, STUBBORN, grace=0.1)) as kept:
        await kept.stop()
        assert await kept.wait() == -signal.SIGKILL


async def test_what_the_child_started_in_another_session_is_ended_too(tmp_path: Path) -> None:
    async with running(script(tmp_path, ORPHAN)) as kept:
        await until_written(tmp_path / "orphan", ".")
        await kept.stop()
        assert not psutil.pid_exists(int(read(tmp_path / "orphan").rstrip(".")))


async def test_what_the_child_leaves_is_swept_before_and_after(tmp_path: Path) -> None:
    (tmp_path / "left-before").write_text("")
    code = "import os; os.chdir(os.environ['PLACE']); print(os.path.exists('left-before')); open('left-after', 'w')"
    assert await Kept(script(tmp_path, code), ()).wait() == 0
    assert read(tmp_path / "log") == "False\n"
    assert not (tmp_path / "left-after").exists()


async def test_a_killed_keeper_takes_its_child_along(tmp_path: Path) -> None:
    async with running(script(tmp_path, WAIT)) as kept:
        assert kept.child_pid is not None
        child = psutil.Process(kept.child_pid)
        os.kill(kept.keeper_pid, signal.SIGKILL)
        assert await kept.wait() is None
        await asyncio.to_thread(psutil.wait_procs, [child], 20)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_the_child_gets_none_of_the_keepers_descriptors(tmp_path: Path) -> None:
    code = "import os; print('up', sorted(os.listdir('/proc/self/fd'))[:-1], flush=True)"
    kept = Kept(script(tmp_path, code), ())
    await kept.wait()
    assert read(tmp_path / "log").strip() == "up ['0', '1', '2']"


def test_the_address_of_the_database_is_percent_encoded() -> None:
    assert database_url(Path("/a b/ü?")) == "postgresql://gateway@/gateway?host=/a%20b/%C3%BC%3F"


def test_the_last_lines_of_error_of_a_log_are_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("FATAL: old\n")
    since = log.stat().st_size
    with log.open("a") as book:
        book.write("starting\nE1121 07:32:07 no such thing\nexiting\n")
    assert last_words(log, since) == "E1121 07:32:07 no such thing"
    assert last_words(tmp_path / "none", 0) == ""
