"""Where a request carries its credential: `X-API-Key`, or `Authorization: Bearer` (RFC 6750)."""

from typing import Final

API_KEY: Final = "x-api-key"
AUTHORIZATION: Final = "authorization"
_BEARER: Final = "bearer "


def credential(api_key: str | None, authorization: str | None) -> str | None:
    """The credential that these headers, or metadata, hold; None where they hold none."""
    if api_key:
        return api_key
    if authorization and authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip() or None
    return None
