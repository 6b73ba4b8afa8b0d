"""Whatever dies under a run: it is healed and tried again, or the run says in time that it was not."""

import asyncio
import contextlib
import dataclasses
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from e2e.small import write_small
from gateway.adapters.blobs.opening import open_store
from gateway.adapters.postgres.turns import PostgresTurns
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from gateway.api.services import Services
from gateway.bootstrap import core, open_database
from gateway.domain.access import ANYONE
from gateway.domain.calls import Call, Outcome
from gateway.domain.media import given
from gateway.errors import RunTimeout, StorageUnavailable, TritonUnavailable, Unavailable
from gateway.settings import Settings

PATIENCE = 60.0


@dataclasses.dataclass(frozen=True)
class Running:
    """A stack of one's own."""

    stack: EmbeddedStack
    endpoints: Endpoints
    folder: Path

    def process(self, name: str) -> psutil.Process:
        """Triton or PostgreSQL."""
        pid = self.stack.pids()[name][0]
        assert pid is not None
        return psutil.Process(pid)

    def kill_model(self, model: str) -> None:
        """Kill the processes of a model."""
        stubs = [each for each in self.process("triton").children(recursive=True) if f"/{model}/" in words(each)]
        assert stubs
        for each in stubs:
            each.kill()


def words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, short_folder: Path) -> AsyncIterator[Running]:
    """PostgreSQL, and Triton over small models."""
    models = write_small(short_folder / "healing-models")
    plan = StackPlan(data_dir=short_folder / "healing", model_repository=models, with_postgres=True)
    stack = EmbeddedStack(plan, report=print)
    async with stack as endpoints:
        yield Running(stack, endpoints, tmp_path_factory.mktemp("held"))


@asynccontextmanager
async def gateway(running: Running, transport: str) -> AsyncIterator[Services]:
    """The whole core over that stack."""
    http = running.endpoints.triton_http if transport == "http" else None
    endpoints = dataclasses.replace(running.endpoints, triton_http=http)
    assert endpoints.database_url is not None
    async with AsyncExitStack() as cleanup:
        database = await cleanup.enter_async_context(open_database(endpoints.database_url))
        blobs = await open_store((running.folder / "blobs").as_uri())
        services, _ = await cleanup.enter_async_context(core(Settings(max_inferences=4), endpoints, database, blobs))
        yield services


@pytest.fixture(params=["http", "grpc"])
async def services(request: pytest.FixtureRequest, running: Running) -> AsyncIterator[Services]:
    """One gateway, over each transport in turn."""
    async with gateway(running, request.param) as services:
        yield services


async def execute(services: Services, pipeline: str, media: str, timeout: float = PATIENCE) -> Outcome:
    call = Call(pipeline_id=pipeline, media=given([media.encode()]), timeout=timeout)
    return await services.runs.execute_sync(ANYONE, call)


async def until_it_runs(services: Services) -> None:
    """Ask until a call succeeds; meanwhile every refusal is one that a repeat can heal."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            await execute(services, "say", "hello")
        except Unavailable:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("it did not come to pass")


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)


def healings(caplog: pytest.LogCaptureFixture) -> int:
    return [record.getMessage() for record in caplog.records].count("model.healing")


async def test_a_model_that_died_idle_is_healed_by_the_next_call(
    running: Running, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    await until_it_runs(services)
    running.kill_model("say_model")
    outcomes = await asyncio.gather(*(execute(services, "say", f"call {number}") for number in range(8)))
    assert all(f"call {number}" in outcome.observation.decode() for number, outcome in enumerate(outcomes))
    assert healings(caplog) == 1


async def test_a_model_that_dies_in_the_midst_of_an_inference_is_healed_and_the_inference_tried_again(
    running: Running, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    held = running.folder / f"midst-{id(services)}"
    call = asyncio.create_task(execute(services, "hold", str(held)))
    await until(held.with_suffix(".begun").exists)
    running.kill_model("hold_model")
    await until(lambda: held.with_suffix(".begun").read_text() == "xx")
    held.with_suffix(".go").touch()
    assert "held" in (await call).observation.decode()
    assert healings(caplog) == 1


async def test_two_gateways_heal_a_model_once(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with gateway(running, "http") as one, gateway(running, "grpc") as other:
        running.kill_model("second_model")
        calls = [execute(each, "parameters", "x") for each in (one, other) for _ in range(2)]
        ends = await asyncio.gather(*calls, return_exceptions=True)
        # One that meets the model while the other gateway has it in hand is told to come again.
        assert all(isinstance(end, Outcome | Unavailable) for end in ends)
        assert any(isinstance(end, Outcome) for end in ends)
        await asyncio.gather(until_it_runs(one), until_it_runs(other))
    assert healings(caplog) == 1


async def test_a_triton_that_is_killed_ends_its_inferences_at_once_and_is_used_again_when_it_is_back(
    running: Running, services: Services
) -> None:
    held = running.folder / f"killed-{id(services)}"
    call = asyncio.create_task(execute(services, "hold", str(held)))
    await until(held.with_suffix(".begun").exists)
    running.process("triton").kill()
    with pytest.raises(TritonUnavailable) as raised:
        await call
    assert raised.value.retry_after
    await until_it_runs(services)


async def test_a_triton_that_stands_still_ends_nobody_s_call_later_than_its_deadline(
    running: Running, services: Services
) -> None:
    await until_it_runs(services)
    triton = running.process("triton")
    triton.send_signal(signal.SIGSTOP)
    try:
        ends = await asyncio.gather(
            *(execute(services, "say", "hello", timeout=0.5) for _ in range(6)), return_exceptions=True
        )
    finally:
        triton.send_signal(signal.SIGCONT)
    assert [type(end) for end in ends] == [RunTimeout] * 6
    await until_it_runs(services)


async def test_a_postgresql_that_is_killed_is_a_refusal_until_it_is_back(running: Running, services: Services) -> None:
    await until_it_runs(services)
    running.process("postgres").kill()
    with contextlib.suppress(StorageUnavailable):
        await execute(services, "say", "hello")
    await until_it_runs(services)


async def test_a_model_is_healed_while_postgresql_is_away(running: Running) -> None:
    async with PostgresTurns(f"postgresql://gateway@/gateway?host={running.folder}").turn("model") as first:
        assert first


async def test_a_turn_is_held_by_one_and_the_next_learns_that_it_had_to_wait(running: Running) -> None:
    assert running.endpoints.database_url is not None
    turns = PostgresTurns(running.endpoints.database_url)
    held, others = asyncio.Event(), asyncio.Event()
    firsts: list[bool] = []

    async def wait() -> None:
        async with turns.turn("model") as first:
            firsts.append(first)
            held.set()
            await others.wait()

    one = asyncio.create_task(wait())
    await held.wait()
    async with turns.turn("another model") as first:
        assert first
    other = asyncio.create_task(wait())
    others.set()
    await asyncio.gather(one, other)
    assert firsts[0]
    async with turns.turn("model") as first:
        assert first


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    """What was healed is counted in the log."""
    caplog.set_level(logging.INFO)
