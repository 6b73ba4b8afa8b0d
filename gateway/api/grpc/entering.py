"""Who comes in by gRPC: asked before a method gets its request."""

import contextvars
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from gateway.api.credentials import NAMES, credential
from gateway.domain.access import Caller, Scope
from gateway.ports import Authenticator

Method = TypeVar("Method", bound=Callable[..., Any])

_NEEDS: Final = "needs"
_caller: Final[contextvars.ContextVar[Caller | None]] = contextvars.ContextVar("caller", default=None)


def needs(scope: Scope) -> Callable[[Method], Method]:
    """Mark a method with the scope that it needs."""

    def marked(method: Method) -> Method:
        setattr(method, _NEEDS, scope)
        return method

    return marked


def needed_by(method: Callable[..., Any]) -> Scope:
    """The scope that a method needs.

    Raises:
        TypeError: nothing says which.
    """
    found = getattr(method, _NEEDS, None)
    if not isinstance(found, Scope):
        raise TypeError(f"{method.__qualname__} does not say what scope it needs.")
    return found


async def let_in(access: Authenticator, metadata: Iterable[tuple[str, str | bytes]], needed: Scope) -> Caller:
    """Who asks, which the rest of this call knows from now on.

    Raises:
        CredentialMissing, CredentialInvalid, Forbidden, Unavailable: it may not, or nobody can say.
    """
    held = ((name, str(value)) for name, value in metadata if name in NAMES)
    found = await access.caller(credential(held) if access.asks else None)
    found.check(needed)
    _caller.set(found)
    return found


def known() -> Caller | None:
    """Who asks in this call, if that was found out already."""
    return _caller.get()


def caller() -> Caller:
    """Who asks in this call."""
    found = _caller.get()
    assert found is not None, "nobody has come in"
    return found
