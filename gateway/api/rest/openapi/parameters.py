"""The parameters of an operation, from its handler's signature."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.typing import FieldDefinition

from gateway.api.rest.openapi import examples
from gateway.domain.runs import RunState
from gateway.limits import MAX_FILENAME_CHARACTERS, MAX_TAG_CHARACTERS, MAX_WAIT
from gateway.wire.fields import PURPOSE, Schema

#: What a handler takes that comes from elsewhere.
_INNER: Final = frozenset(("request", "services"))
_PATH: Final[Mapping[str, Schema]] = {
    "pipeline_id": {"description": "The pipeline: the name of its ensemble in Triton.", "example": examples.PIPELINE},
    "execution_id": {"description": "The execution.", "example": examples.EXECUTION},
    "run_id": {"description": "The run.", "example": examples.RUN},
    "hook_id": {"description": "The hook.", "example": examples.HOOK},
    "delivery_id": {"description": "The delivery.", "example": examples.DELIVERY},
    "file_id": {"description": "The file.", "example": examples.FILE},
    "artifact_id": {"description": "The artifact.", "example": examples.ARTIFACT},
    "media_id": {"description": "The stored media.", "example": examples.MEDIA},
}
_QUERY: Final[Mapping[str, Schema]] = {
    "envelope": {"description": "Answer with `{executionId, runId, observation}`."},
    "limit": {"description": "How many there are on one page."},
    "cursor": {"description": "Where the page begins: taken from the `Link` of the page before."},
    "superseded": {"description": "Show entries too whose place an idempotent run has taken."},
    "tag": {"description": "Only those of this tag."},
    "status": {"description": "Only those of this status."},
    "wait": {
        "description": "Seconds to wait for its end, or with `If-None-Match` for any change: `30` or `30s`; "
        f"at most {MAX_WAIT:g}.",
        "example": "30s",
    },
    "filename": {"description": "What the file is called, where the body is the file itself."},
    "purpose": {"description": "What the file is for, in a word of your own."},
    "expires_after": {
        "description": "Seconds for which the file is kept; 0 is for ever. Without it the gateway's setting holds, "
        "which is 30 days unless the operator says otherwise.",
    },
    "after": {"description": "The last event that was seen; `Last-Event-ID` goes before it."},
}
_LIMITS: Final[Mapping[str, Schema]] = {
    "status": {"enum": [each.upper() for each in RunState]},
    "tag": {"maxLength": MAX_TAG_CHARACTERS},
    "cursor": {"pattern": "^[0-9]{1,18}$"},
    "wait": {"pattern": r"^[0-9]{1,6}(\.[0-9]{1,6})?s?$"},
    "filename": {"maxLength": MAX_FILENAME_CHARACTERS},
    "purpose": {"pattern": PURPOSE},
}


#: Limits that hold for one operation: what a list gives as its next page is the list's own.
_LIMITS_OF: Final[Mapping[tuple[str, str], Schema]] = {
    ("listRuns", "cursor"): {"pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
}


def _header(name: str, description: str, pattern: str | None = None) -> Schema:
    schema = {"type": "string"} | ({} if pattern is None else {"pattern": pattern})
    return {"name": name, "in": "header", "description": description, "schema": schema}


_KEY: Final = "[!-~]([ -~]{0,253}[!-~])?"
#: The headers that requests may bear, by the names that operations call them.
HEADERS: Final[Mapping[str, Schema]] = {
    "RequestId": _header(
        "X-Request-Id",
        "A name for this request of your own, 1 to 128 characters of `A-Za-z0-9._-`; refusals and the answers of runs "
        "bear it. In the place of any other the gateway gives one.",
    ),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "A name for this call of your own, bare or in quotes: a repeat under it is answered as the call was, and does "
        "nothing anew.",
        f'^({_KEY}|"{_KEY}")?$',
    ),
    "IfNoneMatch": _header("If-None-Match", "The `ETag` that is known: answered with 304 while it holds."),
    "LastEventId": _header("Last-Event-ID", "The `id` of the last event that was seen.", "^[0-9]{1,19}$"),
}


def wire_name(name: str) -> str:
    """A name as the document has it."""
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def parameters(handler: HTTPRouteHandler, in_path: Mapping[str, Any]) -> list[Schema]:
    """The parameters of this handler, those of its path first."""
    taken = handler.parsed_fn_signature.parameters.items()
    outer = [(name, field) for name, field in taken if name not in _INNER]
    path = [_path(name) for name, _ in outer if name in in_path]
    own = str(handler.operation_id)
    query = [_query(own, name, field) for name, field in outer if name not in in_path]
    return [*path, *query]


def _path(name: str) -> Schema:
    return {"name": wire_name(name), "in": "path", "required": True, "schema": {"type": "string"}} | _PATH[name]


def _query(operation: str, name: str, field: FieldDefinition) -> Schema:
    schema = _type(field) | _LIMITS.get(name, {}) | _LIMITS_OF.get((operation, name), {})
    if field.default is not None:
        schema["default"] = field.default
    return {"name": name, "in": "query", "required": False, "schema": schema} | _QUERY[name]


def _type(field: FieldDefinition) -> Schema:
    found = msgspec.json.schema(field.annotation)
    (plain,) = [each for each in found.get("anyOf", [found]) if each != {"type": "null"}]
    limits = {
        "minimum": getattr(field.kwarg_definition, "ge", None),
        "maximum": getattr(field.kwarg_definition, "le", None),
    }
    # Litestar takes the text `null` for None, where a parameter may be that and is no text itself.
    nullable = "anyOf" in found and plain["type"] != "string"
    kind = [plain["type"], "null"] if nullable else plain["type"]
    return {"type": kind} | {name: limit for name, limit in limits.items() if limit is not None}
