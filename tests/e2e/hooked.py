"""A receiver of webhooks in a thread of its own, which answers as a test says, and keeps what it got."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


class Hooked:
    """What came; `holds` keeps every answer back until it is set again."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answering = threading.Event()
        self.answering.set()
        self.url = ""

    def ids(self) -> list[str]:
        """The names of what came, in order."""
        return [headers["webhook-id"] for headers, _ in list(self.got)]

    def found(self, index: int, secret: str) -> dict[str, Any]:
        """The body of one, which this secret signed."""
        headers, body = self.got[index]
        verified: dict[str, Any] = Webhook(secret).verify(body, headers)
        return verified


@contextmanager
def hooked(port: int = 0) -> Iterator[Hooked]:
    """A receiver on this machine."""
    told = Hooked()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            told.answering.wait(60)
            try:
                self.send_response(204)
                self.end_headers()
            except ConnectionError:
                pass

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/told"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield told
    finally:
        told.answering.set()
        server.shutdown()
        thread.join()
        server.server_close()
