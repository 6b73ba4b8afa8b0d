"""The result: tables on the terminal, Markdown tables to quote, and all of it as JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.background import figures as background
from bench.background.figures import Background
from bench.figures import Figures
from bench.machine import Machine
from bench.ratios import Ratio
from bench.synchronous import Synchronous

FIGURES: Final = ("contender", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "errors")
RATIOS: Final = ("ratio", "median", "range of rounds", "goal", "")

Row = tuple[str, ...]
#: Its titles, and its rows.
Titled = tuple[Row, list[Row]]


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One run of the bench; a part that was not asked for is null."""

    machine: Machine
    media_bytes: int
    synchronous: Synchronous | None = None
    background: Background | None = None

    def parts(self) -> Iterator[tuple[str, list[Titled]]]:
        """Each part: how it was measured, and its tables."""
        if self.synchronous is not None:
            part = self.synchronous
            figures = (FIGURES, [figure_row(each) for each in part.figures])
            yield part.conditions, [figures, (RATIOS, ratio_rows(part.ratios))]
        if self.background is not None:
            rows = [each.row for each in self.background.figures]
            tables = [(background.TITLES, rows), (RATIOS[:3], [row[:3] for row in ratio_rows(self.background.ratios)])]
            yield self.background.conditions, tables

    @property
    def subject(self) -> str:
        """What was run, in one line."""
        return f"Pipeline image_stats, a JPEG of {self.media_bytes} bytes."


def show(result: Result, console: Console) -> None:
    """Print all tables."""
    for line in ("", result.subject, result.machine.sentence):
        console.print(line, highlight=False, soft_wrap=True)
    for conditions, tables in result.parts():
        console.print(f"\n{conditions}", highlight=False, soft_wrap=True)
        for table in tables:
            console.print(_drawn(*table))


def write(result: Result, folder: Path) -> None:
    """Write result.json and result.md."""
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    (folder / "result.md").write_text(markdown(result))


def markdown(result: Result) -> str:
    """All tables with what they are of."""
    pieces = [result.subject]
    for conditions, tables in result.parts():
        pieces += [conditions, *(_table(*table) for table in tables)]
    return "\n\n".join((*pieces, f"{result.machine.sentence}.")) + "\n"


def figure_row(figures: Figures) -> Row:
    """The figures of one contender as text."""
    cpu_us = figures.cpu_us_per_request
    return (
        figures.contender,
        f"{figures.requests_per_second:.0f}",
        f"{figures.p50_ms:.1f}",
        f"{figures.p99_ms:.1f}",
        "–" if cpu_us is None else f"{cpu_us:.0f}",
        str(figures.errors),
    )


def ratio_rows(ratios: Sequence[Ratio]) -> list[Row]:
    """The ratios as text, each with the lowest and the highest of its rounds."""
    return [
        (each.name, f"{each.value:.3f}", f"{each.lowest:.3f} to {each.highest:.3f}", each.goal, each.verdict)
        for each in ratios
    ]


def _drawn(titles: Row, rows: list[Row]) -> Table:
    table = Table()
    for index, title in enumerate(titles):
        table.add_column(title, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _table(titles: Row, rows: list[Row]) -> str:
    rule = ("---", *("---:" for _ in titles[1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (titles, rule, *rows))
