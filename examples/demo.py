"""The whole gateway in one go: start it with all its parts embedded, read a real invoice through gRPC and REST.

    python examples/demo.py

Nothing is left behind: the data directory is a temporary one.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

ROOT = Path(__file__).resolve().parents[1]
INVOICE = ROOT / "examples" / "documents" / "invoice.png"
START_TIMEOUT = 300.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_gateway(data_dir: str, rest_port: int, grpc_port: int) -> Iterator[None]:
    """`gateway serve` as a child of this process, ready when entered and gone when left."""
    program = Path(sys.executable).with_name("gateway")
    ports = ("--rest-port", str(rest_port), "--grpc-port", str(grpc_port))
    repository = ("--model-repository", str(ROOT / "model_repository"))
    child = subprocess.Popen(
        [program, "serve", "--data-dir", data_dir, *ports, *repository, "--log-level", "error"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        wait_until_ready(child, f"http://127.0.0.1:{rest_port}/ready")
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def opened(folder: str) -> str:
    """`folder`, passable for the user that PostgreSQL runs as where we are root."""
    Path(folder).chmod(0o711)
    return folder


def wait_until_ready(child: subprocess.Popen[bytes], url: str) -> None:
    """Return when `url` answers 200; end the demo if the gateway ends first or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit("The gateway did not become ready; its lines above say why.")


def over_grpc(port: int, image: bytes) -> pipelines_pb2.ExecuteSyncResponse:
    """Run `ocr` on the bytes of an image."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        pipelines = pipelines_pb2_grpc.PipelinesStub(channel)
        request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=[media_pb2.Media(data=image)])
        return pipelines.ExecuteSync(request, timeout=60)


def over_rest(port: int, image: bytes) -> dict[str, object]:
    """Run `ocr` on the same image as base64 in JSON."""
    body = json.dumps({"media": [base64.b64encode(image).decode()]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/pipelines/ocr/executeSync", data=body)
    with urllib.request.urlopen(request, timeout=60) as reply:
        found: dict[str, object] = json.load(reply)
        return found


def fetched(port: int, path: str) -> dict[str, object]:
    """One record, by REST."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/{path}", timeout=10) as reply:
        found: dict[str, object] = json.load(reply)
        return found


def text_of(observation: dict[str, object]) -> str:
    """The text that was read, line by line."""
    contents = observation["mediaContents"]
    assert isinstance(contents, list)
    return "\n".join(str(content["rawText"]) for content in contents)


def show(title: str, text: str) -> None:
    """Print a part of the demo under its title."""
    print(f"\n== {title}\n{text}", flush=True)


def main() -> None:
    """Run the demo; exit 0 when both doors have read the same text."""
    image = INVOICE.read_bytes()
    rest_port, grpc_port = free_port(), free_port()
    with (
        tempfile.TemporaryDirectory(prefix="gateway-", ignore_cleanup_errors=True) as data_dir,
        running_gateway(opened(data_dir), rest_port, grpc_port),
    ):
        answer = over_grpc(grpc_port, image)
        observation = json.loads(answer.observation)
        show(f"what gRPC read in {INVOICE.name}", text_of(observation))
        again = over_rest(rest_port, image)
        show("the observation, by REST", json.dumps(again))
        show("its run", json.dumps(fetched(rest_port, f"executions/{again['executionId']}/runs"), indent=2))
        kept = fetched(rest_port, f"executions/{answer.execution_id}/observation")
        if kept != observation or text_of(again) != text_of(observation):
            sys.exit("The two doors do not agree.")
        show("done", "Both doors read the same text, and the record holds it. Next: make run")


if __name__ == "__main__":
    main()
