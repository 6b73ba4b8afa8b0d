"""Rounds of the background: of every contender a burst as fast as it takes runs, then a steady trickle."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from bench.background.contenders import Contender
from bench.background.endings import Ending, endings, found, totals
from bench.background.submitter import Acknowledged, Order, Submission, command
from bench.faults import BenchFailed
from bench.load import output
from bench.progress import Progress
from bench.rounds import order


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much one round hands in."""

    connections: int
    #: Runs of the burst.
    burst: int
    #: Runs per second of the trickle, well below what either takes, and for how many seconds.
    rate: float
    seconds: float


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one contender did in one round."""

    contender: str
    acks_per_second: float
    #: From the first byte of the burst to the end of its last run.
    runs_per_second: float
    #: Of the server's processes, from the first byte of the burst until all its runs had ended.
    cpu_us_per_run: float
    #: Of the trickle: how many runs started how many microseconds after their caller had the 202.
    starts: dict[int, int]
    runs: int
    errors: int


class Rounds:
    """Measures contenders side by side."""

    def __init__(self, contenders: Sequence[Contender], media: bytes, size: Size, progress: Progress):
        self._contenders = {each.name: each for each in contenders}
        self._media = media
        self._size = size
        self._progress = progress
        self._acknowledged: Counter[str] = Counter()

    async def run(self, count: int) -> list[Round]:
        """The rounds that count, after a warm-up that does not.

        Raises:
            BenchFailed: a run was refused, lost, failed, or appended twice.
        """
        names = list(self._contenders)
        seen = [await self._warmed_up(name) for name in names]
        if any(each != seen[0] or None in each.values() for each in seen):
            raise BenchFailed(f"The contenders found different things: {seen}.")
        measured = [
            await self._one(name, f"round {number + 1} of {count}: {name}")
            for number in range(count)
            for name in order(names, number)
        ]
        for name in names:
            await self._check_totals(name)
        return measured

    async def _warmed_up(self, name: str) -> dict[str, object]:
        """What it finds, from a first burst that makes it warm."""
        with self._progress.step(f"warm-up {name}"):
            submission, _ = await self._handed_in(name, None)
        return await found(self._contenders[name].database_url, submission.acknowledged[0].run_id)

    async def _one(self, name: str, title: str) -> Round:
        server = self._contenders[name].server
        with self._progress.step(title) as said:
            before = server.cpu_seconds()
            burst, ended = await self._handed_in(name, None)
            cpu = server.cpu_seconds() - before
            trickle, started = await self._handed_in(name, self._size.rate)
            said(f"{burst.rate:.0f} acknowledged/s")
        return Round(
            contender=name,
            acks_per_second=burst.rate,
            runs_per_second=len(ended) / (last_end(ended) - burst.began),
            cpu_us_per_run=cpu / len(ended) * 1e6,
            starts=starts(trickle.acknowledged, started),
            runs=len(ended) + len(started),
            errors=burst.errors + trickle.errors,
        )

    async def _handed_in(self, name: str, rate: float | None) -> tuple[Submission, list[Ending]]:
        """Runs that were handed in, all of which have ended."""
        contender, size = self._contenders[name], self._size
        count = size.burst if rate is None else round(rate * size.seconds)
        wanted = Order(target=contender.target(self._media), connections=size.connections, count=count, rate=rate)
        said = await output(command(), msgspec.json.encode(wanted))
        submission = msgspec.json.decode(said, type=Submission)
        if submission.errors:
            raise BenchFailed(f"{name} refused {submission.errors} of {count} runs: see the logs in .bench/logs.")
        self._acknowledged[name] += count
        return submission, await endings(contender.database_url, [each.run_id for each in submission.acknowledged])

    async def _check_totals(self, name: str) -> None:
        """Nothing was run or appended again afterwards."""
        runs, entries = await totals(self._contenders[name].database_url)
        acknowledged = self._acknowledged[name]
        if not runs == entries == acknowledged:
            raise BenchFailed(f"{name}: {acknowledged} runs acknowledged, {runs} kept, {entries} entries.")
        self._progress.line(f"{acknowledged} runs acknowledged by {name}, each completed once with one entry")


def starts(acknowledged: Sequence[Acknowledged], ended: Sequence[Ending]) -> dict[int, int]:
    """How many runs started how many microseconds after their acknowledgement; before it is below zero."""
    at = {each.run_id: each.at for each in acknowledged}
    return dict(Counter(round(((each.started_at or 0.0) - at[each.run_id]) * 1e6) for each in ended))


def last_end(ended: Sequence[Ending]) -> float:
    """When the last of these runs was over."""
    return max(each.completed_at or 0.0 for each in ended)
