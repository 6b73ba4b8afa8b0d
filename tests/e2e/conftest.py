"""One gateway for all end-to-end tests that leave it whole."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from e2e.served import Served, serving
from e2e.small import write_small
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
