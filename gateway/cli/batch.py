"""Many files through one question, several at a time: as many in hand as threads, and no more."""

import contextlib
import functools
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from gateway.cli.asking import Asking, Line, shown_path
from gateway.sdk.errors import Unreachable


def lines(asking: Asking, files: Sequence[Path | None], parallel: int) -> Iterator[Line]:
    """The lines of all files, as they are done.

    Raises:
        Unreachable: no gateway answers, and none has.
    """
    waiting, in_hand, answered = iter(files), 0, False
    done: SimpleQueue[tuple[Path | None, Future[Line]] | None] = SimpleQueue()
    with _pool(asking, parallel) as pool, _told_of_interrupts(lambda: done.put(None)):
        while True:
            # One more for each thread, so that none waits for the printing.
            for file in islice(waiting, 2 * parallel - in_hand):
                pool.submit(asking.line, file).add_done_callback(functools.partial(_put, done, file))
                in_hand += 1
            if not in_hand:
                return
            told = done.get()
            if told is None:
                raise KeyboardInterrupt
            in_hand -= 1
            yield _line(told[1], told[0], answered=answered)
            answered = True


def _put(done: "SimpleQueue[tuple[Path | None, Future[Line]] | None]", file: Path | None, line: Future[Line]) -> None:
    done.put((file, line))


@contextlib.contextmanager
def _told_of_interrupts(tell: Callable[[], None]) -> Iterator[None]:
    """Have an interrupt be told, and not raised wherever the program is: it might hold a lock that threads wait for."""
    before = signal.signal(signal.SIGINT, lambda *_: tell())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def found(files: Sequence[Path], folders: Sequence[Path]) -> list[Path]:
    """The files, then those in the folders and in all below them, in order; hidden ones are left out."""
    return [*files, *(path for folder in folders for path in sorted(_inside(folder)))]


def _inside(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and not path.is_dir():
            yield path


def _line(future: Future[Line], file: Path | None, *, answered: bool) -> Line:
    try:
        return future.result()
    except Unreachable as failure:
        if not answered:
            raise
        return Line(None if file is None else shown_path(file), error=str(failure))


@contextlib.contextmanager
def _pool(asking: Asking, parallel: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that are called off when the block is left early."""
    pool = ThreadPoolExecutor(parallel)
    try:
        yield pool
    except BaseException:
        asking.stopped.set()
        asking.client.call_off()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
