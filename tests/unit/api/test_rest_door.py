import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.api.rest.app import rest_app
from gateway.api.rest.entry import Entry
from gateway.domain.access import ANYONE
from gateway.domain.ids import is_uuid, new_id
from gateway.domain.pipelines import PipelineStatus
from gateway.errors import Internal, MediaUnreadable, StorageUnavailable, TritonUnavailable
from unit.fakes import EXECUTION_ID, RUN_ID, Gateway, answering, failing, finished_run, gateway, pipeline

EXECUTE = "/v1/pipelines/ocr/executeSync"
MEDIA = {"media": ["YWJj"]}


@contextlib.asynccontextmanager
async def door(built: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Entry(rest_app(built.services)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def refused(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"] == body["message"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


async def test_a_call_is_answered_with_the_observation_itself() -> None:
    built = await gateway(answer=answering(b'{ "rawText" :"hello", "x":1e2}'))
    async with door(built) as client:
        response = await client.post(EXECUTE, json=MEDIA, headers={"X-Request-Id": "req-1"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"] == "req-1"
    (finished,) = built.records.finished
    assert response.headers["x-execution-id"] == finished.run.execution_id
    assert response.headers["x-run-id"] == finished.run.run_id
    body = response.json()
    assert list(body) == ["executionId", "mediaContents", "documents"]
    assert b'"rawText" :"hello", "x":1e2}' in response.content


async def test_an_envelope_names_the_run_beside_the_observation() -> None:
    built = await gateway()
    async with door(built) as client:
        response = await client.post(EXECUTE, params={"envelope": "true"}, json=MEDIA)
    body = response.json()
    assert list(body) == ["executionId", "runId", "observation"]
    assert body["executionId"] == body["observation"]["executionId"] == response.headers["x-execution-id"]
    assert body["runId"] == response.headers["x-run-id"]


async def test_a_request_without_a_proper_name_gets_one() -> None:
    async with door(await gateway()) as client:
        response = await client.post(EXECUTE, json=MEDIA, headers={"X-Request-Id": "not proper"})
    assert is_uuid(response.headers["x-request-id"])


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"{", 400, "request.malformed", None),
        (b"", 400, "request.malformed", None),
        (b"[]", 422, "input.invalid", None),
        (b'{"media":["!"]}', 422, "input.invalid", "media[0]"),
        (b'{"media":[]}', 422, "input.invalid", "media"),
        (b'{"wrong":1}', 422, "input.invalid", "wrong"),
        (b'{"media":["YWJj"],"inputs":{"WRONG":1}}', 422, "input.invalid", "inputs.WRONG"),
        (b'{"media":["YWJj"],"timeout":0}', 422, "input.invalid", "timeout"),
    ],
)
async def test_a_bad_call_is_refused_and_leaves_nothing(body: bytes, status: int, code: str, field: str | None) -> None:
    built = await gateway()
    async with door(built) as client:
        response = await client.post(EXECUTE, content=body)
    assert refused(response, status, code).get("field") == field
    assert built.records.finished == []
    assert built.admission.taken == 0


async def test_a_body_larger_than_the_limit_is_refused() -> None:
    async with door(await gateway(max_body_bytes=100)) as client:
        refused(await client.post(EXECUTE, content=b" " * 101), 413, "request.too_large")


async def test_a_call_past_the_last_place_is_refused_before_its_body_is_read() -> None:
    built = await gateway(places=1)
    async with door(built) as client:
        with built.admission.place(ANYONE):
            response = await client.post(EXECUTE, content=b"not even json")
    refused(response, 429, "queue.full")
    assert response.headers["retry-after"] == "1"


async def test_a_gateway_that_stops_takes_no_calls_but_lives() -> None:
    built = await gateway()
    built.admission.close()
    async with door(built) as client:
        refused(await client.post(EXECUTE, json=MEDIA), 503, "gateway.draining")
        assert (await client.get("/health")).json() == {"status": "ok"}
        assert (await client.get("/ready")).status_code == 503


async def test_a_body_that_does_not_arrive_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.rest.body.BODY_TIMEOUT", 0.001)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    built = await gateway()
    async with door(built) as client:
        refused(await client.post(EXECUTE, content=endless()), 408, "request.incomplete")
    assert built.admission.taken == 0


async def test_a_run_that_failed_names_its_records() -> None:
    built = await gateway(answer=failing(MediaUnreadable("Step decode refused it: no.")))
    async with door(built) as client:
        response = await client.post(EXECUTE, json=MEDIA)
    body = refused(response, 422, "media.unreadable")
    (finished,) = built.records.finished
    assert (body["field"], body["runId"]) == ("media[0]", finished.run.run_id)
    assert response.headers["x-run-id"] == finished.run.run_id
    assert response.headers["x-execution-id"] == finished.run.execution_id


async def test_what_nobody_foresaw_shows_a_fixed_text(caplog: pytest.LogCaptureFixture) -> None:
    built = await gateway(answer=failing(ZeroDivisionError("secret")))
    async with door(built) as client:
        response = await client.post(EXECUTE, json=MEDIA)
    assert refused(response, 500, "internal")["message"] == Internal().message
    assert "run.broke" in [record.getMessage() for record in caplog.records]
    assert built.admission.taken == 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nowhere", "route.not_found"),
        ("/v1/pipelines/never", "pipeline.not_found"),
        ("/v1/pipelines/never/definition", "pipeline.not_found"),
        ("/v1/executions/never", "execution.not_found"),
        ("/v1/executions/never/observation", "execution.not_found"),
        ("/v1/executions/never/runs", "execution.not_found"),
        ("/v1/runs/never", "run.not_found"),
    ],
)
async def test_what_is_not_there_is_not_found(path: str, code: str) -> None:
    async with door(await gateway()) as client:
        refused(await client.get(path), 404, code)


