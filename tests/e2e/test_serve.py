"""`gateway serve` as a process: it starts, stops and dies without a trace, and refuses with a sentence."""

import base64
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from e2e.served import PROGRAM, Served, answers, serving, start, until
from gateway.adapters.supervisor.datadir import DataDir
from gateway.adapters.supervisor.stack import Endpoints
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc
from places import DOCUMENTS, MODEL_REPOSITORY

RECEIPT = (DOCUMENTS / "receipt.jpg").read_bytes()


def traces(data_dir: Path) -> list[str]:
    """Processes, shared memory and sockets of the gateway over this data directory."""
    mark = DataDir(data_dir).mark
    lines = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    sockets = [str(path) for path in (data_dir / "run").glob("**/*") if path.is_socket()]
    shared = [str(path) for path in Path("/dev/shm").glob(f"{mark}*")]
    return [*sockets, *shared, *(line for line in lines if str(data_dir) in line or mark in line)]


def offspring(served: Served, name: str) -> psutil.Process:
    """The process of this name below the gateway."""
    children = psutil.Process(served.process.pid).children(recursive=True)
    return next(each for each in children if each.name().startswith(name))


def run_image_stats(served: Served) -> httpx.Response:
    """One call of the light pipeline, by REST, with the media as it is in JSON."""
    body = {"media": [base64.b64encode(RECEIPT).decode()]}
    with served.client() as client:
        return client.post("/v1/pipelines/image_stats/executeSync", json=body)


@pytest.fixture(scope="module")
def light(short_folder: Path) -> tuple[str, str]:
    """The flag for a model repository that starts at once: `image_stats` and its two steps."""
    folder = short_folder / "light-models"
    for name in ("decode", "image_measure", "image_stats"):
        shutil.copytree(MODEL_REPOSITORY / name, folder / name)
    return "--model-repository", str(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_order_and_nothing_stays(
    new_folder: Path, light: tuple[str, str], number: signal.Signals
) -> None:
    data_dir = new_folder / "data"
    with serving(data_dir, *light) as served:
        assert run_image_stats(served).status_code == 200
        served.process.send_signal(number)
        assert served.process.wait(60) == 0
    assert traces(data_dir) == []


def test_a_signal_while_it_starts_stops_it_and_nothing_stays(new_folder: Path, light: tuple[str, str]) -> None:
    data_dir = new_folder / "data"
    served = start(data_dir, *light)
    until(lambda: "starting" in served.said.read_text())
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 0
    until(lambda: traces(data_dir) == [], 30)


def test_killed_outright_it_leaves_nothing_and_its_records_are_there_the_next_time(
    new_folder: Path, light: tuple[str, str]
) -> None:
    data_dir = new_folder / "data"
    with serving(data_dir, *light) as served:
        kept = run_image_stats(served)
        served.process.kill()
        served.process.wait(60)
        until(lambda: traces(data_dir) == [], 30)
    with serving(data_dir, *light) as again:
        found = httpx.get(f"{again.rest}/v1/executions/{kept.headers['x-execution-id']}/observation")
        assert found.content == kept.content


def test_a_second_one_on_the_same_data_directory_names_the_holder(gateway: Served) -> None:
    second = subprocess.run(
        [PROGRAM, "serve", "--data-dir", gateway.data_dir, "--rest-port", "0", "--grpc-port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert str(gateway.process.pid) in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--rest-port", "many"], 2, "rest_port"),
        (["--no-such-flag"], 2, "no-such-flag"),
        (["--triton-url", "host:8001", "--database-url", "postgresql://x@127.0.0.1:1/x"], 1, "--database-url"),
        (["--model-repository", "/nonexistent"], 1, "model"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_sentence(
    new_folder: Path, flags: list[str], code: int, said: str
) -> None:
    ports = ["--rest-port", "0", "--grpc-port", "0"]
    command = [PROGRAM, "serve", "--data-dir", new_folder / "data", *ports, *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named_with_its_flag(gateway: Served, new_folder: Path) -> None:
    port = gateway.rest.rsplit(":", 1)[1]
    command = [PROGRAM, "serve", "--data-dir", new_folder / "data", "--rest-port", port, "--grpc-port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert port in done.stderr
    assert "--rest-port" in done.stderr


@pytest.mark.parametrize("http_too", [True, False])
def test_with_outside_servers_it_starts_none_and_works(stack: Endpoints, new_folder: Path, http_too: bool) -> None:
    http = ["--triton-http-url", f"http://{stack.triton_http}"] if http_too else []
    outside = ["--triton-url", f"grpc://{stack.triton_grpc}", "--database-url", str(stack.database_url)]
    with serving(new_folder / "data", *outside, *http) as served:
        assert psutil.Process(served.process.pid).children(recursive=True) == []
        reply = run_image_stats(served)
        assert reply.status_code == 200
        with served.channel() as channel:
            request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=[media_pb2.Media(data=RECEIPT)])
            assert pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request).observation


def test_without_triton_it_lives_is_not_ready_says_503_and_recovers_by_itself(
    new_folder: Path, light: tuple[str, str]
) -> None:
    with serving(new_folder / "data", *light) as served:
        offspring(served, "tritonserver").kill()
        until(lambda: answers(served, "/ready", 503))
        refused = run_image_stats(served)
        assert (refused.status_code, refused.json()["code"]) in {
            (503, "triton.unavailable"),
            (503, "pipeline.not_ready"),
        }
        assert int(refused.headers["retry-after"]) > 0
        assert answers(served, "/health")
        assert [each["status"] for each in httpx.get(f"{served.rest}/v1/pipelines").json()] != []
        until(lambda: answers(served, "/ready") and run_image_stats(served).status_code == 200)


def test_without_the_database_calls_are_503_and_it_recovers_by_itself(new_folder: Path, light: tuple[str, str]) -> None:
    with serving(new_folder / "data", *light) as served:
        kept = run_image_stats(served).headers["x-execution-id"]
        offspring(served, "postgres").kill()
        refused = run_image_stats(served)
        assert refused.status_code in {200, 503}
        assert answers(served, "/health")
        until(lambda: answers(served, "/ready") and run_image_stats(served).status_code == 200)
        assert answers(served, f"/v1/executions/{kept}")
