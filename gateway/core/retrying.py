"""Whether and when a run in the background is tried again."""

import random

from gateway.domain.runs import Run
from gateway.errors import Draining, GatewayError, Overloaded, Unavailable
from gateway.limits import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS


def heals(error: GatewayError) -> bool:
    """Whether what failed can succeed later."""
    return isinstance(error, Unavailable | Overloaded)


def spent(run: Run) -> bool:
    """Whether the attempt that a run is on is its last; those that a stopping worker handed back do not count."""
    return failed_tries(run) + 1 >= MAX_ATTEMPTS


def failed_tries(run: Run) -> int:
    """How many attempts of a run have failed before this one."""
    return run.tries(but=Draining.code)


def pause(run: Run) -> float:
    """Seconds before the next try: twice as long each time, and never the same for two runs."""
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2 ** failed_tries(run))
    return random.uniform(longest / 2, longest)
