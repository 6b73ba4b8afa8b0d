"""Waiting for what the system shows by itself and tells nobody."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

Found = TypeVar("Found")

LOOK_EVERY_S: Final = 0.05


async def until(look: Callable[[], Found], seconds: float) -> Found:
    """What is seen as soon as it is true; what is seen at the end where it does not become so in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > deadline:
            return found
        await asyncio.sleep(LOOK_EVERY_S)
