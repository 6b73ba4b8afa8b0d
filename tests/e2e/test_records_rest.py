"""Executions, media, runs in the background and transforms, over REST."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from e2e.served import until

Document = Callable[[str], bytes]
ENDLESS = "($f := function($n) { $f($n + 1) }; $f(0))"
TRANSFORM = "/v1/executions/{}/observation/transform"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def new(client: httpx.Client, **fields: object) -> str:
    reply = client.post("/v1/executions", json=fields)
    assert reply.status_code == 200, reply.text
    name: str = reply.json()["executionId"]
    return name


def say(client: httpx.Client, *texts: str, how: str = "executeSync", **fields: object) -> httpx.Response:
    body = ({"media": [encoded(text) for text in texts]} if texts else {}) | fields
    return client.post(f"/v1/pipelines/say/{how}", json=body)


def texts(client: httpx.Client, execution_id: str, **query: object) -> list[str]:
    reply = client.get(f"/v1/executions/{execution_id}/observation", params=query)
    assert reply.status_code == 200, reply.text
    return [entry["rawText"] for entry in reply.json()["mediaContents"]]


def pages(client: httpx.Client, path: str) -> list[list[dict[str, object]]]:
    """Every page of a list, by its links."""
    found = []
    following: str | None = path
    while following is not None:
        reply = client.get(following)
        assert reply.status_code == 200, reply.text
        found.append(reply.json())
        following = reply.links.get("next", {}).get("url")
    return found


def ended(client: httpx.Client, run_id: str) -> dict[str, object]:
    """The run, once it has ended."""
    path = f"/v1/runs/{run_id}"
    until(lambda: client.get(path).json()["state"] not in ("queued", "running"), 60)
    run: dict[str, object] = client.get(path).json()
    return run


def refused(reply: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    assert (reply.status_code, reply.json()["code"], reply.json().get("field")) == (status, code, field), reply.text


def test_an_execution_is_created_once_and_stays_as_it_is(small_rest: httpx.Client) -> None:
    name = f"mine.{uuid4()}"
    first = small_rest.post(
        "/v1/executions", content=b'{"executionId":"%b","tag":"one","metaData":{"a":1.50}}' % name.encode()
    )
    assert first.status_code == 200
    assert b'"metaData":{"a":1.50}' in first.content
    second = small_rest.post("/v1/executions", json={"executionId": name, "tag": "two"})
    assert (second.status_code, second.content) == (204, b"")
    assert small_rest.get(f"/v1/executions/{name}").json() == first.json()


def test_an_execution_is_created_without_any_body(small_rest: httpx.Client) -> None:
    reply = small_rest.post("/v1/executions")
    assert reply.status_code == 200
    assert set(reply.json()) == {"executionId", "createdAt", "expiresAt"}


def test_a_deleted_execution_is_gone_with_all_that_belongs_to_it(small_rest: httpx.Client) -> None:
    run_id = say(small_rest, "a").headers["x-run-id"]
    name = small_rest.get(f"/v1/runs/{run_id}").json()["executionId"]
    assert small_rest.delete(f"/v1/executions/{name}").status_code == 204
    refused(small_rest.delete(f"/v1/executions/{name}"), 404, "execution.not_found")
    refused(small_rest.get(f"/v1/executions/{name}/observation"), 404, "execution.not_found")
    refused(small_rest.get(f"/v1/runs/{run_id}"), 404, "run.not_found")


def test_executions_are_listed_by_tag_and_status_page_by_page(small_rest: httpx.Client) -> None:
    tag = f"täg & {uuid4()}"
    ran = [say(small_rest, "x", tag=tag).json()["executionId"] for _ in range(3)]
    waiting = [new(small_rest, tag=tag) for _ in range(2)]
    path = str(httpx.URL("/v1/executions", params={"tag": tag, "limit": 2}))
    listed = [[each["executionId"] for each in page] for page in pages(small_rest, path)]
    assert listed == [waiting[::-1], [ran[2], ran[1]], [ran[0]]]
    completed = small_rest.get("/v1/executions", params={"tag": tag, "status": "COMPLETED"})
    assert [each["executionId"] for each in completed.json()] == ran[::-1]
    assert "link" not in completed.headers
    assert small_rest.get("/v1/executions", params={"tag": "never"}).json() == []


@pytest.mark.parametrize("how", ["raw", "base64", "multipart"])
def test_media_comes_back_byte_for_byte_with_its_type(small_rest: httpx.Client, document: Document, how: str) -> None:
    image, name = document("receipt.jpg"), new(small_rest)
    path = f"/v1/executions/{name}/observation/media"
    sent = {
        "raw": {"content": image, "headers": {"content-type": "image/jpeg"}},
        "base64": {"content": base64.b64encode(image), "headers": {"content-type": "image/jpeg"}},
        "multipart": {"files": [("media", ("a.jpg", image, "image/jpeg"))]},
    }[how]
    reply = small_rest.post(path, **sent)  # type: ignore[arg-type]
    assert reply.status_code == 200, reply.text
    media_id = reply.json()["mediaId"]
    (listed,) = small_rest.get(path).json()
    assert (listed["mediaId"], listed["contentType"], listed["size"]) == (media_id, "image/jpeg", len(image))
    fetched = small_rest.get(f"{path}/{media_id}")
    assert fetched.content == image
    assert fetched.headers["content-type"] == "image/jpeg"
    assert small_rest.delete(f"{path}/{media_id}").status_code == 204
    refused(small_rest.get(f"{path}/{media_id}"), 404, "media.not_found")
    assert small_rest.get(path).json() == []


def test_many_files_of_one_form_are_stored_in_their_order(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    path = f"/v1/executions/{name}/observation/media"
    files = [("media", (f"{text}.txt", text.encode(), "text/plain")) for text in ("one", "two", "three")]
    reply = small_rest.post(path, files=files).json()
    assert reply["mediaId"] == reply["mediaIds"][0]
    fetched = [small_rest.get(f"{path}/{each}") for each in reply["mediaIds"]]
    assert [each.text for each in fetched] == ["one", "two", "three"]
    listed = small_rest.get(path).json()
    assert [each.headers["content-type"] for each in fetched] == [each["contentType"] for each in listed]
    assert [each["mediaId"] for each in small_rest.get(path).json()] == reply["mediaIds"]


def test_text_is_kept_in_the_alphabet_it_was_declared_in(small_rest: httpx.Client) -> None:
    path = f"/v1/executions/{new(small_rest)}/observation/media"
    for kind in ("text/plain", "text/plain; charset=iso-8859-1"):
        media_id = small_rest.post(path, content=b"gr\xfc\xdfe", headers={"content-type": kind}).json()["mediaId"]
        assert small_rest.get(f"{path}/{media_id}").headers["content-type"] == kind
    assert [each["contentType"] for each in small_rest.get(path).json()] == [
        "text/plain",
        "text/plain; charset=iso-8859-1",
    ]


def test_media_that_is_refused_says_why(small_rest: httpx.Client) -> None:
    path = f"/v1/executions/{new(small_rest)}/observation/media"
    refused(small_rest.post(path, content=b"\x00\x01\x02"), 415, "media.unsupported")
    refused(small_rest.post(path, content=b""), 422, "input.invalid")
    refused(small_rest.post("/v1/executions/never/observation/media", content=b"%PDF-1.7"), 404, "execution.not_found")


def upload(client: httpx.Client, execution_id: str, *words: str) -> list[str]:
    path, headers = f"/v1/executions/{execution_id}/observation/media", {"content-type": "text/plain"}
    return [client.post(path, content=each.encode(), headers=headers).json()["mediaId"] for each in words]


def test_which_media_run_is_the_callers_choice(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    one, two, three = upload(small_rest, name, "one", "two", "three")
    every = say(small_rest, executionId=name).json()["mediaContents"]
    assert [(each["mediaId"], each["rawText"]) for each in every] == [(one, "one"), (two, "two"), (three, "three")]
    chosen = say(small_rest, executionId=name, mediaIds=[three, one]).json()["mediaContents"]
    assert [each["mediaId"] for each in chosen] == [three, one]
    brought = say(small_rest, "brought", executionId=name).json()["mediaContents"]
    assert [(each["mediaId"], each["rawText"]) for each in brought] == [("media-1", "brought")]
    text = say(small_rest, executionId=name, text="text").json()["mediaContents"]
    assert [each["rawText"] for each in text] == ["text"]
    assert texts(small_rest, name) == ["one", "two", "three", "three", "one", "brought", "text"]
    refused(say(small_rest, executionId=name, mediaIds=["never"]), 404, "media.not_found", "mediaIds[0]")


def test_an_idempotent_run_takes_the_place_of_what_its_pipeline_found(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    for text in ("one", "two"):
        assert say(small_rest, text, executionId=name, idempotent=True).status_code == 200
    assert texts(small_rest, name) == ["two"]
    assert texts(small_rest, name, superseded=True) == ["one", "two"]


def test_an_observation_is_merged_and_can_be_sent_along(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    path = f"/v1/executions/{name}/observation"
    known = say(small_rest, "found", executionId=name).json()["mediaContents"][0]
    mine = {"mediaContents": [known | {"rawText": "corrected"}, {"id": "own", "rawText": "mine"}]}
    assert small_rest.post(path, json=mine).status_code == 204
    assert texts(small_rest, name) == ["corrected", "mine"]
    sent = {"mediaContents": [{"id": "own", "rawText": "again"}, {"rawText": "more"}]}
    answer = say(small_rest, "new", executionId=name, observation=sent)
    assert [each["rawText"] for each in answer.json()["mediaContents"]] == ["again", "more", "new"]
    assert texts(small_rest, name) == ["corrected", "again", "more", "new"]


def test_an_observation_is_read_in_pages(small_rest: httpx.Client) -> None:
    name = say(small_rest, *map(str, range(5))).json()["executionId"]
    found = pages(small_rest, f"/v1/executions/{name}/observation?limit=2")
    read = [[entry["rawText"] for entry in page["mediaContents"]] for page in found]  # type: ignore[call-overload]
    assert read == [["0", "1"], ["2", "3"], ["4"]]


def test_a_run_in_the_background_ends_and_its_observation_is_there(small_rest: httpx.Client) -> None:
    meta_data = {"order": 7}
    reply = say(small_rest, "a", "b", how="executeAsync", tag="later", metaData=meta_data)
    assert reply.status_code == 202
    assert reply.headers["location"] == f"/v1/runs/{reply.json()['runId']}"
    run = ended(small_rest, reply.json()["runId"])
    assert (run["state"], run["attempt"], run["mediaCount"]) == ("completed", 1, 2)
    assert texts(small_rest, reply.json()["executionId"]) == ["a", "b"]
    execution = small_rest.get(f"/v1/executions/{reply.json()['executionId']}").json()
    assert (execution["status"], execution["tag"], execution["metaData"]) == ("COMPLETED", "later", meta_data)


def test_runs_in_the_background_append_seeds_and_what_they_find(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    upload(small_rest, name, "stored")
    sent = {"mediaContents": [{"id": "seed", "rawText": "seed"}]}
    for fields in ({"observation": sent}, {"observation": sent, "idempotent": True}):
        run_id = say(small_rest, how="executeAsync", executionId=name, **fields).json()["runId"]
        assert ended(small_rest, run_id)["state"] == "completed"
    assert texts(small_rest, name) == ["seed", "stored"]
    assert texts(small_rest, name, superseded=True) == ["seed", "stored", "stored"]
    assert len(small_rest.get(f"/v1/executions/{name}/runs").json()) == 2


def test_many_runs_in_the_background_all_end(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    replies = [say(small_rest, str(number), how="executeAsync", executionId=name) for number in range(40)]
    states = [ended(small_rest, reply.json()["runId"])["state"] for reply in replies]
    assert states == ["completed"] * 40
    assert sorted(map(int, texts(small_rest, name))) == list(range(40))


def test_a_run_in_the_background_that_fails_says_why_in_its_record(small_rest: httpx.Client) -> None:
    body = {"media": [base64.b64encode(b"\xff").decode()]}
    accepted = small_rest.post("/v1/pipelines/say/executeAsync", json=body).json()
    run = ended(small_rest, accepted["runId"])
    assert (run["state"], run["error"]["code"]) == ("failed", "triton.failed")  # type: ignore[index]
    execution = small_rest.get(f"/v1/executions/{accepted['executionId']}").json()
    assert (execution["status"], execution["error"]["code"]) == ("FAILED", "triton.failed")


def test_labels_become_keys(small_rest: httpx.Client) -> None:
    direct = say(small_rest, "a", "b", how="executeSync/json")
    assert direct.json() == {"label": ["a", "b"]}
    stored = small_rest.get(f"/v1/executions/{direct.headers['x-execution-id']}/observation/json")
    assert stored.content == direct.content
    assert stored.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/json", "application/json"),
        ("text/html, application/json;q=0.5", "application/json"),
    ],
)
def test_a_transform_is_answered_in_the_type_that_the_caller_names(
    small_rest: httpx.Client, accept: str | None, content_type: str
) -> None:
    headers = {} if accept is None else {"accept": accept}
    body = {"media": [encoded("ü")], "transform": "mediaContents[0].rawText"}
    direct = small_rest.post("/v1/pipelines/say/executeSync/transform", json=body, headers=headers)
    assert (direct.status_code, direct.headers["content-type"]) == (200, content_type)
    assert direct.content == '"ü"'.encode()
    path = TRANSFORM.format(direct.headers["x-execution-id"])
    stored = small_rest.post(path, content=body["transform"], headers=headers)
    assert (stored.content, stored.headers["content-type"]) == (direct.content, content_type)


def test_nothing_is_null(small_rest: httpx.Client) -> None:
    direct = say(small_rest, "a", how="executeSync/transform", transform="never.there")
    assert (direct.status_code, direct.content) == (200, b"null")
    stored = small_rest.post(TRANSFORM.format(direct.headers["x-execution-id"]), content="never.there")
    assert stored.content == b"null"


def test_a_pipeline_has_a_transform_of_its_own(small_rest: httpx.Client) -> None:
    assert say(small_rest, "a", "b", how="executeSync/transform").json() == ["a", "b"]
    listed = {each["pipelineId"]: each.get("transform") for each in small_rest.get("/v1/pipelines").json()}
    assert listed == {"say": "mediaContents.rawText", "parameters": None, "hold": None}
    body = {"media": [encoded("x")]}
    reply = small_rest.post("/v1/pipelines/parameters/executeSync/transform", json=body)
    refused(reply, 422, "input.invalid", "transform")


def test_an_expression_that_is_none_is_refused(small_rest: httpx.Client) -> None:
    name = say(small_rest, "a").json()["executionId"]
    for wrong in ("mediaContents[", "", "$nothing()"):
        reply = small_rest.post(TRANSFORM.format(name), content=wrong)
        assert (reply.status_code, reply.json()["code"]) == (422, "transform.invalid"), wrong
    reply = small_rest.post(TRANSFORM.format(name), content=b"\xff")
    refused(reply, 422, "transform.invalid")


def test_an_expression_that_never_ends_is_stopped_while_others_are_answered(small_rest: httpx.Client) -> None:
    name = say(small_rest, "a").json()["executionId"]
    with ThreadPoolExecutor() as threads:
        endless = threads.submit(small_rest.post, TRANSFORM.format(name), content=ENDLESS)
        others = 0
        while not endless.done():
            assert say(small_rest, "b").status_code == 200
            assert small_rest.post(TRANSFORM.format(name), content="1 + 1").content == b"2"
            others += 1
    refused(endless.result(), 422, "transform.limit")
    assert others > 0


def test_what_a_transient_call_found_is_gone(small_rest: httpx.Client) -> None:
    reply = say(small_rest, "a", transient=True, tag="never", metaData={"a": 1})
    assert reply.json()["mediaContents"][0]["rawText"] == "a"
    name = reply.json()["executionId"]
    for path in ("observation", "observation/json"):
        refused(small_rest.get(f"/v1/executions/{name}/{path}"), 410, "result.gone")
    refused(small_rest.post(TRANSFORM.format(name), content="1"), 410, "result.gone")
    execution = small_rest.get(f"/v1/executions/{name}").json()
    assert execution["status"] == "COMPLETED"
    assert not {"tag", "metaData"} & set(execution)
    assert small_rest.get(f"/v1/runs/{reply.headers['x-run-id']}").json()["state"] == "completed"


@pytest.mark.parametrize("how", ["executeSync", "executeAsync"])
def test_runtime_parameters_reach_every_step(small_rest: httpx.Client, how: str) -> None:
    given = {"level": 3, "exact": True, "name": "ü", "share": 0.5}
    body = {"media": [encoded("x")], "runtimeParameters": given}
    reply = small_rest.post(f"/v1/pipelines/parameters/{how}", json=body)
    assert reply.status_code in (200, 202), reply.text
    ended(small_rest, reply.headers["x-run-id"])
    name = reply.headers["x-execution-id"]
    (entry,) = small_rest.get(f"/v1/executions/{name}/observation").json()["mediaContents"]
    assert [{key: step.get(key) for key in given} for step in entry["json"]] == [given, given]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("executions", {"wrong": 1}, 422, "input.invalid", "wrong"),
        ("executions", {"executionId": "a/b"}, 422, "input.invalid", "executionId"),
        ("executions", {"executionId": ".."}, 422, "input.invalid", "executionId"),
        ("executions", {"tag": "x" * 257}, 422, "input.invalid", "tag"),
        ("executions", {"metaData": [1]}, 422, "input.invalid", "metaData"),
        ("executions", {"metaData": {"a": "x" * 70_000}}, 422, "input.invalid", "metaData"),
        ("pipelines/say/executeAsync", {"text": "x", "wrong": 1}, 422, "input.invalid", "wrong"),
        ("pipelines/say/executeAsync", {"text": "x", "transient": True}, 422, "input.invalid", "transient"),
        ("pipelines/say/executeAsync", {}, 422, "input.invalid", "media"),
        ("pipelines/never/executeAsync", {"text": "x"}, 404, "pipeline.not_found", None),
        ("pipelines/say/executeAsync", {"text": "x", "executionId": "never"}, 404, "execution.not_found", None),
        ("pipelines/say/executeSync", {"mediaIds": ["a"]}, 422, "input.invalid", "mediaIds"),
        ("pipelines/say/executeSync", {"text": "x", "pageRange": "0"}, 422, "input.invalid", "pageRange"),
        ("pipelines/say/executeSync", {"text": "x", "trySimpleText": 1}, 422, "input.invalid", "trySimpleText"),
        ("pipelines/say/executeSync", {"text": "x", "runtimeParameters": {"a": {}}}, 422, "input.invalid", None),
        ("pipelines/say/executeSync", {"text": "x", "observation": {"a": 1}}, 422, "observation.invalid", "a"),
        ("executions/never/observation", {"mediaContents": []}, 404, "execution.not_found", None),
        ("executions/never/observation", {"documents": [{}]}, 422, "observation.invalid", "documents"),
        ("executions/never/observation", [], 422, "observation.invalid", None),
    ],
)
def test_what_cannot_be_is_refused(
    small_rest: httpx.Client, path: str, body: object, status: int, code: str, field: str | None
) -> None:
    reply = small_rest.post(f"/v1/{path}", json=body)
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    assert field is None or reply.json()["field"] == field


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("executions?limit=0", "limit"),
        ("executions?limit=1001", "limit"),
        ("executions?cursor=x", "cursor"),
        ("executions?status=WRONG", "status"),
        ("executions/never/observation?limit=x", "limit"),
        ("executions/never/observation?cursor=x", "cursor"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(small_rest: httpx.Client, path: str, field: str) -> None:
    refused(small_rest.get(f"/v1/{path}"), 422, "input.invalid", field)


def test_what_is_streamed_is_one_json_document(small_rest: httpx.Client) -> None:
    name = new(small_rest)
    many = {"mediaContents": [{"id": f"e{number}", "n": number} for number in range(1201)]}
    assert small_rest.post(f"/v1/executions/{name}/observation", json=many).status_code == 204
    with small_rest.stream("GET", f"/v1/executions/{name}/observation") as reply:
        assert reply.headers["content-type"] == "application/json"
        found = json.loads(b"".join(reply.iter_bytes()))
    assert [entry["n"] for entry in found["mediaContents"]] == list(range(1201))
