"""One operation of the REST door: what the OpenAPI document says beside what its handler says itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.wire.fields import Schema
from gateway.wire.openapi import TEMPLATE, schema_name

#: Examples of one body, by name.
Examples = Mapping[str, Any]
#: The bodies of one request or answer, by media type.
Content = Mapping[str, Schema]

JSON: Final = "application/json"
TEXT: Final = "text/plain"


class Answer(msgspec.Struct, frozen=True):
    """One status that is no refusal."""

    status: int
    description: str
    content: Content = {}
    headers: Sequence[str] = ()


class Body(msgspec.Struct, frozen=True):
    """The body of a request."""

    content: Content
    description: str
    required: bool = True


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation."""

    tag: str
    summary: str
    answers: Sequence[Answer]
    refusals: Sequence[type[GatewayError]]
    body: Body | None = None
    #: Headers of the request that mean something here.
    takes: Sequence[str] = ()
    #: Parameters of the query beside those of the handler.
    queries: Sequence[Schema] = ()


def ref(named: type[msgspec.Struct] | str) -> Schema:
    """The schema of a Struct, or of this name."""
    return {"$ref": TEMPLATE.format(name=named if isinstance(named, str) else schema_name(named))}


def many(named: type[msgspec.Struct]) -> Schema:
    """A list of these."""
    return {"type": "array", "items": ref(named)}


def json(schema: Schema, **examples: Any) -> Content:
    """A JSON body, and examples of it."""
    return {JSON: {"schema": schema} | shown(examples)}


def text(**examples: Any) -> Content:
    """A text body, and examples of it."""
    return {TEXT: {"schema": {"type": "string"}} | shown(examples)}


def shown(examples: Examples) -> Schema:
    """Examples as the document has them; the name of each is its summary."""
    named = {name: {"summary": name.replace("_", " "), "value": value} for name, value in examples.items()}
    return {"examples": named} if named else {}
