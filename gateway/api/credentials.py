"""Where a request carries its credential: `X-API-Key`, or `Authorization: Bearer` (RFC 6750)."""

from collections.abc import Iterable
from typing import Final

API_KEY: Final = "x-api-key"
AUTHORIZATION: Final = "authorization"
#: The headers, or metadata, that are read for it.
NAMES: Final = frozenset((API_KEY, AUTHORIZATION))
_BEARER: Final = "bearer "
#: What stands for a credential that is none, or for two: nobody holds it.
NOBODYS: Final = ""


def credential(headers: Iterable[tuple[str, str]]) -> str | None:
    """The credential that these headers, or metadata, hold, by names in lower case; None where they hold none.

    What is no credential of ours (`Authorization: Basic`), or two that differ, is `NOBODYS`.
    """
    held = {_read(name, value.strip()) for name, value in headers if name in NAMES and value.strip()}
    if len(held) > 1:
        return NOBODYS
    return held.pop() if held else None


def _read(name: str, value: str) -> str:
    if name == API_KEY:
        return value
    return value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else NOBODYS
