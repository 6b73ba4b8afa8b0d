"""Schemathesis over the OpenAPI document of a served gateway, with the checks of `schemathesis.toml`."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.served import PROGRAM, Served, serving
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


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[Served, str]]:
    """A gateway that asks for keys, over those models, and a key that opens everything."""
    models = light_models(folder / "models")
    with serving(folder / "data", "--auth", "api_key", "--model-repository", str(models)) as served:
        scopes = [each for scope in ("run", "read", "deploy", "admin") for each in ("--scope", scope)]
        create = [PROGRAM, "key", "create", "fuzz", *scopes, "--data-dir", served.data_dir]
        yield served, subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()


def tried(url: str, key: str, cases: int, seed: int | None, folder: Path) -> subprocess.CompletedProcess[str]:
    """What came of that many cases for each operation and phase; without a seed they are the same in every run.

    `folder` is where it works, and leaves its own notes.
    """
    drawn = ["--generation-deterministic"] if seed is None else ["--seed", str(seed)]
    command = [_PROGRAM, "--no-color", "--config-file", _CONFIG, "run", f"{url}/openapi.json"]
    asked = ["--header", f"X-API-Key: {key}", "--max-examples", str(cases)]
    return subprocess.run([*command, *asked, *drawn], cwd=folder, capture_output=True, text=True, check=False)
