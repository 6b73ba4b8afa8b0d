"""The records in the embedded database, as one process and as another has them."""

from collections.abc import AsyncIterator

import pytest

from integration.recording import Records, opened


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
