"""A client of the REST door: synchronous, usable from several threads at once."""

import contextlib
import re
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from gateway.sdk.call import Call
from gateway.sdk.connection import Connections, pieces
from gateway.sdk.errors import NotAGateway, Refused

T = TypeVar("T")
Json = dict[str, Any]

DEFAULT_URL: Final = "http://127.0.0.1:8080"
#: Seconds that anything but an execute call may take.
_PATIENCE: Final = 60.0
#: Seconds that an execute call may take when it names none; the gateway's own limit is shorter.
_EXECUTE_PATIENCE: Final = 630.0
#: Seconds beyond its own deadline within which a call is answered.
_GRACE: Final = 15.0
_PAGE: Final = 1000
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="next"')


class Ran(msgspec.Struct, frozen=True):
    """What a synchronous call found: an observation, or what a transform made of it."""

    execution_id: str
    run_id: str
    found: msgspec.Raw


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """A run that was taken up for the background."""

    execution_id: str
    run_id: str


class _Problem(msgspec.Struct, rename="camel"):
    code: str
    message: str
    field: str | None = None
    execution_id: str | None = None
    run_id: str | None = None


class Client:
    """One gateway; every method raises ClientError when it has no result."""

    def __init__(self, url: str = DEFAULT_URL, api_key: str | None = None) -> None:
        """A client that connects when it is first used.

        Raises:
            ValueError: the URL is not one of HTTP.
        """
        headers = {"Accept": "application/json"} | ({} if api_key is None else {"X-API-Key": api_key})
        self._connections = Connections(url.rstrip("/"), headers)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give every connection back; no call may be in hand."""
        self._connections.close()

    def call_off(self) -> None:
        """End the calls in hand on other threads, and take no more."""
        self._connections.call_off()

    def pipelines(self) -> list[Json]:
        """Every pipeline."""
        return self._get("/v1/pipelines", list[Json])

    def pipeline(self, pipeline_id: str) -> Json:
        """One pipeline, with its graph."""
        return self._get(f"/v1/pipelines/{_part(pipeline_id)}", Json)

    def execute(self, pipeline_id: str, call: Call, *, timeout: float | None = None, transform: bool = False) -> Ran:
        """Run a pipeline and wait for what it finds; `transform` asks for what the call's transform makes of it."""
        target = f"/v1/pipelines/{_part(pipeline_id)}/executeSync{'/transform' if transform else ''}"
        patience = _EXECUTE_PATIENCE if timeout is None else timeout + _GRACE
        with self._answer("POST", target, call, timeout=patience) as response:
            found = response.read()
            ids = (response.headers["X-Execution-Id"], response.headers["X-Run-Id"])
        if None in ids:
            raise NotAGateway(self._connections.url)
        return Ran(*ids, msgspec.Raw(found))

    def accept(self, pipeline_id: str, call: Call) -> Accepted:
        """Have a pipeline run in the background."""
        with self._answer("POST", f"/v1/pipelines/{_part(pipeline_id)}/executeAsync", call) as response:
            return self._decoded(response.read(), Accepted)

    def run(self, run_id: str) -> Json:
        """One run."""
        return self._get(f"/v1/runs/{_part(run_id)}", Json)

    def runs(self, execution_id: str) -> Iterator[Json]:
        """The runs of an execution, oldest first."""
        return self._pages(f"/v1/executions/{_part(execution_id)}/runs?limit={_PAGE}")

    def executions(self, tag: str | None = None, status: str | None = None, page: int = _PAGE) -> Iterator[Json]:
        """Executions, newest first, read in pages as they are asked for."""
        asked = {"tag": tag, "status": status, "limit": min(page, _PAGE)}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._pages(f"/v1/executions?{query}")

    def execution(self, execution_id: str) -> Json:
        """One execution."""
        return self._get(f"/v1/executions/{_part(execution_id)}", Json)

    def delete_execution(self, execution_id: str) -> None:
        """Remove an execution and all that belongs to it."""
        with self._answer("DELETE", f"/v1/executions/{_part(execution_id)}") as response:
            response.read()

    def submit(self, execution_id: str) -> list[Json]:
        """Tell the hooks of an execution of the event SUBMIT; the deliveries are returned."""
        with self._answer("POST", f"/v1/executions/{_part(execution_id)}/submit") as response:
            return self._decoded(response.read(), list[Json])

    def create_hook(self, fields: Json) -> Json:
        """A new hook, with its secrets."""
        with self._answer("POST", "/v1/hooks", Call(fields)) as response:
            return self._decoded(response.read(), Json)

    def hooks(self) -> Iterator[Json]:
        """Hooks, newest first."""
        return self._pages(f"/v1/hooks?limit={_PAGE}")

    def hook(self, hook_id: str) -> Json:
        """One hook."""
        return self._get(f"/v1/hooks/{_part(hook_id)}", Json)

    def delete_hook(self, hook_id: str) -> None:
        """Remove a hook."""
        with self._answer("DELETE", f"/v1/hooks/{_part(hook_id)}") as response:
            response.read()

    def deliveries(self, hook_id: str | None, execution_id: str | None = None) -> Iterator[Json]:
        """What a hook was told, or who was told of an execution, newest first."""
        of = f"executions/{_part(execution_id)}" if execution_id is not None else f"hooks/{_part(hook_id or '')}"
        return self._pages(f"/v1/{of}/deliveries?limit={_PAGE}")

    def resend(self, delivery_id: str) -> Json:
        """Have a delivery sent again."""
        with self._answer("POST", f"/v1/deliveries/{_part(delivery_id)}/resend") as response:
            return self._decoded(response.read(), Json)

    def observation(self, execution_id: str, *, plain: bool = False) -> Iterator[bytes]:
        """The observation of an execution in pieces, as they come; `plain` asks for its plain JSON form."""
        target = f"/v1/executions/{_part(execution_id)}/observation{'/json' if plain else ''}"
        with self._answer("GET", target) as response:
            yield from pieces(response)

    def transform(self, execution_id: str, expression: str) -> bytes:
        """What a JSONata expression makes of an observation, as JSON."""
        target = f"/v1/executions/{_part(execution_id)}/observation/transform"
        with self._answer("POST", target, expression.encode()) as response:
            return response.read()

    def _get(self, target: str, kind: type[T]) -> T:
        with self._answer("GET", target) as response:
            return self._decoded(response.read(), kind)

    def _pages(self, target: str) -> Iterator[Json]:
        following: str | None = target
        while following is not None:
            with self._answer("GET", following) as response:
                rows = self._decoded(response.read(), list[Json])
                link = _NEXT.search(response.headers["Link"] or "")
            yield from rows
            following = link[1] if link else None

    @contextlib.contextmanager
    def _answer(
        self, method: str, target: str, body: Call | bytes | None = None, *, timeout: float = _PATIENCE
    ) -> Iterator[HTTPResponse]:
        kind = "application/json" if isinstance(body, Call) else "text/plain; charset=utf-8"
        headers = {} if body is None else {"Content-Type": kind}
        with self._connections.answer(method, target, body, headers, timeout) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise self._refusal(response)
            yield response

    def _refusal(self, response: HTTPResponse) -> Refused | NotAGateway:
        try:
            said = msgspec.json.decode(response.read(), type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return NotAGateway(self._connections.url)
        after = response.headers["Retry-After"] or ""
        return Refused(
            said.message,
            status=response.status,
            code=said.code,
            field=said.field,
            retry_after=float(after) if after.isdecimal() else None,
            execution_id=said.execution_id,
            run_id=said.run_id,
        )

    def _decoded(self, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotAGateway(self._connections.url) from None


def _part(text: str) -> str:
    return quote(text, safe="")
