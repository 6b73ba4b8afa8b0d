"""Metrics as Prometheus reads them, of all processes of a gateway whichever of them is asked.

Processes that serve together keep their numbers in files of one folder (the multi-process mode of `prometheus_client`).
A file belongs to a place, not to a process: who takes the place of one that died goes on counting where it stopped.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from gateway import metrics

#: Less the charset, which the door adds.
CONTENT_TYPE: Final = "text/plain; version=0.0.4"
#: Where the library looks for the folder.
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
#: The kinds of files, and bytes of each that are taken from the disk at once: a full one is met at the start.
_KINDS: Final = ("counter", "histogram", "gauge_livesum", "gauge_mostrecent")
_FILE_BYTES: Final = 1 << 20


def new_folder(data_dir: Path) -> Path:
    """A new folder for the numbers of this process and of those it starts; those of gateways that are gone are removed.

    Raises:
        OSError: it cannot be made.
    """
    folder = data_dir.resolve() / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if not old.name.isdecimal() or int(old.name) == os.getpid() or not psutil.pid_exists(int(old.name)):
            shutil.rmtree(old)
    mine = folder / str(os.getpid())
    mine.mkdir(mode=0o700)
    return mine


def share(folder: Path, place: int) -> None:
    """Keep this process's numbers in the folder from now on, in the files of this place.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    for kind in _KINDS:
        with (folder / f"{kind}_{place}.db").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
    (folder / f"{place}.pid").write_text(str(os.getpid()))
    os.environ[_FOLDER] = str(folder)
    values.ValueClass = _unlocked(values.MultiProcessValue(lambda: place))  # type: ignore[no-untyped-call]
    for each in _numbers():
        each._metric_init()  # type: ignore[no-untyped-call]  # noqa: SLF001 the library has no other way once its metrics are made


def _unlocked(shared: Any) -> Any:
    """The library's shared number without its lock: ours change on one thread alone, in processes that never fork.

    That is a third of what a call costs.
    """

    class Number(shared):  # type: ignore[misc]
        def inc(self, amount: float) -> None:
            self._value += amount
            self._file.write_value(self._key, self._value, 0.0)

    return Number


def environment() -> dict[str, str]:
    """Our environment for a process that is yet to take its place: the library must not begin without one."""
    return {name: value for name, value in os.environ.items() if name != _FOLDER}


def leave(folder: Path, place: int) -> None:
    """The process of this place has ended: what it had in hand counts no more, what it counted stays."""
    (folder / f"{place}.pid").unlink(missing_ok=True)
    mark_process_dead(place, str(folder))  # type: ignore[no-untyped-call]


def _numbers() -> Iterator[MetricWrapperBase]:
    """Every metric that has no labels, and every set of labels that there is yet of those that have."""
    for each in vars(metrics).values():
        if isinstance(each, MetricWrapperBase) and not each._labelvalues:  # noqa: SLF001
            yield from list(each._metrics.values()) if each._labelnames else [each]  # noqa: SLF001


class Processes(Collector):
    """What the system says of each process of the gateway."""

    def collect(self) -> Iterator[Metric]:
        """CPU, memory, files and start of each."""
        cpu = CounterMetricFamily(*metrics.PROCESS_CPU, labels=("pid",))
        memory = GaugeMetricFamily(*metrics.PROCESS_MEMORY, labels=("pid",))
        files = GaugeMetricFamily(*metrics.PROCESS_FILES, labels=("pid",))
        start = GaugeMetricFamily(*metrics.PROCESS_START, labels=("pid",))
        for pid in _pids():
            with contextlib.suppress(psutil.Error):
                process, label = psutil.Process(pid), (str(pid),)
                spent = process.cpu_times()
                cpu.add_metric(label, spent.user + spent.system)
                memory.add_metric(label, process.memory_info().rss)
                files.add_metric(label, process.num_fds())
                start.add_metric(label, process.create_time())
        yield from (cpu, memory, files, start)


def _pids() -> list[int]:
    found = []
    for path in Path(os.environ.get(_FOLDER, os.devnull)).glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return found or [os.getpid()]


class Exposition:
    """The page of metrics; `measure` looks at what is not counted but asked for, and never raises."""

    def __init__(self, measure: Callable[[], Awaitable[None]]) -> None:
        self._measure = measure

    async def text(self) -> bytes:
        """The page as it is now."""
        await self._measure()
        return await asyncio.to_thread(page)


def page() -> bytes:
    """The numbers of all processes in the text format."""
    shared = CollectorRegistry()
    shared.register(Processes())
    if _FOLDER in os.environ:
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)
    return generate_latest(metrics.REGISTRY) + generate_latest(shared)
