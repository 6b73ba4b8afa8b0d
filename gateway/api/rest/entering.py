"""Who comes in by REST: asked before anything of a request is read but its head."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from litestar import Request

from gateway.api.credentials import NAMES, credential
from gateway.api.services import Services
from gateway.domain.access import Caller, Scope
from gateway.errors import Forbidden

AnyRequest = Request[Any, Any, Any]

#: What each route names the scope by that it needs; one that names none lets nobody in.
NEEDS: Final = "needs"
_CALLER: Final = "caller"
_NAMES: Final = {name.encode(): name for name in NAMES}
#: The part of a path that names a pipeline.
_PIPELINE: Final = "pipeline_id"


def entering(services: Services) -> Callable[[AnyRequest], Awaitable[None]]:
    """What stands before every route that asks who comes."""
    authenticator = services.access

    async def enter(request: AnyRequest) -> None:
        found = await authenticator.caller(credential(_held(request)))
        needed = request.scope["route_handler"].opt.get(NEEDS)
        if not isinstance(needed, Scope):
            raise Forbidden
        found.check(needed)
        if found.pipelines is not None and _PIPELINE in request.path_params:
            found.check_pipeline(request.path_params[_PIPELINE])
        request.scope[_CALLER] = found  # type: ignore[typeddict-unknown-key]  # beside those of ASGI

    return enter


def _held(request: AnyRequest) -> Iterator[tuple[str, str]]:
    for name, value in request.scope["headers"]:
        if name in _NAMES:
            yield _NAMES[name], value.decode("latin-1")


def caller_of(request: AnyRequest) -> Caller:
    """Who has come in with this request."""
    found: Caller = request.scope[_CALLER]  # type: ignore[typeddict-item]
    return found
