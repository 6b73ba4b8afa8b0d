"""The name of one request, the caller's own where it gave a proper one."""

import re
from typing import Final

from gateway.domain.ids import new_id
from gateway.limits import MAX_ID_CHARACTERS

HEADER: Final = "x-request-id"
_PROPER: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_ID_CHARACTERS}}}")


def request_id(given: str | None) -> str:
    """`given` if it is a proper ID, else a new one."""
    return given if given is not None and _PROPER.fullmatch(given) else new_id()
