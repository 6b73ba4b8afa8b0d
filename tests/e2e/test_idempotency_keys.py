"""Calls under an idempotency key are done once, however often they are asked, over both doors."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import grpc
import httpx
import pytest

from e2e.held import Held, accepted, call, encoded, refused, texts
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc


@pytest.fixture
def key() -> str:
    return f"order {uuid4()}"


@pytest.fixture
def execution(small_rest: httpx.Client) -> str:
    name: str = small_rest.post("/v1/executions").json()["executionId"]
    return name


def test_a_call_in_the_background_is_accepted_once_though_asked_twice_at_once(
    small_rest: httpx.Client, key: str, execution: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(call, small_rest, "say", encoded("a"), key=key, executionId=execution) for _ in range(4)]
        replies = [each.result() for each in asking]
    assert [each.status_code for each in replies] == [202] * 4
    (run_id,) = {each.json()["runId"] for each in replies}
    assert sorted(each.headers.get("idempotency-replayed", "") for each in replies) == ["", "true", "true", "true"]
    small_rest.get(f"/v1/runs/{run_id}", params={"wait": "50"})
    assert texts(small_rest, execution) == ["a"]
    assert len(small_rest.get(f"/v1/executions/{execution}/runs").json()) == 1


def test_a_call_that_is_waited_for_is_done_once_though_asked_twice_at_once(
    small_rest: httpx.Client, new_folder: Path, key: str, execution: str
) -> None:
    held = Held(new_folder)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, small_rest, "hold", held.media, "executeSync", key, executionId=execution)
        held.begun()
        try:
            second = call(small_rest, "hold", held.media, "executeSync", key, executionId=execution)
            refused(second, 409, "idempotency.in_flight")
            assert second.headers["retry-after"] == "1"
        finally:
            held.let_go()
        answer = first.result()
    again = call(small_rest, "hold", held.media, "executeSync", f'"{key}"', executionId=execution)
    assert (answer.status_code, again.status_code) == (200, 200)
    assert again.content == answer.content
    assert again.headers["x-run-id"] == answer.headers["x-run-id"]
    assert "idempotency-replayed" not in answer.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert texts(small_rest, execution) == ["held"]
    assert held.times() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"media": encoded("b")},
        {"tag": "other"},
        {"how": "executeSync/json"},
        {"how": "executeSync/transform"},
        {"how": "executeAsync"},
    ],
    ids=str,
)
def test_a_key_is_for_one_call_and_no_other(small_rest: httpx.Client, key: str, other: dict[str, str]) -> None:
    asked = {"media": encoded("a"), "how": "executeSync", "key": key}
    assert call(small_rest, "say", **asked).status_code == 200
    refused(call(small_rest, "say", **(asked | other)), 422, "idempotency.reused")


def test_each_form_of_an_answer_is_given_again(small_rest: httpx.Client) -> None:
    for how in ("executeSync", "executeSync/json", "executeSync/transform"):
        name = str(uuid4())
        first, again = (call(small_rest, "say", encoded("a"), how, name) for _ in range(2))
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert again.headers["idempotency-replayed"] == "true"


def test_the_envelope_is_no_other_call(small_rest: httpx.Client, key: str) -> None:
    first = call(small_rest, "say", encoded("a"), "executeSync", key)
    again = call(small_rest, "say", encoded("a"), "executeSync?envelope=true", key)
    assert again.json()["observation"] == first.json()


def test_a_call_that_failed_fails_again_as_it_did(small_rest: httpx.Client, key: str) -> None:
    first, again = (call(small_rest, "say", "/w==", "executeSync", key) for _ in range(2))
    assert first.status_code == again.status_code == 502
    assert first.json() | {"request_id": ""} == again.json() | {"request_id": ""}
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


def test_what_a_transient_call_found_is_gone(small_rest: httpx.Client, key: str) -> None:
    assert call(small_rest, "say", encoded("a"), "executeSync", key, transient=True).status_code == 200
    refused(call(small_rest, "say", encoded("a"), "executeSync", key, transient=True), 410, "result.gone")


@pytest.mark.parametrize("bad", ["x" * 256, "a\tb", " "])
def test_a_key_of_another_form_is_refused(small_rest: httpx.Client, bad: str) -> None:
    reply = call(small_rest, "say", encoded("a"), "executeSync", f'"{bad}"')
    refused(reply, 422, "input.invalid")
    assert reply.json()["field"] == "Idempotency-Key"


def test_a_refusal_at_the_door_is_not_remembered(small_rest: httpx.Client, key: str) -> None:
    refused(call(small_rest, "never", encoded("a"), "executeSync", key), 404, "pipeline.not_found")
    assert call(small_rest, "say", encoded("a"), "executeSync", key).status_code == 200


def test_a_call_may_go_on_when_its_caller_waits_no_longer(small_rest: httpx.Client, new_folder: Path, key: str) -> None:
    held = Held(new_folder)
    asked = {"how": "executeSync", "key": key, "onTimeout": "continue"}
    late = call(small_rest, "hold", held.media, **asked, timeout=0.5)
    refused(late, 504, "run.timeout")
    run_id = late.json()["runId"]
    assert late.headers["location"] == f"/v1/runs/{run_id}"
    assert late.headers["x-execution-id"] == late.json()["executionId"]
    assert not small_rest.get(f"/v1/runs/{run_id}").json()["done"]
    held.let_go()
    again = call(small_rest, "hold", held.media, **asked, timeout=50)
    assert (again.status_code, again.headers["x-run-id"]) == (200, run_id)
    assert [each["rawText"] for each in again.json()["mediaContents"]] == ["held"]
    assert small_rest.get(f"/v1/runs/{run_id}").json()["state"] == "completed"


def test_a_call_that_goes_on_is_answered_with_what_it_found(small_rest: httpx.Client) -> None:
    reply = call(small_rest, "say", encoded("a"), "executeSync", onTimeout="continue", priority="high")
    assert reply.status_code == 200
    run = small_rest.get(f"/v1/runs/{reply.headers['x-run-id']}").json()
    assert (run["state"], run["priority"], len(run["attempts"])) == ("completed", "high", 1)
    assert reply.json() == small_rest.get(f"/v1/executions/{run['executionId']}/observation").json()


def test_both_doors_know_the_same_keys(small_rest: httpx.Client, small_channel: grpc.Channel, key: str) -> None:
    stub = pipelines_pb2_grpc.PipelinesStub(small_channel)
    asked = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=b"a")], idempotency_key=key)
    first = stub.ExecuteSync(asked, timeout=60)
    assert not first.replayed
    asked.ClearField("idempotency_key")
    again = stub.ExecuteSync(asked, timeout=50, metadata=(("idempotency-key", key),))
    assert again == pipelines_pb2.ExecuteSyncResponse(
        execution_id=first.execution_id, run_id=first.run_id, observation=first.observation, replayed=True
    )
    rest = call(small_rest, "say", encoded("a"), "executeSync", key)
    assert rest.json() == json.loads(first.observation)


def test_what_is_accepted_by_grpc_is_accepted_once(
    small_rest: httpx.Client, small_channel: grpc.Channel, key: str
) -> None:
    stub = pipelines_pb2_grpc.PipelinesStub(small_channel)
    asked = pipelines_pb2.ExecuteAsyncRequest(
        call=pipelines_pb2.ExecuteSyncRequest(
            pipeline_id="say", media=[media_pb2.Media(data=b"a")], idempotency_key=key
        )
    )
    first, again = (stub.ExecuteAsync(asked, timeout=60) for _ in range(2))
    assert (first.run_id, first.replayed, again.replayed) == (again.run_id, False, True)
    assert accepted(small_rest, "say", encoded("a"), key=key)["runId"] == first.run_id
