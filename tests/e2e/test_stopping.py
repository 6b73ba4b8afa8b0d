"""A gateway that is told to stop: it says so at once, ends what it has in hand, and hands back the rest."""

import base64
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from e2e.served import Served, answers, serving, until

LONG = "300"


@pytest.fixture(scope="module")
def reader(short_folder: Path, outside: tuple[str, ...]) -> Iterator[httpx.Client]:
    """A client of another gateway over the same records, which takes up nothing."""
    with serving(short_folder / "reader", *outside, "--no-worker") as served, served.client() as client:
        yield client


@pytest.fixture
def caller() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def body(text: object) -> dict[str, object]:
    return {"media": [base64.b64encode(str(text).encode()).decode()]}


def post(served: Served, route: str, text: object) -> httpx.Response:
    return httpx.post(f"{served.rest}/v1/pipelines/{route}", json=body(text), timeout=120)


def health(served: Served) -> int:
    with grpc.insecure_channel(served.target) as channel:
        status: int = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest()).status
        return status


def refuses_connects(served: Served) -> bool:
    address = urlsplit(served.rest)
    try:
        socket.create_connection((str(address.hostname), address.port or 0)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_what_is_in_hand_ends_before_the_process(
    new_folder: Path, outside: tuple[str, ...], held: Path, caller: ThreadPoolExecutor, reader: httpx.Client
) -> None:
    with serving(new_folder / "data", *outside, "--drain-timeout", LONG) as served:
        call: Future[httpx.Response] = caller.submit(post, served, "hold/executeSync", held)
        until(held.with_suffix(".begun").exists, 60)
        # The model is busy with the call, so this run is in hand and waits.
        run_id = post(served, "hold/executeAsync", held).json()["runId"]
        until(lambda: reader.get(f"/v1/runs/{run_id}").json()["state"] == "running", 60)
        served.process.send_signal(signal.SIGTERM)
        until(lambda: refuses_connects(served), 60)
        assert not call.done()
        held.with_suffix(".go").touch()
        reply = call.result(60)
        assert (reply.status_code, reply.headers["connection"]) == (200, "close")
        assert served.process.wait(60) == 0
    run = reader.get(f"/v1/runs/{run_id}").json()
    assert (run["state"], run["attempt"]) == ("completed", 1)


def test_it_is_not_ready_at_once_takes_work_for_the_delay_and_a_second_signal_ends_both_waits(
    new_folder: Path, outside: tuple[str, ...], held: Path, caller: ThreadPoolExecutor, reader: httpx.Client
) -> None:
    with serving(new_folder / "data", *outside, "--drain-delay", LONG, "--drain-timeout", LONG) as served:
        call: Future[httpx.Response] = caller.submit(post, served, "hold/executeSync", held)
        until(held.with_suffix(".begun").exists, 60)
        run_id = post(served, "hold/executeAsync", held).json()["runId"]
        until(lambda: reader.get(f"/v1/runs/{run_id}").json()["state"] == "running", 60)
        assert health(served) == health_pb2.HealthCheckResponse.SERVING
        served.process.send_signal(signal.SIGTERM)
        until(lambda: answers(served, "/ready", 503), 60)
        assert health(served) == health_pb2.HealthCheckResponse.NOT_SERVING
        taken = post(served, "say/executeSync", "late")
        assert (taken.status_code, taken.headers["connection"]) == (200, "close")
        accepted = post(served, "say/executeAsync", "later").json()["runId"]
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(60) == 0
        reply = call.result(60)
        assert (reply.status_code, reply.json()["code"]) == (503, "gateway.draining")
    for each, attempt in ((run_id, 1), (accepted, 0)):
        run = reader.get(f"/v1/runs/{each}").json()
        assert (run["state"], run["attempt"]) == ("queued", attempt)
