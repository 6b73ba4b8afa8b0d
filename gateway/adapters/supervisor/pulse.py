"""Whether a running Triton answers at all: a server that stands still is as bad as one that has died.

Its health endpoint tells them from one that is merely busy: with 64 callers, payloads of 2 MB and models that were
loading it answered within 0.13 s on two cores.
"""

import time

from gateway.adapters.supervisor.admin import answers
from gateway.adapters.supervisor.hung import Hung

#: How long one look waits for an answer.
LOOK_TIMEOUT_S = 2.0
#: Without an answer for this long it hangs.
SILENT_AFTER_S = 30.0
#: After a restart it may take this long to its first answer.
FIRST_ANSWER_S = 60.0
#: What one look counts for at the most: when we stood still ourselves, it did not.
LONGEST_LOOK_S = 2 * LOOK_TIMEOUT_S


class Pulse:
    """The memory of one Triton's answers."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._silent = 0.0
        self._looked = time.monotonic()
        #: Whether it has answered since it started, and in any life of it.
        self._answered = False
        self._known = False

    def begin(self) -> None:
        """A new process has started."""
        self._silent = 0.0
        self._looked = time.monotonic()
        self._answered = False

    async def look(self) -> bool:
        """Look once whether it answers; `Hung` when it has not for too long."""
        alive = await answers(self._host, self._port, LOOK_TIMEOUT_S)
        self.note(alive, time.monotonic())
        return alive

    def note(self, alive: bool, now: float) -> None:
        """Take in one look, made at this time; `Hung` when there was no answer for too long."""
        since, self._looked = now - self._looked, now
        if alive:
            self._silent, self._answered, self._known = 0.0, True, True
            return
        self._silent += min(since, LONGEST_LOOK_S)
        # The very first start, from a cold disk, has its own deadline.
        patience = SILENT_AFTER_S if self._answered else FIRST_ANSWER_S
        if self._known and self._silent >= patience:
            raise Hung(f"it has not answered for {patience:g} s")
