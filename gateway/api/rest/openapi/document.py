"""The OpenAPI document of the REST door, from its routes and from the Structs that they read and write."""

from collections.abc import Iterable
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from gateway import __version__
from gateway.api.rest.openapi import files, following, health, hooks, keeping, refusals, running
from gateway.api.rest.openapi.access import SCHEMES, guarded, security
from gateway.api.rest.openapi.parameters import HEADERS as TAKEN
from gateway.api.rest.openapi.parameters import parameters, wire_name
from gateway.api.rest.openapi.responses import HEADERS, responses
from gateway.domain.pipelines import Edge, Input, Node, NodeInput, NodeOutput, Output
from gateway.domain.runs import RunError, Timings
from gateway.wire.fields import Schema
from gateway.wire.openapi import refusal, schemas

_PARTS: Final = (running, following, keeping, files, hooks, health)
OPERATIONS: Final = {name: each for part in _PARTS for name, each in part.OPERATIONS.items()}
_INNER: Final = (Input, Output, Node, NodeInput, NodeOutput, Edge, RunError, Timings)
STRUCTS: Final = (*(each for part in _PARTS for each in part.STRUCTS), *_INNER)
_DESCRIPTION: Final = """
Runs NVIDIA Triton ensembles on media, and keeps what they found.

- A **pipeline** is an ensemble in Triton: `GET /v1/pipelines` lists them.
- `POST /v1/pipelines/{pipelineId}/executeSync` runs one on media (base64, raw, a form) and
  answers with an **observation**: one entry per media.
- `POST …/executeAsync` does the same in the background: it answers at once with a **run** to look at, to wait for
  (`?wait=30s`), to follow (`/events`) or to cancel.
- With an `Idempotency-Key` any of them may be repeated without being done twice.
- Both belong to an **execution**, the record that holds media, the observation of all runs, a tag and metadata. A call
  that names none brings one about.
- A **hook** is told, over HTTP and signed, of what happens to the executions that name it.
- A **transform** is a JSONata expression over an observation.

A gateway asks who you are, unless it is set up to serve everybody: send an API key as `X-API-Key`, or a key or token as
`Authorization: Bearer`. What a key or token may do are its scopes: `run`, `read`, `deploy`, `admin`. Where it has a
rate, every answer says in `RateLimit` what is left of it.

Every refusal is `application/problem+json` with a stable `code`. Lists are arrays; the next page stands in the header
`Link`. Fields that there are not are refused, and `null` means absent. The same is served over gRPC.
""".strip()
_TAGS: Final = {
    "Pipelines": "Ensembles in Triton that callers run.",
    "Executions": "The lasting records that runs belong to.",
    "Media": "Media that are stored on an execution.",
    "Observations": "What the runs of an execution have found.",
    "Files": "Put in once, and used by their ID in any number of calls.",
    "Artifacts": "What the runs of an execution have made beside its observation: images and other bytes.",
    "Runs": "Single calls of a pipeline: read, waited for, followed and canceled.",
    "Hooks": "Who is told of what happens to executions, and what came of it.",
    "Health": "How the gateway is.",
}


def document(routes: Iterable[BaseRoute], *, asks: bool) -> dict[str, Any]:
    """The document; `asks` says whether callers are asked who they are."""
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "servers": [{"url": "/", "description": "This gateway."}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": _paths(routes, asks=asks),
        "components": {
            "schemas": schemas(STRUCTS),
            "headers": HEADERS,
            "parameters": dict(TAKEN),
            "examples": _refusals(),
            "securitySchemes": SCHEMES,
        },
    }


def _info() -> Schema:
    return {
        "title": "Triton ensemble gateway",
        "version": __version__,
        "description": _DESCRIPTION,
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    }


def _refusals() -> dict[str, Schema]:
    told = (*refusals.ACCESS, *(error for each in OPERATIONS.values() for error in each.refusals))
    errors = {error.code: error for error in told}
    return {code: refusal(error) for code, error in sorted(errors.items())}


def _paths(routes: Iterable[BaseRoute], *, asks: bool) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for route in routes:
        if isinstance(route, HTTPRoute):
            for method, handler in described(route).items():
                found.setdefault(_path(route), {})[method.lower()] = _operation(route, handler) | security(
                    handler, asks=asks
                )
    return found


def described(route: HTTPRoute) -> dict[str, HTTPRouteHandler]:
    """The handlers of a route that belong into the document, by method."""
    handlers = {str(method): handler for method, (handler, _) in route.route_handler_map.items()}
    return {
        method: each for method, each in handlers.items() if method != "OPTIONS" and each.include_in_schema is not False
    }


def _path(route: HTTPRoute) -> str:
    path = route.path_format
    for name in route.path_parameters:
        path = path.replace(f"{{{name}}}", f"{{{wire_name(name)}}}")
    return path


def _operation(route: HTTPRoute, handler: HTTPRouteHandler) -> Schema:
    name = str(handler.operation_id)
    told = guarded(OPERATIONS[name], handler)
    headers = [{"$ref": f"#/components/parameters/{each}"} for each in ("RequestId", *told.takes)]
    taken = [*parameters(handler, route.path_parameters), *told.queries, *headers]
    found: Schema = {
        "operationId": name,
        "tags": [told.tag],
        "summary": told.summary,
        "description": " ".join((handler.fn.__doc__ or "").split()),
        "parameters": taken,
        "responses": responses(told),
    }
    if told.body is not None:
        body = told.body
        found["requestBody"] = {"description": body.description, "required": body.required, "content": body.content}
    return found
