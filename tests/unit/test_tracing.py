"""Traces: which spans there are, what they belong to, and how a trace goes on elsewhere."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import tracing
from gateway.api.rest.app import rest_app
from gateway.api.rest.entry import Entry
from gateway.domain.calls import Call
from gateway.domain.media import given
from gateway.ports import DueRun
from unit.fakes import Gateway, gateway

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans that have ended, while traces are on."""
    exporter = InMemorySpanExporter()
    end = tracing.trace_at_once(exporter)
    yield exporter
    end()


def named(spans: InMemorySpanExporter) -> dict[str, str | None]:
    """Each span by name, with the name of the one around it."""
    ended = spans.get_finished_spans()
    names = {each.context.span_id: each.name for each in ended if each.context}
    return {each.name: names.get(each.parent.span_id) if each.parent else None for each in ended}


def traces(spans: InMemorySpanExporter) -> set[str]:
    return {f"{each.context.trace_id:032x}" for each in spans.get_finished_spans() if each.context}


def client(built: Gateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Entry(rest_app(built.services))), base_url="http://gateway")


def call(**fields: object) -> Call:
    return Call(**{"pipeline_id": "ocr", "media": given([b"x"]), "timeout": 30.0} | fields)  # type: ignore[arg-type]


def test_off_there_are_no_spans_and_no_headers() -> None:
    assert not tracing.on()
    with tracing.span("anything", answer=42) as span:
        span.note(more=1)
        span.rename("else")
        assert tracing.carried() == {}


async def test_a_call_is_one_trace_from_the_door_to_the_commit(spans: InMemorySpanExporter) -> None:
    built = await gateway()
    async with client(built) as rest:
        reply = await rest.post("/v1/pipelines/ocr/executeSync", json={"media": ["aGVsbG8="]}, headers=HEADERS)
    assert reply.status_code == 200
    door = "POST /v1/pipelines/{pipeline_id}/executeSync"
    assert named(spans) == {door: None, "inference": door, "commit": door}
    assert traces(spans) == {TRACE}
    last = spans.get_finished_spans()[-1]
    assert last.attributes is not None
    assert last.attributes["http.response.status_code"] == 200


async def test_a_run_in_the_background_goes_on_with_the_trace_of_its_call(spans: InMemorySpanExporter) -> None:
    built = await gateway()
    with tracing.span("caller", parent=HEADERS):
        accepted = await built.runs.execute_async(call())
    kept = built.run_store.requests[accepted.run_id].trace
    assert kept["traceparent"].split("-")[1] == TRACE
    await asyncio.create_task(built.worker.take_up(DueRun(accepted.run_id, "ocr")))
    assert named(spans) == {
        "stage": "caller",
        "accept": "caller",
        "caller": None,
        "inference": "run",
        "commit": "run",
        "run": "accept",
    }
    assert traces(spans) == {TRACE}


async def test_what_goes_to_triton_carries_the_inference_as_its_parent(spans: InMemorySpanExporter) -> None:
    seen: list[str] = []
    built = await gateway()
    answer = built.engine.answer

    async def noted(inference: object, dispatch: object) -> object:
        seen.append(tracing.carried()["traceparent"])
        return await answer(inference, dispatch)  # type: ignore[arg-type]

    built.engine.answer = noted  # type: ignore[assignment]
    await built.runs.execute_sync(call())
    (inference,) = [each for each in spans.get_finished_spans() if each.name == "inference"]
    assert inference.context is not None
    assert [each.rpartition("-")[0] for each in seen] == [
        f"00-{inference.context.trace_id:032x}-{inference.context.span_id:016x}"
    ]


async def test_a_failed_request_is_a_failed_span(spans: InMemorySpanExporter) -> None:
    built = await gateway()
    built.records.answers = False
    async with client(built) as rest:
        await rest.get("/ready")
    (span,) = spans.get_finished_spans()
    assert (span.name, span.status.is_ok) == ("GET /ready", False)


async def test_every_answer_has_the_name_of_its_request_once() -> None:
    async with client(await gateway()) as rest:
        for path in ("/health", "/v1/pipelines", "/v1/pipelines/never", "/never"):
            mine = await rest.get(path, headers={"X-Request-Id": "mine"})
            assert mine.headers.get_list("x-request-id") == ["mine"]
            if mine.status_code >= 400:
                assert mine.json()["request_id"] == "mine"
            (other,) = (await rest.get(path, headers={"X-Request-Id": "not proper!"})).headers.get_list("x-request-id")
            assert other not in ("mine", "not proper!")
