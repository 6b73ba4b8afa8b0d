"""What is embedded: planned, checked, and started for processes that serve side by side."""

import contextlib
from collections.abc import AsyncIterator

import msgspec

from gateway.adapters.supervisor.machine import Machine
from gateway.adapters.supervisor.preflight import CHECKS
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from gateway.bootstrap.access import access_problem, check_access
from gateway.bootstrap.records import Report, migrated
from gateway.settings import Settings


def preflight(settings: Settings) -> list[tuple[str, str | None]]:
    """Every check before the start by name, with the sentence about what is wrong."""
    plan, machine = stack_plan(settings), Machine.look(settings.data_dir)
    return [("access", access_problem(settings)), *((check.name, check.problem(plan, machine)) for check in CHECKS)]


@contextlib.asynccontextmanager
async def grounded(settings: Settings, report: Report) -> AsyncIterator[Settings]:
    """The settings of processes that serve side by side: over what is embedded, which runs, and the newest schema."""
    check_access(settings)
    async with EmbeddedStack(stack_plan(settings), report=report) as endpoints:
        url = database_url(settings, endpoints)
        await migrated(url)
        found = msgspec.structs.replace(settings, database_url=url)
        if endpoints.triton_grpc is not None:
            grpc_url, http_url = f"grpc://{endpoints.triton_grpc}", f"http://{endpoints.triton_http}"
            found = msgspec.structs.replace(found, triton_url=grpc_url, triton_http_url=http_url)
        yield found


def database_url(settings: Settings, endpoints: Endpoints) -> str:
    url = settings.database_url or endpoints.database_url
    assert url is not None
    return url


def stack_plan(settings: Settings) -> StackPlan:
    """What is to be embedded: all that no setting says is outside."""
    return StackPlan(
        data_dir=settings.data_dir,
        model_repository=settings.model_repository if settings.triton_url is None else None,
        with_postgres=settings.database_url is None,
        ports=(
            ("rest", settings.host, settings.rest_port),
            ("grpc", settings.host, settings.grpc_port),
        ),
    )
