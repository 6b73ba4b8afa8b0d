"""The parent of several processes that serve side by side: it owns what is embedded, and takes no calls itself."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from gateway import bootstrap, exposition
from gateway.adapters.supervisor.datadir import unusable
from gateway.adapters.supervisor.ports import ReservedPort
from gateway.adapters.supervisor.serving import ServingProcess
from gateway.adapters.supervisor.side_by_side import SideBySide
from gateway.bootstrap import Report
from gateway.errors import CannotStart
from gateway.settings import Settings

#: The program of a process that serves.
COMMAND: Final = (sys.executable, "-m", "gateway.cli.serving")


class Order(msgspec.Struct, frozen=True):
    """What a process is to do, as the first line of its input."""

    #: Its place among those that serve, from 1 on.
    place: int
    #: Where all keep the numbers of their metrics.
    metrics: str
    #: Who starts it.
    parent: int
    settings: dict[str, object]


async def serve(settings: Settings, report: Report, hurry: asyncio.Event) -> None:
    """Run the whole gateway in several processes until cancelled; then each answers the calls it has in hand.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    async with contextlib.AsyncExitStack() as cleanup:
        grounded = await cleanup.enter_async_context(bootstrap.grounded(settings, report))
        found = cleanup.enter_context(_reserved(grounded))
        folder = cleanup.enter_context(_counted(settings))
        processes = [_process(place, found, folder) for place in range(1, settings.workers + 1)]
        report(f"starting {settings.workers} processes …")
        drain = settings.drain_delay + settings.drain_timeout
        try:
            await cleanup.enter_async_context(SideBySide(processes, report, drain, hurry))
        except OSError as failure:
            raise CannotStart(f"The gateway cannot start its processes ({failure.strerror}).") from failure
        report(f"{bootstrap.ready(found, found.rest_port, found.grpc_port)}: {settings.workers} processes")
        try:
            await asyncio.Event().wait()
        finally:
            report("stopping: what is in hand ends first; a second signal cuts that short")


@contextlib.contextmanager
def _reserved(settings: Settings) -> Iterator[Settings]:
    """The settings with the ports that are ours from now on, whoever of the processes listens there."""
    with contextlib.ExitStack() as held:
        ports = {}
        for door, name in (("REST", "rest_port"), ("gRPC", "grpc_port")):
            ports[name] = held.enter_context(contextlib.closing(_port(settings, door, name))).number
        yield msgspec.structs.replace(settings, **ports)


def _port(settings: Settings, door: str, name: str) -> ReservedPort:
    host, port = settings.host, getattr(settings, name)
    try:
        return ReservedPort(host, port)
    except OSError as failure:
        flag = f"--{name.replace('_', '-')}"
        raise CannotStart(
            f"{door} cannot listen on {host}:{port} ({failure.strerror}): choose another with --host or {flag}."
        ) from failure


@contextlib.contextmanager
def _counted(settings: Settings) -> Iterator[Path]:
    """The folder of the metrics of all processes; ours stand there, too."""
    try:
        folder = exposition.new_folder(settings.data_dir)
        exposition.share(folder, 0)
    except OSError as failure:
        raise CannotStart(unusable(settings.data_dir, failure)) from failure
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _process(place: int, settings: Settings, folder: Path) -> ServingProcess:
    order = Order(place, str(folder), os.getpid(), msgspec.structs.asdict(settings))
    line = msgspec.json.encode(order, enc_hook=str) + b"\n"
    return ServingProcess(place, COMMAND, line, lambda place: exposition.leave(folder, place), exposition.environment())
