"""What stands on PostgreSQL, what decodes and transforms, and what goes out: all that the core needs beside Triton."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from gateway.adapters.jsonata.pool import TransformPool
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.deliveries import PostgresDeliveries
from gateway.adapters.postgres.entries import PostgresEntries
from gateway.adapters.postgres.executions import PostgresExecutions
from gateway.adapters.postgres.hooks import PostgresHooks
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.adapters.rendering.pool import DecoderPool
from gateway.bootstrap import outgoing
from gateway.bootstrap.access import authenticator
from gateway.ports import (
    Authenticator,
    Courier,
    DeliveryStore,
    EntryStore,
    ExecutionStore,
    HookStore,
    MediaFetcher,
    MediaReader,
    RunStore,
    Transformer,
)
from gateway.settings import Settings


@dataclass(frozen=True)
class Records:
    """The records that several use cases share."""

    runs: RunStore
    executions: ExecutionStore
    entries: EntryStore
    hooks: HookStore
    deliveries: DeliveryStore


@contextlib.asynccontextmanager
async def records(database: Database, in_hand: Callable[[], int]) -> AsyncIterator[Records]:
    """The records; `in_hand` says for how many calls a commit may wait."""
    runs = PostgresRuns(database, in_hand)
    try:
        hooks, deliveries = PostgresHooks(database), PostgresDeliveries(database)
        yield Records(runs, PostgresExecutions(database), PostgresEntries(database), hooks, deliveries)
    finally:
        await runs.close()


@dataclass(frozen=True)
class Helpers:
    """What works for the core in other processes, or over the network."""

    access: Authenticator
    transformer: Transformer
    reader: MediaReader
    courier: Courier
    #: None where callers may not name media by URL.
    urls: MediaFetcher | None


@contextlib.asynccontextmanager
async def helpers(settings: Settings, database: Database) -> AsyncIterator[Helpers]:
    """Those that the settings ask for; they end with the block."""
    async with contextlib.AsyncExitStack() as ends:
        reader = DecoderPool(children=settings.decoder_children)
        ends.push_async_callback(reader.close)
        transformer = TransformPool()
        ends.push_async_callback(transformer.close)
        access = authenticator(settings, database)
        ends.push_async_callback(access.close)
        urls = outgoing.fetcher(settings)
        if urls is not None:
            ends.push_async_callback(urls.close)
        courier = outgoing.courier(settings)
        ends.push_async_callback(courier.close)
        yield Helpers(access, transformer, reader, courier, urls)
