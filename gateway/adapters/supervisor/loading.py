"""Loads every model of the repository through Triton's API, so that one that breaks, dies or hangs hinders no other.

Triton's own `--load-model=*` opens no port before the last model has settled, and waits for ever for one
whose process died while it was loading.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from gateway.adapters.supervisor.admin import call

log = logging.getLogger(__name__)

#: How many models load at once; as many as Triton itself would.
AT_ONCE = 4
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
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def run(self) -> None:
        """Load the models, then the ensembles over them: together, Triton would load a model that both name twice."""
        names = model_names(self.repository)
        ensembles = [name for name in names if is_ensemble(self.repository / name)]
        models = [name for name in names if name not in ensembles]
        slow = await self._load(models, MODELS_PATIENCE_S)
        slow += await self._load(ensembles, ENSEMBLES_PATIENCE_S)
        if slow:
            log.warning("models.still_loading", extra={"models": slow})
            self.report(f"still loading, the start does not wait for them: {', '.join(slow)}")

    async def _load(self, names: Sequence[str], patience: float) -> list[str]:
        """Load these; the names of those that are still loading when patience ends."""
        tasks = {asyncio.create_task(self._load_one(name)): name for name in names}
        if not tasks:
            return []
        try:
            _, pending = await asyncio.wait(tasks, timeout=patience)
        finally:
            # Triton goes on loading when nobody listens any more.
            for task in tasks:
                task.cancel()
        return [tasks[task] for task in pending]

    async def _load_one(self, name: str) -> None:
        async with self._slots:
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
    return " ".join(text.partition(": ")[2].split("\n\nAt:")[0].split())[:REASON_LENGTH] or text[:REASON_LENGTH]
