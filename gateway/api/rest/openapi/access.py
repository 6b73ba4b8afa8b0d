"""Who may call an operation, as the OpenAPI document says it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.api.rest.entering import NEEDS
from gateway.api.rest.openapi import refusals
from gateway.api.rest.openapi.operation import Operation
from gateway.wire.fields import Schema

SCHEMES: Final[Mapping[str, Schema]] = {
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key that `gateway key create` has made, where the gateway runs with `--auth api_key`.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the issuer (`--auth jwt`), or an API key.",
    },
}


def guarded(told: Operation, handler: HTTPRouteHandler) -> Operation:
    """The operation with the refusals of who may not enter, where it asks who comes."""
    if NEEDS not in handler.opt:
        return told
    return msgspec.structs.replace(told, refusals=(*told.refusals, *refusals.ACCESS))


def security(handler: HTTPRouteHandler, *, asks: bool) -> Schema:
    """What a caller of the operation must hold, and which scope."""
    if NEEDS not in handler.opt or not asks:
        return {"security": []}
    return {"security": [{name: [str(handler.opt[NEEDS])]} for name in SCHEMES]}
