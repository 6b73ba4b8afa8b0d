"""An embedded Triton that hangs, whole or with one load, is restarted and has its models again."""

import asyncio
import shutil
import signal
from collections.abc import Callable

import httpx
import psutil
import pytest

from gateway.adapters.supervisor import pulse
from gateway.adapters.supervisor.leftovers import leftovers
from gateway.adapters.supervisor.stack import EmbeddedStack, StackPlan
from gateway.adapters.supervisor.stuck import STUB

Traces = Callable[[StackPlan], list[str]]

PATIENCE_S = 90.0
#: A model that waits in its import while a file named `hold` is beside it, so that its process can be killed in that.
SLOW = """
import os, time
from pathlib import Path
hold = Path(__file__).with_name("hold")
Path(__file__).with_name("began").touch()
while hold.exists():
    time.sleep(0.01)
"""


class Stack:
    """A running stack, and what it reported."""

    def __init__(self, plan: StackPlan):
        self.lines: list[str] = []
        self.stack = EmbeddedStack(plan, report=self.lines.append)
        assert plan.model_repository is not None
        self.model = plan.model_repository / "identity" / "1"

    @property
    def triton(self) -> psutil.Process:
        """The process of Triton."""
        pid = self.stack.pids()["triton"][0]
        assert pid is not None
        return psutil.Process(pid)

    def stubs(self) -> list[psutil.Process]:
        """The processes of its models."""
        return leftovers(str(self.model), (STUB,))

    def said(self, word: str) -> int:
        """How many lines were reported that have this in them."""
        return len([line for line in self.lines if word in line])

    async def until_restarted(self, old: psutil.Process) -> None:
        """Wait until another process runs in its place."""
        await until(lambda: self.stack.pids()["triton"][0] not in (None, old.pid))


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.02)


async def states(http: str | None) -> dict[str, str]:
    async with httpx.AsyncClient() as client:
        index = await client.post(f"http://{http}/v2/repository/index")
    return {model["name"]: model.get("state", "") for model in index.json()}


@pytest.fixture
def triton_plan(embedded_plan: StackPlan) -> StackPlan:
    """Triton alone, over a model that can be held in its load and one more."""
    assert embedded_plan.model_repository is not None
    model = embedded_plan.model_repository / "identity"
    other = embedded_plan.model_repository / "other"
    shutil.copytree(model, other)
    (other / "config.pbtxt").write_text((model / "config.pbtxt").read_text().replace("identity", "other"))
    source = model / "1" / "model.py"
    source.write_text(SLOW + source.read_text())
    return StackPlan(data_dir=embedded_plan.data_dir, model_repository=model.parent, with_postgres=False)


async def kill_in_load(running: Stack) -> None:
    await until((running.model / "began").exists)
    (running.model / "hold").unlink()
    for stub in running.stubs():
        stub.kill()


async def test_a_model_whose_process_is_killed_in_its_first_load_is_ready_after_the_start(
    triton_plan: StackPlan, traces: Traces
) -> None:
    running = Stack(triton_plan)
    (running.model / "hold").touch()
    start = asyncio.create_task(running.stack.start())
    try:
        await kill_in_load(running)
        endpoints = await start
        assert await states(endpoints.triton_http) == {"identity": "READY", "other": "READY"}
    finally:
        await running.stack.stop()
    assert running.said("hangs and is restarted: the process of a model died while it loaded: identity") == 1
    assert traces(triton_plan) == []


async def test_a_model_whose_process_is_killed_while_it_is_loaded_anew_is_ready_again(
    triton_plan: StackPlan, traces: Traces
) -> None:
    running = Stack(triton_plan)
    async with running.stack as endpoints, httpx.AsyncClient(base_url=f"http://{endpoints.triton_http}/v2") as http:
        await http.post("/repository/models/identity/unload")
        await until(lambda: not running.stubs())
        (running.model / "began").unlink()
        (running.model / "hold").touch()
        load = asyncio.create_task(http.post("/repository/models/identity/load", timeout=PATIENCE_S))
        await kill_in_load(running)
        with pytest.raises(httpx.TransportError):
            await load
        await until(lambda: running.said("Triton is ready after") == 2)
        assert await states(endpoints.triton_http) == {"identity": "READY", "other": "READY"}
    assert traces(triton_plan) == []


async def test_a_model_that_dies_in_every_load_costs_one_restart_and_is_named(triton_plan: StackPlan) -> None:
    running = Stack(triton_plan)
    (running.model / "model.py").write_text("import os; os._exit(3)")
    async with running.stack as endpoints:
        assert await states(endpoints.triton_http) == {"identity": "LOADING", "other": "READY"}
        assert running.said("hangs and is restarted") == 1
        assert running.said("Triton is not restarted for what dies whenever it loads") == 1


async def test_a_triton_that_stands_still_is_restarted(
    triton_plan: StackPlan, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SILENT_AFTER_S", 3.0)
    running = Stack(triton_plan)
    async with running.stack as endpoints:
        old = running.triton
        old.send_signal(signal.SIGSTOP)
        await until(lambda: running.said("Triton is ready after") == 2)
        assert not old.is_running()
        assert await states(endpoints.triton_http) == {"identity": "READY", "other": "READY"}
    assert running.said("hangs and is restarted: it has not answered for 3 s") == 1
    assert traces(triton_plan) == []


async def test_a_triton_that_is_killed_in_its_start_and_then_stands_still_has_its_models_again(
    triton_plan: StackPlan, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SILENT_AFTER_S", 3.0)
    running = Stack(triton_plan)
    async with running.stack as endpoints:
        for _ in range(2):
            old = running.triton
            old.kill()
            await running.until_restarted(old)
        (running.model / "began").unlink()
        (running.model / "hold").touch()
        await until((running.model / "began").exists)
        (running.model / "hold").unlink()
        running.triton.send_signal(signal.SIGSTOP)
        await until(lambda: running.said("Triton is ready after") == 2)
        assert await states(endpoints.triton_http) == {"identity": "READY", "other": "READY"}
    assert traces(triton_plan) == []
