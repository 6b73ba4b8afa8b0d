"""The name of one request, the caller's own where it gave a proper one."""

import re
from typing import Final

from gateway.domain.ids import new_id

HEADER: Final = "x-request-id"
_PROPER: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id(given: str | None) -> str:
    """`given` if it is a proper ID, else a new one."""
    return given if given is not None and _PROPER.fullmatch(given) else new_id()
