"""Whatever of the embedded stack is killed -9, it heals, or leaves nothing."""

import asyncio
import dataclasses
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import httpx
import psutil
import pytest

from gateway.adapters.supervisor import loaded
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan

Traces = Callable[[StackPlan], list[str]]

PATIENCE_S = 60.0
OWNER = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.supervisor import loaded
from gateway.adapters.supervisor.stack import EmbeddedStack, StackPlan
async def main():
    plan = StackPlan(data_dir=Path(sys.argv[1]), model_repository=Path(sys.argv[2]), with_postgres=True)
    endpoints = await EmbeddedStack(plan, report=lambda line: None).start()
    print(endpoints.database_url, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def another_gateway(plan: StackPlan) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(plan.data_dir), str(plan.model_repository), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    try:
        yield owner, (await owner.stdout.readline()).decode().strip()
    finally:
        if owner.returncode is None:
            family = psutil.Process(owner.pid).children(recursive=True)
            owner.kill()
            await until(lambda: not any(process.is_running() for process in family))
        await owner.communicate()


async def answers(endpoints: Endpoints) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            index = await client.post(f"http://{endpoints.triton_http}/v2/repository/index", json={})
        connection = await asyncpg.connect(endpoints.database_url)
        await connection.close()
    except (httpx.HTTPError, OSError, asyncpg.PostgresError):
        return False
    return bool([model["state"] for model in index.json()] == ["READY"])


async def test_a_gateway_killed_leaves_nothing_and_its_data_are_there_at_the_next_start(
    embedded_plan: StackPlan, traces: Traces
) -> None:
    async with another_gateway(embedded_plan) as (owner, database_url):
        connection = await asyncpg.connect(database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        family = psutil.Process(owner.pid).children(recursive=True)
        assert len(family) > 5
        owner.kill()
        await owner.wait()
        connection.terminate()
        await until(lambda: not any(process.is_running() for process in family))
        await until(lambda: traces(embedded_plan) == [])
    async with EmbeddedStack(dataclasses.replace(embedded_plan, model_repository=None), report=print) as endpoints:
        connection = await asyncpg.connect(endpoints.database_url)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()


async def test_a_start_right_after_a_kill_waits_for_the_old_children(embedded_plan: StackPlan) -> None:
    async with another_gateway(embedded_plan) as (owner, _):
        owner.kill()
        await owner.wait()
        async with EmbeddedStack(embedded_plan, report=print) as endpoints:
            assert await answers(endpoints)


async def test_the_next_start_ends_what_outlived_the_gateway_and_its_keepers(
    embedded_plan: StackPlan, traces: Traces
) -> None:
    async with another_gateway(embedded_plan) as (owner, _):
        family = psutil.Process(owner.pid).children(recursive=True)
        for process in [psutil.Process(owner.pid), *psutil.Process(owner.pid).children()]:
            process.send_signal(signal.SIGKILL)
        await owner.wait()
        async with EmbeddedStack(embedded_plan, report=print) as endpoints:
            assert await answers(endpoints)
            await until(lambda: not any(process.is_running() for process in family))
    assert traces(embedded_plan) == []


async def test_a_stopped_gateway_is_named_to_the_next(embedded_plan: StackPlan) -> None:
    async with another_gateway(embedded_plan) as (owner, _):
        with pytest.raises(Exception, match=f"process {owner.pid}"):
            await EmbeddedStack(embedded_plan, report=print).start()
        assert owner.returncode is None


@pytest.mark.parametrize("who", ["child", "keeper"])
async def test_killed_servers_are_healed_at_the_same_address(
    embedded_plan: StackPlan, traces: Traces, who: str
) -> None:
    lines: list[str] = []
    stack = EmbeddedStack(embedded_plan, report=lines.append)
    async with stack as endpoints:
        before = stack.pids()
        for child, keeper in before.values():
            victim = child if who == "child" else keeper
            assert victim is not None
            psutil.Process(victim).kill()
        await until(lambda: len([line for line in lines if " is ready after " in line]) == 4)
        assert await answers(endpoints)
        assert all(stack.pids()[name][0] != child for name, (child, _) in before.items())
    assert len([line for line in lines if "ended unasked" in line]) == 2
    assert traces(embedded_plan) == []


async def test_a_killed_triton_has_the_same_models_again_and_no_others(
    embedded_plan: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded, "MEANT_AFTER_S", 0.0)
    monkeypatch.setattr(loaded, "LOOK_AGAIN_S", 0.05)
    assert embedded_plan.model_repository is not None
    for name in ("second", "later"):
        shutil.copytree(embedded_plan.model_repository / "identity", embedded_plan.model_repository / name)
        config = embedded_plan.model_repository / name / "config.pbtxt"
        config.write_text(config.read_text().replace("identity", name))
    (embedded_plan.model_repository / "later").rename(embedded_plan.data_dir.with_name("later"))
    lines: list[str] = []
    stack = EmbeddedStack(embedded_plan, report=lines.append)
    async with stack as endpoints, httpx.AsyncClient(base_url=f"http://{endpoints.triton_http}/v2", timeout=30) as http:
        embedded_plan.data_dir.with_name("later").rename(embedded_plan.model_repository / "later")
        await http.post("/repository/models/later/load")
        await http.post("/repository/models/second/unload")
        assert stack._triton is not None
        await until(lambda: stack._triton is not None and stack._triton._loaded.left_out == {"second"})
        (embedded_plan.model_repository / "identity").rename(embedded_plan.data_dir.with_name("identity"))
        triton, _ = stack.pids()["triton"]
        psutil.Process(triton).kill()
        await until(lambda: len([line for line in lines if line.startswith("Triton is ready after ")]) == 2)
        index = await http.post("/repository/index")
    assert {model["name"]: model.get("state") for model in index.json()} == {"later": "READY", "second": None}
    assert any(line.endswith("are to be loaded again: identity") for line in lines)
