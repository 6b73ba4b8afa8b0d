"""Which methods an address takes: the answer to OPTIONS, and the header `Allow` of what is refused with 405."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from litestar import HttpMethod, Litestar, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

_PARAMETER: Final = re.compile(r"\{[^}]+\}")


def options(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """One handler per address of these, to be registered before them: Litestar's own knows only the first of them."""
    methods: dict[str, set[str]] = {}
    for each in handlers:
        for path in each.paths:
            methods.setdefault(path, {HttpMethod.OPTIONS.value}).update(map(str, each.http_methods))
    return [_answering(path, _listed(known)) for path, known in methods.items()]


def allowed(app: Litestar, path: str) -> str:
    """The methods that an address takes, as `Allow` has them."""
    return next((methods for form, methods in _forms(app) if form.fullmatch(path)), HttpMethod.OPTIONS.value)


@lru_cache(maxsize=1)
def _forms(app: Litestar) -> list[tuple[re.Pattern[str], str]]:
    routes = [each for each in app.routes if isinstance(each, HTTPRoute)]
    # An address without parameters goes before one with them.
    routes.sort(key=lambda each: len(each.path_parameters))
    return [(_form(each.path_format), _listed(map(str, each.route_handler_map))) for each in routes]


def _form(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, _PARAMETER.split(path))) + "/?")


def _listed(methods: Iterable[str]) -> str:
    return ", ".join(sorted(methods))


def _answering(path: str, methods: str) -> HTTPRouteHandler:
    @route(path, http_method=[HttpMethod.OPTIONS], status_code=204, include_in_schema=False, sync_to_thread=False)
    def answer() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": methods})

    return answer
