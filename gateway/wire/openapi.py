"""The schemas of the wire's JSON for the OpenAPI document, from the Structs that read and write it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.domain.observations import RESERVED
from gateway.errors import GatewayError
from gateway.limits import MAX_ID_CHARACTERS
from gateway.wire import problem
from gateway.wire.fields import EVERYWHERE, OF, Schema

#: How a schema of this document is named from elsewhere in it.
TEMPLATE: Final = "#/components/schemas/{name}"
#: Stands for a request in the examples of refusals.
_REQUEST: Final = "01a1fd5a-93fb-70df-b7c5-5c7abe10c94c"

_ID: Final[Schema] = {"type": "string"}
_ENTRY: Final[Schema] = {
    "title": "Entry",
    "description": "What one run found in one media, or what a caller put in: six fields of the gateway's own, then "
    "those of the model as they came, such as `documentPages`, `rawText`, `label`, `json` or `outputs`.",
    "type": "object",
    "properties": {
        "id": _ID | {"description": "The entry."},
        "mediaId": _ID | EVERYWHERE["mediaId"],
        "runId": _ID | EVERYWHERE["runId"],
        "pipelineId": _ID | EVERYWHERE["pipelineId"],
        "pipelineVersion": {"type": "integer"} | EVERYWHERE["pipelineVersion"],
        "createdAt": _ID | EVERYWHERE["createdAt"],
    },
    "required": ["id", "createdAt"],
    "additionalProperties": True,
}
_ENTRY_BODY: Final[Schema] = {
    "title": "EntryBody",
    "description": "An entry that a caller puts in, with any fields of its own. Of the gateway's six fields only `id` "
    "and `mediaId` are looked at, the others are written anew.",
    "type": "object",
    "properties": {
        "id": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_ID_CHARACTERS, "description": "The entry."},
        "mediaId": {
            "type": ["string", "null"],
            "maxLength": MAX_ID_CHARACTERS,
            "description": "The media that the entry is about.",
        },
    },
    "additionalProperties": True,
}
_OBSERVATION: Final[Schema] = {
    "title": "Observation",
    "description": "What was found: entries in the order of their commits, then of the media.",
    "type": "object",
    "properties": {
        "executionId": _ID | EVERYWHERE["executionId"],
        "mediaContents": {
            "type": "array",
            "items": {"$ref": TEMPLATE.format(name="Entry")},
            "description": "The entries.",
        },
        "documents": {"type": "array", "maxItems": 0, "description": "Always empty."},
    },
    "required": ["executionId", "mediaContents", "documents"],
    "additionalProperties": False,
}
assert set(_ENTRY["properties"]) == RESERVED


def schema_name(struct: type[msgspec.Struct]) -> str:
    """The name of a Struct's schema."""
    return struct.__name__.removesuffix("View")


def schemas(structs: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schemas of these Structs, which must name all that stand in them, and of observations."""
    _, raw = msgspec.json.schema_components(list(map(_showable, structs)), ref_template=TEMPLATE)
    by_name = {struct.__name__: struct for struct in structs}
    found = {name.removesuffix("View"): _schema(each, by_name.get(name)) for name, each in raw.items()}
    return found | {"Entry": _ENTRY, "EntryBody": _ENTRY_BODY, "Observation": _OBSERVATION}


def _showable(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The Struct, or its like without the raw defaults, which msgspec has no schema for."""
    fields = msgspec.structs.fields(struct)
    if not any(isinstance(each.default, msgspec.Raw) for each in fields):
        return struct
    likes: list[tuple[str, Any, Any] | tuple[str, Any]] = [
        (each.encode_name, each.type)
        if each.required
        else (each.encode_name, each.type, None if isinstance(each.default, msgspec.Raw) else each.default)
        for each in fields
    ]
    closed = struct.__struct_config__.forbid_unknown_fields
    namespace = {"__doc__": struct.__doc__}
    return msgspec.defstruct(struct.__name__, likes, namespace=namespace, kw_only=True, forbid_unknown_fields=closed)


def _schema(raw: Schema, struct: type[msgspec.Struct] | None) -> Schema:
    if struct is None:
        return {"type": "string", **raw}
    own = OF.get(struct.__name__, {})
    properties = {
        name: _field(each, struct) | EVERYWHERE.get(name, {}) | own.get(name, {})
        for name, each in raw["properties"].items()
    }
    required = raw["required"] if _may_lack(struct) else list(properties)
    return raw | {"title": schema_name(struct), "properties": properties, "required": required}


def _may_lack(struct: type[msgspec.Struct]) -> bool:
    """Whether a field that has a default may be absent: a caller may leave it out, and some answers do."""
    return bool(struct.__struct_config__.omit_defaults or struct.__struct_config__.forbid_unknown_fields)


def _field(raw: Schema, struct: type[msgspec.Struct]) -> Schema:
    found: Schema = _named(
        {key: value for key, value in raw.items() if key != "anyOf" and (key, value) != ("default", None)}
    )
    options: list[Schema] = _named(raw.get("anyOf", []))
    if not options:
        return found
    (inner,) = [each for each in options if each != {"type": "null"}]
    if "default" in raw and struct.__struct_config__.omit_defaults:
        return found | inner
    return found | (inner | {"type": [inner["type"], "null"]} if "type" in inner else {"anyOf": options})


def _named(raw: Any) -> Any:
    """A copy, with every name of a schema as this document has it."""
    if isinstance(raw, Mapping):
        return {key: _named(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_named(each) for each in raw]
    return raw.removesuffix("View") if isinstance(raw, str) and raw.startswith("#/components/") else raw


def refusal(error: type[GatewayError]) -> Schema:
    """An example of this refusal."""
    value = msgspec.json.decode(problem.problem(error(), _REQUEST))
    return {"summary": " ".join((error.__doc__ or "").split()), "value": value}
