"""The pages of documentation: the OpenAPI document, and what shows it; nothing of them comes from another host."""

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import yaml
from litestar import Litestar, Request, Response, get
from litestar.params import FromPath

from gateway.api.rest.openapi.document import document
from gateway.errors import NotFound

AnyRequest = Request[Any, Any, Any]

#: What the application says of itself: whether it asks callers who they are.
ASKS: Final = "asks"
#: Each file of the pages, by name: the package it comes in, its folder there, and its type, to which UTF-8 is added.
_FILES: Final = {
    "swagger.html": ("gateway.api.rest", "static", "text/html"),
    "swagger.js": ("gateway.api.rest", "static", "text/javascript"),
    "redoc.html": ("gateway.api.rest", "static", "text/html"),
    "redoc_page.js": ("gateway.api.rest", "static", "text/javascript"),
    "swagger_bundle.js": ("offapi", ".", "text/javascript"),
    "swagger_style.css": ("offapi", ".", "text/css"),
    "redoc.js": ("offapi", ".", "text/javascript"),
}
#: The browser itself holds the pages to this host.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}


@get("/openapi.json", sync_to_thread=True, include_in_schema=False)
def openapi_json(request: AnyRequest) -> Response[bytes]:
    """The OpenAPI document as JSON."""
    return Response(as_json(request.app), media_type="application/json")


@get("/openapi.yaml", sync_to_thread=True, include_in_schema=False)
def openapi_yaml(request: AnyRequest) -> Response[bytes]:
    """The OpenAPI document as YAML."""
    return Response(as_yaml(request.app), media_type="application/yaml")


@get("/docs", sync_to_thread=True, include_in_schema=False)
def swagger() -> Response[bytes]:
    """The document as a page to try the routes out on."""
    return _file("swagger.html")


@get("/redoc", sync_to_thread=True, include_in_schema=False)
def redoc() -> Response[bytes]:
    """The document as a page to read."""
    return _file("redoc.html")


@get("/docs/assets/{name:str}", sync_to_thread=True, include_in_schema=False)
def asset(name: FromPath[str]) -> Response[bytes]:
    """What the pages are made of."""
    if name not in _FILES:
        raise NotFound
    return _file(name)


@lru_cache(maxsize=1)
def as_json(app: Litestar) -> bytes:
    """The document of this application, built once."""
    return msgspec.json.encode(document(app.routes, asks=app.opt[ASKS]))


@lru_cache(maxsize=1)
def as_yaml(app: Litestar) -> bytes:
    """The same as YAML."""
    text: str = yaml.safe_dump(msgspec.json.decode(as_json(app)), sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _file(name: str) -> Response[bytes]:
    _, _, media_type = _FILES[name]
    return Response(_bytes(name), media_type=media_type, headers=_HEADERS)


@cache
def _bytes(name: str) -> bytes:
    package, folder, _ = _FILES[name]
    return files(package).joinpath(folder, name).read_bytes()


DOCS: Final = (openapi_json, openapi_yaml, swagger, redoc, asset)
