"""A gateway of a few lines, for the commands that talk to one: it answers as told and remembers what was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """Its body."""
        found: Json = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as bytes: those given, else as JSON."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answering = Callable[[Asked], Answer]


class FakeGateway:
    """Where it listens, and all it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []


def problem(code: str, message: str, status: int, **headers: str) -> Answer:
    """A refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer({"code": code, "message": message, "status": status}, status, named)


def observation(text: str, execution_id: str = "e-1", run_id: str = "r-1") -> Json:
    """An observation with one entry."""
    entry = {"id": "1", "mediaId": "media-1", "runId": run_id, "rawText": text}
    return {"executionId": execution_id, "mediaContents": [entry], "documents": []}


def ran(body: object, execution_id: str = "e-1", run_id: str = "r-1") -> Answer:
    """The answer of an execute call."""
    return Answer(body, headers={"X-Execution-Id": execution_id, "X-Run-Id": run_id})


@contextmanager
def faking(answering: Answering) -> Iterator[FakeGateway]:
    """A fake that answers each request by `answering`, while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            fake.asked.append(asked)
            self.reply(answering(asked))

        def reply(self, answer: Answer) -> None:
            self.send_response(answer.status)
            length = 0 if answer.status == 204 else len(answer.content)
            for name, value in {"Content-Length": str(length), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content[:length])

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = FakeGateway(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
