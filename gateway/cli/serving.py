"""One of several processes that serve side by side, as its parent starts it: `python -m gateway.cli.serving`.

Its orders come on standard input, and what it has to say goes to standard output: see `adapters/supervisor/serving.py`.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from gateway import bootstrap, exposition, settings, telemetry
from gateway.adapters.supervisor.serving import HURRY
from gateway.errors import CannotStart
from gateway.parent import Order
from gateway.settings import Settings

_PR_SET_PDEATHSIG: Final = 1
_ORDERS: Final = 0


def main() -> None:
    """Serve as the order says, until told to stop; exit 1 after one sentence where that cannot be."""
    with open(_ORDERS, "rb", buffering=0, closefd=False) as orders:
        order = msgspec.json.decode(orders.readline(), type=Order)
    _end_with(order.parent)
    found = settings.load(order.settings, {}, None)
    telemetry.configure(found.log_level)
    try:
        exposition.share(Path(order.metrics), order.place)
        uvloop.run(_until_told(found))
    except (CannotStart, OSError) as refusal:
        say(str(refusal))
        sys.exit(1)


def say(line: str) -> None:
    """Tell the parent, if there still is one."""
    with contextlib.suppress(OSError):
        os.write(1, f"{line}\n".encode())


def _end_with(parent: int) -> None:
    """Be told by the system, too, when the parent is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


async def _until_told(found: Settings) -> None:
    hurry = asyncio.Event()
    task = asyncio.create_task(bootstrap.serve(found, say, hurry))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not task.cancelling():
            task.cancel()

    def told() -> None:
        order = os.read(_ORDERS, 64)
        if not order:
            loop.remove_reader(_ORDERS)
        if HURRY in order:
            hurry.set()
        stop()

    loop.add_reader(_ORDERS, told)
    loop.add_signal_handler(signal.SIGTERM, stop)
    # Ctrl-C is for the parent, who passes it on in order.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()


if __name__ == "__main__":
    main()
