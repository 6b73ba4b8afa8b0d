"""A caller who leaves cancels its run: the record says so, and its place is free for others."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from e2e.served import Served, serving, until
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc


@pytest.fixture(scope="module")
def narrow(short_folder: Path, outside: tuple[str, ...]) -> Iterator[Served]:
    """A gateway with one place."""
    with serving(short_folder / "narrow", *outside, "--no-worker", "--max-sync-calls", "1") as served:
        yield served


def body(text: str, tag: str) -> bytes:
    return json.dumps({"media": [base64.b64encode(text.encode()).decode()], "tag": tag}).encode()


def say(client: httpx.Client) -> int:
    return client.post("/v1/pipelines/say/executeSync", content=body("hello", "say")).status_code


def states(client: httpx.Client, tag: str) -> list[tuple[str, str]]:
    """The state of each execution of a tag, and of its one run with the error's code."""
    found = []
    for execution in client.get("/v1/executions", params={"tag": tag}).json():
        (run,) = client.get(f"/v1/executions/{execution['executionId']}/runs").json()
        found.append((execution["status"], run["state"]))
    return found


def test_over_rest(narrow: Served, held: Path) -> None:
    address = urlsplit(narrow.rest)
    with narrow.client() as client:
        with socket.create_connection((str(address.hostname), address.port or 0)) as caller:
            asked = body(str(held), "left-rest")
            head = f"POST /v1/pipelines/hold/executeSync HTTP/1.1\r\nHost: g\r\nContent-Length: {len(asked)}\r\n\r\n"
            caller.sendall(head.encode() + asked)
            until(held.with_suffix(".begun").exists, 60)
            assert say(client) == 429
        until(lambda: states(client, "left-rest") == [("CANCELED", "canceled")], 60)
        assert say(client) == 200


def test_over_grpc(narrow: Served, held: Path) -> None:
    request = pipelines_pb2.ExecuteSyncRequest(
        pipeline_id="hold", media=[media_pb2.Media(data=str(held).encode())], tag="left-grpc"
    )
    with narrow.client() as client, narrow.channel() as channel:
        call = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync.future(request)
        until(held.with_suffix(".begun").exists, 60)
        assert say(client) == 429
        call.cancel()
        until(lambda: states(client, "left-grpc") == [("CANCELED", "canceled")], 60)
        assert say(client) == 200
