"""The ways by which a call may be brought: the bodies of one, and the fields that a query may hold."""

from typing import Any, Final

import msgspec

from gateway.api.rest.openapi import examples
from gateway.api.rest.openapi.operation import Content, text
from gateway.limits import MAX_FORM_PARTS
from gateway.wire.calls import ExecuteBody
from gateway.wire.fields import EVERYWHERE, OF, Schema
from gateway.wire.options import IN_QUERY

_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_RAW: Final = (
    "image/*",
    "audio/*",
    "video/*",
    "application/pdf",
    "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
)
_URL: Final[Schema] = {
    "type": "string",
    "description": "Where the gateway fetches the media from, if its operator allows that.",
}
#: Limits of a field that hold for its text too.
_LIMITS: Final = frozenset(
    ("description", "enum", "format", "pattern", "maxLength", "minimum", "maximum", "exclusiveMinimum")
)


def _field(name: str, annotation: Any) -> Schema:
    """A field as text: what is no plain value is JSON."""
    words = EVERYWHERE.get(name, {}) | OF["ExecuteBody"].get(name, {})
    limits: Schema = {key: value for key, value in words.items() if key in _LIMITS}
    if "enum" in limits:
        limits["enum"] = [each for each in limits["enum"] if each is not None]
    found = msgspec.json.schema(annotation)
    (kind,) = {each.get("type", "object") for each in found.get("anyOf", [found])} - {"null"}
    if kind == "array":
        return {"type": "array", "items": {"type": "string"}} | limits
    if kind == "object":
        return {"type": "string", "contentMediaType": "application/json"} | limits
    return {"type": kind} | limits


_FIELDS: Final = {
    each.encode_name: _field(each.encode_name, dict[str, Any] if each.type is msgspec.Raw else each.type)
    for each in msgspec.structs.fields(ExecuteBody)
    if each.encode_name != "media"
}
_FILES: Final[Schema] = {
    "type": "array",
    "items": _BINARY,
    "description": "Files to run on, in their order; `media`, `file` and `files` mean the same.",
}
_MULTIPART: Final[Schema] = {
    "type": "object",
    "description": "A part that is named as an input of the pipeline is its value, any other one is a field of the "
    f"JSON body; at most {MAX_FORM_PARTS} parts.",
    "properties": {"media": _FILES, "file": _FILES, "files": _FILES, "url": _URL, "file_url": _URL} | _FIELDS,
    "additionalProperties": {"type": "string"},
}
_URL_ENCODED: Final[Schema] = {
    "type": "object",
    "description": "The same without files.",
    "properties": {"url": _URL, "file_url": _URL} | _FIELDS,
    "additionalProperties": {"type": "string"},
}

#: Fields of a call that its query may hold.
OPTIONS: Final[tuple[Schema, ...]] = tuple(
    {
        "name": name,
        "in": "query",
        "required": False,
        "description": _FIELDS[name]["description"],
        "schema": {key: value for key, value in _FIELDS[name].items() if key != "description"},
    }
    for name in IN_QUERY
    if name in _FIELDS
)


def ways_in(of_json: Content) -> Content:
    """A call as JSON, or as a form, or one media as it is, with the rest in the query."""
    return {
        **of_json,
        "multipart/form-data": {"schema": _MULTIPART},
        "application/x-www-form-urlencoded": {"schema": _URL_ENCODED},
        **{kind: {"schema": _BINARY} for kind in _RAW},
        **text(a_PNG_as_base64=examples.PNG),
    }


def ways_to_transform(of_json: Content) -> Content:
    """The same where a transform is asked for, which text alone does not bring."""
    return {kind: each for kind, each in ways_in(of_json).items() if kind != "text/plain"}
