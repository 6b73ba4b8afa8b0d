"""What the options of the bench ask for."""

from typing import Literal

from bench.background import part
from bench.background import rounds as background
from bench.synchronous import CONTENDERS, Size

Part = Literal["sync", "background"]


class Plan:
    """The parts that run, and how much of each."""

    def __init__(self, *, seconds: int, rounds: int, connections: int, quick: bool, only: Part | None):
        self._only = only
        self.background_rounds = 1 if quick else rounds
        self.synchronous = Size(
            seconds=2 if quick else seconds,
            rounds=1 if quick else rounds,
            connections=connections,
            warm_up=1 if quick else 3,
        )
        self.background = background.Size(
            connections=connections, burst=60 if quick else 300, rate=40.0, seconds=1 if quick else 5
        )

    def has(self, part: Part) -> bool:
        """Whether a part is to run."""
        return self._only in (None, part)

    @property
    def steps(self) -> int:
        """Steps of all parts that run, each contender's warm-up among them."""
        synchronous = CONTENDERS * (self.synchronous.rounds + 1)
        background = part.CONTENDERS * (self.background_rounds + 1)
        return synchronous * self.has("sync") + background * self.has("background")
