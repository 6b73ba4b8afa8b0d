"""The ground that all contenders stand on: one Triton and one PostgreSQL, embedded, removed at the end."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan

ROOT: Final = Path(__file__).parents[1]
MEDIA: Final = ROOT / "examples" / "documents" / "receipt.jpg"
#: The ensemble and its two steps.
MODELS: Final = ("image_stats", "decode", "image_measure")
#: A real disk, as a rule, where /tmp may be memory, in which a commit costs nothing.
DISK: Final = Path("/var/tmp")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for all that a run writes, gone afterwards."""
    # Not in the repository: PostgreSQL's user must be able to pass through the folders above.
    path = Path(tempfile.mkdtemp(prefix="gateway-bench-", dir=DISK if DISK.is_dir() else None))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.asynccontextmanager
async def ground(work: Path, report: Callable[[str], None]) -> AsyncIterator[Endpoints]:
    """Both servers, with only the models that are measured."""
    repository = work / "models"
    for name in MODELS:
        shutil.copytree(ROOT / "model_repository" / name, repository / name)
    plan = StackPlan(data_dir=work / "stack", model_repository=repository, with_postgres=True)
    async with EmbeddedStack(plan, report=report) as endpoints:
        yield endpoints
