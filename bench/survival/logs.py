"""What the programs wrote down about themselves."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec


class Line(msgspec.Struct, frozen=True):
    """The event of one line of a log."""

    event: str


def events(logs: Iterable[Path]) -> Counter[str]:
    """How often each event stands in these logs; lines that are no events do not count."""
    found: Counter[str] = Counter()
    for log in logs:
        for line in log.read_bytes().splitlines():
            try:
                found[msgspec.json.decode(line, type=Line).event] += 1
            except msgspec.DecodeError:
                continue
    return found
