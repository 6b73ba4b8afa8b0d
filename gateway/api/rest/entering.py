"""Who comes in by REST: asked before anything of a request is read but its head."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from litestar import HttpMethod, Request

from gateway import telemetry
from gateway.api.credentials import NAMES, credential
from gateway.api.services import Services
from gateway.domain.access import Caller, Scope
from gateway.errors import Forbidden

AnyRequest = Request[Any, Any, Any]

#: What each route names the scope by that it needs; one that names none lets nobody in.
NEEDS: Final = "needs"
_CALLER: Final = "caller"
#: Where the scope of a request holds what is left of its caller's rate.
ALLOWANCE: Final = "allowance"
_NAMES: Final = {name.encode(): name for name in NAMES}


def entering(services: Services) -> Callable[[AnyRequest], Awaitable[None]]:
    """What stands before every route that asks who comes."""
    authenticator, rates = services.access, services.rates

    async def enter(request: AnyRequest) -> None:
        found = await authenticator.caller(credential(_held(request)) if authenticator.asks else None)
        if found.owner:
            telemetry.note(owner=found.owner)
        # What a route takes is no secret to whoever may come in.
        if request.method != HttpMethod.OPTIONS:
            found.check(_needed(request))
        request.scope[_CALLER] = found  # type: ignore[typeddict-unknown-key]  # beside those of ASGI
        allowance = await rates.of_caller(found)
        if allowance is not None:
            request.scope[ALLOWANCE] = allowance  # type: ignore[typeddict-unknown-key]  # beside those of ASGI
            allowance.check()

    return enter


def _held(request: AnyRequest) -> Iterator[tuple[str, str]]:
    for name, value in request.scope["headers"]:
        if name in _NAMES:
            yield _NAMES[name], value.decode("latin-1")


def _needed(request: AnyRequest) -> Scope:
    needed = request.scope["route_handler"].opt.get(NEEDS)
    if not isinstance(needed, Scope):
        raise Forbidden
    return needed


def caller_of(request: AnyRequest) -> Caller:
    """Who has come in with this request."""
    found: Caller = request.scope[_CALLER]  # type: ignore[typeddict-item]
    return found
