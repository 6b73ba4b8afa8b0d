"""A client of the REST door: synchronous, usable from several threads at once."""

import contextlib
import mimetypes
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from gateway.sdk.call import Call
from gateway.sdk.connection import Connections, pieces
from gateway.sdk.errors import NotAGateway, Refused
from gateway.sdk.events import events
from gateway.sdk.upload import Upload

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
#: What to do about a credential, beside what the gateway says of it.
_HINTS: Final = {
    "auth.missing": ("Name one with --api-key or GATEWAY_API_KEY.",),
    "auth.invalid": ("Name another with --api-key or GATEWAY_API_KEY; gateway key create makes one.",),
    "auth.forbidden": ("Name one that may with --api-key or GATEWAY_API_KEY.",),
}
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

    def execute(
        self,
        pipeline_id: str,
        call: Call,
        *,
        timeout: float | None = None,
        transform: bool = False,
        key: str | None = None,
    ) -> Ran:
        """Run a pipeline and wait for what it finds; `transform` asks for what the call's transform makes of it.

        `key` names the call, so that it can be asked again under it; without one it has a name of its own.
        """
        target = f"/v1/pipelines/{_part(pipeline_id)}/executeSync{'/transform' if transform else ''}"
        patience = _EXECUTE_PATIENCE if timeout is None else timeout + _GRACE
        with self._answer("POST", target, call, timeout=patience, headers=_named(key)) as response:
            found = response.read()
            ids = (response.headers["X-Execution-Id"], response.headers["X-Run-Id"])
        if None in ids:
            raise NotAGateway(self._connections.url)
        return Ran(*ids, msgspec.Raw(found))

    def accept(self, pipeline_id: str, call: Call, *, key: str | None = None) -> Accepted:
        """Have a pipeline run in the background; `key` as with `execute`."""
        target = f"/v1/pipelines/{_part(pipeline_id)}/executeAsync"
        with self._answer("POST", target, call, headers=_named(key)) as response:
            return self._decoded(response.read(), Accepted)

    def run(self, run_id: str, *, wait: float = 0.0) -> Json:
        """One run; with `wait` when it has ended, or after so many seconds, at most 60."""
        query = f"?wait={wait:.3f}" if wait else ""
        with self._answer("GET", f"/v1/runs/{_part(run_id)}{query}", timeout=_PATIENCE + wait) as response:
            return self._decoded(response.read(), Json)

    def cancel(self, run_id: str) -> Json:
        """Have a run canceled; the run as it is then."""
        with self._answer("POST", f"/v1/runs/{_part(run_id)}/cancel", b"") as response:
            return self._decoded(response.read(), Json)

    def events(self, run_id: str, after: int = 0) -> Iterator[Json]:
        """The events of a run behind number `after`, as one stream brings them; the last of all is the run, `done`."""
        with self._answer("GET", f"/v1/runs/{_part(run_id)}/events?after={after}") as response:
            for event in events(response):
                if event.kind == "error":
                    raise self._refused(event.data, HTTPStatus.OK, None)
                yield self._decoded(event.data, Json)

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

    def put_file(
        self,
        file: Path,
        *,
        purpose: str | None = None,
        expires_after: float | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Json:
        """Put in a file, to be used by its ID; `sent` is told how many bytes have gone, piece by piece."""
        asked = {"filename": file.name, "purpose": purpose, "expiresAfter": expires_after}
        query = urlencode({name: value for name, value in asked.items() if value is not None}, errors="replace")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        body, headers = Upload(file, sent), {"Content-Type": kind}
        with self._answer("POST", f"/v1/files?{query}", body, timeout=_EXECUTE_PATIENCE, headers=headers) as response:
            return self._decoded(response.read(), Json)

    def files(self, purpose: str | None = None, page: int = _PAGE) -> Iterator[Json]:
        """Files, newest first, read in pages as they are asked for."""
        asked = {"purpose": purpose, "limit": min(page, _PAGE)}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._pages(f"/v1/files?{query}")

    def file(self, file_id: str) -> Json:
        """What there is to say of one file."""
        return self._get(f"/v1/files/{_part(file_id)}", Json)

    def file_content(self, file_id: str) -> Iterator[bytes]:
        """The bytes of a file in pieces, as they come."""
        with self._answer("GET", f"/v1/files/{_part(file_id)}/content") as response:
            yield from pieces(response)

    def delete_file(self, file_id: str) -> None:
        """Remove a file."""
        with self._answer("DELETE", f"/v1/files/{_part(file_id)}") as response:
            response.read()

    def artifacts(self, execution_id: str) -> Iterator[Json]:
        """What the runs of an execution have made, in the order in which it was made."""
        return self._pages(f"/v1/executions/{_part(execution_id)}/artifacts?limit={_PAGE}")

    def artifact(self, execution_id: str, artifact_id: str) -> Iterator[bytes]:
        """The bytes of an artifact in pieces, as they come."""
        target = f"/v1/executions/{_part(execution_id)}/artifacts/{_part(artifact_id)}"
        with self._answer("GET", target) as response:
            yield from pieces(response)

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
        self,
        method: str,
        target: str,
        body: Call | Upload | bytes | None = None,
        *,
        timeout: float = _PATIENCE,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        kind = "application/json" if isinstance(body, Call) else "text/plain; charset=utf-8"
        given = ({} if body is None else {"Content-Type": kind}) | dict(headers or {})
        with self._connections.answer(method, target, body, given, timeout) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise self._refused(response.read(), response.status, response.headers["Retry-After"])
            yield response

    def _refused(self, body: bytes, status: int, after: str | None) -> Refused | NotAGateway:
        try:
            said = msgspec.json.decode(body, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return NotAGateway(self._connections.url)
        return Refused(
            " ".join((said.message, *_HINTS.get(said.code, ()))),
            status=status,
            code=said.code,
            field=said.field,
            retry_after=float(after) if after is not None and after.isdecimal() else None,
            execution_id=said.execution_id,
            run_id=said.run_id,
        )

    def _decoded(self, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotAGateway(self._connections.url) from None


def new_key() -> str:
    """A name for one call, under which it may be asked again."""
    return str(uuid.uuid4())


def _named(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or new_key()}


def _part(text: str) -> str:
    return quote(text, safe="")
