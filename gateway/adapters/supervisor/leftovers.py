"""Ends the processes of a child that outlived both the gateway and their keeper."""

import asyncio
import contextlib
import logging

import psutil

log = logging.getLogger(__name__)

#: How long killed processes may take to disappear.
GONE_WITHIN_S = 10.0


async def end_leftovers(mark: str, programs: tuple[str, ...]) -> None:
    """Kill every process of these programs whose command line has the mark, and wait until they are gone."""
    await asyncio.to_thread(_end_leftovers, mark, programs)


def _end_leftovers(mark: str, programs: tuple[str, ...]) -> None:
    left = leftovers(mark, programs)
    for process in left:
        log.warning("leftover.killed", extra={"pid": process.pid, "mark": mark})
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # Those that are not our children cannot be reaped by us: gone is also who is a zombie.
    psutil.wait_procs([process for process in left if not _is_zombie(process)], timeout=GONE_WITHIN_S)


def leftovers(mark: str, programs: tuple[str, ...]) -> list[psutil.Process]:
    """The processes of these programs whose command line has the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() in programs and any(mark in word for word in process.cmdline()):
                found.append(process)
    return found


def command_lines(mark: str, programs: tuple[str, ...]) -> list[list[str]]:
    """The command lines of these processes, as far as they live."""
    found = []
    for process in leftovers(mark, programs):
        with contextlib.suppress(psutil.Error):
            found.append(process.cmdline())
    return [line for line in found if len(line) > 1]


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
