"""Callers who leave before they are answered."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import Request

from gateway.errors import RunCanceled

T = TypeVar("T")


async def while_there(request: Request[Any, Any, Any], work: Coroutine[Any, Any, T]) -> T:
    """What the work brings; it is called off when the caller leaves. The body must have been read, if there is one.

    Raises:
        RunCanceled: the caller has left; nobody is told.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise RunCanceled
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
