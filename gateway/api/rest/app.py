"""The REST door: the execute route in front, Litestar behind it, one shape of error for both."""

import logging
from http import HTTPStatus

from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException

from gateway.api.request_id import request_id
from gateway.api.rest.body import Receive, Scope, Send
from gateway.api.rest.execute import ExecuteApp, is_execute
from gateway.api.rest.routes import health, native, ready
from gateway.api.services import Services
from gateway.errors import GatewayError, Internal, InvalidInput, MethodNotAllowed, NotFound
from gateway.wire import problem

log = logging.getLogger(__name__)

AnyRequest = Request[object, object, object]  # type: ignore[type-var]  # Litestar's own default state is meant


class RestApp:
    """One ASGI application made of two."""

    def __init__(self, services: Services):
        self._execute = ExecuteApp(services)
        self._rest = litestar(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to whom it belongs."""
        if scope["type"] == "http" and is_execute(scope["path"]):
            await self._execute(scope, receive, send)
        else:
            await self._rest(scope, receive, send)  # type: ignore[arg-type]  # the same three of ASGI


def litestar(services: Services) -> Litestar:
    """All routes but the execute route."""
    return Litestar(
        [health, ready, native],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers={GatewayError: _refuse, HTTPException: _refuse_http, Exception: _refuse_unforeseen},
        openapi_config=None,
        logging_config=None,
        after_request=None,
    )


def _refuse(request: AnyRequest, error: GatewayError) -> Response[bytes]:
    name = request_id(request.headers.get("x-request-id"))
    headers = dict(problem.headers(error, name))
    return Response(
        problem.problem(error, name), status_code=error.http, headers=headers, media_type=problem.CONTENT_TYPE
    )


def _refuse_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if isinstance(error, ValidationException):
        return _refuse(request, _invalid(error))
    known = {HTTPStatus.NOT_FOUND: NotFound, HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed}
    return _refuse(request, known.get(HTTPStatus(error.status_code), Internal)())


def _invalid(error: ValidationException) -> InvalidInput:
    extra = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    return InvalidInput("A parameter is not valid.", field=str(extra.get("key", "")) or None)


def _refuse_unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    log.error("request.failed", exc_info=error)
    return _refuse(request, Internal())
