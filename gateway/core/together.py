"""Doing several things at once, of which the first failure ends all."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """What each of these comes to, in their order.

    Raises:
        Exception: the failure that came first, as it is; what was still going on is cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except* Exception as failures:  # noqa: BLE001 - the first of them is raised as it is
        raise _first(failures) from None
    return [task.result() for task in tasks]


def _first(failures: BaseExceptionGroup[Exception]) -> Exception:
    """The failure that came first; the others followed from it or do not matter beside it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
