"""What the bench is doing: a bar on a terminal, lines on a pipe."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """Counts steps; to be entered and left."""

    def __init__(self, console: Console, steps: int):
        self._console = console
        self._steps = steps
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._bar = Bar(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("starting", total=steps)
        self._done = 0

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def line(self, text: str) -> None:
        """One line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step; what it found is said through the function that is given."""
        self._bar.update(self._task, description=title)
        began = time.monotonic()
        said: list[str] = []
        yield said.append
        self._done += 1
        self._bar.advance(self._task)
        took = f"{time.monotonic() - began:.1f} s"
        self.line(f"[{self._done}/{self._steps}] {', '.join((title, *said))} ({took})")
