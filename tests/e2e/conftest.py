"""One gateway for all end-to-end tests that leave it whole."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from e2e.served import Served, serving
from e2e.small import write_small
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from places import DOCUMENTS


@pytest.fixture(scope="session")
def gateway(short_folder: Path) -> Iterator[Served]:
    """One gateway with everything embedded, for all tests that leave it whole."""
    with serving(short_folder / "gateway") as served:
        yield served


@pytest.fixture
def document() -> Callable[[str], bytes]:
    """The bytes of one of the example documents."""
    return lambda name: (DOCUMENTS / name).read_bytes()


@pytest.fixture(scope="session")
def rest(gateway: Served) -> Iterator[httpx.Client]:
    """A REST client of it."""
    with gateway.client() as client:
        yield client


@pytest.fixture(scope="session")
def channel(gateway: Served) -> Iterator[grpc.Channel]:
    """A gRPC channel to it."""
    with gateway.channel() as channel:
        yield channel


@pytest.fixture(scope="session")
def small_models(short_folder: Path) -> Path:
    """A model repository of small ensembles that say what they were given."""
    return write_small(short_folder / "small-models")


@pytest.fixture(scope="session")
def small(short_folder: Path, small_models: Path) -> Iterator[Served]:
    """One gateway over those, for all tests that leave it whole."""
    with serving(short_folder / "small", "--model-repository", str(small_models)) as served:
        yield served


@pytest.fixture(scope="session")
def small_rest(small: Served) -> Iterator[httpx.Client]:
    """A REST client of it."""
    with small.client() as client:
        yield client


@pytest.fixture(scope="session")
def small_channel(small: Served) -> Iterator[grpc.Channel]:
    """A gRPC channel to it."""
    with small.channel() as channel:
        yield channel


@pytest.fixture(scope="session")
async def small_stack(short_folder: Path, small_models: Path) -> AsyncIterator[Endpoints]:
    """Triton over those and a database, for gateways that come and go."""
    plan = StackPlan(data_dir=short_folder / "small-stack", model_repository=small_models, with_postgres=True)
    async with EmbeddedStack(plan, report=print) as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def outside(small_stack: Endpoints, short_folder: Path) -> tuple[str, ...]:
    """The flags of a gateway over that stack, which keeps nothing itself."""
    triton = (
        "--triton-url",
        f"grpc://{small_stack.triton_grpc}",
        "--triton-http-url",
        f"http://{small_stack.triton_http}",
    )
    blobs = (short_folder / "small-blobs").as_uri()
    return (*triton, "--database-url", str(small_stack.database_url), "--blob-url", blobs)


@pytest.fixture
def held(short_folder: Path) -> Iterator[Path]:
    """What the model of `hold` is given; it goes on when the test has ended, and finds the folder still there."""
    folder = short_folder / "held"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    path = folder / uuid.uuid4().hex
    yield path
    path.with_suffix(".go").touch()
