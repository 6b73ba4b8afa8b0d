"""Two gateways behind haproxy are restarted in turn under load: no call fails, and none is done twice."""

import base64
import dataclasses
import os
import shutil
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import pytest

from e2e.served import Served, answers, exited, free_port, start, until
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc
from places import ROOT

CONFIG = ROOT / "examples" / "haproxy.cfg"
#: Calls that each caller has made, one after the other, between two restarts at the least.
CALLS = 10
#: Seconds between two calls of a caller: the machine is also to start gateways.
PACE = 0.02


class Pair:
    """Two gateways at fixed addresses, and the proxy before them."""

    def __init__(self, folder: Path, flags: tuple[str, ...]):
        self._folder, self._flags = folder, flags
        self.ports = {name: (free_port(), free_port()) for name in ("a", "b")}
        self.rest, self.target = f"http://127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.served: dict[str, Served] = {}

    def start(self, name: str) -> None:
        """Start one, and return when the proxy sends it calls."""
        rest, target = self.ports[name]
        ports = ("--rest-port", str(rest), "--grpc-port", str(target))
        started = start(self._folder / name, *self._flags, *ports)
        served = dataclasses.replace(started, rest=f"http://127.0.0.1:{rest}", target=f"127.0.0.1:{target}")
        self.served[name] = served
        until(lambda: answers(served, "/ready") or exited(served))

    def stop(self, name: str) -> None:
        """Stop one as an operator does."""
        process = self.served[name].process
        process.terminate()
        assert process.wait(120) == 0

    @contextmanager
    def proxy(self) -> Iterator[None]:
        """haproxy as in the example, over these two."""
        program = shutil.which("haproxy")
        assert program, "This test needs haproxy: apt-get install haproxy, or another package manager's."
        addresses = {"REST": self.rest.removeprefix("http://"), "GRPC": self.target}
        for name, (rest, target) in self.ports.items():
            addresses |= {f"{name.upper()}_REST": f"127.0.0.1:{rest}", f"{name.upper()}_GRPC": f"127.0.0.1:{target}"}
        process = subprocess.Popen([program, "-db", "-f", CONFIG], env={**os.environ, **addresses})
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def until_used(self, name: str) -> None:
        """Return when the proxy sends calls to this one."""
        with httpx.Client(base_url=self.rest) as client:
            until(lambda: client.get("/health").headers.get("x-gateway") == name, 60)


class Load:
    """Callers that call one after the other until they are stopped; what each was answered stands in `found`."""

    def __init__(self, pair: Pair):
        self._pair = pair
        self.tag = uuid.uuid4().hex
        self._stop = threading.Event()
        self._callers: list[Future[None]] = []
        self.made: dict[str, int] = {}
        #: The execution of each call, by the text that it gave.
        self.found: dict[str, str] = {}

    def over(self, name: str, call: Callable[[str], str]) -> None:
        """Make one call after the other."""
        self.made[name] = 0
        while not self._stop.wait(PACE):
            text = f"{name}-{self.made[name]}"
            self.found[text] = call(text)
            self.made[name] += 1

    def sync(self, name: str) -> None:
        """By REST, waiting."""
        with httpx.Client(base_url=self._pair.rest, timeout=60) as client:
            self.over(name, lambda text: self._posted(client, "executeSync", text, 200))

    def background(self, name: str) -> None:
        """By REST, for the background."""
        with httpx.Client(base_url=self._pair.rest, timeout=60) as client:
            self.over(name, lambda text: self._posted(client, "executeAsync", text, 202))

    def grpc(self, name: str) -> None:
        """By gRPC, waiting."""
        with grpc.insecure_channel(self._pair.target) as channel:
            stub = pipelines_pb2_grpc.PipelinesStub(channel)

            def call(text: str) -> str:
                media = [media_pb2.Media(data=text.encode())]
                request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=media, tag=self.tag)
                execution_id: str = stub.ExecuteSync(request, timeout=60).execution_id
                return execution_id

            self.over(name, call)

    def _posted(self, client: httpx.Client, route: str, text: str, status: int) -> str:
        body = {"media": [base64.b64encode(text.encode()).decode()], "tag": self.tag}
        reply = client.post(f"/v1/pipelines/say/{route}", json=body)
        assert reply.status_code == status, (reply.status_code, reply.headers, reply.text)
        execution_id: str = reply.json()["executionId"]
        return execution_id

    @contextmanager
    def on(self) -> Iterator[None]:
        """Callers of each kind call in here; their failures are raised at the end."""
        kinds = {"sync-1": self.sync, "sync-2": self.sync, "background": self.background, "grpc": self.grpc}
        with ThreadPoolExecutor() as threads:
            self._callers = [threads.submit(call, name) for name, call in kinds.items()]
            try:
                until(lambda: len(self.made) == len(kinds))
                yield
            finally:
                self._stop.set()
            self._raise_failures()

    def _raise_failures(self) -> bool:
        for each in self._callers:
            if self._stop.is_set() or each.done():
                each.result()
        return False

    def goes_on(self) -> None:
        """Return when every caller has made some more calls."""
        before = dict(self.made)
        until(lambda: self._raise_failures() or all(self.made[name] >= before[name] + CALLS for name in before), 60)


def entries(client: httpx.Client, execution_id: str) -> list[str]:
    """The texts that an execution has found, once its run has ended."""
    path = f"/v1/executions/{execution_id}"
    until(lambda: client.get(path).json()["status"] == "COMPLETED", 60)
    return [entry["rawText"] for entry in client.get(f"{path}/observation").json()["mediaContents"]]


def executions(client: httpx.Client, tag: str) -> list[str]:
    """Every execution that the load has brought about."""
    found: list[str] = []
    path: str | None = f"/v1/executions?tag={tag}&limit=1000"
    while path is not None:
        reply = client.get(path)
        found += [each["executionId"] for each in reply.json()]
        path = reply.links.get("next", {}).get("url")
    return found


@pytest.mark.haproxy
def test_no_call_fails_and_none_is_done_twice(new_folder: Path, outside: tuple[str, ...]) -> None:
    pair = Pair(new_folder, (*outside, "--drain-delay", "3"))
    load = Load(pair)
    with pair.proxy():
        try:
            for name in pair.ports:
                pair.start(name)
                pair.until_used(name)
            with load.on():
                for name in ("a", "b", "a", "b"):
                    load.goes_on()
                    pair.stop(name)
                    load.goes_on()
                    pair.start(name)
                    pair.until_used(name)
                load.goes_on()
            with httpx.Client(base_url=pair.rest, timeout=60) as client:
                assert sorted(executions(client, load.tag)) == sorted(load.found.values())
                assert {text: entries(client, each) for text, each in load.found.items()} == {
                    text: [text] for text in load.found
                }
        finally:
            for served in pair.served.values():
                served.process.terminate()
                served.process.wait(120)