async def test_an_address_that_takes_another_method_says_so() -> None:
    async with door(await gateway()) as client:
        refused(await client.get(EXECUTE), 405, "route.method_not_allowed")


async def test_pipelines_are_listed_and_shown_with_their_graph() -> None:
    built = await gateway(pipeline("ocr"), pipeline("image_stats", status=PipelineStatus.LOADING))
    async with door(built) as client:
        listed = (await client.get("/v1/pipelines")).json()
        shown = (await client.get("/v1/pipelines/ocr")).json()
        graph = (await client.get("/v1/pipelines/ocr/definition")).json()
    assert [(each["pipelineId"], each["status"]) for each in listed] == [("image_stats", "LOADING"), ("ocr", "READY")]
    assert shown == {"pipeline": listed[1], "pipelineDefinition": graph}
    assert [each["modelId"] for each in graph["nodes"]] == ["read"]
    assert graph["edges"][0]["dataHandle"] == "IMAGE"


async def test_records_can_be_read() -> None:
    built = await gateway()
    built.records.write(finished_run(content=b'{ "a":1}'))
    async with door(built) as client:
        execution = (await client.get(f"/v1/executions/{EXECUTION_ID}")).json()
        observation = await client.get(f"/v1/executions/{EXECUTION_ID}/observation")
        run = (await client.get(f"/v1/runs/{RUN_ID}")).json()
    assert (execution["status"], execution["duration"], execution["metaData"]) == ("COMPLETED", 2.0, {"a": 1})
    assert observation.headers["content-type"] == "application/json"
    assert json.loads(observation.content)["mediaContents"][0]["a"] == 1
    assert (run["runId"], run["state"]) == (RUN_ID, "completed")


async def test_a_list_of_runs_links_to_its_next_page() -> None:
    built = await gateway()
    for _ in range(3):
        built.records.write(finished_run(run_id=new_id()))
    path: str | None = f"/v1/executions/{EXECUTION_ID}/runs?limit=2"
    pages = []
    async with door(built) as client:
        while path is not None:
            response = await client.get(path)
            pages.append([each["runId"] for each in response.json()])
            path = response.links.get("next", {}).get("url")
    names = [each.run.run_id for each in built.records.finished]
    assert pages == [names[:2], names[2:]]


@pytest.mark.parametrize(
    ("query", "field"), [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor")]
)
async def test_a_bad_parameter_is_refused_by_its_name(query: str, field: str) -> None:
    async with door(await gateway()) as client:
        response = await client.get(f"/v1/executions/{EXECUTION_ID}/runs?{query}")
    assert refused(response, 422, "input.invalid")["field"] == field


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("executions?tag=a%00b", "tag"),
        (f"executions?tag={'x' * 257}", "tag"),
        (f"executions/{EXECUTION_ID}/observation?limit=null", "limit"),
        (f"executions/{EXECUTION_ID}/observation?limit=-1", "limit"),
        (f"executions/{EXECUTION_ID}/runs?cursor=urn:uuid:{RUN_ID}", "cursor"),
        (f"runs/{RUN_ID}/events?after=null", "after"),
        (f"runs/{RUN_ID}/events?after=-1", "after"),
    ],
)
async def test_what_no_store_could_read_is_refused_before_it_is_asked(path: str, field: str) -> None:
    async with door(await gateway()) as client:
        assert refused(await client.get(f"/v1/{path}"), 422, "input.invalid")["field"] == field


async def test_an_observation_without_a_limit_is_whole() -> None:
    built = await gateway()
    built.records.write(finished_run())
    async with door(built) as client:
        whole = await client.get(f"/v1/executions/{EXECUTION_ID}/observation")
        assert (await client.get(f"/v1/executions/{EXECUTION_ID}/observation?limit=0")).content == whole.content


@pytest.mark.parametrize("kind", ["", "; charset=never"])
async def test_a_part_of_a_form_that_is_neither_file_nor_text_is_refused(kind: str) -> None:
    part = f'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain{kind}\r\n\r\n'.encode()
    headers = {"content-type": "multipart/form-data; boundary=b"}
    async with door(await gateway()) as client:
        path = f"/v1/executions/{EXECUTION_ID}/observation/media"
        response = await client.post(path, content=part + b"\x89PNG\r\n--b--\r\n", headers=headers)
    assert refused(response, 422, "input.invalid")["field"] == "media"


async def test_ready_says_which_part_is_away() -> None:
    built = await gateway()
    async with door(built) as client:
        response = await client.get("/ready")
        assert response.status_code == 200
        assert response.json() == {
            "status": "ready",
            "triton": True,
            "database": True,
            "blobs": True,
            "admitting": True,
        }
        built.source.failure = TritonUnavailable()
        response = await client.get("/ready")
    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "triton": False,
        "database": True,
        "blobs": True,
        "admitting": True,
    }


async def test_storage_that_is_away_is_to_be_tried_again() -> None:
    built = await gateway()
    built.records.failure = StorageUnavailable()
    async with door(built) as client:
        response = await client.post(EXECUTE, json=MEDIA)
    refused(response, 503, "storage.unavailable")
    assert response.headers["retry-after"] == "2"
