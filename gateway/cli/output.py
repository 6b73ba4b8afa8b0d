"""What a command prints: tables and text on a terminal, JSON lines on a pipe."""

import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

F = TypeVar("F", bound=Callable[..., Any])

#: Bytes from which on it is worth to show how many have gone.
_MANY_BYTES: Final = 4 * 1024 * 1024
#: Characters that a terminal would obey; what a model read is only to be shown.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Output:
    """The standard output of a command, and its progress on standard error."""

    def __init__(self, form: str | None = None) -> None:
        #: Whether people read it.
        self.readable = sys.stdout.isatty() if form is None else form == "text"
        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, value: object) -> None:
        """One value as one line of JSON."""
        click.echo(msgspec.json.encode(value) + b"\n", nl=False)

    def raw(self, piece: bytes) -> None:
        """Bytes as they are."""
        click.echo(piece, nl=False)

    def text(self, text: str, style: str = "") -> None:
        """Text for people."""
        self._console.print(Text(shown(text), style))

    def document(self, value: object) -> None:
        """One JSON document: over several lines for people, else on one."""
        if self.readable:
            self.text(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        else:
            self.line(value)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for people."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, overflow="fold", no_wrap=index == 0)
        for row in rows:
            table.add_row(*(Text("" if cell is None else shown(str(cell))) for cell in row))
        self._console.print(table, soft_wrap=False)

    @contextmanager
    def transfer(self, title: str, size: int) -> Iterator[Callable[[int], None]]:
        """A bar of bytes on standard error while the block lasts, where that is a terminal and they are many."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        shy = not console.is_terminal or size < _MANY_BYTES
        with Progress(*columns, console=console, disable=shy, redirect_stdout=False, redirect_stderr=False) as bar:
            yield functools.partial(bar.advance, bar.add_task(shown(title), total=size))

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar on standard error while the block lasts, where that is a terminal; each call is one step."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # Results that go to the same terminal have to go through the bar, and those on a pipe must not.
        bar = Progress(
            *columns, console=console, disable=not console.is_terminal, redirect_stdout=False, redirect_stderr=False
        )
        own, self._console = self._console, console if bar.disable is False and sys.stdout.isatty() else self._console
        with bar:
            task = bar.add_task(title, total=total)
            try:
                yield functools.partial(bar.advance, task)
            finally:
                self._console = own


def shown(text: str) -> str:
    """`text` without what a terminal would obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def output_options(command: F) -> F:
    """Give `command` the flags `--json` and `-o`, and with them its `output`."""

    @click.option("-o", "--output", "form", type=click.Choice(("json", "text")), help="What to print; by default "
                  "text on a terminal and JSON lines on a pipe.")  # fmt: skip
    @click.option("--json", "as_json", is_flag=True, help="The same as -o json.")
    @functools.wraps(command)
    def wrapped(*arguments: Any, form: str | None, as_json: bool, **options: Any) -> Any:
        return command(*arguments, output=Output("json" if as_json else form), **options)

    return wrapped  # type: ignore[return-value]
