"""Loads every model of the repository through Triton's API, so that one that breaks, dies or hangs hinders no other.

Triton's own `--load-model=*` opens no port before the last model has settled, and waits for ever for one
whose process died while it was loading.
"""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from gateway.adapters.supervisor.admin import call, states

log = logging.getLogger(__name__)

#: How many models load at once; as many as Triton itself would.
AT_ONCE = 4
#: How long one that hangs keeps the next one waiting.
SLOT_PATIENCE_S = 20.0
INDEX_TIMEOUT_S = 0.5
LOOK_EVERY_S = 0.01
#: How long a Triton that answers may leave an order lying before it is given again, and how often an order is given.
TAKEN_WITHIN_S = 5.0
TRIES = 3
#: Seconds between two looks whether those that are still loading hang.
STUCK_EVERY_S = 0.25
#: How long the start waits for the models; the gateway then starts without those that are still loading.
MODELS_PATIENCE_S = 60.0
#: An ensemble is loaded at once when its models are.
ENSEMBLES_PATIENCE_S = 10.0
#: How much of Triton's reason for a failed load is shown.
REASON_LENGTH = 200

_ENSEMBLE = re.compile(r'^\s*(platform\s*:\s*"ensemble"|ensemble_scheduling\b)', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Loading:
    """One round of loading over a whole repository."""

    host: str
    port: int
    repository: Path
    report: Callable[[str], None]
    #: Models that stay as they are.
    left_out: frozenset[str] = frozenset()
    #: Those of them whose load will never end, as they are now.
    stuck: Callable[[], frozenset[str]] = frozenset

    async def run(self) -> None:
        """Load the models, then the ensembles over them: together, Triton would load a model that both name twice."""
        names = [name for name in model_names(self.repository) if name not in self.left_out]
        ensembles = [name for name in names if is_ensemble(self.repository / name)]
        models = [name for name in names if name not in ensembles]
        slow = await self._load(models, MODELS_PATIENCE_S)
        slow += await self._load(ensembles, ENSEMBLES_PATIENCE_S)
        if slow:
            log.warning("models.still_loading", extra={"models": slow})
            self.report(f"still loading, the start does not wait for them: {', '.join(slow)}")

    async def _load(self, names: Sequence[str], patience: float) -> list[str]:
        """Load these; the names of those that are still loading when patience ends."""
        running: dict[asyncio.Task[None], str] = {}
        try:
            for name in names:
                await self._free_slot(running)
                running[await self._order(name)] = name
            await self._until_loaded(running, time.monotonic() + patience)
            return [name for task, name in running.items() if not task.done()]
        finally:
            # Triton goes on loading when nobody listens any more.
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _free_slot(self, running: Mapping[asyncio.Task[None], str]) -> None:
        deadline = time.monotonic() + SLOT_PATIENCE_S
        while time.monotonic() < deadline:
            pending = self._pending(running)
            if len(pending) < AT_ONCE:
                return
            await asyncio.wait(pending, timeout=STUCK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)

    async def _until_loaded(self, running: Mapping[asyncio.Task[None], str], deadline: float) -> None:
        while (pending := self._pending(running)) and time.monotonic() < deadline:
            await asyncio.wait(pending, timeout=STUCK_EVERY_S)

    def _pending(self, running: Mapping[asyncio.Task[None], str]) -> list[asyncio.Task[None]]:
        """The loads that may still end."""
        stuck = self.stuck()
        return [task for task, name in running.items() if not task.done() and name not in stuck]

    async def _order(self, name: str) -> asyncio.Task[None]:
        """Order one load, again where Triton leaves the order lying; the load, done or under way."""
        for _ in range(TRIES - 1):
            load = asyncio.create_task(self._load_one(name))
            taken = False
            try:
                taken = await self._is_taken(name, load)
            finally:
                if not taken:
                    load.cancel()
            if taken:
                return load
            log.warning("model.order_lost", extra={"model": name})
        return asyncio.create_task(self._load_one(name))

    async def _is_taken(self, name: str, load: asyncio.Task[None]) -> bool:
        """Whether Triton is soon at it: of two connections that one thread takes at once, one waits for the other."""
        lying_since = None
        while not load.done():
            with contextlib.suppress(OSError, TimeoutError):
                if (await states(self.host, self.port, INDEX_TIMEOUT_S)).get(name):
                    return True
                # It says that it has not begun; a Triton that says nothing may well have.
                lying_since = lying_since or time.monotonic()
                if time.monotonic() - lying_since > TAKEN_WITHIN_S:
                    return False
            await asyncio.wait({load}, timeout=LOOK_EVERY_S)
        return True

    async def _load_one(self, name: str) -> None:
        path = f"/v2/repository/models/{quote(name, safe='')}/load"
        for _ in range(TRIES):
            with contextlib.suppress(OSError):  # a Triton that is gone is its keeper's to report
                status, answer = await call(self.host, self.port, "POST", path)
                break
            await asyncio.sleep(INDEX_TIMEOUT_S)
        else:
            return
        if status != HTTPStatus.OK:
            log.warning("model.not_loaded", extra={"model": name, "status": status})
            self.report(f"the model {name} did not load: {reason(answer)}")


def model_names(repository: Path) -> list[str]:
    """The folders of a model repository, which are its models."""
    return sorted(entry.name for entry in repository.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def is_ensemble(model: Path) -> bool:
    """Whether the configuration of a model makes it an ensemble."""
    try:
        return _ENSEMBLE.search((model / "config.pbtxt").read_text(errors="replace")) is not None
    except OSError:
        return False


def reason(answer: bytes) -> str:
    """Why Triton did not load a model, on one line."""
    try:
        text = str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return "Triton gave no reason"
    why = text.partition("UNAVAILABLE state: ")[2] or text
    return " ".join(why.removeprefix("Internal: ").split("\n\nAt:")[0].split())[:REASON_LENGTH].rstrip(" ;")
