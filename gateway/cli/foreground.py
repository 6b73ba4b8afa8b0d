"""Runs what serves in the foreground, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Coroutine

import click
import uvloop


def until_stopped(work: Coroutine[None, None, None]) -> None:
    """Run `work` until a signal; a second one cuts the wait for calls in hand short."""
    uvloop.run(_until_stopped(work))


def report(line: str) -> None:
    """Tell the operator."""
    click.echo(f"gateway: {line}", err=True)


async def _until_stopped(work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
