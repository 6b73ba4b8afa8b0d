"""The records in the embedded database, as one process and as another has them."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from gateway.domain.ids import new_id
from integration.recording import Records, opened
from s3_server import S3Server, s3_server


@pytest.fixture
async def records(database_url: str) -> AsyncIterator[Records]:
    """The records in the embedded database."""
    found = await opened(database_url)
    yield found
    await found.close()


@pytest.fixture
async def others(database_url: str) -> AsyncIterator[Records]:
    """The same records, as another process has them."""
    found = await opened(database_url)
    yield found
    await found.close()


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[str]:
    """A database of its own, with nothing in it."""
    admin = await asyncpg.connect(database_url)
    name = f"m{new_id()[-12:]}"
    await admin.execute(f"CREATE DATABASE {name}")
    yield database_url.replace("/gateway?", f"/{name}?")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.start()
        yield server


@pytest.fixture
def s3_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the environment name an S3 server, and nothing else of its kind."""

    def name(url: str) -> None:
        for variable in [each for each in os.environ if each.startswith("AWS_")]:
            monkeypatch.delenv(variable)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    return name


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The address of blobs in a folder."""
    return (tmp_path / "blobs").as_uri()


@pytest.fixture
def bucket(tmp_path: Path, s3: S3Server, s3_environment: Callable[[str], None]) -> str:
    """The address of blobs in a bucket."""
    s3_environment(s3.url)
    return f"s3://media/{tmp_path.name}"
