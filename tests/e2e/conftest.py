"""One gateway for all end-to-end tests that leave it whole."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from e2e.served import Served, serving
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
