"""Rounds: every contender in turn, in another order each time, so that what else the machine does falls on all."""

from urllib.parse import urlsplit

import msgspec

from bench.contenders import Contender
from bench.faults import BenchFailed
from bench.load import Load
from bench.progress import Progress
from bench.records import complete_records
from bench.target import Burst


class Round(msgspec.Struct, frozen=True):
    """One burst on one contender, and what it cost its server."""

    contender: str
    burst: Burst
    cpu_seconds: float | None


def order(names: list[str], number: int) -> list[str]:
    """The order of round `number`: each round begins one further on."""
    start = number % len(names)
    return names[start:] + names[:start]


class Rounds:
    """Measures contenders side by side."""

    def __init__(self, contenders: list[Contender], load: Load, progress: Progress):
        self._contenders = {each.name: each for each in contenders}
        self._load = load
        self._progress = progress
        self._warm_ups: list[Round] = []

    async def run(self, count: int, seconds: float, warm_up: float) -> list[Round]:
        """The rounds that count, after a warm-up that does not.

        Raises:
            BenchFailed: a request failed, or a record is missing.
        """
        names = list(self._contenders)
        for name in names:
            self._warm_ups.append(await self._one(name, warm_up, f"warm-up {name}"))
        measured = [
            await self._one(name, seconds, f"round {number + 1} of {count}: {name}")
            for number in range(count)
            for name in order(names, number)
        ]
        refuse_errors([*self._warm_ups, *measured])
        await self._check_records([*self._warm_ups, *measured])
        return measured

    async def _one(self, name: str, seconds: float, title: str) -> Round:
        contender = self._contenders[name]
        server = contender.server
        with self._progress.step(title) as said:
            before = server.cpu_seconds() if server else 0.0
            burst = await self._load.burst(contender.target, seconds)
            cpu = server.cpu_seconds() - before if server else None
            said(f"{burst.requests / burst.seconds:.0f} requests/s, {burst.errors} errors")
        return Round(name, burst, cpu)

    async def _check_records(self, rounds: list[Round]) -> None:
        """Every answered call must have left one record."""
        for url in {each.database_url for each in self._contenders.values()} - {None}:
            assert url is not None
            mine = [each for each in rounds if self._contenders[each.contender].database_url == url]
            count, kept = sum(each.burst.requests for each in mine), await complete_records(url)
            refuse_records(count, kept, under_way=self._load.connections * len(mine) + len(self._contenders))
            self._progress.line(
                f"{count} calls counted as answered, {kept} complete records in {urlsplit(url).path[1:]}"
            )


def refuse_errors(rounds: list[Round]) -> None:
    """A number that holds failed requests is no number.

    Raises:
        BenchFailed: there are failed requests, or a contender answered none at all.
    """
    for each in rounds:
        if each.burst.errors or not each.burst.requests:
            raise BenchFailed(
                f"{each.contender}: {each.burst.errors} of its requests failed, {each.burst.requests} were answered; "
                "see the logs in .bench/logs."
            )


def refuse_records(answered: int, kept: int, *, under_way: int) -> None:
    """As many records as calls were answered; at the most one more for each call that was cut off unanswered.

    Raises:
        BenchFailed: records are lost, or there are two of one call.
    """
    if not answered <= kept <= answered + under_way:
        raise BenchFailed(f"{answered} calls were answered and {kept} complete records were kept.")
