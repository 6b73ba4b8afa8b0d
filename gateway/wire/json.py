"""JSON bodies to Structs, with every refusal in our own words."""

import re
from typing import Final, TypeVar

import msgspec

from gateway.errors import InvalidInput, Malformed, shown_name

T = TypeVar("T")

_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)


def decode(body: bytes | bytearray, decoder: msgspec.json.Decoder[T]) -> T:
    """The Struct that `body` holds.

    Raises:
        Malformed: it is not JSON.
        InvalidInput: a field is unknown, missing, or of the wrong type.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as refusal:
        raise _invalid(str(refusal)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        at = re.search(r"\(byte \d+\)", str(refusal))
        raise Malformed(f"The body is not JSON{' ' + at[0] if at else ''}.") from None


def _invalid(said: str) -> InvalidInput:
    what, _, where = said.rpartition(" - at `$") if said.endswith("`") and " - at `$" in said else (said, "", "")
    path = where.rstrip("`").removeprefix(".")
    unknown = _UNKNOWN.fullmatch(what)
    if unknown is not None:
        field = ".".join(filter(None, (path, shown_name(unknown[1]) or "")))
        return InvalidInput("The body has a field that there is not.", field=field or None)
    return InvalidInput(f"{what}.", field=path or None)
