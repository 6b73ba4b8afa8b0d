"""The real stack, started once for all tests that ask for it."""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from gateway.adapters.supervisor.datadir import DataDir
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from places import MODEL_REPOSITORY, TritonAddress

# A shell that runs the tests in the background has them ignore it, and all they start: Ctrl-C is to be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _name in [name for name in os.environ if name.startswith("GATEWAY_")]:
    del os.environ[_name]

# The same examples in every run, unless `--hypothesis-profile=drawn` asks for others, and for more of them.
_UNTIMED = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("steady", derandomize=True, max_examples=60, stateful_step_count=25, **_UNTIMED)
settings.register_profile(
    "drawn", max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")), print_blob=True, **_UNTIMED
)
settings.load_profile("steady")

CONFIG = """
name: "identity"
backend: "python"
input [ { name: "INPUT" data_type: TYPE_STRING dims: [ -1 ] } ]
output [ { name: "OUTPUT" data_type: TYPE_STRING dims: [ -1 ] } ]
"""
IDENTITY = """
import triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        inputs = [pb.get_input_tensor_by_name(request, "INPUT").as_numpy() for request in requests]
        return [pb.InferenceResponse([pb.Tensor("OUTPUT", values)]) for values in inputs]
"""


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets, open to the user that PostgreSQL runs as."""
    folder = Path(tempfile.mkdtemp(prefix="gw-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def stack(short_folder: Path) -> AsyncIterator[Endpoints]:
    """The embedded Triton over the repository's own models, and the embedded PostgreSQL."""
    plan = StackPlan(data_dir=short_folder / "stack", model_repository=MODEL_REPOSITORY, with_postgres=True)
    async with EmbeddedStack(plan, report=print) as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def triton(stack: Endpoints) -> TritonAddress:
    """The embedded Triton."""
    assert stack.triton_http is not None
    assert stack.triton_grpc is not None
    return TritonAddress(http=stack.triton_http, grpc=stack.triton_grpc)


@pytest.fixture(scope="session")
def database_url(stack: Endpoints) -> str:
    """The embedded database."""
    assert stack.database_url is not None
    return stack.database_url


@pytest.fixture
def new_folder() -> Iterator[Path]:
    """A new folder of the same kind, for one test."""
    folder = Path(tempfile.mkdtemp(prefix="gw-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def embedded_plan(new_folder: Path) -> StackPlan:
    """A stack of one's own, to start and to kill: PostgreSQL, and Triton over one small model."""
    model = new_folder / "models" / "identity"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(CONFIG)
    (model / "1" / "model.py").write_text(IDENTITY)
    return StackPlan(data_dir=new_folder / "data", model_repository=model.parent, with_postgres=True)


@pytest.fixture
def traces() -> Callable[[StackPlan], list[str]]:
    """What a stack has left: shared memory, sockets, processes."""

    def left(plan: StackPlan) -> list[str]:
        mark = DataDir(plan.data_dir).mark
        found = [*Path("/dev/shm").glob(f"{mark}*"), *plan.data_dir.glob("run/*")]
        words = (mark, str(plan.data_dir))
        lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        return [*map(str, found), *(line for line in lines if any(word in line for word in words))]

    return left
