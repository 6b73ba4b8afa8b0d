"""What is done to which part when: drawn once from a seed, so that a run can be repeated."""

import random
from collections.abc import Collection
from typing import Final, Literal

import msgspec

Target = Literal["worker", "gateway", "tritonserver", "stub", "backend", "postmaster", "host"]
#: How often each is hit beside the others; the host takes Triton and PostgreSQL with it.
WEIGHTS: Final[dict[Target, int]] = {
    "worker": 8,
    "gateway": 4,
    "tritonserver": 2,
    "stub": 3,
    "backend": 4,
    "postmaster": 2,
    "host": 1,
}
#: How long a process stays stopped, in leases.
STOPPED_FOR: Final = (1.2, 2.0)
#: How far the pause between two faults strays from its mean.
SPREAD: Final = (0.3, 1.7)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done."""

    target: Target
    #: Seconds after the one before.
    pause: float
    #: Seconds for which it is stopped; None: it is killed.
    stopped: float | None = None
    #: Which of several processes of that kind, from 0 to 1.
    which: float = 0.0


def schedule(
    *, kills: int, stops: int, every: float, lease: float, seed: int, only: Collection[Target] = ()
) -> list[Fault]:
    """Kills with -9, and stops past the lease among them, one every so many seconds on average."""
    chance = random.Random(seed)
    among = {target: weight for target, weight in WEIGHTS.items() if not only or target in only}
    drawn: list[tuple[Target, float | None]] = [(target, None) for target in shares(kills, among)]
    drawn += [(target, lease * chance.uniform(*STOPPED_FOR)) for target in shares(stops, among)]
    chance.shuffle(drawn)
    return [
        Fault(target=target, pause=every * chance.uniform(*SPREAD), stopped=stopped, which=chance.random())
        for target, stopped in drawn
    ]


def shares(count: int, weights: dict[Target, int]) -> list[Target]:
    """So many targets, each by its weight; as long as the count allows, none is left out."""
    first = sorted(weights, key=lambda target: -weights[target])[:count]
    rest, total = count - len(first), sum(weights.values())
    bounds = [(rest * weight / total, target) for target, weight in weights.items()]
    whole = [target for share, target in bounds for _ in range(int(share))]
    by_remainder = sorted(bounds, key=lambda bound: int(bound[0]) - bound[0])
    return [*first, *whole, *(target for _, target in by_remainder[: rest - len(whole)])]
