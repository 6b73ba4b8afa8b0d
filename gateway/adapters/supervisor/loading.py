"""Loads every model of the repository through Triton's API, so that one that breaks, dies or hangs hinders no other.

Triton's own `--load-model=*` opens no port before the last model has settled, and waits for ever for one
whose process died while it was loading.
"""

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from gateway.adapters.supervisor.admin import call

log = logging.getLogger(__name__)

#: How many models load at once; as many as Triton itself would.
AT_ONCE = 4
#: How long one that hangs keeps the next one waiting.
SLOT_PATIENCE_S = 20.0
INDEX_TIMEOUT_S = 0.5
LOOK_EVERY_S = 0.01
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
                task = asyncio.create_task(self._load_one(name))
                running[task] = name
                await self._until_taken(name, task)
            if running:
                await asyncio.wait(running, timeout=patience)
            return [name for task, name in running.items() if not task.done()]
        finally:
            # Triton goes on loading when nobody listens any more.
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _free_slot(self, running: Iterable[asyncio.Task[None]]) -> None:
        pending = [task for task in running if not task.done()]
        if len(pending) >= AT_ONCE:
            await asyncio.wait(pending, timeout=SLOT_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)

    async def _until_taken(self, name: str, load: asyncio.Task[None]) -> None:
        """Wait until Triton is at it: of two connections that one thread takes at once, one waits for the other."""
        while not load.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INDEX_TIMEOUT_S):
                    if name in await self._begun():
                        return
            await asyncio.wait({load}, timeout=LOOK_EVERY_S)

    async def _begun(self) -> set[str]:
        """The models that Triton is loading or has tried to load."""
        try:
            _, index = await call(self.host, self.port, "POST", "/v2/repository/index")
            return {model["name"] for model in json.loads(index) if model.get("state")}
        except (OSError, ValueError):
            return set()

    async def _load_one(self, name: str) -> None:
        try:
            path = f"/v2/repository/models/{quote(name, safe='')}/load"
            status, answer = await call(self.host, self.port, "POST", path)
        except OSError:
            return  # Triton itself is gone, which its keeper reports
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
