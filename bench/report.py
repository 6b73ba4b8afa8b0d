"""The result: a table on the terminal, a Markdown table to quote, and all of it as JSON."""

from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.figures import Figures
from bench.machine import Machine
from bench.ratios import Ratio

FIGURES: Final = ("contender", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "errors")
RATIOS: Final = ("ratio", "median", "range of rounds", "goal", "")

Rows = list[tuple[str, ...]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the bench."""

    machine: Machine
    seconds: float
    rounds: int
    connections: int
    media_bytes: int = msgspec.field(name="mediaBytes")
    figures: list[Figures]
    ratios: list[Ratio]

    @property
    def conditions(self) -> str:
        """How it was measured, in one line."""
        each = f"{self.rounds} interleaved rounds of {self.seconds:g} s each"
        return f"Pipeline image_stats, a JPEG of {self.media_bytes} bytes, {self.connections} connections, {each}."


def show(result: Result, console: Console) -> None:
    """Print both tables."""
    for line in ("", result.conditions, result.machine.sentence):
        console.print(line, highlight=False, soft_wrap=True)
    for titles, rows in ((FIGURES, figure_rows(result)), (RATIOS, ratio_rows(result))):
        table = Table()
        for index, title in enumerate(titles):
            table.add_column(title, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def write(result: Result, folder: Path) -> None:
    """Write result.json and result.md."""
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    (folder / "result.md").write_text(markdown(result))


def markdown(result: Result) -> str:
    """Both tables with what they are of."""
    tables = (_table(FIGURES, figure_rows(result)), _table(RATIOS, ratio_rows(result)))
    return "\n\n".join((result.conditions, *tables, f"{result.machine.sentence}.")) + "\n"


def figure_rows(result: Result) -> Rows:
    """The figures as text, a row for each contender."""
    return [
        (
            each.contender,
            f"{each.requests_per_second:.0f}",
            f"{each.p50_ms:.1f}",
            f"{each.p99_ms:.1f}",
            "–" if each.cpu_us_per_request is None else f"{each.cpu_us_per_request:.0f}",
            str(each.errors),
        )
        for each in result.figures
    ]


def ratio_rows(result: Result) -> Rows:
    """The ratios as text, each with the lowest and the highest of its rounds."""
    return [
        (each.name, f"{each.value:.3f}", f"{each.lowest:.3f} to {each.highest:.3f}", each.goal, each.verdict)
        for each in result.ratios
    ]


def _table(titles: tuple[str, ...], rows: Rows) -> str:
    rule = ("---", *("---:" for _ in titles[1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (titles, rule, *rows))
