"""The execute route as a bare ASGI application: the hot path of REST, with no framework's hands in it."""

import logging
from typing import Final
from urllib.parse import parse_qs

import msgspec

from gateway.api.request_id import request_id
from gateway.api.rest.body import Disconnected, Receive, Scope, Send, header, read_body
from gateway.api.services import Services
from gateway.domain.calls import Outcome
from gateway.errors import GatewayError, Internal, MethodNotAllowed
from gateway.wire import problem, rest

log = logging.getLogger(__name__)

PREFIX: Final = "/v1/pipelines/"
SUFFIX: Final = "/executeSync"
_TRUE: Final = frozenset(("1", "true", "yes"))


def is_execute(path: str) -> bool:
    """Whether `path` belongs to this application."""
    return path.endswith(SUFFIX) and path.startswith(PREFIX) and len(path) > len(PREFIX) + len(SUFFIX)


class ExecuteApp:
    """Answers `POST /v1/pipelines/{id}/executeSync`."""

    def __init__(self, services: Services):
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one answer, whatever happens."""
        request = request_id(header(scope, b"x-request-id"))
        try:
            outcome = await self._run(scope, receive)
        except Disconnected:
            return
        except GatewayError as error:
            await _send_error(send, error, request)
        except Exception:
            log.exception("request.failed", extra={"request_id": request})
            await _send_error(send, Internal(), request)
        else:
            records = problem.record_headers(outcome.execution_id, outcome.run_id)
            headers = [("content-type", "application/json"), ("x-request-id", request), *records]
            await _send(send, 200, headers, _reply(scope, outcome))

    async def _run(self, scope: Scope, receive: Receive) -> Outcome:
        if scope["method"] != "POST":
            raise MethodNotAllowed
        with self._services.runs.admission.place():
            body = await read_body(scope, receive, self._services.max_body_bytes)
            pipeline_id = scope["path"][len(PREFIX) : -len(SUFFIX)]
            return await self._services.runs.execute_sync(rest.call(pipeline_id, body, self._services.sync_timeout))


def _reply(scope: Scope, outcome: Outcome) -> bytes:
    if scope["query_string"] and _asked(scope["query_string"], "envelope"):
        envelope = rest.Envelope(outcome.execution_id, outcome.run_id, msgspec.Raw(outcome.observation))
        return msgspec.json.encode(envelope)
    return outcome.observation


def _asked(query: bytes, name: str) -> bool:
    given = parse_qs(query.decode("latin-1")).get(name)
    return given is not None and given[-1].lower() in _TRUE


async def _send_error(send: Send, error: GatewayError, request: str) -> None:
    await _send(send, error.http, problem.headers(error, request), problem.problem(error, request))


async def _send(send: Send, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    encoded.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
