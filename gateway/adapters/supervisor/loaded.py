"""What a Triton has loaded, looked at again and again, so that it has the same after a restart.

A restart loads what the repository has, less what somebody had unloaded. Only a model that has stayed unloaded
counts as such: a healing unloads one for a moment, and Triton may die in just that.
"""

import asyncio
import json
import time
from collections.abc import Collection

from gateway.adapters.supervisor.admin import call
from gateway.limits import CONTROL_TIMEOUT, HEALING_TIMEOUT

#: Seconds between two looks.
LOOK_AGAIN_S = 5.0
#: Seconds after which an unloaded model is one that is meant to be.
MEANT_AFTER_S = HEALING_TIMEOUT


class Loaded:
    """The memory of one Triton's models."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        #: Models that are unloaded, each with the time at which that was seen first.
        self._unloaded: dict[str, float] = {}
        self._ready: set[str] = set()

    @property
    def left_out(self) -> frozenset[str]:
        """The models that are not to be loaded at a restart."""
        now = time.monotonic()
        return frozenset(name for name, since in self._unloaded.items() if now - since >= MEANT_AFTER_S)

    def lost(self, names: Collection[str]) -> list[str]:
        """The models that were ready and that a repository of these names cannot bring back."""
        return sorted(self._ready.difference(names))

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_AGAIN_S)

    async def look(self) -> None:
        """Look once; a Triton that does not answer changes nothing."""
        try:
            async with asyncio.timeout(CONTROL_TIMEOUT):
                _, index = await call(self._host, self._port, "POST", "/v2/repository/index")
            models = [(str(model["name"]), model.get("state"), model.get("reason")) for model in json.loads(index)]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if not any(state for _, state, _ in models):
            return  # a server that has just begun
        self._ready = {name for name, state, _ in models if state == "READY"}
        for name, state, reason in models:
            if state in ("READY", "LOADING"):
                self._unloaded.pop(name, None)
            elif reason == "unloaded":
                self._unloaded.setdefault(name, time.monotonic())
