"""The embedded Triton: its backend folder, its command line, and how one knows that it is ready."""

import asyncio
import contextlib
import glob
import http.client
import os
import shutil
import signal
import sys
from pathlib import Path

from gateway.adapters.supervisor.child import ChildPlan
from gateway.adapters.supervisor.ports import LOOPBACK, ReservedPort
from gateway.adapters.supervisor.wheels import TritonWheel

#: What Triton gives the inferences in flight when it is told to stop.
EXIT_TIMEOUT_S = 5
#: Triton needs up to two seconds more to unload its models.
STOP_GRACE_S = EXIT_TIMEOUT_S + 5.0
LOOK_TIMEOUT_S = 2.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 where the kernel has it
PROGRAMS = ("tritonserver", "triton_python_backend_stub")


class Triton:
    """One tritonserver over one model repository, on two reserved loopback ports."""

    title = "Triton"

    def __init__(self, wheel: TritonWheel, *, repository: Path, home: Path, log: Path, libpython: Path, mark: str):
        self._wheel = wheel
        self._repository = repository.resolve()
        self._home = home
        self._log = log
        self._libpython = libpython
        #: The prefix of its shared memory, which every process of this server has in its command line.
        self._mark = f"{mark}-"
        self.http = ReservedPort()
        self.grpc = ReservedPort()

    def close(self) -> None:
        """Give the ports back."""
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
        """Whether it answers; it opens its ports when each model has loaded or failed, so nothing is loading then."""
        return await asyncio.to_thread(self._answers)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.http.number, timeout=LOOK_TIMEOUT_S)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        return False

    def _options(self) -> tuple[str, ...]:
        return (
            f"--model-repository={self._repository}",
            f"--backend-directory={self._home / 'backends'}",
            # Pipelines are loaded and unloaded through the API; a broken one must not hinder the others.
            "--model-control-mode=explicit",
            "--load-model=*",
            "--exit-on-error=false",
            "--strict-readiness=false",
            f"--http-address={LOOPBACK}",
            f"--grpc-address={LOOPBACK}",
            f"--http-port={self.http.number}",
            f"--grpc-port={self.grpc.number}",
            # The gateway holds both ports, so that they are still free when Triton has to start again.
            "--reuse-http-port=true",
            "--reuse-grpc-port=true",
            "--allow-metrics=false",
            f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
            f"--backend-config=python,shm-region-prefix-name={self._mark}",
        )

    def _environment(self) -> dict[str, str]:
        """Ours less what is meant for the gateway; the stub finds its Python by PATH, the library by the other."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PYTHON"))}
        libraries = (str(self._wheel.libraries), str(self._libpython), env.get("LD_LIBRARY_PATH", ""))
        env["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
        env["PATH"] = os.pathsep.join((str(Path(sys.prefix, "bin")), env.get("PATH", os.defpath)))
        return env
