"""The REST door: the routes, and one shape of error for whatever goes wrong in them."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from litestar import Litestar, Request, Response, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException

from gateway.api.rest.artifacts import ARTIFACTS
from gateway.api.rest.docs import ASKS, DOCS
from gateway.api.rest.entering import entering
from gateway.api.rest.entry import request_name
from gateway.api.rest.execute import EXECUTING
from gateway.api.rest.executions import EXECUTIONS
from gateway.api.rest.files import FILES
from gateway.api.rest.hooks import HOOKS
from gateway.api.rest.methods import allowed, options
from gateway.api.rest.observations import OBSERVATIONS
from gateway.api.rest.routes import READING, health, metrics, ready
from gateway.api.rest.runs import RUNS
from gateway.api.services import Services
from gateway.errors import GatewayError, Internal, InvalidInput, Malformed, MethodNotAllowed, NotFound, TooLarge
from gateway.wire import problem

log = logging.getLogger(__name__)

#: Seconds for which a browser keeps what it was told of another origin.
_PREFLIGHT_KEPT: Final = 600

AnyRequest = Request[Any, Any, Any]

_HTTP: Final[Mapping[int, type[GatewayError]]] = {
    HTTPStatus.BAD_REQUEST: Malformed,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLarge,
}


#: Open to whoever comes.
_OPEN: Final = (health, ready, *DOCS)
_V1: Final = (*EXECUTING, *READING, *RUNS, *EXECUTIONS, *OBSERVATIONS, *HOOKS, *FILES, *ARTIFACTS)


def rest_app(services: Services, origins: Sequence[str] = ()) -> Litestar:
    """The ASGI application; pages of these origins may call it from a browser."""
    enter = entering(services)
    return Litestar(
        [
            *options(_OPEN),
            *_OPEN,
            Router("/", route_handlers=[*options([metrics]), metrics], before_request=enter),
            Router("/v1", route_handlers=[*options(_V1), *_V1], before_request=enter),
        ],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers={GatewayError: _refuse, HTTPException: _refuse_http, Exception: _refuse_unforeseen},
        cors_config=_cors(origins) if origins else None,
        request_max_body_size=services.max_body_bytes,
        openapi_config=None,
        opt={ASKS: services.access.asks},
        logging_config=None,
    )


def _cors(origins: Sequence[str]) -> CORSConfig:
    """What a page of another origin may send and read; no credentials that a browser holds are let pass."""
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
        allow_credentials=False,
        expose_headers=["*"],
        max_age=_PREFLIGHT_KEPT,
    )


def _refuse(request: AnyRequest, error: GatewayError) -> Response[bytes]:
    name = request_name(request)
    return Response(
        problem.problem(error, name),
        status_code=error.http,
        headers=dict(problem.headers(error, name)),
        media_type=problem.CONTENT_TYPE,
    )


def _refuse_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if isinstance(error, ValidationException):
        return _refuse(request, _invalid(error))
    refused = _refuse(request, _HTTP.get(error.status_code, Internal)())
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refused.headers["Allow"] = allowed(request.app, request.scope["path"])
    return refused


def _invalid(error: ValidationException) -> InvalidInput:
    extra = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    return InvalidInput("A parameter is not valid.", field=str(extra.get("key", "")) or None)


def _refuse_unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    log.error("request.failed", exc_info=error)
    return _refuse(request, Internal())
