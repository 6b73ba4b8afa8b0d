"""Hooks over both doors of the installed gateway, to a receiver that checks who signed."""

import base64
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.hooked import hooked
from e2e.served import Served, answers, exited, free_port, serving, start, until
from gateway.v1 import (
    executions_pb2,
    executions_pb2_grpc,
    hooks_pb2,
    hooks_pb2_grpc,
    media_pb2,
    pipelines_pb2,
    pipelines_pb2_grpc,
)

Json = dict[str, Any]
ALLOWED = ("--hooks-allowed", "127.0.0.0/8")


@pytest.fixture(scope="module")
def told(short_folder: Path, small_models: Path) -> Iterator[Served]:
    flags = ("--model-repository", str(small_models), *ALLOWED)
    with serving(short_folder / "hooks", *flags) as served:
        yield served


@pytest.fixture
def rest(told: Served) -> Iterator[httpx.Client]:
    with told.client() as client:
        yield client


def body(text: str, **fields: object) -> Json:
    return {"media": [base64.b64encode(text.encode()).decode()], **fields}


def created(rest: httpx.Client, url: str, **fields: object) -> Json:
    given = {"eventType": "STATUS_CHANGE", "payloadType": "RAW", "endpoint": url}
    reply = rest.post("/v1/hooks", json=given | fields)
    assert reply.status_code == 200, reply.text
    made: Json = reply.json()
    return made


def test_a_hook_of_an_execution_is_told_of_its_runs(rest: httpx.Client) -> None:
    with hooked() as receiver:
        hook = created(rest, receiver.url, statusFilter=["COMPLETED"], headers={"X-Mine": "yes"})
        (secret,) = hook.pop("secrets")
        assert rest.get(f"/v1/hooks/{hook['hookId']}").json() == hook
        execution = rest.post("/v1/executions", json={"hookIds": [hook["hookId"]]}).json()
        assert execution["hookIds"] == [hook["hookId"]]
        name = execution["executionId"]
        assert rest.post("/v1/pipelines/say/executeSync", json=body("one", executionId=name)).status_code == 200
        until(lambda: len(receiver.got) == 1, 10)
        assert receiver.found(0, secret)["mediaContents"][0]["rawText"] == "one"
        assert receiver.got[0][0]["x-mine"] == "yes"
        until(lambda: rest.get(f"/v1/executions/{name}/deliveries").json()[0]["state"] == "delivered", 10)
        (delivery,) = rest.get(f"/v1/hooks/{hook['hookId']}/deliveries").json()
        assert (delivery["status"], delivery["attempt"], delivery["lastStatus"]) == ("COMPLETED", 1, 204)
        again = rest.post(f"/v1/deliveries/{delivery['deliveryId']}/resend")
        assert (again.status_code, again.json()["state"]) == (202, "pending")
        until(lambda: len(receiver.got) == 2, 10)
        assert receiver.ids() == [delivery["deliveryId"]] * 2
        assert rest.delete(f"/v1/hooks/{hook['hookId']}").status_code == 204
        assert rest.get(f"/v1/hooks/{hook['hookId']}").status_code == 404


def test_submitting_tells_with_the_stored_documents(rest: httpx.Client) -> None:
    with hooked() as receiver:
        hook = created(rest, receiver.url, eventType="SUBMIT", payloadType="FORM_JSON")
        name = rest.post("/v1/executions", json={"hookIds": [hook["hookId"]]}).json()["executionId"]
        media = f"/v1/executions/{name}/observation/media"
        assert rest.post(media, content=b"kept", headers={"content-type": "text/plain"}).status_code == 200
        reply = rest.post(f"/v1/executions/{name}/submit")
        assert reply.status_code == 202
        until(lambda: len(receiver.got) == 1, 10)
        assert receiver.ids() == [reply.json()[0]["deliveryId"]]
        headers, form = receiver.got[0]
        assert headers["x-event-type"] == "SUBMIT"
        assert b"\r\nkept\r\n" in form


