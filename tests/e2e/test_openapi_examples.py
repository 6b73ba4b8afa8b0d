"""The OpenAPI document as a caller uses it: each of its examples is sent, and each answer is held against it."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from e2e.served import until

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
#: What must come before all else, and what must come last.
FIRST = ("createHook", "createExecution", "uploadMedia", "createFile", "executeAsync", "executeSync")
LAST = ("listExecutionDeliveries", "listHookDeliveries", "getDelivery", "resendDelivery")
LAST += ("deleteMedia", "deleteFile", "deleteHook", "deleteExecution")
#: Headers that only some of the answers have.
SOMETIMES = {"Link", "Idempotency-Replayed", "Retry-After"}
#: Headers that are not written as others are.
HEADERS = {"etag": "ETag"}
PLAIN = "text/plain"


@dataclass(frozen=True)
class Request:
    """One request that the document shows: an operation, and an example of its body, if it takes one."""

    path: str
    method: str
    operation: Json
    name: str = ""
    kind: str | None = None
    body: Any = None

    def __str__(self) -> str:
        return f"{self.operation['operationId']} {self.kind or ''} {self.name}".strip()


@pytest.fixture(scope="module")
def document(rest: httpx.Client) -> Json:
    found: Json = rest.get("/openapi.json").raise_for_status().json()
    return found


@pytest.fixture(scope="module")
def png(document: Json) -> bytes:
    """The image that the document shows as base64."""
    upload = document["paths"]["/v1/executions/{executionId}/observation/media"]["post"]["requestBody"]["content"]
    return base64.b64decode(upload[PLAIN]["examples"]["a_PNG_as_base64"]["value"])


def requests(document: Json) -> Iterator[Request]:
    for path, item in document["paths"].items():
        for method in (each for each in METHODS if each in item):
            operation = item[method]
            body = operation.get("requestBody")
            if body is None or not body["required"]:
                yield Request(path, method, operation)
            for kind, content in (body or {"content": {}})["content"].items():
                for name, example in content.get("examples", {}).items():
                    yield Request(path, method, operation, name, kind, example["value"])


def place(request: Request) -> int:
    name = request.operation["operationId"]
    if name in FIRST:
        return FIRST.index(name)
    return len(FIRST) + (1 + LAST.index(name) if name in LAST else 0)


class Caller:
    """Sends what the document shows, with IDs that there are."""

    def __init__(self, client: httpx.Client, document: Json):
        self._client = client
        self._document = document
        self._known: dict[str, str] = {}

    def send(self, request: Request) -> httpx.Response:
        """The answer, which is as the document says."""
        if request.operation["operationId"] == "cancelRun":
            self._known["runId"] = self._put_off()
        if request.operation["operationId"] == "getArtifact":
            self._known["artifactId"] = self._drawn()
        address = request.path.format(**self._parameters(request))
        given: Json = {"json": request.body} if request.kind == "application/json" else {"content": request.body}
        headers = {"content-type": request.kind} if request.kind else {}
        response = self._client.request(request.method, address, headers=headers, **given)
        self.check(request.operation, response, str(request))
        self._learn(request, response)
        return response

    def check(self, operation: Json, response: httpx.Response, name: str) -> None:
        """Whether status, headers, type and body are told."""
        told = operation["responses"].get(str(response.status_code))
        assert told is not None, f"{name}: {response.status_code} {response.text}"
        assert set(told.get("headers", {})) - SOMETIMES <= {
            HEADERS.get(each, each.title()) for each in response.headers
        }
        contents = told.get("content", {})
        if not contents:
            assert response.content == b"", name
            return
        kind = response.headers["content-type"].partition(";")[0]
        content = contents.get(kind) or contents.get("*/*")
        assert content is not None, f"{name}: {kind}"
        if kind.endswith("json"):
            schema = {"components": self._document["components"], **content["schema"]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())

    def _parameters(self, request: Request) -> dict[str, str]:
        told = [each for each in request.operation["parameters"] if each.get("in") == "path"]
        return {each["name"]: self._known.get(each["name"], each["example"]) for each in told}

    def _put_off(self) -> str:
        """The ID of a run that does not begin for a while."""
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        body = {"text": "later", "executeAfter": later}
        run_id: str = self._client.post("/v1/pipelines/ocr/executeAsync", json=body).raise_for_status().json()["runId"]
        return run_id

    def _drawn(self) -> str:
        """The ID of an artifact on the execution."""
        told = self._document["paths"]["/v1/pipelines/{pipelineId}/executeSync"]["post"]["requestBody"]["content"]
        examples = told["application/json"]["examples"].values()
        body = next(each["value"] for each in examples if "executionId" in each["value"])
        reply = self._client.post("/v1/pipelines/image_thumbnail/executeSync", json=body).raise_for_status().json()
        artifact_id: str = reply["mediaContents"][0]["artifacts"][0]["artifactId"]
        return artifact_id

    def _learn(self, request: Request, response: httpx.Response) -> None:
        if response.headers.get("x-run-id"):
            self._known["runId"] = response.headers["x-run-id"]
        if request.operation["operationId"] == "submitExecution":
            self._known["deliveryId"] = response.json()[0]["deliveryId"]
        if request.operation["operationId"] == "uploadMedia" and request.name == "a_PNG_as_base64":
            self._known["mediaId"] = response.json()["mediaId"]
        if request.operation["operationId"] == "createFile":
            self._known["fileId"] = response.json()["fileId"]


@pytest.fixture(scope="module")
def caller(rest: httpx.Client, document: Json) -> Caller:
    return Caller(rest, document)


def test_every_example_is_answered_as_the_document_says(rest: httpx.Client, document: Json, caller: Caller) -> None:
    done = set()
    for request in sorted(requests(document), key=place):
        response = caller.send(request)
        assert response.status_code < 300, f"{request}: {response.text}"
        done.add(request.operation["operationId"])
        if "location" in response.headers:
            location = response.headers["location"]
            until(lambda at=location: rest.get(at).json()["state"] == "completed")  # type: ignore[misc]
    assert done == {item[method]["operationId"] for item in document["paths"].values() for method in item}


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "multipart/form-data"])
def test_media_may_be_sent_by_each_type_that_is_told(
    rest: httpx.Client, document: Json, caller: Caller, png: bytes, kind: str
) -> None:
    path = "/v1/executions/{executionId}/observation/media"
    told = document["paths"][path]["post"]
    assert {kind, f"{kind.partition('/')[0]}/*"} & set(told["requestBody"]["content"])
    execution_id = rest.post("/v1/executions", content=b"").json()["executionId"]
    sent: Json = {"content": png, "headers": {"content-type": kind}}
    if kind.startswith("multipart"):
        sent = {"files": [("file", ("a.png", png, "image/png")), ("more", ("b.png", png, "image/png"))]}
    response = rest.post(path.format(executionId=execution_id), **sent)
    caller.check(told, response, kind)
    assert len(response.json()["mediaIds"]) == (2 if kind.startswith("multipart") else 1)
    fetched = rest.get(f"{path.format(executionId=execution_id)}/{response.json()['mediaId']}")
    caller.check(document["paths"][f"{path}/{{mediaId}}"]["get"], fetched, kind)
    assert fetched.content == png


def _run(body: Json, pipeline: str = "image_stats", **query: Any) -> Callable[[httpx.Client], httpx.Response]:
    return lambda client: client.post(f"/v1/pipelines/{pipeline}/executeSync", json=body, params=query)


RUN = "/v1/pipelines/{pipelineId}/executeSync"
LIST = "/v1/executions"
OBSERVATION = "/v1/executions/{executionId}/observation"


@pytest.mark.parametrize(
    ("path", "method", "status", "send"),
    [
        (RUN, "post", 422, _run({"text": "no image"})),
        (RUN, "post", 404, _run({"media": ["QUJD"]}, "never_was")),
        (RUN, "post", 422, _run({"media": ["QUJD"]})),
        (RUN, "post", 422, _run({"media": ["!"]})),
        (RUN, "post", 422, _run({}, envelope="perhaps")),
        (RUN, "post", 400, lambda client: client.post(RUN.format(pipelineId="image_stats"), content=b"{")),
        (LIST, "get", 422, lambda client: client.get(LIST, params={"limit": 0})),
        (LIST, "get", 422, lambda client: client.get(LIST, params={"status": "never"})),
        (LIST, "post", 422, lambda client: client.post(LIST, json={"executionId": "a/b"})),
        (OBSERVATION, "get", 404, lambda client: client.get(OBSERVATION.format(executionId="never-was"))),
    ],
)
def test_a_refusal_is_one_of_those_that_are_told(
    rest: httpx.Client,
    document: Json,
    caller: Caller,
    path: str,
    method: str,
    status: int,
    send: Callable[[httpx.Client], httpx.Response],
) -> None:
    operation = document["paths"][path][method]
    response = send(rest)
    assert response.status_code == status
    caller.check(operation, response, path)
    told = operation["responses"][str(status)]["content"]["application/problem+json"]["examples"]
    assert response.json()["code"] in told


def test_a_transient_observation_is_gone_as_told(
    rest: httpx.Client, document: Json, caller: Caller, png: bytes
) -> None:
    body = {"media": [base64.b64encode(png).decode()], "transient": True}
    execution_id = rest.post(RUN.format(pipelineId="image_stats"), json=body).json()["executionId"]
    response = rest.get(OBSERVATION.format(executionId=execution_id))
    assert response.status_code == 410
    caller.check(document["paths"][OBSERVATION]["get"], response, "transient")


def test_a_list_leads_on_by_the_header_that_is_told(rest: httpx.Client, document: Json) -> None:
    for _ in range(2):
        rest.post(LIST, json={"tag": "paged"}).raise_for_status()
    response = rest.get(LIST, params={"tag": "paged", "limit": 1})
    assert "Link" in document["paths"][LIST]["get"]["responses"]["200"]["headers"]
    assert len(rest.get(response.links["next"]["url"]).json()) == 1


@pytest.mark.parametrize("page", ["/docs", "/redoc", "/openapi.yaml", "/docs/assets/redoc.js"])
def test_the_pages_are_served(rest: httpx.Client, page: str) -> None:
    assert rest.get(page).status_code == 200
