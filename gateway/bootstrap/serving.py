"""The programs: the whole gateway, or a worker alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from gateway import tracing
from gateway.adapters.blobs.opening import open_store
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from gateway.api.services import Services
from gateway.bootstrap.access import check_access
from gateway.bootstrap.assembly import Background, core
from gateway.bootstrap.doors import doors
from gateway.bootstrap.embedding import database_url, stack_plan
from gateway.bootstrap.records import Report, open_database
from gateway.bootstrap.working import working
from gateway.core.drain import Drain
from gateway.errors import CannotStart
from gateway.settings import Settings


async def serve(settings: Settings, report: Report, hurry: asyncio.Event) -> None:
    """Run the whole gateway until cancelled; then calls in hand are answered before it ends, or until `hurry`.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    check_access(settings)
    drain = Drain(settings.drain_delay, settings.drain_timeout, hurry)
    async with contextlib.AsyncExitStack() as cleanup:
        _trace(settings, cleanup)
        # One of several leaves what is embedded to the parent, and all checks.
        plan = stack_plan(settings) if settings.workers == 1 else None
        parts = _parts(settings, plan, report)
        services, background, url = await cleanup.enter_async_context(parts)
        if settings.worker:
            await cleanup.enter_async_context(working(background, url, settings, drain))
        await cleanup.enter_async_context(doors(settings, services, report, drain))
        await _until_cancelled(report, drain)


async def work(settings: Settings, report: Report, hurry: asyncio.Event) -> None:
    """Take up runs in the background until cancelled; then those in hand may end, or until `hurry`.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    if settings.database_url is None or settings.triton_url is None:
        raise CannotStart("A worker of its own shares the database and Triton: name --database-url and --triton-url.")
    plan = msgspec.structs.replace(settings, rest_port=0, grpc_port=0)
    drain = Drain(0.0, settings.drain_timeout, hurry)
    async with contextlib.AsyncExitStack() as cleanup:
        _trace(settings, cleanup)
        _, background, url = await cleanup.enter_async_context(_parts(settings, stack_plan(plan), report))
        await cleanup.enter_async_context(working(background, url, settings, drain))
        report(f"ready: a worker for {settings.worker_runs} runs at once")
        await _until_cancelled(report, drain)


def _trace(settings: Settings, cleanup: contextlib.AsyncExitStack) -> None:
    """Trace, where a collector is named; the last spans are sent when the stack is left."""
    if settings.trace_url is not None:
        cleanup.push_async_callback(asyncio.to_thread, tracing.configure(settings.trace_url))


async def _until_cancelled(report: Report, drain: Drain) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        report("stopping: what is in hand ends first; a second signal cuts that short")
        drain.begin()


@contextlib.asynccontextmanager
async def _parts(
    settings: Settings, plan: StackPlan | None, report: Report
) -> AsyncIterator[tuple[Services, Background, str]]:
    """The core with all it stands on, and the URL of the database."""
    async with contextlib.AsyncExitStack() as cleanup:
        endpoints = Endpoints()
        if plan is not None:
            endpoints = await cleanup.enter_async_context(EmbeddedStack(plan, report=report))
        url = database_url(settings, endpoints)
        database = await cleanup.enter_async_context(open_database(url))
        blobs = await open_store(settings.blob_url or (settings.data_dir / "blobs").absolute().as_uri())
        services, background = await cleanup.enter_async_context(core(settings, endpoints, database, blobs))
        yield services, background, url