def test_media_of_a_call_are_sent_along_and_gone_then(rest: httpx.Client, told: Served) -> None:
    with hooked() as receiver:
        hook = created(rest, receiver.url, payloadType="FORM_RAW", statusFilter=["COMPLETED"])
        for way in ("executeSync", "executeAsync"):
            receiver.got.clear()
            assert rest.post(f"/v1/pipelines/say/{way}", json=body("along", hookIds=[hook["hookId"]])).is_success
            until(lambda: len(receiver.got) == 1, 20)
            assert b"\r\nalong\r\n" in receiver.got[0][1]
            until(lambda: not [each for each in (told.data_dir / "blobs" / "runs").rglob("*") if each.is_file()], 10)


def test_every_change_of_a_run_in_the_background_is_told(rest: httpx.Client) -> None:
    with hooked() as receiver:
        hook = created(rest, receiver.url)
        rest.post("/v1/pipelines/say/executeAsync", json=body("two", hookIds=[hook["hookId"]])).raise_for_status()
        until(lambda: len(receiver.got) == 3, 20)
        statuses = {headers["x-execution-status"] for headers, _ in receiver.got}
    assert statuses == {"QUEUED", "RUNNING", "COMPLETED"}


def test_an_address_of_a_single_call_is_told_of_its_end(rest: httpx.Client) -> None:
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    with hooked() as receiver:
        asked = body("three", webhookUrl=receiver.url, webhookSecret=secret)
        run = rest.post("/v1/pipelines/say/executeAsync", json=asked).json()
        until(lambda: len(receiver.got) == 1, 20)
        notice = receiver.found(0, secret)
    assert (notice["type"], notice["data"]["runId"]) == ("run.completed", run["runId"])
    assert "observation" not in notice["data"]


def test_a_call_that_goes_on_is_answered_and_tells_its_own_address(rest: httpx.Client) -> None:
    with hooked() as receiver:
        asked = body("on", webhookUrl=receiver.url, onTimeout="continue")
        reply = rest.post("/v1/pipelines/say/executeSync", json=asked)
        assert (reply.status_code, reply.json()["mediaContents"][0]["rawText"]) == (200, "on")
        until(lambda: len(receiver.got) == 1, 20)
        headers, _ = receiver.got[0]
    assert (headers["x-run-id"], headers["x-execution-status"]) == (reply.headers["x-run-id"], "COMPLETED")


@pytest.mark.parametrize(
    ("fields", "way", "field"),
    [
        ({"transient": True}, "executeAsync", "transient"),
        ({"hookIds": ["never-was"]}, "executeAsync", "hookIds[0]"),
        ({"hookIds": ["never-was"]}, "executeSync", "hookIds[0]"),
        ({"webhookUrl": "http://10.0.0.1/"}, "executeAsync", "webhookUrl"),
        ({"webhookUrl": "http://127.0.0.1/"}, "executeSync", "webhookUrl"),
        ({"webhookUrl": "http://127.0.0.1/", "webhookSecret": "x"}, "executeAsync", "webhookSecret"),
    ],
)
def test_a_call_that_could_tell_nobody_is_refused(rest: httpx.Client, fields: Json, way: str, field: str) -> None:
    reply = rest.post(f"/v1/pipelines/say/{way}", json=body("x", **fields))
    assert (reply.status_code, reply.json()["field"]) == (422, field)


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://[::1]/", "ftp://a.example/", "http://0x7f.1/"])
def test_a_target_inside_is_refused(rest: httpx.Client, url: str) -> None:
    given = {"eventType": "SUBMIT", "payloadType": "RAW", "endpoint": url}
    reply = rest.post("/v1/hooks", json=given)
    # 0x7f.1 is another spelling of an address that this gateway allows, and no spelling that it takes.
    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (
        422,
        "hook.target_forbidden",
        "endpoint",
    )


def test_a_hook_id_is_given_once(rest: httpx.Client) -> None:
    created(rest, "http://127.0.0.1:1/", hookId="mine")
    given = {"hookId": "mine", "eventType": "SUBMIT", "payloadType": "RAW", "endpoint": "http://127.0.0.1:1/"}
    assert rest.post("/v1/hooks", json=given).json()["code"] == "hook.exists"


