"""The embedded Triton: its backend folder, its command line, and how one knows that it is ready."""

import asyncio
import contextlib
import glob
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from gateway.adapters.supervisor.admin import call, states
from gateway.adapters.supervisor.child import ChildPlan
from gateway.adapters.supervisor.loaded import Loaded
from gateway.adapters.supervisor.loading import AT_ONCE, Loading, model_names
from gateway.adapters.supervisor.ports import LOOPBACK, ReservedPort
from gateway.adapters.supervisor.pulse import LOOK_TIMEOUT_S, Pulse
from gateway.adapters.supervisor.stuck import STUB, Stuck
from gateway.adapters.supervisor.wheels import TritonWheel

log = logging.getLogger(__name__)

#: What Triton gives the inferences in flight when it is told to stop.
EXIT_TIMEOUT_S = 5
#: Triton needs up to two seconds more to unload its models.
STOP_GRACE_S = EXIT_TIMEOUT_S + 5.0
#: Seconds between two looks whether it hangs.
WATCH_EVERY_S = 1.0
#: Triton's own number of threads for HTTP.
HTTP_THREADS = 8
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 where the kernel has it
TRACE_HEADERS = "^(traceparent|tracestate)$"
#: Beginnings of variables that are meant for the gateway.
_OURS = ("GATEWAY_", "PYTHON", "PROMETHEUS_")
PROGRAMS = ("tritonserver", STUB)


class Triton:
    """One tritonserver over one model repository, on two reserved loopback ports."""

    title = "Triton"

    def __init__(
        self,
        wheel: TritonWheel,
        *,
        repository: Path,
        home: Path,
        log: Path,
        libpython: Path,
        mark: str,
        report: Callable[[str], None],
    ) -> None:
        self._wheel = wheel
        self._repository = repository.resolve()
        self._home = home
        self._log = log
        self._libpython = libpython
        self._report = report
        #: The prefix of its shared memory, which every process of this server has in its command line.
        self._mark = f"{mark}-"
        self.http = ReservedPort()
        self.grpc = ReservedPort()
        self._loaded = Loaded(LOOPBACK, self.http.number)
        self._pulse = Pulse(LOOPBACK, self.http.number)
        self._stuck = Stuck(self._repository, self._mark)
        #: Whether the models were ordered and are loaded, as far as they can be.
        self._settled = False
        self._watch: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Give the ports back."""
        self._rest()
        self.http.close()
        self.grpc.close()

    def prepare(self) -> None:
        """Lay out the backend folder: the wheel's python backend with the stub of this Python."""
        backends = self._home / "backends"
        shutil.rmtree(backends, ignore_errors=True)
        folder = backends / "python"
        folder.mkdir(parents=True)
        for source in (*self._wheel.backend.iterdir(), self._wheel.stub):
            if source.is_file():
                (folder / source.name).symlink_to(source)

    def plan(self) -> ChildPlan:
        """The child to run."""
        return ChildPlan(
            name="triton",
            argv=(str(self._wheel.program), *self._options()),
            env=self._environment(),
            log=self._log,
            stop=((signal.SIGTERM, STOP_GRACE_S),),
            death_signal=signal.SIGKILL,
            sweep=(f"{glob.escape(str(SHARED_MEMORY / self._mark))}*",),
            mark=self._mark,
            programs=PROGRAMS,
        )

    async def is_ready(self) -> bool:
        """Whether it answers; then its models are loaded, as far as they can be."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                status, _ = await call(LOOPBACK, self.http.number, "GET", "/v2/health/ready")
        except (OSError, TimeoutError):
            return False
        if status != HTTPStatus.OK:
            return False
        self._pulse.note(alive=True, now=time.monotonic())
        await self._load()
        self._settled = True
        self._judge()
        return True

    async def watch(self) -> None:
        """Look after one life of it, from its start; `Hung` when only a restart helps."""
        self._settled = False
        self._pulse.begin()
        self._stuck.begin()
        while True:
            if await self._pulse.look():
                with contextlib.suppress(OSError):
                    await self._stuck.look(await states(LOOPBACK, self.http.number, LOOK_TIMEOUT_S))
            if self._settled:
                self._judge()
            await asyncio.sleep(WATCH_EVERY_S)

    def _judge(self) -> None:
        """`Hung` if a load hangs; where restarts did not help, say so once."""
        if given_up := self._stuck.judge():
            log.warning("models.stuck", extra={"models": given_up})
            names = ", ".join(given_up)
            self._report(f"Triton is not restarted for what dies whenever it loads: mend it and start again: {names}")

    async def _load(self) -> None:
        """Load what the repository has; after a restart, less what had been unloaded before."""
        self._rest()
        lost, left_out = self._loaded.lost(model_names(self._repository)), self._loaded.left_out
        if lost:
            self._report(f"not in {self._repository}, so they are to be loaded again: {', '.join(lost)}")
        await Loading(
            host=LOOPBACK,
            port=self.http.number,
            repository=self._repository,
            report=self._report,
            left_out=left_out,
            stuck=lambda: self._stuck.names,
        ).run()
        self._watch = asyncio.create_task(self._loaded.watch(), name="watch Triton's models")

    def _rest(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _options(self) -> tuple[str, ...]:
        models = len(model_names(self._repository))
        return (
            f"--model-repository={self._repository}",
            f"--backend-directory={self._home / 'backends'}",
            # Models are loaded and unloaded through the API; a broken one must not hinder the others.
            "--model-control-mode=explicit",
            "--strict-readiness=false",
            f"--http-address={LOOPBACK}",
            f"--grpc-address={LOOPBACK}",
            f"--http-port={self.http.number}",
            f"--grpc-port={self.grpc.number}",
            # The gateway holds both ports, so that they are still free when Triton has to start again.
            "--reuse-http-port=true",
            "--reuse-grpc-port=true",
            # A model that hangs while it loads keeps one thread of each kind for good: there are others.
            f"--http-thread-count={HTTP_THREADS + models}",
            f"--model-load-thread-count={AT_ONCE + models}",
            "--allow-metrics=false",
            # The trace of a request reaches every step among its parameters.
            f"--http-header-forward-pattern={TRACE_HEADERS}",
            f"--grpc-header-forward-pattern={TRACE_HEADERS}",
            f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
            f"--backend-config=python,shm-region-prefix-name={self._mark}",
        )

    def _environment(self) -> dict[str, str]:
        """Ours less what is meant for the gateway; the stub finds its Python by PATH, the library by the other."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        libraries = (str(self._wheel.libraries), str(self._libpython), env.get("LD_LIBRARY_PATH", ""))
        env["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
        env["PATH"] = os.pathsep.join((str(Path(sys.prefix, "bin")), env.get("PATH", os.defpath)))
        return env
