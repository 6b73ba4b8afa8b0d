"""An interrupt of a batch comes between two steps of it, and never while a lock is held that a thread waits for."""

import os
import signal
import threading
from pathlib import Path

import pytest

from gateway.cli import batch
from gateway.cli.asking import Line


class Asking:
    """What asks about files, of which the first has the program interrupted."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.client = self
        self.handlers: list[object] = []

    def line(self, file: Path | None) -> Line:
        self.handlers.append(signal.getsignal(signal.SIGINT))
        if file == Path("0"):
            os.kill(os.getpid(), signal.SIGINT)
        assert self.stopped.wait(60)
        return Line(str(file))

    def call_off(self) -> None:
        assert self.stopped.is_set()


def test_an_interrupt_ends_a_batch_whose_threads_are_all_at_work() -> None:
    asking = Asking()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(batch.lines(asking, [Path(str(number)) for number in range(50)], 4))  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGINT) is before
    assert asking.handlers
    assert signal.default_int_handler not in asking.handlers


def test_lines_come_as_they_are_done_and_all_of_them() -> None:
    asking = Asking()
    asking.stopped.set()
    files: list[Path | None] = [Path(str(number)) for number in range(1, 50)]
    told = [each.file for each in batch.lines(asking, files, 4)]  # type: ignore[arg-type]
    assert sorted(told, key=str) == sorted(map(str, files))
