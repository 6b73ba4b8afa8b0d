"""Schemathesis over the OpenAPI document of a served gateway, with the checks of `schemathesis.toml`."""

import shutil
import subprocess
import sys
from pathlib import Path

from places import MODEL_REPOSITORY

_PROGRAM = Path(sys.executable).with_name("schemathesis")
_CONFIG = Path(__file__).with_name("schemathesis.toml")
#: The ensemble of the document's examples, and its steps.
_MODELS = ("image_stats", "decode", "image_measure")


def light_models(folder: Path) -> Path:
    """A model repository of the pipeline that the document's examples run, and of no heavier one."""
    for name in _MODELS:
        shutil.copytree(MODEL_REPOSITORY / name, folder / name)
    return folder


def tried(url: str, cases: int, seed: int | None, folder: Path) -> subprocess.CompletedProcess[str]:
    """What came of that many cases for each operation and phase; without a seed they are the same in every run.

    `folder` is where it works, and leaves its own notes.
    """
    drawn = ["--generation-deterministic"] if seed is None else ["--seed", str(seed)]
    command = [_PROGRAM, "--no-color", "--config-file", _CONFIG, "run", f"{url}/openapi.json"]
    return subprocess.run(
        [*command, "--max-examples", str(cases), *drawn], cwd=folder, capture_output=True, text=True, check=False
    )
