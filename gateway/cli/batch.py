"""Many files through one question, several at a time: as many in hand as threads, and no more."""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

from gateway.cli.asking import Asking, Line, shown_path
from gateway.sdk.errors import Unreachable


def lines(asking: Asking, files: Sequence[Path | None], parallel: int) -> Iterator[Line]:
    """The lines of all files, as they are done.

    Raises:
        Unreachable: no gateway answers, and none has.
    """
    waiting, in_hand = iter(files), dict[Future[Line], Path | None]()
    answered = False
    with _pool(asking, parallel) as pool:
        while True:
            # One more for each thread, so that none waits for the printing.
            more = islice(waiting, 2 * parallel - len(in_hand))
            in_hand |= {pool.submit(asking.line, file): file for file in more}
            if not in_hand:
                return
            done, _ = wait(in_hand, return_when=FIRST_COMPLETED)
            for future in done:
                yield _line(future, in_hand.pop(future), answered=answered)
                answered = True


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