def test_the_same_over_grpc(told: Served) -> None:
    with hooked() as receiver, told.channel() as channel:
        hooks = hooks_pb2_grpc.HooksStub(channel)
        asked = hooks_pb2.Hook(
            event_type=hooks_pb2.EVENT_TYPE_STATUS_CHANGE,
            endpoint=receiver.url,
            payload_type=hooks_pb2.PAYLOAD_TYPE_RAW,
            status_filter=["COMPLETED"],
        )
        hook = hooks.CreateHook(hooks_pb2.CreateHookRequest(hook=asked))
        (secret,) = hook.secrets
        assert not hooks.GetHook(hooks_pb2.GetHookRequest(hook_id=hook.hook_id)).secrets
        call = pipelines_pb2.ExecuteSyncRequest(
            pipeline_id="say", media=[media_pb2.Media(data=b"four")], transient=True, hook_ids=[hook.hook_id]
        )
        run = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteAsync(pipelines_pb2.ExecuteAsyncRequest(call=call))
        until(lambda: len(receiver.got) == 1, 20)
        assert receiver.found(0, secret)["mediaContents"][0]["rawText"] == "four"
        listing = hooks_pb2.ListDeliveriesRequest(execution_id=run.execution_id)
        done = hooks_pb2.DELIVERY_STATE_DELIVERED
        until(lambda: hooks.ListDeliveries(listing).deliveries[0].state == done, 10)
        (delivery,) = hooks.ListDeliveries(listing).deliveries
        assert hooks.GetDelivery(hooks_pb2.GetDeliveryRequest(delivery_id=delivery.delivery_id)) == delivery
        made = executions_pb2.CreateExecutionRequest(hook_ids=[hook.hook_id])
        execution = executions_pb2_grpc.ExecutionsStub(channel).CreateExecution(made).execution
        assert list(execution.hook_ids) == [hook.hook_id]
        submitted = hooks_pb2.SubmitExecutionRequest(execution_id=execution.execution_id)
        assert not hooks.SubmitExecution(submitted).deliveries
        assert hooks.ListHooks(hooks_pb2.ListHooksRequest(limit=1)).hooks[0].hook_id == hook.hook_id
        hooks.DeleteHook(hooks_pb2.DeleteHookRequest(hook_id=hook.hook_id))
    with told.client() as client:
        assert client.get(f"/v1/executions/{run.execution_id}/observation").status_code == 410


def test_a_receiver_that_was_down_for_longer_than_the_gateway_lived_is_told(
    new_folder: Path, small_models: Path
) -> None:
    """And one whose sender was killed before it wrote that it had been told is told again, under the same ID."""
    data_dir, flags = new_folder / "data", ("--model-repository", str(small_models), *ALLOWED)
    port = free_port()
    with hooked() as holding:
        holding.answering.clear()
        served = start(data_dir, *flags)
        try:
            until(lambda: answers(served, "/ready") or exited(served))
            with served.client() as client:
                down = created(client, f"http://127.0.0.1:{port}/", statusFilter=["COMPLETED"])
                held = created(client, holding.url, statusFilter=["COMPLETED"])
                asked = body("five", hookIds=[down["hookId"], held["hookId"]])
                name = client.post("/v1/pipelines/say/executeSync", json=asked).json()["executionId"]
                until(lambda: len(holding.got) == 1, 10)
                until(lambda: any("lastFailure" in each for each in deliveries(client, name).values()), 10)
        finally:
            served.process.send_signal(signal.SIGKILL)
            served.process.wait(60)
        holding.answering.set()
        with hooked(port) as receiver, serving(data_dir, *flags) as served, served.client() as client:
            until(lambda: len(receiver.got) == 1, 30)
            until(lambda: len(holding.got) == 2, 90)
            until(lambda: {each["state"] for each in deliveries(client, name).values()} == {"delivered"}, 10)
            told = deliveries(client, name)
        assert receiver.ids() == [told[down["hookId"]]["deliveryId"]]
        assert holding.ids() == [told[held["hookId"]]["deliveryId"]] * 2
        assert told[held["hookId"]]["attempt"] == 2


def deliveries(client: httpx.Client, name: str) -> dict[str, Json]:
    """The deliveries of an execution, by hook."""
    return {each["hookId"]: each for each in client.get(f"/v1/executions/{name}/deliveries").json()}
