"""Strong entity tags: two representations of a thing have the same one only if they are the same bytes."""

import hashlib
from typing import Final

#: Hexadecimal digits of SHA-256 that are shown.
_DIGITS: Final = 32


def etag(body: bytes) -> str:
    """The tag of a representation, in its quotes."""
    return f'"{hashlib.sha256(body).hexdigest()[:_DIGITS]}"'


def named(if_none_match: str | None, tag: str) -> bool:
    """Whether the header names this tag; a proxy that compresses makes it a weak one."""
    if if_none_match is None:
        return False
    names = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in names or names == ["*"]
