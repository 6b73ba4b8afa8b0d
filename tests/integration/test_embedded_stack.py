"""The embedded stack starts, serves, refuses and stops, with the real Triton and the real PostgreSQL."""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from gateway.adapters.supervisor import loading
from gateway.adapters.supervisor.stack import EmbeddedStack, StackPlan
from gateway.adapters.supervisor.wheels import TritonWheel
from gateway.errors import CannotStart

DIES = "import os; os._exit(3)"
Traces = Callable[[StackPlan], list[str]]


async def echo(http: str, text: str) -> str:
    body = {"inputs": [{"name": "INPUT", "shape": [1], "datatype": "BYTES", "data": [text]}]}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://{http}/v2/models/identity/infer", json=body)
    return str(answer.json()["outputs"][0]["data"][0])


async def test_both_servers_answer_and_stopping_leaves_nothing(embedded_plan: StackPlan, traces: Traces) -> None:
    lines: list[str] = []
    stack = EmbeddedStack(embedded_plan, report=lines.append)
    endpoints = await stack.start()
    assert endpoints.triton_http is not None
    assert await echo(endpoints.triton_http, "hello") == "hello"
    connection = await asyncpg.connect(endpoints.database_url)
    assert await connection.fetchval("SELECT current_database() || current_user") == "gatewaygateway"
    await connection.close()
    for child, keeper in stack.pids().values():
        assert child is not None
        assert keeper is not None
        assert os.getsid(child) == child, "a Ctrl-C in the terminal must not reach it"
        assert os.getsid(keeper) == keeper
    await stack.stop()
    await stack.stop()
    assert traces(embedded_plan) == []
    ready = sorted(line.partition(" after ")[0] for line in lines if " after " in line)
    assert ready == ["PostgreSQL is ready", "Triton is ready"]


async def test_models_that_break_die_or_hang_do_not_hinder_the_others(
    embedded_plan: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MODELS_PATIENCE_S", 5.0)
    lines: list[str] = []
    assert embedded_plan.model_repository is not None
    for name, source in (("raises", "raise RuntimeError('no')"), ("dies", DIES), ("garbled", "")):
        shutil.copytree(embedded_plan.model_repository / "identity", embedded_plan.model_repository / name)
        config = embedded_plan.model_repository / name / "config.pbtxt"
        config.write_text(config.read_text().replace("identity", name) if source else "not a config {")
        (embedded_plan.model_repository / name / "1" / "model.py").write_text(source)
    async with EmbeddedStack(dataclasses.replace(embedded_plan, with_postgres=False), report=lines.append) as endpoints:
        assert endpoints.database_url is None
        assert endpoints.triton_http is not None
        assert await echo(endpoints.triton_http, "hello") == "hello"
    assert "the model raises did not load: RuntimeError: no" in " | ".join(lines)
    assert "the model garbled did not load" in " | ".join(lines)
    assert "still loading, the start does not wait for them: dies" in lines


async def test_what_was_written_is_there_after_a_new_start(embedded_plan: StackPlan) -> None:
    plan = dataclasses.replace(embedded_plan, model_repository=None)
    async with EmbeddedStack(plan, report=print) as endpoints:
        assert endpoints.triton_http is None
        connection = await asyncpg.connect(endpoints.database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        await connection.close()
    async with EmbeddedStack(plan, report=print) as endpoints:
        connection = await asyncpg.connect(endpoints.database_url)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()


async def test_a_start_that_fails_half_way_says_why_and_leaves_nothing(
    embedded_plan: StackPlan, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = embedded_plan.data_dir.parent / "tritonserver"
    program.write_text("#!/bin/sh\necho 'E0101 something is wrong with it'\nexit 1\n")
    program.chmod(0o755)
    wheel = TritonWheel.find()
    assert wheel is not None
    monkeypatch.setattr(TritonWheel, "find", lambda: dataclasses.replace(wheel, program=program))
    with pytest.raises(CannotStart, match=r"exit code 1.*something is wrong with it.*triton\.log"):
        await EmbeddedStack(embedded_plan, report=print).start()
    assert traces(embedded_plan) == []


async def test_a_second_start_on_the_same_directory_names_the_holder(embedded_plan: StackPlan) -> None:
    plan = dataclasses.replace(embedded_plan, model_repository=None)
    async with EmbeddedStack(plan, report=print):
        with pytest.raises(CannotStart, match=f"process {os.getpid()}.*--data-dir"):
            await EmbeddedStack(plan, report=print).start()


async def test_only_the_user_of_the_gateway_gets_into_the_database(embedded_plan: StackPlan) -> None:
    async with EmbeddedStack(dataclasses.replace(embedded_plan, model_repository=None), report=print) as endpoints:
        assert (embedded_plan.data_dir / "run").stat().st_mode & 0o777 == 0o700
        assert str(endpoints.database_url).startswith("postgresql://gateway@/gateway?host=/")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(host=str(embedded_plan.data_dir / "run"), user="postgres", database="gateway")


async def test_nothing_is_made_where_nothing_is_embedded(new_folder: Path) -> None:
    plan = StackPlan(data_dir=new_folder / "data", model_repository=None, with_postgres=False)
    async with EmbeddedStack(plan, report=print) as endpoints:
        assert endpoints.database_url is None
    assert not plan.data_dir.exists()
