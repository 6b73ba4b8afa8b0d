"""One running keeper as the gateway sees it: started, watched through its pipe, told to stop by closing the other."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.adapters.supervisor.child import ChildPlan
from gateway.adapters.supervisor.keeper import KILL_GRACE_S, Order

log = logging.getLogger(__name__)

KEEPER = Path(__file__).with_name("keeper.py")
#: What a keeper may take beyond the graces of its child before it is killed itself.
KEEPER_GRACE_S = KILL_GRACE_S + 5.0


class Kept:
    """One child and the keeper that holds it; `ended` is done when nothing of either is left."""

    def __init__(self, plan: ChildPlan, keep_open: tuple[int, ...]) -> None:
        """Start the keeper; the descriptors to keep open stay open as long as it lives."""
        self._plan = plan
        self._said = b""
        self._loop = asyncio.get_running_loop()
        #: The child's exit code; None when the keeper itself was killed and could not say.
        self.ended: asyncio.Future[int | None] = self._loop.create_future()
        plan.log.touch(mode=0o600)
        with plan.log.open("ab") as book:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), plan.name, plan.mark],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=book,
                start_new_session=True,
                pass_fds=keep_open,
                cwd="/",
            )
        self._give_order()
        self._listen()

    async def wait(self) -> int | None:
        """Wait for the end, and leave it to others to wait for when the waiting is cancelled."""
        return await asyncio.shield(self.ended)

    @property
    def keeper_pid(self) -> int:
        """The process number of the keeper."""
        return self._keeper.pid

    @property
    def child_pid(self) -> int | None:
        """The process number of the child, as soon as it is known."""
        first, _, _ = self._said.partition(b"\n")
        return int(first.split()[1]) if first.startswith(b"started ") else None

    async def stop(self) -> None:
        """End the child in its order, and wait until nothing of it is left."""
        self._close_order()
        patience = sum(grace for _, grace in self._plan.stop) + KEEPER_GRACE_S
        try:
            await asyncio.wait_for(self.wait(), patience)
        except TimeoutError:
            log.warning("keeper.killed", extra={"child": self._plan.name, "pid": self.keeper_pid})
            self._keeper.kill()
            await self.wait()

    async def kill(self) -> None:
        """End the child at once, since one that hangs heeds no other signal, and wait until nothing of it is left."""
        if self.child_pid is not None and not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child_pid, signal.SIGKILL)
        await self.stop()

    def _give_order(self) -> None:
        assert self._keeper.stdin is not None
        plan = self._plan
        user = plan.account and [plan.account.uid, plan.account.gid, *plan.account.groups]
        order = Order(
            argv=list(plan.argv),
            env=plan.env,
            log=str(plan.log),
            umask=plan.umask,
            user=user or [],
            stop=[(int(number), grace) for number, grace in plan.stop],
            death_signal=int(plan.death_signal),
            sweep=list(plan.sweep),
            owner=os.getpid(),
        )
        with contextlib.suppress(BrokenPipeError):  # it died at once: its end tells
            self._keeper.stdin.write(json.dumps(order).encode() + b"\n")
            self._keeper.stdin.flush()

    def _close_order(self) -> None:
        assert self._keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._keeper.stdin.close()

    def _listen(self) -> None:
        assert self._keeper.stdout is not None
        os.set_blocking(self._keeper.stdout.fileno(), False)
        self._loop.add_reader(self._keeper.stdout.fileno(), self._read)

    def _read(self) -> None:
        assert self._keeper.stdout is not None
        try:
            said = os.read(self._keeper.stdout.fileno(), 4096)
        except BlockingIOError:
            return
        self._said += said
        if not said:
            self._finish()

    def _finish(self) -> None:
        assert self._keeper.stdout is not None
        self._loop.remove_reader(self._keeper.stdout.fileno())
        self._keeper.stdout.close()
        self._close_order()
        self._keeper.wait()  # its pipe has ended, so it is already gone or going
        _, _, end = self._said.partition(b"ended ")
        if not self.ended.done():
            self.ended.set_result(int(end) if end else None)
