"""The embedded stack: the real Triton and the real PostgreSQL, started, kept running and stopped as one."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Protocol

from gateway.adapters.supervisor.child import ChildPlan, last_words, log_size
from gateway.adapters.supervisor.datadir import DataDir, unusable
from gateway.adapters.supervisor.kept import Kept
from gateway.adapters.supervisor.machine import Machine
from gateway.adapters.supervisor.place import Place
from gateway.adapters.supervisor.plan import Endpoints, StackPlan
from gateway.adapters.supervisor.postgres import Postgres
from gateway.adapters.supervisor.preflight import refuse_problems
from gateway.adapters.supervisor.service import Service, how
from gateway.adapters.supervisor.triton import Triton
from gateway.adapters.supervisor.wheels import PostgresWheel, TritonWheel
from gateway.errors import CannotStart

__all__ = ["EmbeddedStack", "Endpoints", "StackPlan"]


class Part(Protocol):
    """One embedded server."""

    title: str

    def plan(self) -> ChildPlan:
        """The child to run."""

    async def is_ready(self) -> bool:
        """One look whether it answers; `Hung` when only a restart helps."""

    async def watch(self) -> None:
        """Look after one life of it, from its start; `Hung` when only a restart helps."""


class EmbeddedStack:
    """Owns the data directory and the children that run in it."""

    def __init__(self, plan: StackPlan, *, report: Callable[[str], None]) -> None:
        self._plan = plan
        self._print = report
        self._data = DataDir(plan.data_dir)
        self._triton: Triton | None = None
        self._postgres: Postgres | None = None
        self._services: dict[str, Service] = {}
        self._once: Kept | None = None

    async def start(self) -> Endpoints:
        """Start what is to be embedded; `CannotStart` says what hinders it, and then nothing is left running."""
        try:
            return await self._start()
        except OSError as error:
            await self.stop()
            raise CannotStart(unusable(self._data.path, error)) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all children in order and give the data directory back; harmless when there is nothing to stop."""
        await asyncio.gather(*(service.stop() for service in self._services.values()))
        self._services.clear()
        if self._once is not None:
            await self._once.stop()
            self._once = None
        if self._triton is not None:
            self._triton.close()
            self._triton = None
        self._postgres = None
        self._data.release()

    def pids(self) -> dict[str, tuple[int | None, int | None]]:
        """The process numbers of each child and of its keeper, as they are now."""
        return {name: (service.pid, service.keeper_pid) for name, service in self._services.items()}

    def _report(self, line: str) -> None:
        """Report a line; a terminal that is gone must not end what the stack is about."""
        with contextlib.suppress(OSError, ValueError):
            self._print(line)

    async def __aenter__(self) -> Endpoints:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start(self) -> Endpoints:
        machine = await asyncio.to_thread(Machine.look, self._plan.data_dir)
        refuse_problems(self._plan, machine)
        if not self._plan.embeds:
            return Endpoints()
        await self._data.acquire()
        try:
            async with asyncio.TaskGroup() as group:
                for part in self._parts(machine):
                    group.create_task(part)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return Endpoints(
            triton_grpc=self._triton.grpc.address if self._triton else None,
            triton_http=self._triton.http.address if self._triton else None,
            database_url=self._postgres.url if self._postgres else None,
        )

    def _parts(self, machine: Machine) -> list[Coroutine[None, None, None]]:
        parts = []
        if self._plan.with_postgres:
            assert machine.postgres is not None
            parts.append(self._start_postgres(machine.postgres))
        if self._plan.model_repository is not None:
            assert machine.triton is not None
            assert machine.libpython is not None
            parts.append(self._start_triton(machine.triton, self._plan.model_repository, machine.libpython))
        return parts

    async def _start_triton(self, wheel: TritonWheel, repository: Path, libpython: Path) -> None:
        triton = self._triton = Triton(
            wheel,
            repository=repository,
            home=self._data.triton,
            log=self._data.logs / "triton.log",
            libpython=libpython,
            mark=self._data.mark,
            report=self._report,
        )
        await asyncio.to_thread(triton.prepare)
        await self._serve(triton)

    async def _start_postgres(self, wheel: PostgresWheel) -> None:
        place = await asyncio.to_thread(Place.settle, self._data.path, wheel, self._report)
        postgres = self._postgres = Postgres(place, log=self._data.logs / "postgres.log", mark=self._data.mark)
        if postgres.is_new:
            self._report("creating the database …")
            await self._run_once(postgres.title, postgres.begin())
            postgres.finish()
        await asyncio.to_thread(postgres.prepare)
        await self._serve(postgres)

    async def _serve(self, part: Part) -> None:
        service = Service(
            part.title,
            part.plan(),
            is_ready=part.is_ready,
            watch=part.watch,
            report=self._report,
            keep_open=(self._data.lock,),
        )
        self._services[service.name] = service
        await service.start()

    async def _run_once(self, title: str, plan: ChildPlan) -> None:
        since = log_size(plan.log)
        self._once = Kept(plan, (self._data.lock,))
        if status := await self._once.wait():
            said = last_words(plan.log, since)
            raise CannotStart(f"{title} could not be set up ({how(status)}): {said}. Read {plan.log}.")
