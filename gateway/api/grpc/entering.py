"""Who comes in by gRPC: asked before a method gets its request."""

import contextvars
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway.domain.access import Caller, Scope

Method = TypeVar("Method", bound=Callable[..., Any])

_NEEDS: Final = "needs"
_caller: Final[contextvars.ContextVar[Caller]] = contextvars.ContextVar("caller")


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


def let_in(found: Caller) -> None:
    """Have the rest of this call know who asks."""
    _caller.set(found)


def caller() -> Caller:
    """Who asks in this call."""
    return _caller.get()
