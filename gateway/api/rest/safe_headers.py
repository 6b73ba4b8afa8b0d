"""What every answer tells a browser: to take it for what it says it is, to show it in no frame, and to keep no copy."""

from typing import Final

Header = tuple[bytes, bytes]

_EVERY: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
#: RFC 6797: a year, of this host alone.
_ENCRYPTED: Final[Header] = (b"strict-transport-security", b"max-age=31536000")


def safe_headers(*, encrypted: bool, cors: bool) -> tuple[Header, ...]:
    """The headers of an answer, unless it has one of its own; with `cors` pages of other origins may read it."""
    every = tuple(each for each in _EVERY if not (cors and each[0] == b"cross-origin-resource-policy"))
    return (*every, _ENCRYPTED) if encrypted else every
