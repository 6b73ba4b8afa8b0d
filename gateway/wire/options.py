"""The fields of a call as text: parameters of a query, and parts of a form."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from gateway.errors import InvalidInput
from gateway.wire.calls import ExecuteBody
from gateway.wire.json import decode

#: The fields that a query may hold.
IN_QUERY: Final = (
    "executionId",
    "tag",
    "idempotent",
    "transient",
    "pageRange",
    "tryImageConversion",
    "trySimpleText",
    "transform",
    "timeout",
    "onTimeout",
    "priority",
    "executeAfter",
    "ttl",
    "webhookUrl",
)
#: Fields that are JSON, wherever they stand.
_JSON: Final = frozenset(("inputs", "metaData", "runtimeParameters", "observation"))
#: Fields that may be given again and again.
_LISTS: Final = frozenset(("mediaIds", "hookIds"))
#: What the routes themselves read of a query.
_ROUTES: Final = frozenset(("envelope",))

#: Takes `true`, `1` and `20` for what they say, in whatever case.
_decoder: Final = msgspec.json.Decoder(ExecuteBody, strict=False)


def fields_in(pairs: Iterable[tuple[str, str]]) -> ExecuteBody:
    """The fields of a call from their names and texts.

    Raises:
        InvalidInput: one is unknown, given twice, or not of its kind.
    """
    members: dict[str, Any] = {}
    for name, text in pairs:
        if name in _LISTS:
            members.setdefault(name, []).append(text)
        elif name in members:
            raise given_twice(name)
        else:
            members[name] = _json(text, name) if name in _JSON else text
    return decode(msgspec.json.encode(members), _decoder)


def in_query(query: bytes) -> ExecuteBody:
    """The fields of a call that a query holds.

    Raises:
        InvalidInput: one has no place there, is given twice, or is not of its kind.
    """
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=len(IN_QUERY) * 2)
    except ValueError:
        raise InvalidInput("The query cannot be read.") from None
    found = [(name, text) for name, text in pairs if name not in _ROUTES]
    for name, _ in found:
        if name not in IN_QUERY:
            raise InvalidInput("There is no such parameter.", field=name)
    return fields_in(found)


def merged(body: ExecuteBody, query: ExecuteBody) -> ExecuteBody:
    """The fields of both.

    Raises:
        InvalidInput: one is given in both.
    """
    more = {}
    for each in msgspec.structs.fields(ExecuteBody):
        value = getattr(query, each.name)
        if value is None or each.type is msgspec.Raw:
            continue
        if getattr(body, each.name) is not None:
            raise given_twice(each.encode_name)
        more[each.name] = value
    return msgspec.structs.replace(body, **more)


def given_twice(name: str) -> InvalidInput:
    """The refusal of a field that is given more than once."""
    return InvalidInput("The field is given twice.", field=name)


def _json(text: str, name: str) -> msgspec.Raw:
    try:
        return msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise InvalidInput("The field is not JSON.", field=name) from None
