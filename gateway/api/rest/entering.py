"""Who comes in by REST: asked before anything of a request is read but its head."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request

from gateway.api.credentials import API_KEY, AUTHORIZATION, credential
from gateway.api.services import Services
from gateway.domain.access import Caller, Scope
from gateway.errors import Forbidden

AnyRequest = Request[Any, Any, Any]

#: What each route names the scope by that it needs; one that names none lets nobody in.
NEEDS: Final = "needs"
_CALLER: Final = "caller"


def entering(services: Services) -> Callable[[AnyRequest], Awaitable[None]]:
    """What stands before every route that asks who comes."""
    authenticator = services.access

    async def enter(request: AnyRequest) -> None:
        headers = request.headers
        found = await authenticator.caller(credential(headers.get(API_KEY), headers.get(AUTHORIZATION)))
        needed = request.scope["route_handler"].opt.get(NEEDS)
        if not isinstance(needed, Scope):
            raise Forbidden
        found.check(needed)
        request.scope[_CALLER] = found  # type: ignore[typeddict-unknown-key]  # beside those of ASGI

    return enter


def caller_of(request: AnyRequest) -> Caller:
    """Who has come in with this request."""
    found: Caller = request.scope[_CALLER]  # type: ignore[typeddict-item]
    return found
