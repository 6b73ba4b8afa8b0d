"""How many calls may be made in a time."""

import math
import re
from typing import Final

import msgspec

from gateway.errors import RateLimited

_FORM: Final = re.compile(r"([1-9]\d{0,8})/(second|minute|hour|day)", re.ASCII)
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Rate(msgspec.Struct, frozen=True):
    """So many calls in so many seconds."""

    calls: int
    seconds: int


class Allowance(msgspec.Struct, frozen=True):
    """What is left of a rate."""

    rate: Rate
    remaining: int
    #: Seconds until more is left.
    reset: float
    #: The call that asked may be made.
    granted: bool

    def check(self) -> None:
        """Refuse the call that asked, where it may not be made.

        Raises:
            RateLimited: the rate is used up.
        """
        if not self.granted:
            raise RateLimited(retry_after=max(1, math.ceil(self.reset)))


def rate_of(text: str) -> Rate:
    """The rate that a text such as `600/minute` says.

    Raises:
        ValueError: it says none; the sentence tells the form.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError("A rate is a number of calls per second, minute, hour or day, such as 600/minute.")
    return Rate(int(found[1]), _SECONDS[found[2]])
