"""Ending a bench in order."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from bench.faults import BenchFailed
from gateway.errors import CannotStart

INTERRUPTED: Final = 130
WIDTH_ON_A_PIPE: Final = 120

Result = TypeVar("Result")


def terminal() -> Console:
    """Where the bench speaks: the terminal, or a pipe of a width that does not break its lines."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_ON_A_PIPE)


def outcome(work: Coroutine[Any, Any, Result], console: Console) -> Result:
    """What `work` comes to; SIGTERM ends it in order as Ctrl-C does, and then the program with 130.

    Raises:
        click.ClickException: it failed, and says in one sentence why.
    """
    try:
        return asyncio.run(_until_stopped(work))
    except (BenchFailed, CannotStart) as failure:
        raise click.ClickException(str(failure)) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; everything is stopped and removed")
        sys.exit(INTERRUPTED)


async def _until_stopped(work: Coroutine[Any, Any, Result]) -> Result:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work
