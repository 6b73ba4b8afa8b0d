"""What the doors count: by route and method, never by path, and every answer once."""

import asyncio

import httpx
import pytest

from gateway import exposition, metrics
from gateway.api.grpc.refusals import guarded
from gateway.api.rest.app import rest_app
from gateway.api.rest.counting import Counted
from gateway.errors import Overloaded
from unit.fakes import RUN_ID, FakeContext, FakeServicer, failing, gateway
from unit.test_metrics import numbers

EXECUTE = "POST /v1/pipelines/{pipeline_id}/executeSync"


def counted(door: str, method: str) -> dict[str, float]:
    """How many answers of each code a method has given."""
    samples = metrics.REQUESTS.collect()[0].samples
    return {
        each.labels["code"]: each.value
        for each in samples
        if (each.labels["door"], each.labels["method"]) == (door, method)
    }


def more(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {code: count - before.get(code, 0) for code, count in after.items() if count != before.get(code, 0)}


async def test_answers_of_rest_are_counted_by_template_and_status() -> None:
    built, before = await gateway(), counted("rest", EXECUTE)
    transport = httpx.ASGITransport(Counted(rest_app(built.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        await client.post("/v1/pipelines/ocr/executeSync", json={"media": ["YWJj"]})
        await client.post("/v1/pipelines/nobody-knows/executeSync", json={"media": ["YWJj"]})
        page = await client.get("/metrics")
    assert more(before, counted("rest", EXECUTE)) == {"200": 1, "404": 1}
    assert page.headers["content-type"] == f"{exposition.CONTENT_TYPE}; charset=utf-8"
    assert numbers(page.content)[f"gateway_request_seconds_count|rest|{EXECUTE}"] >= 2


@pytest.mark.parametrize("method", ["GET", "PROPFIND"])
async def test_no_path_of_a_caller_s_becomes_a_label(method: str) -> None:
    built, before = await gateway(), counted("rest", "unknown")
    transport = httpx.ASGITransport(Counted(rest_app(built.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        await client.request(method, "/secret-path/7")
        await client.get(f"/v1/runs/{RUN_ID}/secret-path")
        await client.get("/v1/runs/secret-path")
        page = await client.get("/metrics")
    assert sum(more(before, counted("rest", "unknown")).values()) == 2
    assert "secret-path" not in page.text
    assert counted("rest", "GET /v1/runs/{run_id}")


async def test_a_caller_who_leaves_before_the_answer_is_a_499() -> None:
    before = counted("rest", "unknown")
    begun = asyncio.Event()

    async def app(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Counted(app)({"type": "http"}, None, None))  # type: ignore[arg-type, typeddict-item]
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert more(before, counted("rest", "unknown")) == {"499": 1}


async def test_answers_of_grpc_are_counted_by_method_and_code() -> None:
    servicer = guarded(FakeServicer(), (await gateway()).services)
    assert await servicer.Good(None, FakeContext()) == "good"
    with pytest.raises(asyncio.CancelledError):
        await servicer.Full(None, FakeContext())
    assert counted("grpc", "gateway.v1.FakeServicer/Good") == {"OK": 1}
    assert counted("grpc", "gateway.v1.FakeServicer/Full") == {"RESOURCE_EXHAUSTED": 1}


async def test_a_run_that_fails_has_its_parts_counted_all_the_same() -> None:
    before = metrics.PART_SECONDS.collect()[0].samples
    built = await gateway(answer=failing(Overloaded()))
    transport = httpx.ASGITransport(Counted(rest_app(built.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.post("/v1/pipelines/ocr/executeSync", json={"media": ["YWJj"]})).status_code == 429

    def count(part: str, samples: list) -> float:
        return next(each.value for each in samples if each.name.endswith("_count") and each.labels == {"part": part})

    after = metrics.PART_SECONDS.collect()[0].samples
    assert [count(part, after) - count(part, before) for part in ("decode", "queue", "triton")] == [1, 1, 1]
