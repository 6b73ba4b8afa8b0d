"""Carries a schedule out: finds the process that a fault is meant for, waits until it can be used, and strikes."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Sequence
from typing import Final

import psutil

from bench.faults import BenchFailed
from bench.progress import Progress
from bench.survival.program import Program
from bench.survival.schedule import Fault
from bench.survival.topology import Topology
from bench.survival.waiting import LOOK_EVERY_S, until

#: Seconds within which a server that was killed must be there again.
BACK_WITHIN_S: Final = 120.0


class Blows:
    """Strikes one part after the other; what is stopped goes on by itself, while others are struck."""

    def __init__(self, topology: Topology, progress: Progress):
        self._topology = topology
        self._progress = progress
        #: How often each part was killed, and how often it was stopped.
        self.killed: Counter[str] = Counter()
        self.stopped: Counter[str] = Counter()

    async def carry_out(self, faults: Sequence[Fault]) -> None:
        """All of them, in order; returns when what was stopped goes on.

        Raises:
            BenchFailed: a part did not come back.
        """
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(fault.pause)
                if fault.stopped is None:
                    await self._kill(fault)
                else:
                    group.create_task(self._stop(fault, fault.stopped))

    async def _kill(self, fault: Fault) -> None:
        with self._progress.step(f"kill {fault.target}"):
            await self._killed(fault)
        self.killed[fault.target] += 1
        if fault.target == "host":
            await self._follow()

    async def _killed(self, fault: Fault) -> None:
        if fault.target in ("worker", "gateway", "host"):
            program = self._program(fault)
            await program.until_ready()
            program.kill()
        else:
            process = await self._process(fault)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    async def _follow(self) -> None:
        """The host's Triton has new ports when it is back; its guests are started anew, as an operator's would be."""
        await asyncio.sleep(LOOK_EVERY_S)
        await self._topology.host.until_ready()
        for guest in self._topology.guests:
            guest.kill()

    async def _stop(self, fault: Fault, seconds: float) -> None:
        with self._progress.step(f"stop {fault.target} for {seconds:.1f} s"):
            process = await self._process(fault)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
                self.stopped[fault.target] += 1
                await asyncio.sleep(seconds)
                process.send_signal(signal.SIGCONT)

    def _program(self, fault: Fault) -> Program:
        if fault.target == "host":
            return self._topology.host
        if fault.target == "gateway":
            return self._topology.second
        return self._topology.workers[int(fault.which * len(self._topology.workers))]

    async def _process(self, fault: Fault) -> psutil.Process:
        """The process that is meant; waits until there is one."""
        found = await until(lambda: self._processes(fault), BACK_WITHIN_S)
        if not found:
            raise BenchFailed(f"There was no {fault.target} for {BACK_WITHIN_S:g} s.")
        return found[int(fault.which * len(found))]

    def _processes(self, fault: Fault) -> list[psutil.Process]:
        stack = self._topology.stack
        match fault.target:
            case "tritonserver":
                return stack.triton()
            case "stub":
                return stack.stubs()
            case "backend":
                return stack.backends()
            case "postmaster":
                return stack.postmaster()
        program = self._program(fault)
        with contextlib.suppress(psutil.NoSuchProcess):
            return [psutil.Process(program.pid)] if program.looks_ready() else []
        return []
