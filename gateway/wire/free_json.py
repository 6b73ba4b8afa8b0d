"""Fields that hold JSON of any kind: looked at for size, number and depth before they are decoded."""

from typing import Any, Final

import msgspec

from gateway.domain.nesting import too_deep
from gateway.errors import InvalidInput
from gateway.limits import MAX_JSON_DEPTH

#: The default of a field that is kept raw, which msgspec takes alone and not beside null.
NOTHING: Final = msgspec.Raw(b"null")


def raw_field(given: msgspec.Raw) -> bytes | None:
    """The JSON of a field that is kept raw; null is absent."""
    raw = bytes(given)
    return None if raw == b"null" else raw


def json_object(raw: bytes | None, field: str, *, most_bytes: int, most: int | None = None) -> dict[str, Any] | None:
    """One JSON object of bounded size, number of members and depth; None where there is none.

    Raises:
        InvalidInput: it is something else, or more than that.
    """
    if not raw:
        return None
    if len(raw) > most_bytes:
        raise InvalidInput(f"The field is larger than {most_bytes} bytes of JSON.", field=field)
    members = _members(raw, field)
    if most is not None and len(members) > most:
        raise InvalidInput(f"The field has more than {most} members.", field=field)
    return members


def _members(raw: bytes, field: str) -> dict[str, Any]:
    if too_deep(raw):
        raise InvalidInput(f"The field is nested deeper than {MAX_JSON_DEPTH} arrays and objects.", field=field)
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("The field is not one JSON object.", field=field) from None
