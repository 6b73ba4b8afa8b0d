"""Runs what serves in the foreground, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

import click
import uvloop


def until_stopped(work: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    """Run `work` until a signal cancels it; a further one sets its event: what is in hand gets no more time."""
    uvloop.run(_until_stopped(work))


def report(line: str) -> None:
    """Tell the operator."""
    click.echo(f"gateway: {line}", err=True)


async def _until_stopped(work: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    hurry = asyncio.Event()
    task = asyncio.create_task(work(hurry))

    def stop() -> None:
        if task.cancelling():
            hurry.set()
        else:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
