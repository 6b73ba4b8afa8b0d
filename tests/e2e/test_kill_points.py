"""A process is killed at each labelled point of a run's way: the run is completed once, and nothing stays."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from bench.survival.stack import Stack
from e2e.served import PROGRAM, Served, free_port, serving, until
from gateway.adapters.supervisor.running import running_database

KILLED_AT = Path(__file__).with_name("killed_at.py")
KILLED = -9
TEXTS = ["one", "two", "three"]
#: A lease that is over soon, and a sweeper that comes soon.
PATIENCE = ("--run-lease", "2", "--sweep-after", "2")


@dataclass(frozen=True)
class Site:
    """A gateway without a worker, whose servers are shared by all that is killed."""

    served: Served
    blobs: Path

    @property
    def shared(self) -> list[str]:
        """The flags of those beside it."""
        database, triton = running_database(self.served.data_dir), Stack(self.served.data_dir).triton_urls()
        assert database is not None
        assert triton is not None
        urls = ("--database-url", database, "--triton-url", triton[0], "--triton-http-url", triton[1])
        return [*urls, "--blob-url", self.blobs.as_uri(), *PATIENCE]

    @property
    def staged(self) -> list[Path]:
        """The media that wait for their run."""
        return list((self.blobs / "runs").rglob("*"))

    def queued(self) -> int:
        """Jobs in the queue."""
        return asyncio.run(self._queued())

    async def _queued(self) -> int:
        connection = await asyncpg.connect(running_database(self.served.data_dir))
        try:
            found: int = await connection.fetchval("SELECT count(*) FROM pgqueuer")
        finally:
            await connection.close()
        return found


@pytest.fixture(scope="module")
def site(short_folder: Path, small_models: Path) -> Iterator[Site]:
    blobs = short_folder / "killed-blobs"
    flags = ("--model-repository", str(small_models), "--no-worker", "--blob-url", blobs.as_uri(), *PATIENCE)
    with serving(short_folder / "killed", *flags) as served:
        yield Site(served, blobs)


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.served.client() as client:
        yield client


def dying(point: str, passes: int, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, KILLED_AT, point, str(passes), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def working(site: Site) -> Iterator[None]:
    """A worker as it should be."""
    command = [PROGRAM, "worker", *site.shared]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


def execute(rest: str, key: str) -> httpx.Response:
    body = {"media": [base64.b64encode(text.encode()).decode() for text in TEXTS], "tag": key}
    headers = {"Idempotency-Key": key}
    return httpx.post(f"{rest}/v1/pipelines/say/executeAsync", json=body, headers=headers, timeout=60)


def accepted(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 202, reply.text
    names: dict[str, str] = reply.json()
    return names


def executions(client: httpx.Client, key: str) -> list[str]:
    return [each["executionId"] for each in client.get("/v1/executions", params={"tag": key}).json()]


def run_of(client: httpx.Client, names: dict[str, str]) -> dict[str, object]:
    run: dict[str, object] = client.get(f"/v1/runs/{names['runId']}").json()
    return run


def assert_completed_once(site: Site, client: httpx.Client, names: dict[str, str], key: str) -> None:
    """One execution, one run, each entry once, and neither media nor a job left."""
    until(lambda: run_of(client, names)["state"] == "completed", 60)
    until(lambda: not site.staged and site.queued() == 0, 60)
    assert executions(client, key) == [names["executionId"]]
    runs = client.get(f"/v1/executions/{names['executionId']}/runs").json()
    assert [each["runId"] for each in runs] == [names["runId"]]
    entries = client.get(f"/v1/executions/{names['executionId']}/observation").json()["mediaContents"]
    assert [each["rawText"] for each in entries] == TEXTS


@pytest.mark.parametrize(
    ("point", "passes", "state", "attempts"),
    [
        ("after-claim", 1, "running", 2),
        ("after-infer", 2, "running", 2),
        ("before-commit", 1, "running", 2),
        ("after-commit", 1, "completed", 1),
        ("before-ack", 1, "completed", 1),
    ],
)
def test_a_run_whose_worker_is_killed_is_completed_once(
    site: Site, client: httpx.Client, point: str, passes: int, state: str, attempts: int
) -> None:
    names = accepted(execute(site.served.rest, point))
    assert dying(point, passes, "worker", *site.shared).wait(60) == KILLED
    assert (run_of(client, names)["state"], run_of(client, names)["attempt"]) == (state, 1)
    assert len(site.staged) == (0 if point == "before-ack" else len(TEXTS))
    with working(site):
        assert_completed_once(site, client, names, point)
    assert run_of(client, names)["attempt"] == attempts


@contextmanager
def dying_gateway(site: Site, point: str, passes: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A second gateway that is ready, and will die."""
    rest = free_port()
    ports = ("--rest-port", str(rest), "--grpc-port", str(free_port()), "--data-dir", str(site.blobs / "none"))
    gateway = dying(point, passes, "serve", "--no-worker", *ports, *site.shared)
    try:
        url = f"http://127.0.0.1:{rest}"
        until(lambda: httpx_answers(url), 60)
        yield url, gateway
    finally:
        gateway.kill()
        gateway.wait(60)


def httpx_answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def test_a_call_whose_gateway_is_killed_before_anything_is_written_leaves_nothing_and_may_be_repeated(
    site: Site, client: httpx.Client
) -> None:
    key = "after-stage"
    with dying_gateway(site, key, 2) as (url, gateway):
        with pytest.raises(httpx.TransportError):
            execute(url, key)
        assert gateway.wait(60) == KILLED
    assert len(site.staged) >= 2
    assert executions(client, key) == []
    names = accepted(execute(site.served.rest, key))
    with working(site):
        assert_completed_once(site, client, names, key)


def test_a_call_whose_gateway_is_killed_before_it_answers_is_promised_the_same_run_when_it_is_repeated(
    site: Site, client: httpx.Client
) -> None:
    key = "after-accept"
    with dying_gateway(site, key, 1) as (url, gateway):
        with pytest.raises(httpx.TransportError):
            execute(url, key)
        assert gateway.wait(60) == KILLED
    (execution,) = executions(client, key)
    names = accepted(execute(site.served.rest, key))
    assert names["executionId"] == execution
    with working(site):
        assert_completed_once(site, client, names, key)
    assert run_of(client, names)["attempt"] == 1
