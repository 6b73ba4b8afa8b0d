"""The body of a request, read by hand where a call is to be admitted first."""

import asyncio
from typing import Any

from litestar import Request

from gateway.errors import RequestIncomplete
from gateway.limits import BODY_TIMEOUT


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body.

    Raises:
        RequestIncomplete: it did not arrive in time.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await request.body()
    except TimeoutError:
        raise RequestIncomplete from None
