"""Traces: which spans there are, what they belong to, and how a trace goes on elsewhere."""

import asyncio
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from gateway import tracing
from gateway.api.rest.app import rest_app
from gateway.api.rest.entry import Entry
from gateway.domain.access import ANYONE
from gateway.domain.calls import Call
from gateway.domain.deliveries import Failure, Letter, Receipt
from gateway.domain.hooks import EventType
from gateway.domain.media import given
from gateway.ports import DueRun
from unit.fakes import PATIENCE, START, Gateway, delivery, gateway, hook

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


def span_id(spans: InMemorySpanExporter, name: str) -> str:
    (found,) = [each for each in spans.get_finished_spans() if each.name == name]
    assert found.context is not None
    return f"{found.context.span_id:016x}"


async def told(built: Gateway) -> None:
    """Send all that is due, and wait until it has been tried."""
    waiting = [msgspec.structs.replace(each, due_at=START) for each in built.records.deliveries.values()]
    built.records.tell(waiting)
    await built.sender.take()
    async with asyncio.timeout(PATIENCE):
        await built.delivery_store.settled_times(len(waiting))


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
        accepted = await built.runs.execute_async(ANYONE, call())
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


async def test_a_receiver_is_told_within_the_trace_of_the_run(spans: InMemorySpanExporter) -> None:
    built = await gateway()
    built.records.hooks["h"] = hook(status_filter=("COMPLETED",))
    with tracing.span("caller", parent=HEADERS | {"tracestate": "vendor=theirs"}):
        accepted = await built.runs.execute_async(ANYONE, call(hook_ids=("h",)))
    assert "tracestate" in built.run_store.requests[accepted.run_id].trace
    await asyncio.create_task(built.worker.take_up(DueRun(accepted.run_id, "ocr")))
    await told(built)
    assert named(spans) | {"delivery": "run", "commit": "run"} == named(spans)
    assert traces(spans) == {TRACE}
    (sent,) = built.courier.sent
    assert sent.headers["traceparent"].split("-")[1:3] == [TRACE, span_id(spans, "delivery")]
    assert "tracestate" not in sent.headers


async def test_what_is_submitted_and_merged_is_told_within_the_trace_of_its_request(
    spans: InMemorySpanExporter,
) -> None:
    built = await gateway()
    for kind in (EventType.SUBMIT, EventType.OBSERVATION_UPDATE):
        built.records.hooks[kind] = hook(hook_id=kind, event_type=kind)
    await built.executions.create(ANYONE, "e", None, None, hook_ids=list(built.records.hooks))
    with tracing.span("caller", parent=HEADERS):
        await built.deliveries.submit(ANYONE, "e")
        await built.observations.merge(ANYONE, "e", ())
    await told(built)
    assert named(spans) == {"caller": None, "delivery": "caller"}
    assert [each.headers["traceparent"].split("-")[1] for each in built.courier.sent] == [TRACE] * 2


async def test_off_a_receiver_gets_no_trace() -> None:
    built = await gateway()
    built.records.hooks["h"] = hook()
    await built.runs.execute_sync(ANYONE, call(hook_ids=("h",)))
    await told(built)
    (waited,) = built.records.deliveries.values()
    assert waited.event.trace == {}
    assert "traceparent" not in built.courier.sent[0].headers


async def test_a_try_that_was_not_taken_is_a_failed_span(spans: InMemorySpanExporter) -> None:
    built = await gateway()
    built.records.hooks["h"] = hook()
    built.records.tell([delivery(observation=b"{}")])

    async def refuse(_: Letter) -> Receipt:
        return Receipt(failure=Failure.STATUS, status=500)

    built.courier.answer = refuse
    await told(built)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, span.status.is_ok) == ("delivery", SpanKind.CLIENT, False)
    assert span.attributes is not None
    assert span.attributes["error.type"] == "status"


async def test_what_goes_to_triton_carries_the_inference_as_its_parent(spans: InMemorySpanExporter) -> None:
    seen: list[str] = []
    built = await gateway()
    answer = built.engine.answer

    async def noted(inference: object, dispatch: object) -> object:
        seen.append(tracing.carried()["traceparent"])
        return await answer(inference, dispatch)  # type: ignore[arg-type]

    built.engine.answer = noted  # type: ignore[assignment]
    await built.runs.execute_sync(ANYONE, call())
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
