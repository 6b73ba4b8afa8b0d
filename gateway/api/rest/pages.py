"""What lists of REST have in common: how many stand on a page, and the header that leads to the next."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar.params import QueryParameter

from gateway.limits import MAX_PAGE

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)]


def following(path: str, asked: dict[str, Any], cursor: str | None) -> dict[str, str]:
    """The header that leads to the next page."""
    if cursor is None:
        return {}
    query = urlencode({name: value for name, value in (asked | {"cursor": cursor}).items() if value is not None})
    return {"Link": f'<{path}?{query}>; rel="next"'}
