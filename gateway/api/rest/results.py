"""How results of transforms and JSON forms are sent."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response


def json_reply(body: bytes, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """A JSON document as it is."""
    return Response(body, media_type="application/json", headers=headers)


def transform_reply(
    request: Request[Any, Any, Any], found: bytes | None, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """What a transform made: JSON where the caller asks for it by name, else the same as text; nothing is `null`."""
    wants_json = "application/json" in request.headers.get("accept", "")
    media_type = "application/json" if wants_json else "text/plain"
    return Response(b"null" if found is None else found, media_type=media_type, headers=headers)
